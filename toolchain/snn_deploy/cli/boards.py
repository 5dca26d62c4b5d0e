"""The verb `boards`: which there are, and every number of one."""

import msgspec

from snn_deploy.board.board import Board, load_board, shipped_boards
from snn_deploy.board.core import ModelSupport
from snn_deploy.board.evidence import Evidence, leaves
from snn_deploy.cli.printing import print_json
from snn_deploy.report.forms.screen import grid, screen, show_section
from snn_deploy.report.forms.tables import Sources, Table


def run_boards(name: str | None, *, json: bool) -> None:
    """Print the list of boards, or the numbers of the board `name`; as JSON if wanted."""
    if json:
        found = shipped_boards() if name is None else load_board(name)
        print_json(found)
        return
    console = screen()
    if name is None:
        console.print(grid(listing()))
        return
    board = load_board(name)
    console.print(f"{board.name}: {board.title}\n{board.source}", markup=False)
    sources = Sources()
    console.print(grid(neurons(board, sources)))
    console.print(grid(numbers(board, sources), whole=True))
    for section in sources.section():
        show_section(section, console)


def listing() -> Table:
    """Return one row per shipped board."""
    boards = [load_board(name) for name in shipped_boards()]
    rows = tuple(
        (b.name, str(b.chips), str(len(b.live_cores)), b.arithmetic, b.title)
        for b in boards
    )
    columns = ("board", "chips", "cores", "arithmetic", "what it is")
    return Table(columns, rows, frozenset(columns[1:3]))


def numbers(board: Board, sources: Sources) -> Table:
    """Return one row per number of `board`, with its evidence."""
    rows = tuple(_row(path, leaf, sources) for path, leaf in leaves(board))
    columns = ("number", "value", "unit", "kind", "confidence", "source")
    return Table(columns, rows, frozenset({"value"}))


def neurons(board: Board, sources: Sources) -> Table:
    """Return one row per neuron model: how `board` runs it."""
    rows = tuple(
        (name, model.runs, model.confidence, sources.cite(_source(model)))
        for name, model in board.neuron.models.items()
    )
    return Table(("neuron", "runs as", "confidence", "source"), rows)


def _row(path: str, leaf: Evidence, sources: Sources) -> tuple[str, ...]:
    facts = msgspec.to_builtins(leaf)
    name = facts.get("name") or facts.get("workload")
    value = facts.get("value", facts.get("values"))
    return (
        f"{path.rpartition('[')[0]}: {name}" if name else path,
        "not published" if value is None else str(value),
        facts.get("unit", ""),
        leaf.kind,
        leaf.confidence,
        sources.cite(_source(leaf)),
    )


def _source(record: Evidence | ModelSupport) -> str:
    return f"{record.source} ({record.note})" if record.note else record.source
