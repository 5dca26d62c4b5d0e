"""Program: a QuantNetwork cut into pieces, the pieces on cores, and the routes between
them.

Cores are numbered 0 .. board.n_cores - 1: chip by chip, and within a chip row by row of the
core grid (index = (chip * rows + y) * columns + x).
"""

from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import AnyArray, BoolArray, IntArray
from snn_deploy.board.board import Board
from snn_deploy.ir.maps import Conv
from snn_deploy.ir.quant import QuantNetwork


@dataclass(frozen=True)
class Use:
    """What a piece takes of one core, in the units of the board's limits.

    axon_in, neuron, synapse, axon_map, axon_mem: 64-bit words; neuron_groups: count.
    """

    axon_in: int
    neuron_groups: int
    neuron: int
    synapse: int
    axon_map: int
    axon_mem: int

    @property
    def total(self) -> int:
        """Words of the shared pool, as Intel's compiler adds them up."""
        return (
            self.axon_in
            + self.neuron_groups
            + self.neuron
            + self.synapse
            + self.axon_map
            + self.axon_mem
        )


@dataclass(frozen=True)
class Window:
    """A box of a [C, H, W] feature map: channels c0..c1, rows y0..y1, columns x0..x1 (end
    excluded).

    A flat population of n neurons is the map [1, 1, n].
    """

    c0: int
    c1: int
    y0: int
    y1: int
    x0: int
    x1: int

    def members(self, grid: tuple[int, int, int]) -> IntArray:
        """Return the flat indices, rising, of the neurons inside, of a map of shape
        `grid`."""
        numbers = np.arange(int(np.prod(grid)), dtype=np.int64).reshape(grid)
        box = numbers[self.c0 : self.c1, self.y0 : self.y1, self.x0 : self.x1]
        return box.ravel()

    @property
    def size(self) -> int:
        return (self.c1 - self.c0) * (self.y1 - self.y0) * (self.x1 - self.x0)


def grid_of(net: QuantNetwork, name: str) -> tuple[int, int, int]:
    """Return the map [C, H, W] in which windows of the population `name` are meant.

    That of a convolution that ends in it, else its own shape if that has three dimensions,
    else [1, 1, n].
    """
    for p in net.into(name):
        if isinstance(p.map, Conv):
            return p.map.out_shape
    shape = net.population(name).shape
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else (1, 1, net.size(name))


@dataclass(frozen=True)
class Piece:
    """The neurons of one population inside `window`; they live on one core."""

    population: str
    window: Window
    use: Use


@dataclass(frozen=True)
class Partition:
    """All pieces, in the order of the network's populations. Every neuron is in exactly
    one."""

    pieces: tuple[Piece, ...]

    def of(self, population: str) -> tuple[int, ...]:
        """Return the indices of the pieces of `population`, in order."""
        return tuple(i for i, p in enumerate(self.pieces) if p.population == population)


@dataclass(frozen=True, eq=False)
class Placement:
    """core: [pieces], the core of each piece; one piece per core."""

    core: IntArray


@dataclass(frozen=True, eq=False)
class Route:
    """Who hears whom: the spikes of `pre` that `piece` must be sent, one message per spike.

    pre: an input or a population. piece: index of the target piece.
    listens: [n_pre] bool; a spike of neuron i causes one message to the piece's core if
    listens[i].
    """

    pre: str
    piece: int
    listens: BoolArray


@dataclass(frozen=True, eq=False)
class Routes:
    """All routes, and the path of links from each source to each target.

    Link l is directed, between two routers, a core and its router, or two chips.
    path_first [R + 1], path_link [...]: CSR of the links between every (source, target)
    pair that occurs; pair r is pair_source[r] (piece index, or -1 - i for input i) ->
    pair_target[r] (piece).
    hops_x, hops_y, hops_chip: [R], router-to-router hops east-west, north-south, and
    between chips.
    """

    routes: tuple[Route, ...]
    pair_source: IntArray
    pair_target: IntArray
    path_first: IntArray
    path_link: AnyArray  # int32: there can be many
    hops_x: IntArray
    hops_y: IntArray
    hops_chip: IntArray
    links: tuple[str, ...]  # one name per directed link


@dataclass(frozen=True, eq=False)
class Program:
    """Everything a simulator or a backend needs."""

    net: QuantNetwork
    partition: Partition
    placement: Placement
    routes: Routes
    board: Board
