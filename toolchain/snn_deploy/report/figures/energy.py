"""Figures of energy and work: by event and set, by layer."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snn_deploy.evaluation.ledger import Ledger, Line, Stat
from snn_deploy.report.figures import canvas
from snn_deploy.report.report import Report
from snn_deploy.report.text.numbers import quantity, share, significant

SCOPE_COLORS = {"core": canvas.COLORS[0], "noc": canvas.COLORS[1], "io": canvas.COLORS[3]}


def energy_figure(report: Report) -> Figure | None:
    """Draw the energy of each line, one plot per coefficient set and one for static
    power."""
    energy = report.energy
    if energy is None:
        return None
    groups = [(f"coefficient set {a.name}", a.lines) for a in energy.accounts]
    groups.append(("static power, each line a scope of its own", energy.static))
    figure, plots = canvas.blank([canvas.rows_height(len(lines)) for _, lines in groups])
    for axes, (name, lines) in zip(plots, groups, strict=True):
        _lines(axes, lines)
        canvas.title(axes, name)
    plots[-1].set_xlabel(_axis(energy))
    return figure


def _axis(energy: Ledger) -> str:
    what = "mean ± std" if energy.basis == "measured" else "from silent to firing"
    return f"energy per inference, µJ ({what})"


def _lines(axes: Axes, lines: tuple[Line, ...]) -> None:
    largest = max((_span(x.joules)[1] for x in lines if x.joules), default=0.0) * 1e6
    for row, line in enumerate(lines):
        color = SCOPE_COLORS.get(line.scope, canvas.GREY)
        low, high = _span(line.joules)
        start = low if line.joules and line.joules.mean is None and low < high else 0.0
        axes.barh(row, (high - start) * 1e6, left=start * 1e6, color=color, height=0.7)
        if line.joules is not None and line.joules.mean is not None and line.joules.std:
            axes.errorbar(
                high * 1e6, row, xerr=line.joules.std * 1e6, color="black", lw=0.8
            )
        end = high + ((line.joules.std or 0.0) if line.joules else 0.0)
        axes.text(end * 1e6 + 0.01 * largest, row, _told(line), va="center", fontsize=7)
    canvas.label_rows(axes, [f"{line.name} ({line.scope})" for line in lines])
    axes.set_xlim(0, largest * 1.25 or 1)


def _span(stat: Stat | None) -> tuple[float, float]:
    """Return the ends of a bar: mean and mean, or the bounds."""
    if stat is None:
        return 0.0, 0.0
    return (stat.low, stat.high) if stat.mean is None else (stat.mean, stat.mean)


def _told(line: Line) -> str:
    if line.joules is None:
        return "not published"
    low, high = _span(line.joules)
    return quantity(high, "J") if low == high else f"to {quantity(high, 'J')}"


def layers_figure(report: Report) -> Figure | None:
    """Draw synaptic operations and sparsity of each population."""
    rows = canvas.first([x for x in report.layers if x.synops is not None])
    if not rows:
        return None
    figure, (work, silence) = canvas.blank([canvas.rows_height(len(rows))] * 2)
    for row, layer in enumerate(rows):
        value = layer.synops or 0.0
        work.barh(row, value, color=canvas.COLORS[0], height=0.7)
        work.text(value, row, f" {significant(round(value))}", va="center", fontsize=7)
        if layer.rate is not None:
            quiet = 1 - layer.rate
            silence.barh(row, 100 * quiet, color=canvas.COLORS[2], height=0.7)
            silence.text(100 * quiet, row, f" {share(quiet)}", va="center", fontsize=7)
    for axes, name in (
        (work, "synaptic operations per inference"),
        (silence, "sparsity, %"),
    ):
        canvas.label_rows(axes, [layer.name for layer in rows])
        canvas.title(axes, name)
    work.set_xlim(0, max(1.0, *(layer.synops or 0.0 for layer in rows)) * 1.15)
    silence.set_xlim(0, 115)
    silence.set_xticks(np.arange(0, 101, 20))
    return figure
