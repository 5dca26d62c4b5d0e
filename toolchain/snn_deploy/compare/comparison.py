"""A comparison as a table and as a picture."""

from math import ceil

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snn_deploy.compare.reports import Cell, Comparison, Row
from snn_deploy.report.figures.canvas import COLORS, WIDTH, lay_out, short, title
from snn_deploy.report.figures.figures import STYLE
from snn_deploy.report.text.numbers import count, quantity, share
from snn_deploy.report.text.sections import Section, Table

DRAWN = ("accuracy chip", "energy ", "answer time", "cores", "synaptic operations")


def comparison_section(found: Comparison) -> Section:
    """Return the table: a row per quantity, a column per report, changes against the
    first."""
    columns = ("", *found.names)
    rows = tuple((row.name, *_cells(row)) for row in found.rows)
    return Section(
        "Comparison", found.differences, Table(columns, rows, frozenset(columns[1:]))
    )


def _cells(row: Row) -> list[str]:
    texts = []
    for i, cell in enumerate(row.cells):
        texts.append(_amount(cell, row.unit) + (_change(row, i) if i else ""))
    return texts


def _change(row: Row, i: int) -> str:
    """Return e.g. " (-25.0 %)", of shares " (+3.2 points)"; empty if nothing changed."""
    first, cell = row.cells[0], row.cells[i]
    if row.unit == "share" and first is not None and cell is not None:
        points = 100 * (cell.value - first.value)
        return f" ({points:+.1f} points)" if points else ""
    change = row.change(i)
    return f" ({100 * change:+.1f} %)" if change else ""


def _amount(cell: Cell | None, unit: str) -> str:
    if cell is None:
        return "-"
    if unit == "share":
        return share(cell.value)
    return quantity(cell.value, unit) if unit else count(cell.value)


def comparison_figure(found: Comparison) -> Figure:
    """Draw the main quantities, one plot each, a bar per report, whiskers of 95 %."""
    with mpl.rc_context(STYLE):
        return _drawn(found)


def _drawn(found: Comparison) -> Figure:
    rows = [r for r in found.rows if _is_drawn(r)]
    across = 2
    down = max(1, ceil(len(rows) / across))
    height = 0.5 + 0.3 * len(found.names)
    figure = Figure(figsize=(WIDTH, down * height + 0.2), layout="constrained")
    plots = np.ravel(figure.subplots(down, across, squeeze=False)).tolist()
    for axes, row in zip(plots, rows, strict=False):
        _bars(axes, row, found.names)
    for axes in plots[len(rows) :]:
        axes.set_axis_off()
    for i, axes in enumerate(plots):
        if i % across:
            axes.set_yticklabels([])
    lay_out(figure)
    return figure


def _is_drawn(row: Row) -> bool:
    exact = row.name in DRAWN
    return exact or (row.name.startswith("energy ") and row.unit == "J")


def _bars(axes: Axes, row: Row, names: tuple[str, ...]) -> None:
    factor, unit = _scale(row)
    for i, cell in enumerate(row.cells):
        if cell is None:
            axes.text(0, i, " not there", va="center", fontsize=7)
            continue
        axes.barh(i, cell.value * factor, color=COLORS[i % len(COLORS)], height=0.7)
        if cell.interval is not None:
            low, high = (v * factor for v in cell.interval)
            axes.hlines(i, low, high, color="black", lw=1)
        end = max(cell.value, cell.interval[1] if cell.interval else 0.0) * factor
        axes.text(end, i, " " + _amount(cell, row.unit), va="center", fontsize=7)
    axes.set_yticks(range(len(names)), [short(n) for n in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, axes.get_xlim()[1] * 1.3)
    title(axes, f"{row.name}, {unit}" if unit else row.name)


def _scale(row: Row) -> tuple[float, str]:
    return {"J": (1e6, "µJ"), "s": (1e6, "µs"), "share": (100.0, "%")}.get(
        row.unit, (1.0, "")
    )
