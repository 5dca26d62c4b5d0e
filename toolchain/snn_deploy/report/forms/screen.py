"""The report on a terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid
from rich.text import Text

from snn_deploy.report.forms.tables import Section, Table, sections
from snn_deploy.report.report import Report

MOST_ROWS = 24  # of one table; report.md has them all
FILE_WIDTH = 120  # columns, where there is no terminal to ask


def screen() -> Console:
    """Return stdout as wide as its terminal, or wide enough for every table."""
    console = Console()
    return console if console.is_terminal else Console(width=FILE_WIDTH)


def show(report: Report, console: Console) -> None:
    """Print `report`, its details left to report.md."""
    target = report.target
    console.rule(Text(f"{report.model.file} on {target.name}", style="bold"))
    console.print(Text(f"{target.title} · {report.tool} · seed {report.seed}", style="dim"))
    for section in sections(report):
        if not section.detail:
            show_section(section, console)


def show_section(section: Section, console: Console) -> None:
    """Print one section, unless there is nothing in it."""
    if not section.lines and (section.table is None or not section.table.rows):
        return
    console.print()
    console.print(Text(section.title, style="bold"))
    for line in section.lines:
        console.print(Text("  " + line), soft_wrap=not console.is_terminal)
    if section.table is not None and section.table.rows:
        console.print(grid(section.table))


def grid(table: Table, *, whole: bool = False) -> Grid:
    """Return `table` for the terminal, a long one cut unless it is wanted whole."""
    result = Grid(box=None, pad_edge=True, header_style="dim")
    for column in table.columns:
        right = column in table.right
        result.add_column(column, justify="right" if right else "left", overflow="fold")
    most = len(table.rows) if whole else MOST_ROWS
    for row in table.rows[:most]:
        result.add_row(*map(escape, row))
    if len(table.rows) > most:
        result.add_row(f"… {len(table.rows) - most} more in report.md")
    return result
