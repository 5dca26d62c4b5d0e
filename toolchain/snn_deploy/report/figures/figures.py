"""Figures: what a report holds, as pictures; SVG and PDF with the same bytes each time.

Nothing is worked out here that the report does not say. A part of the report that is
missing has no figure.
"""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal
from matplotlib.text import Text

from snn_deploy.report.figures.answers import accuracy_figure, fidelity_figure
from snn_deploy.report.figures.answers import raster_figure as raster
from snn_deploy.report.figures.canvas import lay_out
from snn_deploy.report.figures.cores import floorplan_figure, time_figure
from snn_deploy.report.figures.cores import utilization_figure as utilization
from snn_deploy.report.figures.energy import energy_figure, layers_figure
from snn_deploy.report.report import Report

STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: it can be searched, and read aloud
}


@dataclass(frozen=True)
class Plot:
    """A figure that a report may have.

    Attributes:
        title: Of the figure, in a few words.
        caption: What is seen, as a sentence.
        draw: From a report to the figure; None if the report does not hold it.
    """

    title: str
    caption: str
    draw: Callable[[Report], Figure | None]


PLOTS: Mapping[str, Plot] = {
    "energy": Plot(
        "Energy by event",
        "Energy per inference of each kind of event, by coefficient set: mean and standard "
        "deviation over samples or, without samples, from silent to firing. Sets exclude "
        "each other, and static power is a scope of its own.",
        energy_figure,
    ),
    "layers": Plot(
        "Work and sparsity by layer",
        "Synaptic operations per inference at the synapses that end in each population, "
        "and the share of neurons and steps without a spike.",
        layers_figure,
    ),
    "utilization": Plot(
        "Use of the cores",
        "Each resource of the cores in use against the limit of one core: the busiest core "
        "(bar) and the mean (line).",
        utilization,
    ),
    "floorplan": Plot(
        "Floorplan",
        "Cores of the chips in use, coloured by synaptic operations per inference (by "
        "memory in use where nothing was simulated). Hatched: dead or reserved.",
        floorplan_figure,
    ),
    "time": Plot(
        "What sets the time of each chip step",
        "Mean time of the chip steps of one frame, split by the term of the time model "
        "that set it.",
        time_figure,
    ),
    "raster": Plot(
        "Output of one sample",
        "Output of the first sample on the chip, in model time.",
        raster,
    ),
    "fidelity": Plot(
        "Fidelity from stage to stage",
        "Agreement of each population's output between stages, over all neurons, steps and "
        "samples; last row: same predicted class.",
        fidelity_figure,
    ),
    "accuracy": Plot(
        "Accuracy against time steps",
        "Accuracy if only the first steps are read; the band is the 95 % Wilson interval "
        "of the chip.",
        accuracy_figure,
    ),
}


def figures(report: Report) -> dict[str, Figure]:
    """Return the figures of all that `report` holds, by name."""
    with mpl.rc_context(STYLE):
        drawn = {name: plot.draw(report) for name, plot in PLOTS.items()}
        found = {name: figure for name, figure in drawn.items() if figure is not None}
        for figure in found.values():
            lay_out(figure)
    return found


def svg(figure: Figure, name: str) -> str:
    """Return an <svg> element; its ids start with `name`, so that many fit on one page."""
    text = _saved(figure, "svg", name, {"Date": None, "Creator": None}).decode()
    element = text[text.index("<svg") :]
    element = re.sub(r'\bid="', f'id="{name}-', element)
    element = element.replace("url(#", f"url(#{name}-")
    return element.replace('href="#', f'href="#{name}-')


def svg_file(element: str) -> bytes:
    """Return the content of an .svg file that holds one <svg> element."""
    return ('<?xml version="1.0" encoding="utf-8"?>\n' + element).encode()


def pdf_file(figure: Figure, name: str) -> bytes:
    """Return the content of a .pdf file; text is outlines, so that no font is missing or of
    a type that publishers refuse."""
    for text in figure.findobj(Text):
        text.set_path_effects([Normal()])
    nobody = {"CreationDate": None, "Creator": None, "Producer": None}
    return _saved(figure, "pdf", name, nobody)


def _saved(figure: Figure, form: str, name: str, metadata: dict[str, None]) -> bytes:
    buffer = io.BytesIO()
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        figure.savefig(buffer, format=form, metadata=metadata)
    return buffer.getvalue()
