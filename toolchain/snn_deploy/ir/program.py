"""Program: a QuantNetwork cut into pieces, the pieces on cores, and the routes between
them.

Cores are numbered 0 .. board.n_cores - 1: chip by chip, and within a chip row by row of the
core grid (index = (chip * rows + y) * columns + x).
"""

from dataclasses import dataclass, fields

import numpy as np

from snn_deploy.arrays import AnyArray, BoolArray, IntArray
from snn_deploy.board.board import Board
from snn_deploy.ir.maps import Conv
from snn_deploy.ir.quant import QuantNetwork


@dataclass(frozen=True)
class Use:
    """What a piece takes of one core, in the units of the board's limits.

    Words have 64 bits. On a board that counts axons or compartments (Loihi 1), one of these
    takes the place of one word.

    Attributes:
        axon_in: Words of the input axon table.
        neuron_groups: Number of sets of neuron parameters, the bias aside.
        neuron: Words of neuron state.
        synapse: Words of synapse memory.
        axon_map: Words of the output axon table.
        axon_mem: Words of the axon lists of pixels; 0 where no convolution listens, or if
            the board has no such memory.
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


RESOURCES = tuple(f.name for f in fields(Use))  # of a core, beside the pool they share


@dataclass(frozen=True)
class Window:
    """A box of a [C, H, W] feature map, its ends excluded.

    A flat population of n neurons is the map [1, 1, n].

    Attributes:
        c0: First channel.
        c1: Channel after the last.
        y0: First row.
        y1: Row after the last.
        x0: First column.
        x1: Column after the last.
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
    """Some neurons of one population; they live on one core.

    Attributes:
        population: Its name.
        window: Which neurons, on the map that `grid_of` gives.
        use: What they take of their core.
    """

    population: str
    window: Window
    use: Use


@dataclass(frozen=True)
class Partition:
    """The network cut into pieces. Every neuron is in exactly one.

    Attributes:
        pieces: All of them, in the order of the network's populations; elsewhere a piece is
            named by its index here.
    """

    pieces: tuple[Piece, ...]

    def of(self, population: str) -> tuple[int, ...]:
        """Return the indices of the pieces of `population`, in order."""
        return tuple(i for i, p in enumerate(self.pieces) if p.population == population)


@dataclass(frozen=True, eq=False)
class Placement:
    """Pieces on cores, one piece per core.

    Attributes:
        core: Board index of the core of each piece, [P].
    """

    core: IntArray


@dataclass(frozen=True, eq=False)
class Route:
    """Who hears whom: the spikes of `pre` that `piece` must be sent, one message per spike.

    Attributes:
        pre: Name of an input or a population.
        piece: Index of the target piece.
        listens: [n_pre]; a spike of neuron i causes one message to the piece's core if
            listens[i].
    """

    pre: str
    piece: int
    listens: BoolArray


@dataclass(frozen=True, eq=False)
class Routes:
    """All routes, and the path of links from each source to each target.

    Paths are stored for the R pairs (source, target) that occur, in rising order, as CSR. A
    link is directed, between two routers, a core and its router, two chips, or from the
    host to the router where inputs enter.

    Attributes:
        routes: One for each input or population and each piece that hears some neuron of
            it.
        pair_source: Source of each pair, [R]: a piece index, or -1 - i for input i.
        pair_target: Target of each pair, [R]: a piece index.
        path_first: Where the path of each pair starts in `path_link`, [R + 1].
        path_link: Indices into `links`, all paths one after the other; int32, as there can
            be many.
        hops_x: Router-to-router hops east-west of each pair, [R], those between chips left
            out.
        hops_y: Router-to-router hops north-south of each pair, [R].
        hops_chip: Hops between chips of each pair, [R].
        links: One name per directed link that is on a path, [L]: "A -> B", see `link_name`.
    """

    routes: tuple[Route, ...]
    pair_source: IntArray
    pair_target: IntArray
    path_first: IntArray
    path_link: AnyArray
    hops_x: IntArray
    hops_y: IntArray
    hops_chip: IntArray
    links: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Program:
    """Everything a simulator or a backend needs.

    Attributes:
        net: The integer network.
        partition: Its pieces.
        placement: The core of each piece.
        routes: Who hears whom, and over which links.
        board: The board that it is for.
    """

    net: QuantNetwork
    partition: Partition
    placement: Placement
    routes: Routes
    board: Board
