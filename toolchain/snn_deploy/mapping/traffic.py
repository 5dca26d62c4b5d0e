"""Traffic: how many spikes could go from each piece (or input) to each piece in a step.

A spike is one message per piece that hears its neuron. What counts is therefore the number
of neurons in the source piece that the target piece listens to, times how often they fire.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from snn_deploy.arrays import FloatArray, IntArray, frozen
from snn_deploy.ir.program import Partition, grid_of
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.mapping.fanout import between, sources_heard

Rates: TypeAlias = Mapping[str, FloatArray]  # spikes per step, [n] by input or population


@dataclass(frozen=True, eq=False)
class Traffic:
    """All R pairs (source, target) that occur, in rising order.

    Attributes:
        source: Piece, or -1 - i for input i, [R].
        target: Piece, [R].
        weight: Messages per step, [R].
    """

    source: IntArray
    target: IntArray
    weight: FloatArray


@dataclass(frozen=True, eq=False)
class Listener:
    """A piece and the neurons of one input or population that it hears.

    Attributes:
        pre: Name of the input or population.
        piece: Index of the piece.
        sources: Flat indices of the neurons that it hears, rising; at least one.
    """

    pre: str
    piece: int
    sources: IntArray


def listeners(net: QuantNetwork, partition: Partition) -> Iterator[Listener]:
    """Yield a listener for each piece and source that it hears some neuron of."""
    into = {p.name: (between(net, p.name), grid_of(net, p.name)) for p in net.populations}
    for index, piece in enumerate(partition.pieces):
        sources, grid = into[piece.population]
        for pre, projections in sources.items():
            heard = sources_heard(projections, grid, piece.window)
            if heard.size:
                yield Listener(pre, index, heard)


def traffic(net: QuantNetwork, partition: Partition, rates: Rates | None = None) -> Traffic:
    """Return who talks to whom, and how much.

    rates: of the sources that are known; every other neuron counts as firing in each step.
    """
    home, known = homes(net, partition), rates or {}
    return collected(
        pairs_of(listener, home[listener.pre], known.get(listener.pre))
        for listener in listeners(net, partition)
    )


def collected(parts: Iterable[Traffic]) -> Traffic:
    """Return all pairs of `parts` in rising order; no pair may be in two parts."""
    found = list(parts)
    if not found:
        nothing: IntArray = np.zeros(0, np.int64)
        return Traffic(nothing, nothing, np.zeros(0))
    source = np.concatenate([t.source for t in found])
    target = np.concatenate([t.target for t in found])
    weight = np.concatenate([t.weight for t in found])
    order = np.lexsort((target, source))
    return Traffic(frozen(source[order]), frozen(target[order]), frozen(weight[order]))


def pairs_of(listener: Listener, home: IntArray, rate: FloatArray | None = None) -> Traffic:
    """Return the pairs that end in one piece.

    home: [n], where the spikes of each neuron of the source start. rate: [n] per step, or
    1.
    """
    heard = home[listener.sources]
    lowest = int(heard.min())
    count = np.bincount(heard - lowest)
    weight = count
    if rate is not None:
        weight = np.bincount(heard - lowest, weights=rate[listener.sources])
    present = np.flatnonzero(count)
    return Traffic(
        source=(present + lowest).astype(np.int64),
        target=np.full(present.size, listener.piece, np.int64),
        weight=weight[present].astype(np.float64),
    )


def homes(net: QuantNetwork, partition: Partition) -> dict[str, IntArray]:
    """Return, per input and population, where the spikes of each neuron start: [n].

    The index of its piece; -1 - i for the neurons of input i.
    """
    home = {p.name: np.full(p.n, -1 - i, np.int64) for i, p in enumerate(net.inputs)}
    home |= {p.name: np.zeros(p.n, np.int64) for p in net.populations}
    grid = {p.name: grid_of(net, p.name) for p in net.populations}
    for index, piece in enumerate(partition.pieces):
        w, where = piece.window, home[piece.population].reshape(grid[piece.population])
        where[w.c0 : w.c1, w.y0 : w.y1, w.x0 : w.x1] = index
    return home
