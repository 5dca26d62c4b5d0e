"""What all figures share: sizes, colours, long names, too many rows."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

WIDTH = 6.4  # inches, the text width of a paper
ROW = 0.26  # inches per row of a bar chart
MOST_ROWS = 60
LONGEST_NAME = 28
# Okabe and Ito's colours: told apart by readers who see few colours, and in print.
COLORS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#F0E442",
    "#000000",
)
GREY = "#8a8a8a"
PALE = "#e8e8e8"

T = TypeVar("T")


def blank(heights: Sequence[float], *, sharex: bool = False) -> tuple[Figure, list[Axes]]:
    """Return a figure with one plot per height (inches) below each other."""
    layout = ConstrainedLayoutEngine(w_pad=0.12)
    figure = Figure(figsize=(WIDTH, sum(heights)), layout=layout)
    axes: Any = figure.subplots(
        len(heights), 1, squeeze=False, sharex=sharex, height_ratios=list(heights)
    )
    return figure, list(axes[:, 0])


def rows_height(rows: int) -> float:
    """Return inches for a bar chart of `rows` rows with title and axis."""
    return 0.75 + ROW * max(rows, 2)


def first(rows: Sequence[T]) -> Sequence[T]:
    """Return as many rows as one figure can show."""
    return rows[:MOST_ROWS]


def label_rows(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows 0, 1, ... from the top down."""
    axes.set_yticks(np.arange(len(names)), [short(n) for n in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def short(name: str) -> str:
    """Return `name` as it is drawn: no markup, no longer than fits."""
    plain = name.replace("$", r"\$")
    return plain if len(plain) <= LONGEST_NAME else plain[: LONGEST_NAME - 1] + "…"


def title(axes: Axes, text: str) -> None:
    """Set a title over the left edge."""
    axes.set_title(text.replace("$", r"\$"), loc="left", fontsize=9, fontweight="bold")


def lay_out(figure: Figure) -> None:
    """Place everything once, so that no file it is saved to does it again."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")
