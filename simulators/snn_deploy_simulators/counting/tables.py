"""Tables made once from a Program: what a spike of each neuron costs, and where it goes.

Neurons whose spikes cost the same everywhere are of one kind: on a feature map all
channels, and runs of rows and columns, so that there are a few kinds of thousands of
neurons. A table lists the messages of each kind. That the neurons of a kind are alike is
not assumed but looked up, in the routes and in where they live; where it is not so, each
neuron is a kind.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Connection, Conv, Dense, Sparse
from snn_deploy.ir.program import Program, Window, grid_of
from snn_deploy.ir.quant import QuantProjection
from snn_deploy.mapping.fanout import TileGrid, conv_counts
from snn_deploy.mapping.resources import kernel_row_words, list_words, synapse_bits
from snn_deploy.mapping.traffic import homes
from snn_deploy_simulators.kernels import sums

ConvFan: TypeAlias = Callable[[Conv, Window], tuple[IntArray, IntArray, IntArray]]
COSTS = ("synops_dense", "synops_sparse", "synops_conv", "words")  # columns of Fan.cost


@dataclass(frozen=True, eq=False)
class Fan:
    """Where the spikes of one input or population go.

    M messages: one for each kind of neuron and piece that hears it.

    Attributes:
        pre: Name of the input or population.
        kind: The kind of each neuron, [n_pre], from 0.
        first: Where the messages of each kind begin, [kinds + 1] (CSR); those of one kind
            are in the order of the cores they go to.
        pair: Index of each message into Routes.pair_source, [M]; -1 if there is no way.
        piece: Index of the piece that each message goes to, [M].
        cost: What each message costs there, [M, 4], columns as in COSTS.
        filtered: The populations that miss a spike for which they have a synapse.
    """

    pre: str
    kind: IntArray
    first: IntArray
    pair: IntArray
    piece: IntArray
    cost: IntArray
    filtered: frozenset[str]


@dataclass(frozen=True, eq=False)
class _Messages:
    """Messages to one piece, by kind; kinds rise."""

    piece: int
    kind: IntArray
    pair: IntArray
    cost: IntArray  # [len(kind), 4]


def fans(program: Program) -> Mapping[str, Fan]:
    """Return the table of every input and population that projects."""
    home, pairs = homes(program.net, program.partition), _pairs_of(program)
    sources = dict.fromkeys(p.pre for p in program.net.projections)
    return {pre: _fan(program, pre, home[pre], pairs) for pre in sources}


def _fan(
    program: Program, pre: str, home: IntArray, pairs: Callable[[int, IntArray], IntArray]
) -> Fan:
    listens = {r.piece: r.listens for r in program.routes.routes if r.pre == pre}
    reach = cache(conv_counts)  # of the same window three times
    kind, chosen = _kinds(program, pre, reach)
    if not all(_alike(v, kind, chosen) for v in (home, *listens.values())):
        kind = chosen = np.arange(home.size)
    parts, filtered = [], set()
    for post, into in _targets(program, pre).items():
        cost_in = _Costs(program, into, grid_of(program.net, post), chosen, reach)
        for piece in program.partition.of(post):
            cost = cost_in.of(program.partition.pieces[piece].window)
            if piece not in listens:
                filtered |= {post} if cost.any() else set()
                continue
            hears = listens[piece][chosen]
            filtered |= {post} if cost[~hears].any() else set()
            who = np.flatnonzero(hears)
            pair = pairs(piece, home[chosen[who]])
            parts.append(_Messages(piece, who, pair, cost[who]))
    parts.sort(key=lambda part: int(program.placement.core[part.piece]))
    return _joined(pre, kind.astype(np.int32), len(chosen), parts, frozenset(filtered))


def _joined(
    pre: str, kind: IntArray, kinds: int, parts: list[_Messages], filtered: frozenset[str]
) -> Fan:
    """Return all messages by kind, those of one kind in the order of `parts`."""
    none: IntArray = np.zeros(0, np.int64)
    of_kind = np.concatenate([none, *(p.kind for p in parts)])
    first, order = sums.sorted_by(of_kind, kinds)
    piece = np.concatenate([none, *(np.full(p.kind.size, p.piece) for p in parts)])
    pair = np.concatenate([none, *(p.pair for p in parts)])
    cost = np.concatenate([np.zeros((0, len(COSTS)), np.int64), *(p.cost for p in parts)])
    return Fan(
        pre,
        kind,
        first,
        pair[order].astype(np.int32),  # small, for the cache
        piece[order].astype(np.int32),
        cost[order].astype(np.int32),
        filtered,
    )


def _alike(values: AnyArray, kind: IntArray, chosen: IntArray) -> bool:
    """Whether values [n] are the same for all neurons of a kind."""
    if values.strides == (0,):
        return True
    return bool((values[chosen][kind] == values).all())


def _kinds(program: Program, pre: str, reach: ConvFan) -> tuple[IntArray, IntArray]:
    """Return a guess of the kind of each neuron of `pre` [n], and one neuron of each kind.

    Neurons of a map are of one kind where the pieces of the target have the same kernel
    elements for them, and where no piece of the source ends between.
    """
    net = program.net
    maps = [p.map for p in _from(program, pre)]
    each = np.arange(net.size(pre))
    grids = {m.in_shape for m in maps if isinstance(m, Conv)}
    if len(grids) > 1 or not all(_regular(program, p) for p in _from(program, pre)):
        return each, each
    inner = any(p.name == pre for p in net.populations)
    own = grid_of(net, pre) if inner else (1, 1, net.size(pre))
    grid = next(iter(grids), own)
    axes = [_classes(program, pre, axis, grid, reach) for axis in range(3)]
    counts = [int(a.max(initial=0)) + 1 for a in axes]
    c, y, x = (a.astype(np.int64) for a in axes)
    kind = ((c[:, None, None] * counts[1] + y[:, None]) * counts[2] + x).ravel()
    some = [np.unique(a, return_index=True)[1] for a in axes]
    chosen = np.ravel_multi_index(np.ix_(*some), grid).ravel()
    return kind, chosen.astype(np.int64)


def _regular(program: Program, p: QuantProjection) -> bool:
    """Whether the synapses follow from where a neuron is on its map."""
    if isinstance(p.map, Conv):
        return p.map.out_shape == grid_of(program.net, p.post)
    return isinstance(p.map, Dense)


def _from(program: Program, pre: str) -> list[QuantProjection]:
    return [p for p in program.net.projections if p.pre == pre]


def _targets(program: Program, pre: str) -> dict[str, list[QuantProjection]]:
    """Return the projections of `pre` by the population they end in."""
    found: dict[str, list[QuantProjection]] = {}
    for p in _from(program, pre):
        found.setdefault(p.post, []).append(p)
    return found


def _classes(
    program: Program, pre: str, axis: int, grid: TileGrid, reach: ConvFan
) -> IntArray:
    """Return the class of each channel (axis 0), row (1) or column (2) of the source."""
    low, high = (("c0", "c1"), ("y0", "y1"), ("x0", "x1"))[axis]
    pieces = program.partition.pieces
    cuts = {getattr(p.window, low) for p in pieces if p.population == pre}
    signature = [np.searchsorted(sorted(cuts), np.arange(grid[axis]), "right")]
    for p in _from(program, pre):
        if not isinstance(p.map, Conv):
            continue
        windows = [pieces[i].window for i in program.partition.of(p.post)]
        ends = {(getattr(w, low), getattr(w, high)): w for w in windows}
        signature += [reach(p.map, w)[axis] for w in ends.values()]
    return _numbered(np.stack(signature))


def _numbered(rows: AnyArray) -> IntArray:
    """Return the number of each column among the different ones, first come first."""
    begins = np.flatnonzero((rows[:, 1:] != rows[:, :-1]).any(axis=0)) + 1
    starts = np.concatenate([[0], begins])
    numbers: dict[bytes, int] = {}
    found = [numbers.setdefault(rows[:, x].tobytes(), len(numbers)) for x in starts]
    return np.repeat(found, np.diff([*starts, rows.shape[1]])).astype(np.int64)


class _Costs:
    """Tells what spikes of the neurons `chosen` cost in any window of one population."""

    def __init__(
        self,
        program: Program,
        into: Iterable[QuantProjection],
        grid: TileGrid,
        chosen: IntArray,
        reach: ConvFan,
    ) -> None:
        self.grid, self.chosen, self.core = grid, chosen, program.board.synapse
        self.reach = reach
        self.into = []
        for p in into:
            m: Connection = p.map
            if isinstance(m, Conv) and m.out_shape != grid:
                m = Sparse(matrix(m))
            bits = synapse_bits(p, program.board, delayed=program.net.chip_delay(p) > 1)
            self.into.append((_format(p.map), m, bits))

    def of(self, window: Window) -> IntArray:
        """Return the costs in `window`: [len(chosen), 4], see COSTS."""
        total: IntArray = np.zeros((self.chosen.size, len(COSTS)), np.int64)
        for column, m, bits in self.into:
            synops, words = self._one(m, bits, window)
            total[:, column] += synops
            total[:, -1] += words
        return total

    def _one(
        self, m: Connection, bits: int, window: Window
    ) -> tuple[IntArray | int, IntArray | int]:
        if isinstance(m, Dense):
            return window.size, int(list_words(np.array([window.size]), bits, self.core)[0])
        if isinstance(m, Sparse):
            synops: IntArray = np.zeros(m.n_pre, np.int64)
            rows = window.members(self.grid)
            sums.count_sources(m.matrix.indptr, m.matrix.indices, rows, synops)
            return synops[self.chosen], list_words(synops[self.chosen], bits, self.core)
        channels, rows, columns = self.reach(m, window)
        c, y, x = np.unravel_index(self.chosen, m.in_shape)
        pairs = rows[y] * columns[x]
        return channels[c] * pairs, self._row_words(channels, bits)[c] * pairs

    def _row_words(self, channels: IntArray, bits: int) -> IntArray:
        """Return the words of one row of a kernel, for each input channel."""
        some, which = np.unique(channels, return_inverse=True)
        words = [kernel_row_words(int(n), bits, self.core) for n in some]
        return np.array(words, np.int64)[which.reshape(-1)]


def _format(m: Connection) -> int:
    """Return the column of COSTS that synapses of this map count in."""
    return 0 if isinstance(m, Dense) else 2 if isinstance(m, Conv) else 1


def _pairs_of(program: Program) -> Callable[[int, IntArray], IntArray]:
    """Return the function (target, sources) -> index of each pair, or -1."""
    routes, inputs = program.routes, len(program.net.inputs)
    first, order = sums.sorted_by(routes.pair_target, len(program.partition.pieces))
    number: IntArray = np.full(inputs + len(program.partition.pieces), -1, np.int64)

    def pairs(target: int, sources: IntArray) -> IntArray:
        here = order[first[target] : first[target + 1]]
        number[routes.pair_source[here] + inputs] = here
        found = number[sources + inputs]
        number[routes.pair_source[here] + inputs] = -1
        return found

    return pairs
