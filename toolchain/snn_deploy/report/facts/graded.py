"""Graded spikes: what they carried, beside what binary ones would cost.

An event with a payload and a binary one visit as many synapses, but the first multiplies.
Both numbers are given, so that nobody takes them for the same.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from snn_deploy.arrays import IntArray
from snn_deploy.evaluation.ledger import Stat, measured
from snn_deploy.evaluation.stages import Simulated
from snn_deploy.ir.activity import Payloads
from snn_deploy.report.activity_parts import Graded, LevelUse
from snn_deploy.report.text.numbers import count

BINS = 64  # rows of a distribution of levels, at most


MULTIPLIES, ADDS = "MAC", "AC"

GRADED_ORIGINS = {  # see origins.py
    "graded[].bits": "derived: width of the payloads that the integer network sends",
    "graded[]": "count: payloads and synapses met by graded spikes in the chip simulator",
}


def graded(run: Simulated) -> tuple[Graded, ...]:
    """Return a row per input and population that sends graded spikes."""
    activity, net = run.recordings.activity, run.quant
    return tuple(
        _row(name, net.payload_bits(name), found, activity.recording.events[name])
        for name, found in activity.payloads.items()
    )


def graded_caveats(rows: Iterable[Graded]) -> list[str]:
    """Return what to mind where synaptic operations multiply."""
    rows = [g for g in rows if g.operation == MULTIPLIES]
    if not rows:
        return []
    names = ", ".join(repr(g.sender) for g in rows)
    events, unary = total(g.synops for g in rows), total(g.unary_synops for g in rows)
    return [
        f"spikes of {names} are graded: their {count(events)} synaptic operations per "
        f"inference multiply (MAC), but are priced like those of binary spikes, which "
        f"accumulate (AC), since no board has a price for them; unary binary spikes would "
        f"need {count(unary)} ACs"
    ]


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


def total(stats: Iterable[Stat]) -> float:
    """Return the sum of the means."""
    return sum(map(mean_of, stats), 0.0)


def mean_of(stat: Stat) -> float:
    """Return the mean, or the lower bound where there is none."""
    return stat.low if stat.mean is None else stat.mean
