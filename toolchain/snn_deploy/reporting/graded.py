"""Graded spikes in the report: what they carried, beside what binary ones would cost.

An event with a payload and a binary one visit as many synapses, but the first multiplies.
Both numbers are given, so that nobody takes them for the same.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from snn_deploy.activity import Payloads
from snn_deploy.arrays import IntArray
from snn_deploy.ledger import Stat, measured
from snn_deploy.quant import QuantNetwork
from snn_deploy.report import Report
from snn_deploy.report_activity import Graded, LevelUse
from snn_deploy.reporting.precision import count
from snn_deploy.reporting.sections import Section, Table
from snn_deploy.run import Run

BINS = 64  # rows of a distribution of levels, at most
MULTIPLIES, ADDS = "MAC", "AC"


def graded(run: Run) -> tuple[Graded, ...]:
    """Return a row per input and population that sends graded spikes; none unless it was
    simulated on samples."""
    if run.simulated is None or run.quant is None:
        return ()
    activity = run.simulated.activity
    bits = _bits(run.quant)
    return tuple(
        _row(name, bits[name], found, activity.recording.events[name])
        for name, found in activity.payloads.items()
    )


def graded_caveats(rows: Iterable[Graded]) -> list[str]:
    """Return what to mind where synaptic operations multiply."""
    rows = [g for g in rows if g.operation == MULTIPLIES]
    if not rows:
        return []
    names = ", ".join(repr(g.sender) for g in rows)
    events, unary = _total(g.synops for g in rows), _total(g.unary_synops for g in rows)
    return [
        f"spikes of {names} are graded: their {count(events)} synaptic operations per "
        f"inference multiply (MAC), but are priced like those of binary spikes, which "
        f"accumulate (AC), since no board has a price for them; unary binary spikes would "
        f"need {count(unary)} ACs"
    ]


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
        f"{g.sender}: {count(_mean(g.synops))} {g.operation}s of {g.bits}-bit spikes, as "
        f"unary binary spikes {count(_mean(g.unary_synops))} ACs"
        for g in report.graded
    ]
    if told:
        yield (
            f"A graded spike counts as one event whatever it carries; synaptic operations "
            f"per inference, by sender: {'; '.join(told)}."
        )


def _bits(net: QuantNetwork) -> dict[str, int]:
    ports = {p.name: p.payload_bits for p in net.inputs}
    return ports | {p.name: p.payload_bits for p in net.populations}


def _row(name: str, bits: int, found: Payloads, events: IntArray) -> Graded:
    levels: list[int] = found.levels.tolist() or [0]
    return Graded(
        sender=name,
        bits=bits,
        operation=MULTIPLIES if max(-levels[0], levels[-1]) > 1 else ADDS,
        spikes=measured(events.astype(np.float64)),
        unary_spikes=measured(found.magnitude.astype(np.float64)),
        synops=measured(found.synops.astype(np.float64)),
        unary_synops=measured(found.unary_synops.astype(np.float64)),
        lowest=levels[0],
        highest=levels[-1],
        distinct=len(found.levels),
        levels=tuple(_uses(found, len(events))),
    )


def _uses(found: Payloads, samples: int) -> Iterator[LevelUse]:
    """Yield how the levels are distributed, some in a row where there are many."""
    if not found.levels.size:
        return
    low, high = int(found.levels[0]), int(found.levels[-1])
    width = -(-(high - low + 1) // BINS)
    of_bin = np.bincount((found.levels - low) // width, found.uses)
    for i in np.flatnonzero(of_bin).tolist():
        first = low + i * width
        yield LevelUse(first, min(first + width - 1, high), float(of_bin[i] / samples))


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
    macs = _total(g.synops for g in report.graded if g.operation == MULTIPLIES)
    yield (
        f"of {count(every)} synops per inference {count(macs)} are MACs and "
        f"{count(every - macs)} are ACs"
    )


def _cells(g: Graded) -> tuple[str, ...]:
    return (
        g.sender,
        str(g.bits),
        *(count(_mean(s)) for s in (g.spikes, g.unary_spikes, g.synops, g.unary_synops)),
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


def _total(stats: Iterable[Stat]) -> float:
    return sum(map(_mean, stats), 0.0)


def _mean(stat: Stat) -> float:
    return stat.low if stat.mean is None else stat.mean
