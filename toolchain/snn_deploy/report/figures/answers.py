"""Figures of answers: one sample's output, agreement between stages, accuracy over time."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from snn_deploy.evaluation.uncertainty import wilson
from snn_deploy.report.figures.canvas import (
    COLORS,
    GREY,
    blank,
    first,
    label_rows,
    rows_height,
)
from snn_deploy.report.parts import Example, LayerFacts
from snn_deploy.report.report import Report

STAGE_STYLES = {
    "reference": {"color": COLORS[7], "ls": "-", "lw": 2.4},
    "integer": {"color": COLORS[1], "ls": "-", "lw": 1.6},
    "chip": {"color": COLORS[0], "ls": "--", "lw": 1.2},
}
ROUNDING, MAPPING = ("reference", "integer"), ("integer", "chip")


def raster_figure(report: Report) -> Figure | None:
    """Draw the spikes, or the membranes, of one sample's output."""
    shown = report.example
    if shown is None:
        return None
    figure, (axes,) = blank([2.6])
    if shown.membranes:
        _membranes(axes, shown)
    else:
        _spikes(axes, shown)
    answer = shown.predicted.get("chip")
    label = "" if shown.label is None else f", label {shown.label}"
    axes.set_title(
        f"sample {shown.sample}{label}, predicted on the chip: {answer}", fontsize=9
    )
    axes.set_xlabel("model step")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(-0.5, shown.steps - 0.5)
    return figure


def _spikes(axes: Axes, shown: Example) -> None:
    where = np.array(shown.events, np.float64).reshape(-1, 3)
    axes.vlines(where[:, 0], where[:, 1] - 0.4, where[:, 1] + 0.4, color=COLORS[0], lw=2)
    axes.set_ylim(-0.6, shown.neurons - 0.4)
    axes.set_ylabel("output neuron")
    if shown.neurons <= 20:
        axes.set_yticks(np.arange(shown.neurons))
    for neuron, color in ((shown.label, GREY), (shown.predicted.get("chip"), COLORS[1])):
        if neuron is not None and neuron < shown.neurons:
            axes.axhspan(neuron - 0.45, neuron + 0.45, color=color, alpha=0.2, lw=0)


def _membranes(axes: Axes, shown: Example) -> None:
    values = np.array(shown.membranes)
    winner = shown.predicted.get("chip")
    for neuron in range(shown.neurons):
        best = neuron == winner
        axes.plot(
            values[:, neuron],
            color=COLORS[0] if best else GREY,
            lw=1.8 if best else 0.8,
            marker="o" if shown.steps == 1 else None,  # a line needs two points
            label=f"neuron {neuron}" if best else None,
        )
    axes.set_ylabel("membrane")
    axes.legend(fontsize=7)


def fidelity_figure(report: Report) -> Figure | None:
    """Draw the agreement of each population between stages, and of the predictions."""
    rows = first([x for x in report.layers if _shares(x)])
    if not rows:
        return None
    found = [_shares(layer) for layer in rows]
    names = [layer.name for layer in rows]
    if report.agreement:
        found.append({f"{a.first} = {a.second}": a.value for a in report.agreement})
        names.append("predicted class")
    figure, (axes,) = blank([rows_height(len(names)) + 0.4])
    for i, key in enumerate(dict.fromkeys(k for row in found for k in row)):
        at = [(100 * row[key], r) for r, row in enumerate(found) if key in row]
        axes.plot(*zip(*at, strict=True), "osD^v"[i % 5], color=COLORS[i], label=key, ms=5)
    label_rows(axes, names)
    lowest = min(v for row in found for v in row.values())
    axes.set_xlim(100 * max(0.0, lowest - 0.03) - 0.5, 100.8)
    axes.grid(axis="x", color="#dddddd")
    axes.set_xlabel("agreement, %")
    axes.legend(fontsize=7, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    return figure


def _shares(layer: LayerFacts) -> dict[str, float]:
    """Return the agreements of a population that are shares, by name."""
    found: dict[str, float] = {}
    for a in layer.agreement:
        if a.equal is not None:
            found[f"{a.first} = {a.second}"] = a.equal
        if a.jaccard is not None and (a.first, a.second) == ROUNDING:
            found["common spikes"] = a.jaccard
    return found


def accuracy_figure(report: Report) -> Figure | None:
    """Draw accuracy against the number of model steps that are read."""
    if len({r.steps for r in report.accuracy_by_step}) < 2:
        return None  # one step is no course
    figure, (axes,) = blank([2.8])
    for stage, style in STAGE_STYLES.items():
        rows = [r for r in report.accuracy_by_step if r.stage == stage]
        steps = [r.steps for r in rows]
        axes.plot(steps, [100 * r.value for r in rows], label=stage, **style)  # type: ignore[arg-type]
        if stage == "chip":
            band = 100 * np.array([wilson(r.correct, r.samples) for r in rows])
            axes.fill_between(steps, band[:, 0], band[:, 1], color=COLORS[0], alpha=0.15)
    axes.set_xlabel("model steps that are read")
    axes.set_ylabel("accuracy, %")
    axes.grid(color="#dddddd")
    axes.legend(fontsize=7)
    return figure
