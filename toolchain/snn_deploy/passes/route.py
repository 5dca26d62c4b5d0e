"""Route: pieces on cores -> who must be told of each spike, and over which links.

A spike is sent once to each core that hears its neuron. It goes up from its core to the
router, then east-west, then north-south (dimension order), and down to the target core; a
piece that hears itself is served by its own router. Chips stand in a row and are joined
router by router, so that east-west goes on from chip to chip. Spikes of inputs start at
the inject router.
"""

from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import AnyArray, BoolArray, IntArray, frozen
from snn_deploy.board import Board
from snn_deploy.passes.traffic import Listener, collected, homes, listeners, pairs_of
from snn_deploy.program import Partition, Placement, Route, Routes
from snn_deploy.quant import QuantNetwork

UP, DOWN, EAST, WEST, SOUTH, NORTH, HOST = range(7)  # kinds of links


def route(
    net: QuantNetwork, partition: Partition, placement: Placement, board: Board
) -> Routes:
    """Return all listeners, and the way from each source to each of its targets."""
    routes, parts, home = [], [], homes(net, partition)
    for listener in listeners(net, partition):
        parts.append(pairs_of(listener, home[listener.pre]))
        routes.append(_route(listener, len(home[listener.pre])))
    pairs = collected(parts)
    ways = _ways(pairs.source, placement.core[pairs.target], placement, board)
    first, links = _paths(ways, board)
    used, path_link = np.unique(links, return_inverse=True)
    chips = np.abs(ways.to_x // board.routers[0] - ways.from_x // board.routers[0])
    return Routes(
        routes=tuple(routes),
        pair_source=pairs.source,
        pair_target=pairs.target,
        path_first=frozen(first),
        path_link=frozen(path_link.reshape(-1).astype(np.int64)),
        hops_x=frozen(np.abs(ways.to_x - ways.from_x) - chips),
        hops_y=frozen(np.abs(ways.to_y - ways.from_y)),
        hops_chip=frozen(chips),
        links=tuple(link_name(int(link), board) for link in used),
    )


def _route(listener: Listener, n_pre: int) -> Route:
    listens: BoolArray = np.zeros(n_pre, np.bool_)
    listens[listener.sources] = True
    return Route(listener.pre, listener.piece, frozen(listens))


def link_name(link: int, board: Board) -> str:
    """Return "A -> B" for a link number: cores and routers (chip/x,y), or the host."""
    kind, index = divmod(link, _span(board))
    if kind in (UP, DOWN):
        core, router = f"core {index}", _router(*board.router_of(index))
        return f"{core} -> {router}" if kind == UP else f"{router} -> {core}"
    if kind == HOST:
        return f"host -> {_router(*board.io.inject_router)}"
    x, y = divmod(index, board.routers[1])
    dx, dy = {EAST: (1, 0), WEST: (-1, 0), SOUTH: (0, 1), NORTH: (0, -1)}[kind]
    (chip, here), (next_chip, there) = (divmod(at, board.routers[0]) for at in (x, x + dx))
    ends = f"{_router(chip, here, y)} -> {_router(next_chip, there, y + dy)}"
    return ends if chip == next_chip else f"{ends} (chip link)"


def _router(chip: int, x: int, y: int) -> str:
    return f"router {chip}/{x},{y}"


@dataclass(frozen=True, eq=False)
class _Ways:
    """Ends of each pair [R]: routers (x counts on over chips), first and last link."""

    from_x: IntArray
    from_y: IntArray
    to_x: IntArray
    to_y: IntArray
    start: IntArray
    end: IntArray


def _ways(source: IntArray, core: IntArray, placement: Placement, board: Board) -> _Ways:
    """Return the ends of the ways from pieces (or inputs, below 0) to cores."""
    chip, x, y = board.io.inject_router
    from_input = source < 0
    start_core = placement.core[np.maximum(source, 0)] if placement.core.size else source
    from_x, from_y = board.router_xy(start_core)
    to_x, to_y = board.router_xy(core)
    span = _span(board)
    return _Ways(
        from_x=np.where(from_input, chip * board.routers[0] + x, from_x),
        from_y=np.where(from_input, y, from_y),
        to_x=to_x,
        to_y=to_y,
        start=np.where(from_input, HOST * span, UP * span + start_core),
        end=DOWN * span + core,
    )


def _paths(w: _Ways, board: Board) -> tuple[IntArray, IntArray]:
    """Return the links of each pair in order, as CSR: first [R + 1], link numbers."""
    dx, dy = w.to_x - w.from_x, w.to_y - w.from_y
    along_x, along_y = np.abs(dx), np.abs(dy)
    length = 2 + along_x + along_y
    first = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    pair = np.repeat(np.arange(len(length)), length)
    step = np.arange(first[-1]) - first[pair] - 1  # -1 is the way up

    def of(values: AnyArray) -> IntArray:
        return np.asarray(values[pair])

    span, rows = _span(board), board.routers[1]
    x_step = np.where(step < of(along_x), step, of(along_x))
    y_step = step - x_step
    x = of(w.from_x) + of(np.sign(dx)) * x_step
    y = of(w.from_y) + of(np.sign(dy)) * y_step
    kind = np.where(
        step < of(along_x),
        np.where(of(dx) > 0, EAST, WEST),
        np.where(of(dy) > 0, SOUTH, NORTH),
    )
    link = kind * span + x * rows + y
    link = np.where(step < 0, of(w.start), link)
    return first, np.where(step == of(length) - 2, of(w.end), link)


def _span(board: Board) -> int:
    """Return a number above the number of cores and of routers."""
    return board.n_cores + 1
