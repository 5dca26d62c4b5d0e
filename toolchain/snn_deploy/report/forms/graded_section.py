"""The sections and sentences on graded spikes."""

from collections.abc import Iterable, Iterator

from snn_deploy.report.activity_parts import Graded
from snn_deploy.report.facts.graded import MULTIPLIES, mean_of, total
from snn_deploy.report.report import Report
from snn_deploy.report.text.numbers import count
from snn_deploy.report.text.sections import Section, Table


def graded_sections(report: Report) -> list[Section]:
    """Return the sections on graded spikes, for every form of the report."""
    if not report.graded:
        return []
    columns = (
        "sender", "bits", "spikes", "unary spikes", "synops", "unary synops", "operation",
        "lowest", "highest", "levels",
    )  # fmt: skip
    rows = tuple(_cells(g) for g in report.graded)
    numbers = frozenset(columns) - {"sender", "operation"}
    return [
        Section("Graded spikes", tuple(_lines(report)), Table(columns, rows, numbers)),
        *_distributions(report.graded),
    ]


def graded_methods(report: Report) -> Iterator[str]:
    """Yield the sentence on graded spikes of the methods paragraph, if there are any."""
    told = [
        f"{g.sender}: {count(mean_of(g.synops))} {g.operation}s of {g.bits}-bit spikes, as "
        f"unary binary spikes {count(mean_of(g.unary_synops))} ACs"
        for g in report.graded
    ]
    if told:
        yield (
            f"A graded spike counts as one event whatever it carries; synaptic operations "
            f"per inference, by sender: {'; '.join(told)}."
        )


def _lines(report: Report) -> Iterator[str]:
    yield (
        "per inference; a graded spike is one event and visits as many synapses as a "
        "binary one, but multiplies there (MAC) instead of accumulating (AC): never take "
        "the two for equally dear"
    )
    yield (
        "unary: one binary spike per unit of payload would carry the same; its synops are "
        "the payload-weighted ones, sum of |payload| x synapses"
    )
    every = sum(layer.synops or 0.0 for layer in report.layers)
    macs = total(g.synops for g in report.graded if g.operation == MULTIPLIES)
    yield (
        f"of {count(every)} synops per inference {count(macs)} are MACs and "
        f"{count(every - macs)} are ACs"
    )


def _cells(g: Graded) -> tuple[str, ...]:
    return (
        g.sender,
        str(g.bits),
        *(count(mean_of(s)) for s in (g.spikes, g.unary_spikes, g.synops, g.unary_synops)),
        g.operation,
        str(g.lowest),
        str(g.highest),
        str(g.distinct),
    )


def _distributions(rows: Iterable[Graded]) -> Iterator[Section]:
    for g in rows:
        cells = tuple(
            (str(x.low) if x.low == x.high else f"{x.low} to {x.high}", count(x.spikes))
            for x in g.levels
        )
        columns = ("payload", "spikes")
        yield Section(
            f"Payloads of {g.sender}", (), Table(columns, cells, frozenset(columns)), True
        )
