"""Graded spikes, counted: what they carried, and what a unary code would have cost.

A graded spike is one event and visits each of its synapses once, as a binary one does, but
multiplies there. Counts of the two are kept apart, and the number of binary spikes that
would have carried the same (one per unit of payload) is given beside.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.ir.activity import Payloads
from snn_deploy.ir.program import Program, grid_of
from snn_deploy.ir.quant import QuantProjection
from snn_deploy.mapping.fanout import synapses_heard
from snn_deploy_simulators.engine.engine import SpikeEvents, Trace

FEW = 1 << 16  # levels up to which counting in an array beats sorting


class PayloadCounter:
    """Adds up the graded spikes of samples; `payloads` gives the result."""

    def __init__(self, program: Program, samples: int) -> None:
        self.samples = samples
        self.fans = {name: _fans(program, name) for name in graded_senders(program)}
        self.uses: dict[str, Counter[int]] = {name: Counter() for name in self.fans}
        self.sums: dict[str, IntArray] = {
            name: np.zeros((3, samples), np.int64) for name in self.fans
        }

    def add(self, sample: int, trace: Trace) -> None:
        """Count one sample."""
        for name, (once, by_payload) in self.fans.items():
            events = trace.events.get(name)
            if events is None or not events.count:
                continue
            self.uses[name].update(levels_of(events))
            sent, carried = _per_neuron(events, len(once))
            self.sums[name][:, sample] = (
                carried.sum(),
                sent @ (once + by_payload),
                sent @ once + carried @ by_payload,
            )

    def payloads(self) -> Mapping[str, Payloads]:
        """Return everything counted so far, by sender."""
        return {
            name: Payloads(
                np.array(sorted(uses), np.int64),
                np.array([uses[level] for level in sorted(uses)], np.int64),
                *self.sums[name],
            )
            for name, uses in self.uses.items()
        }


def graded_senders(program: Program) -> tuple[str, ...]:
    """Return the inputs and populations whose spikes have a payload."""
    net = program.net
    driven = {d.input for d in net.drives}
    ports = [p.name for p in net.inputs if p.payload_bits and p.name not in driven]
    return (*ports, *(p.name for p in net.populations if p.spiking and p.payload_bits))


def levels_of(events: SpikeEvents) -> dict[int, int]:
    """Return how often each payload occurs."""
    value = events.value[: events.count]
    low, high = int(value.min(initial=0)), int(value.max(initial=0))
    if high - low < FEW:
        counts = np.bincount(value.astype(np.int64) - low)
        levels = np.flatnonzero(counts)
        return dict(zip((levels + low).tolist(), counts[levels].tolist(), strict=True))
    found, counts = np.unique(value, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _per_neuron(events: SpikeEvents, n: int) -> tuple[IntArray, IntArray]:
    """Return the events and the summed |payload| of each neuron: [n], [n]."""
    index: AnyArray = events.index[: events.count]
    size = np.abs(events.value[: events.count].astype(np.int64))
    sent = np.bincount(index, minlength=n).astype(np.int64)
    # Sums of integers below 2**53 are exact in float64.
    carried = np.bincount(index, size, minlength=n).astype(np.int64)
    return sent, carried


def _fans(program: Program, name: str) -> tuple[IntArray, IntArray]:
    """Return the synapses that an event of each neuron visits, [n] each: those that take
    any payload as one, and those that multiply by it."""
    fans: IntArray = np.zeros((2, program.net.size(name)), np.int64)
    for p in program.net.projections:
        if p.pre == name:
            fans[int(p.payload_bits > 0)] += _heard(program, p)
    return fans[0], fans[1]


def _heard(program: Program, p: QuantProjection) -> IntArray:
    """Return the synapses of each source in the pieces that its routes reach: [n_pre]."""
    total: IntArray = np.zeros(p.map.n_pre, np.int64)
    pieces, grid = program.partition.of(p.post), grid_of(program.net, p.post)
    for route in program.routes.routes:
        if route.pre == p.pre and route.piece in pieces:
            window = program.partition.pieces[route.piece].window
            total += synapses_heard(p, grid, window) * route.listens
    return total
