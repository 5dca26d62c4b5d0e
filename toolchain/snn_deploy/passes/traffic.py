"""Traffic: how many spikes could go from each piece (or input) to each piece in a step.

A spike is one message per piece that hears its neuron. What counts is therefore the number of
neurons in the source piece that the target piece listens to, times how often they fire.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from snn_deploy.arrays import FloatArray, IntArray, frozen
from snn_deploy.passes.fanout import listens_of
from snn_deploy.program import Partition, Route, grid_of
from snn_deploy.quant import QuantNetwork

Rates: TypeAlias = Mapping[str, FloatArray]  # spikes per step, [n] by input or population


@dataclass(frozen=True, eq=False)
class Traffic:
    """All (source, target) pairs that occur, in rising order.

    source [R]: piece, or -1 - i for input i. target [R]: piece. weight [R]: messages per step.
    """

    source: IntArray
    target: IntArray
    weight: FloatArray


def listeners(net: QuantNetwork, partition: Partition) -> Iterator[Route]:
    """Yield a route for each source (input or population) and piece that hears some of it."""
    for post in net.populations:
        sources = dict.fromkeys(p.pre for p in net.into(post.name))
        for index in partition.of(post.name):
            window = partition.pieces[index].window
            for pre in sources:
                listens = listens_of(net, pre, post.name, window)
                if listens.any():
                    yield Route(pre, index, listens)


def traffic(
    net: QuantNetwork,
    partition: Partition,
    routes: Iterator[Route] | tuple[Route, ...] | None = None,
    rates: Rates | None = None,
) -> Traffic:
    """Return the traffic of `routes` (of all listeners if there are none yet).

    rates: of the sources that are known; every other neuron counts as firing in each step.
    """
    home, parts = homes(net, partition), []
    for r in listeners(net, partition) if routes is None else routes:
        heard = home[r.pre][r.listens]
        rate = None if rates is None or r.pre not in rates else rates[r.pre][r.listens]
        parts.append(_pairs(heard, rate, r.piece))
    if not parts:
        nothing: IntArray = np.zeros(0, np.int64)
        return Traffic(nothing, nothing, np.zeros(0))
    source, target, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((target, source))
    return Traffic(frozen(source[order]), frozen(target[order]), frozen(weight[order]))


def homes(net: QuantNetwork, partition: Partition) -> dict[str, IntArray]:
    """Return, per input and population, where the spikes of each neuron start: [n].

    The index of its piece; -1 - i for the neurons of input i.
    """
    home = {p.name: np.full(p.n, -1 - i, np.int64) for i, p in enumerate(net.inputs)}
    home |= {p.name: np.zeros(p.n, np.int64) for p in net.populations}
    for index, piece in enumerate(partition.pieces):
        members = piece.window.members(grid_of(net, piece.population))
        home[piece.population][members] = index
    return home


def _pairs(
    heard: IntArray, rate: FloatArray | None, target: int
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return source, target and weight of each pair; `heard`: sources, one per neuron."""
    lowest = int(heard.min())
    count = np.bincount(heard - lowest)
    weight = count if rate is None else np.bincount(heard - lowest, weights=rate)
    present = np.flatnonzero(count)
    source = (present + lowest).astype(np.int64)
    return (
        source,
        np.full(source.size, target, np.int64),
        weight[present].astype(np.float64),
    )
