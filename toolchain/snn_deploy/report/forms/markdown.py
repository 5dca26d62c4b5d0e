"""report.md: the report as text for people and repositories."""

from snn_deploy.report.forms.tables import Table, sections
from snn_deploy.report.forms.templates import templates
from snn_deploy.report.report import Report

SPECIAL = str.maketrans({c: "\\" + c for c in "\\|`*_<>[]#"})


def to_markdown(report: Report) -> str:
    """Return the text of report.md."""
    environment = templates(autoescape=False)  # `plain` escapes what Markdown would read
    environment.filters["table"] = pipe_table
    environment.filters["plain"] = plain
    text = environment.get_template("report.md.j2")
    return text.render(report=report, sections=sections(report))


def pipe_table(table: Table) -> str:
    """Return `table` as a Markdown table."""
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    head = rows[:2]
    body = [[plain(cell) for cell in row] for row in rows[2:]]
    return "\n".join("| " + " | ".join(row) + " |" for row in [*head, *body])


def plain(text: str) -> str:
    """Return `text` so that Markdown shows it as it is, on one line."""
    return " ".join(text.split()).translate(SPECIAL)
