"""The report on a terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid
from rich.text import Text

from snn_deploy.report import Report
from snn_deploy.reporting.tables import Section, Table, sections

MOST_ROWS = 24  # of one table; report.md has them all


def show(report: Report, console: Console) -> None:
    """Print `report`, its details left to report.md."""
    target = report.target
    console.rule(Text(f"{report.model.file} on {target.name}", style="bold"))
    console.print(Text(f"{target.title} · {report.tool} · seed {report.seed}", style="dim"))
    for section in sections(report):
        if not section.detail:
            show_section(section, console)


def show_section(section: Section, console: Console) -> None:
    """Print one section."""
    console.print()
    console.print(Text(section.title, style="bold"))
    for line in section.lines:
        console.print(Text("  " + line))
    if section.table is not None and section.table.rows:
        console.print(grid(section.table))


def grid(table: Table) -> Grid:
    """Return `table` for the terminal, long ones cut."""
    result = Grid(box=None, pad_edge=True, header_style="dim")
    for column in table.columns:
        result.add_column(column, justify="right" if column in table.right else "left")
    for row in table.rows[:MOST_ROWS]:
        result.add_row(*map(escape, row))
    if len(table.rows) > MOST_ROWS:
        result.add_row(f"… {len(table.rows) - MOST_ROWS} more in report.md")
    return result
