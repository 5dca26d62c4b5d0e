"""What a report is made of in every form: titled sections of text and tables."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Columns and rows of text.

    Attributes:
        columns: Heads, from left to right.
        rows: A text per column each; "-" says nothing.
        right: Heads of the columns that hold numbers, which are set to the right.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[str] = frozenset()


def without_blanks(table: Table) -> Table:
    """Return `table` without the columns that say nothing in any row."""
    kept = [
        i for i in range(len(table.columns)) if any(row[i] != "-" for row in table.rows)
    ]
    rows = tuple(tuple(row[i] for i in kept) for row in table.rows)
    return Table(tuple(table.columns[i] for i in kept), rows, table.right)


@dataclass(frozen=True)
class Section:
    """A title, sentences, and a table.

    Attributes:
        title: What it is about.
        lines: Sentences above the table.
        table: None if there is none.
        detail: Whether it is too much for a screen.
    """

    title: str
    lines: tuple[str, ...] = ()
    table: Table | None = None
    detail: bool = False


class Sources:
    """Numbers the sources that tables cite, in order of appearance.

    Attributes:
        number: From 1, by the text of each source that was cited so far.
    """

    def __init__(self) -> None:
        self.number: dict[str, int] = {}

    def cite(self, text: str) -> str:
        """Return the mark of a source, e.g. "[2]"."""
        return f"[{self.number.setdefault(text, len(self.number) + 1)}]"

    def section(self) -> list[Section]:
        lines = tuple(f"[{n}] {text}" for text, n in self.number.items())
        return [Section("Sources", lines)] if lines else []
