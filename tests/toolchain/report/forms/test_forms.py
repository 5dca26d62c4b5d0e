"""The screen and report.md say the same, hide nothing, and survive any name."""

import io
import re

from rich.console import Console

from snn_deploy.report.forms.markdown import plain, to_markdown
from snn_deploy.report.forms.screen import MOST_ROWS, grid, show
from snn_deploy.report.forms.tables import Table, sections
from snn_deploy.report.report import Report
from support.made_by_hand import report


def on_screen(shown: Report, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    show(shown, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def cells(shown: Report, *, detail: bool) -> set[str]:
    tables = [s.table for s in sections(shown) if s.table and (detail or not s.detail)]
    return {cell for table in tables for row in table.rows for cell in row if cell}


def test_screen_shows_every_cell_and_line_but_details() -> None:
    text = on_screen(report())
    missing = {cell for cell in cells(report(), detail=False) if cell not in text}
    assert not missing
    for section in sections(report()):
        assert section.detail or all(line in text for line in section.lines)


def test_markdown_shows_every_cell_and_line() -> None:
    text = to_markdown(report())
    missing = {cell for cell in cells(report(), detail=True) if plain(cell) not in text}
    assert not missing
    for section in sections(report()):
        assert all(plain(line) in text for line in section.lines)


def test_markdown_tables_have_as_many_cells_in_each_row() -> None:
    text = to_markdown(report())
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(blocks) > 5
    for block in blocks:
        bars = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(bars) == 1


def test_report_opens_with_what_runs_where() -> None:
    first = sections(report())[0]
    assert first.title == "What runs on tiny"
    assert first.table is not None
    assert first.table.rows == (("a|b_[red]", "soft_lif", "microcode", "a note"),)


def test_unpublished_prices_are_shown_as_such() -> None:
    rows = [row for s in sections(report()) if s.table for row in s.table.rows]
    unknown = [row for row in rows if "not published" in row]
    assert {row[0] for row in unknown} == {"hops_chip price", "management power"}


def test_every_price_cites_its_source() -> None:
    text = to_markdown(report())
    assert r"\[1\] a paper" in text
    assert r"\[2\] a notebook" in text


def test_long_tables_are_cut_on_screen_and_say_so() -> None:
    console = Console(file=io.StringIO(), width=80)
    rows = tuple((str(i),) for i in range(MOST_ROWS + 5))
    console.print(grid(Table(("n",), rows)))
    assert isinstance(console.file, io.StringIO)
    assert "5 more in report.md" in console.file.getvalue()
    assert f"\n {MOST_ROWS} " not in console.file.getvalue()


def test_names_cannot_break_out_of_markdown() -> None:
    assert plain("a|b\n# c <b>`") == r"a\|b \# c \<b\>\`"
