"""The table of how far the stages of each population are apart, and its sentences."""

from snn_deploy.evaluation.fidelity import NOT_GIVEN, LayerFidelity
from snn_deploy.report.report import Report
from snn_deploy.report.text.numbers import share, significant
from snn_deploy.report.text.sections import Section, Table


def fidelity_sections(report: Report) -> list[Section]:
    """Return the table of a report's fidelity, and its sentences."""
    found = report.fidelity
    if found is None:
        return []
    columns = (
        "population", "framework-float", "float-int", "int-chip", "alone", "rate error",
        "of the rate", "first in sample", "step",
    )  # fmt: skip
    rows = tuple(_row(layer) for layer in found.layers)
    lines = (
        *found.sentences,
        f"framework: {found.framework}; {found.samples} samples compared",
        "framework-float, float-int, int-chip: spikes that differ, of those in both or "
        "either (readouts: rms of the difference, of the membrane's); alone: float-int of "
        "the layer itself, fed with the float network's own spikes",
        "rate error: spikes per neuron and step, int - float; first: where float and int "
        "first differ",
    )
    return [Section("Fidelity", lines, Table(columns, rows, frozenset(columns[1:])))]


def _row(layer: LayerFidelity) -> tuple[str, ...]:
    rounding = layer.gap("integer")
    of_framework = layer.gap("reference")
    return (
        layer.population,
        NOT_GIVEN if of_framework is None else share(of_framework.loss),
        *(share(g.loss if g else None) for g in (rounding, layer.gap("chip"), layer.alone)),
        significant(rounding.rate_error if rounding else None),
        share(rounding.rate_error_relative if rounding else None),
        significant(rounding.sample if rounding else None),
        significant(rounding.step if rounding else None),
    )
