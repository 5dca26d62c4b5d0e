"""Figures of the chip: how full its cores are, where the work is, what sets the time."""

from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from snn_deploy.arrays import FloatArray
from snn_deploy.report.figures.canvas import (
    COLORS,
    PALE,
    WIDTH,
    blank,
    label_rows,
    rows_height,
    short,
    title,
)
from snn_deploy.report.parts import PieceRow, Target, Utilization
from snn_deploy.report.report import Report
from snn_deploy.report.text.numbers import share

MOST_CHIPS = 4  # that are drawn
MOST_LABELS = 40  # cores that are named
COLOR_MAP = "viridis"


def utilization_figure(report: Report) -> Figure | None:
    """Draw the busiest core and the mean against the limit of each resource."""
    if report.utilization is None:
        return None
    rows = [r for r in report.utilization.resources if r.limit]
    if not rows:
        return None
    figure, (axes,) = blank([rows_height(len(rows))])
    for row, r in enumerate(rows):
        limit = r.limit or 1
        full = r.largest / limit
        axes.barh(row, 100 * full, color=COLORS[0], height=0.7)
        axes.vlines(100 * r.mean / limit, row - 0.35, row + 0.35, color="black", lw=1.5)
        axes.text(100 * full, row, f"  {share(full)}", va="center", fontsize=7)
    label_rows(axes, [r.name for r in rows])
    axes.axvline(100, color=COLORS[5], lw=1)
    axes.set_xlim(0, 115)
    axes.set_xlabel("of the limit of one core, % (bar: busiest core, line: mean)")
    return figure


def floorplan_figure(report: Report) -> Figure | None:
    """Draw the core grid of each chip in use, coloured by its work."""
    used, target = report.utilization, report.target
    if used is None or target.columns is None or target.rows is None:
        return None
    chips = sorted({p.chip for p in used.pieces})[:MOST_CHIPS]
    across = min(len(chips), 2)
    down = ceil(len(chips) / across)
    tall = min(0.65, max(0.3, target.rows / target.columns / across))
    figure = Figure(figsize=(WIDTH, down * WIDTH * tall + 0.6), layout="constrained")
    plots = np.ravel(figure.subplots(down, across, squeeze=False)).tolist()
    work, name = _work(used)
    for axes, chip in zip(plots, chips, strict=False):
        image = _chip(axes, used, target, chip, work)
    for axes in plots[len(chips) :]:
        axes.set_axis_off()
    figure.colorbar(image, ax=plots, label=name, shrink=0.8)
    return figure


def _work(used: Utilization) -> tuple[dict[int, float], str]:
    """Return the colour value of each piece's core, and what it is."""
    if all(p.synops is not None for p in used.pieces):
        name = "synaptic operations per inference"
        return {p.core: p.synops or 0.0 for p in used.pieces}, name
    return {p.core: float(p.use["total"]) for p in used.pieces}, "64-bit words in use"


def _chip(
    axes: Axes, used: Utilization, target: Target, chip: int, work: dict[int, float]
) -> QuadMesh:
    rows, columns = target.rows or 1, target.columns or 1
    grid: FloatArray = np.full(rows * columns, np.nan)
    first = chip * rows * columns
    for core, value in work.items():
        if first <= core < first + grid.size:
            grid[core - first] = value
    axes.set_facecolor(PALE)
    image = axes.pcolormesh(
        grid.reshape(rows, columns), cmap=COLOR_MAP, vmin=0, vmax=max(work.values()) or 1
    )
    for core in target.unusable:
        if first <= core < first + grid.size:
            _hatch(axes, core - first, columns)
    _name_cores(axes, [p for p in used.pieces if p.chip == chip], first, columns)
    axes.set_xticks(np.arange(columns + 1), [])
    axes.set_yticks(np.arange(rows + 1), [])
    axes.grid(color="white", lw=0.8)
    axes.tick_params(length=0)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    title(axes, f"chip {chip}")
    return image


def _hatch(axes: Axes, local: int, columns: int) -> None:
    y, x = divmod(local, columns)
    axes.add_patch(Rectangle((x, y), 1, 1, fill=False, hatch="////", lw=0, ec="#b0b0b0"))


def _name_cores(axes: Axes, pieces: list[PieceRow], first: int, columns: int) -> None:
    if len(pieces) > MOST_LABELS:
        return
    for piece in pieces:
        y, x = divmod(piece.core - first, columns)
        axes.annotate(
            short(piece.population)[:6],
            (x + 0.5, y + 0.5),
            ha="center",
            va="center",
            fontsize=5.5,
            color="black",
            bbox={"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.8},
        )


def time_figure(report: Report) -> Figure | None:
    """Draw the time of the chip steps of a frame, stacked by what set it."""
    time = report.latency
    if time is None or not time.course:
        return None
    figure, (axes,) = blank([2.8])
    left = np.array([b.first for b in time.course], np.float64)
    width = np.array([b.last - b.first + 1 for b in time.course], np.float64)
    base = np.zeros(len(left))
    names = [n for n in time.course[0].seconds if any(b.seconds[n] for b in time.course)]
    for i, name in enumerate(names):
        height = np.array([b.seconds[name] for b in time.course]) * 1e6
        color = COLORS[i % len(COLORS)]
        axes.bar(left, height, width, base, align="edge", color=color, label=name)
        base += height
    axes.axvline(time.steps + time.behind, color="black", ls=":", lw=1)
    axes.annotate(
        "answer", (time.steps + time.behind, base.max()), fontsize=7, ha="right", va="top"
    )
    axes.set_xlim(0, time.frame)
    axes.set_xlabel("chip step of a frame")
    axes.set_ylabel("mean time of a step, µs")
    axes.legend(fontsize=7, ncols=4, loc="lower left", bbox_to_anchor=(0, 1))
    return figure
