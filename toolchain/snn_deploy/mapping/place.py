"""Place: piece -> core, one piece per core.

Every method gives the same kind of answer; "local" is the default. What is minimized is
the hops of all messages of a step in which every neuron fires (or fires at its measured
rate); a hop between chips counts as many as it is slower on that board. The time of a step
is not looked at: mostly the busiest core sets it, and that is decided by the partition.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import FloatArray, IntArray, frozen
from snn_deploy.board.board import Board
from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.program import Partition, Placement
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.mapping.traffic import Rates, Traffic, traffic
from snn_deploy.names import PlacementName

CHIP_HOP = (
    10.0  # on-chip hops that one between chips counts as, if the board is silent: ours
)
ALL_CORES = 128  # up to here, an exchange is tried with every core
NEAREST = 16  # beyond, with those nearest to where a piece wants to be
SWEEPS = 20  # rounds of exchanges at most; few nets need more than six
MOVES = 20_000  # pieces looked at in all rounds together, at most (about 10 s)
SPARE = 1.25  # exchanges look this far along the curve, in cores needed


@dataclass(frozen=True, eq=False)
class Problem:
    """What a method needs to know; L live cores, P pieces.

    The neighbors of a piece are those that it sends to or hears, itself left out; neighbor
    number P is the inject router.

    Attributes:
        cores: Board indices of the live cores, [L], rising.
        x: Columns of their routers, [L], stretched between chips so that hops cost |x - x'|
            + |y - y'|.
        y: Rows of their routers, [L].
        curve: Positions in `cores` along a space-filling curve, [L].
        first: Where the neighbors of each piece start in `near` and `weight`, [P + 1].
        near: Neighbors of all pieces, one piece after the other, 0..P; twice if they talk
            both ways.
        weight: Messages per step between the two, as long as `near`.
        inject: (x, y) of the inject router, stretched alike.
        rng: Source of all random choices, from the seed.
    """

    cores: IntArray
    x: FloatArray
    y: FloatArray
    curve: IntArray
    first: IntArray
    near: IntArray
    weight: FloatArray
    inject: tuple[float, float]
    rng: np.random.Generator

    @property
    def pieces(self) -> int:
        return len(self.first) - 1


def place(
    partition: Partition,
    net: QuantNetwork,
    board: Board,
    *,
    seed: int = 0,
    method: PlacementName = "local",
    rates: Rates | None = None,
) -> Placement:
    """Return a core of `board` for every piece; the same seed gives the same cores.

    method: a key of METHODS. rates: spikes per step [n] by source, where they are known.

    Raises:
        DoesNotFitError: There are more pieces than live cores.
    """
    pieces, live = len(partition.pieces), len(board.live_cores)
    if pieces > live:
        raise DoesNotFitError(
            f"the network has {pieces} pieces, but {board.name} has {live} cores to put "
            f"them on; use a board with more cores"
        )
    problem = _problem(traffic(net, partition, rates=rates), pieces, board, seed)
    return Placement(frozen(problem.cores[METHODS[method](problem)]))


def weighted_hops(pairs: Traffic, placement: Placement, board: Board) -> float:
    """Return what `place` minimizes: hops of all messages, those between chips weighted."""
    inject_x, inject_y = _inject(board)
    x, y = _stretched(placement.core, board)
    from_input, source = pairs.source < 0, np.maximum(pairs.source, 0)
    from_x = np.where(from_input, inject_x, x[source])
    from_y = np.where(from_input, inject_y, y[source])
    hops = np.abs(from_x - x[pairs.target]) + np.abs(from_y - y[pairs.target])
    return float(hops @ pairs.weight)


def chip_hop(board: Board) -> float:
    """Return the hops on a chip that one between chips counts as."""
    link, chip_link = board.time.bound.link_s.value, board.time.bound.chip_link_s.value
    return chip_link / link if link and chip_link else CHIP_HOP


def _problem(pairs: Traffic, pieces: int, board: Board, seed: int) -> Problem:
    cores = board.live_cores
    x, y = _stretched(cores, board)
    other = pairs.source != pairs.target  # a piece is always beside itself
    source, target = pairs.source[other], pairs.target[other]
    inner = source >= 0
    # each pair seen from its target, and from its source if that is a piece
    who = np.concatenate([target, source[inner]])
    near = np.concatenate([np.where(inner, source, pieces), target[inner]])
    weight = np.concatenate([pairs.weight[other], pairs.weight[other][inner]])
    order = np.lexsort((near, who))
    return Problem(
        cores=cores,
        x=x,
        y=y,
        curve=_curve(cores, board),
        first=np.concatenate([[0], np.cumsum(np.bincount(who, minlength=pieces))]),
        near=near[order],
        weight=weight[order],
        inject=_inject(board),
        rng=np.random.default_rng(seed),
    )


def _stretched(cores: IntArray, board: Board) -> tuple[FloatArray, FloatArray]:
    x, y = board.router_xy(cores)
    chip = x // board.routers[0]
    return x + chip * (chip_hop(board) - 1), y.astype(np.float64)


def _inject(board: Board) -> tuple[float, float]:
    chip, x, y = board.io.inject_router
    return x + chip * (board.routers[0] - 1 + chip_hop(board)), float(y)


def _curve(cores: IntArray, board: Board) -> IntArray:
    """Return the order of `cores` along a Hilbert curve, chip after chip."""
    x, y = board.router_xy(cores)
    chip, x = np.divmod(x, board.routers[0])
    wide = board.routers[0] >= board.routers[1]  # the curve must fill the longer side last
    at = _hilbert(y, x, max(board.routers)) if wide else _hilbert(x, y, max(board.routers))
    return np.lexsort((cores, at, chip))


def _hilbert(x: IntArray, y: IntArray, side: int) -> IntArray:
    """Return the distance along the curve of points in a square of at least `side`."""
    along: IntArray = np.zeros(x.shape, np.int64)
    s = 1 << (max(side, 2) - 1).bit_length() >> 1
    while s:
        right, up = (x & s) > 0, (y & s) > 0
        along += s * s * np.where(right, 3 - up, up)
        x, y = x & (s - 1), y & (s - 1)
        flip = right & ~up
        x, y = np.where(flip, s - 1 - x, x), np.where(flip, s - 1 - y, y)
        x, y = np.where(up, x, y), np.where(up, y, x)
        s >>= 1
    return along


def _in_order(p: Problem) -> IntArray:
    """Fill the live cores in the order of their numbers."""
    return np.arange(p.pieces)


def _random(p: Problem) -> IntArray:
    """Draw cores at random."""
    return p.rng.permutation(len(p.cores))[: p.pieces]


def _along_curve(p: Problem) -> IntArray:
    """Lay the pieces along a Hilbert curve, in the order of the network."""
    return p.curve[: p.pieces]


def _greedy(p: Problem) -> IntArray:
    """Take the piece that talks most to those placed, and put it where that is cheapest."""
    at: IntArray = np.full(p.pieces + 1, -1, np.int64)
    at_x, at_y = np.zeros(p.pieces + 1), np.zeros(p.pieces + 1)
    at[-1], at_x[-1], at_y[-1] = 0, *p.inject
    free, pull = p.curve, np.zeros(p.pieces + 1)
    owner = np.repeat(np.arange(p.pieces), np.diff(p.first))
    np.add.at(pull, owner[p.near == p.pieces], p.weight[p.near == p.pieces])
    for _ in range(p.pieces):
        piece = int(np.where(at[:-1] < 0, pull[:-1], -1.0).argmax())
        near, weight = _neighbors(p, piece)
        known = at[near] >= 0
        cost = np.abs(p.x[free][:, None] - at_x[near[known]]) @ weight[known]
        cost += np.abs(p.y[free][:, None] - at_y[near[known]]) @ weight[known]
        best = int(cost.argmin())
        at[piece] = free[best]
        at_x[piece], at_y[piece] = p.x[free[best]], p.y[free[best]]
        free = np.delete(free, best)
        np.add.at(pull, near, weight)
    return at[:-1]


def _local(p: Problem) -> IntArray:
    """Start from the curve, and exchange cores of pieces as long as that saves hops."""
    at = _along_curve(p).copy()
    occupant: IntArray = np.full(len(p.cores), -1, np.int64)
    occupant[at] = np.arange(p.pieces)
    for _ in range(max(1, min(SWEEPS, MOVES // max(p.pieces, 1)))):
        moved = 0
        for piece in p.rng.permutation(p.pieces):
            moved += _improve(p, at, occupant, int(piece))
        if not moved:
            break
    return at


def _improve(p: Problem, at: IntArray, occupant: IntArray, piece: int) -> bool:
    """Make the best exchange for `piece`, if there is one that saves hops."""
    here = int(at[piece])
    there = _candidates(p, at, piece)
    saving = _savings(p, at, occupant, piece, there)
    best = int(saving.argmax())
    if saving[best] <= 1e-9 * (1 + abs(float(saving.max()))):
        return False
    other, core = int(occupant[there[best]]), int(there[best])
    at[piece], occupant[core] = core, piece
    occupant[here] = other
    if other >= 0:
        at[other] = here
    return True


def _savings(
    p: Problem, at: IntArray, occupant: IntArray, piece: int, there: IntArray
) -> FloatArray:
    """Return the hops saved if `piece` changed places with each core of `there`."""
    here = int(at[piece])
    saving = _costs(p, at, piece, here) - _costs(p, at, piece, there)
    taken = np.flatnonzero(occupant[there] >= 0)
    others, cores = occupant[there[taken]], there[taken]
    saving[taken] += _costs(p, at, others, cores) - _costs(p, at, others, here)
    between = np.zeros(
        p.pieces + 1
    )  # what the two say to each other costs as much as before
    near, weight = _neighbors(p, piece)
    np.add.at(between, near, weight)
    apart = np.abs(p.x[cores] - p.x[here]) + np.abs(p.y[cores] - p.y[here])
    saving[taken] -= 2 * between[others] * apart
    return saving


def _candidates(p: Problem, at: IntArray, piece: int) -> IntArray:
    """Return the cores worth trying: all, or those around the median of the neighbors."""
    if len(p.cores) <= ALL_CORES:
        return np.arange(len(p.cores))
    near, weight = _neighbors(p, piece)
    if not len(near):
        return at[piece : piece + 1]
    x, y = (_median(v, weight) for v in _positions(p, at, near))
    pool = p.curve[: max(ALL_CORES, int(SPARE * p.pieces))]
    apart = np.abs(p.x[pool] - x) + np.abs(p.y[pool] - y)
    return pool[np.argpartition(apart, NEAREST)[:NEAREST]]


def _median(values: FloatArray, weight: FloatArray) -> float:
    order = values.argsort(kind="stable")
    total = weight[order].cumsum()
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _costs(
    p: Problem, at: IntArray, who: IntArray | int, where: IntArray | int
) -> FloatArray:
    """Return the hops of all messages of each piece `who`, were it on core `where`."""
    pieces, cores = np.broadcast_arrays(np.atleast_1d(who), np.atleast_1d(where))
    size = p.first[pieces + 1] - p.first[pieces]
    row = np.repeat(np.arange(len(pieces)), size)
    within = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
    entry = np.repeat(p.first[pieces], size) + within
    x, y = _positions(p, at, p.near[entry])
    hops = np.abs(p.x[cores][row] - x) + np.abs(p.y[cores][row] - y)
    return np.asarray(np.bincount(row, hops * p.weight[entry], len(pieces)), np.float64)


def _positions(p: Problem, at: IntArray, near: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return x and y of neighbors, which may be the inject router."""
    core = at[np.minimum(near, p.pieces - 1)]
    outside = near == p.pieces
    return np.where(outside, p.inject[0], p.x[core]), np.where(
        outside, p.inject[1], p.y[core]
    )


def _neighbors(p: Problem, piece: int) -> tuple[IntArray, FloatArray]:
    span = slice(p.first[piece], p.first[piece + 1])
    return p.near[span], p.weight[span]


METHODS: Mapping[PlacementName, Callable[[Problem], IntArray]] = {
    "in-order": _in_order,
    "random": _random,
    "hilbert": _along_curve,
    "greedy": _greedy,
    "local": _local,
}
