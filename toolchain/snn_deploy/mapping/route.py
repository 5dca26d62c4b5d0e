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
from snn_deploy.board.board import Board
from snn_deploy.ir.program import Partition, Placement, Route, Routes
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.mapping.traffic import Listener, collected, homes, listeners, pairs_of

CHUNK = 1 << 14  # pairs (or links) that are worked on together; stays in the cache
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
    first, path_link, used = _paths(ways, board)
    chips = np.abs(ways.to_x // board.routers[0] - ways.from_x // board.routers[0])
    return Routes(
        routes=tuple(routes),
        pair_source=pairs.source,
        pair_target=pairs.target,
        path_first=frozen(first),
        path_link=frozen(path_link),
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


def _paths(w: _Ways, board: Board) -> tuple[IntArray, AnyArray, IntArray]:
    """Return the links of each pair in order, as CSR (first [R + 1], int32 indices), and
    the numbers of the links that occur, rising, which these indices point to."""
    length = 2 + np.abs(w.to_x - w.from_x) + np.abs(w.to_y - w.from_y)
    first = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    link = np.empty(first[-1], np.int32)
    occurs = np.zeros((HOST + 1) * _span(board), np.bool_)
    for low in range(0, len(length), CHUNK):  # some at a time: there may be 10**9 links
        part = slice(low, low + CHUNK)
        made = _links_of(_Ways(*(ends[part] for ends in vars(w).values())), board)
        link[first[low] : first[low] + made.size] = made
        occurs[made] = True
    number = np.cumsum(occurs, dtype=np.int32) - 1
    for begin in range(0, link.size, CHUNK):
        link[begin : begin + CHUNK] = number[link[begin : begin + CHUNK]]
    return first, link, np.flatnonzero(occurs)


def _links_of(w: _Ways, board: Board) -> IntArray:
    """Return the numbers of the links of each pair in order, one pair after the other.

    A way has up to four legs, in each of which the numbers rise or fall evenly: up from the
    core, east or west, north or south, and down.
    """
    dx, dy = w.to_x - w.from_x, w.to_y - w.from_y
    span, rows, one = _span(board), board.routers[1], np.ones(len(dx), np.int64)
    east_west = np.where(dx > 0, EAST, WEST) * span + w.from_x * rows + w.from_y
    south_north = np.where(dy > 0, SOUTH, NORTH) * span + w.to_x * rows + w.from_y
    legs = np.stack([one, np.abs(dx), np.abs(dy), one], axis=1).ravel()
    value = np.stack([w.start, east_west, south_north, w.end], axis=1).ravel()[legs > 0]
    change = np.stack([0 * dx, np.sign(dx) * rows, np.sign(dy), 0 * dx], axis=1).ravel()
    change, legs = change[legs > 0], legs[legs > 0]
    result = np.repeat(change, legs)
    last = value + change * (legs - 1)
    result[np.cumsum(legs) - legs] = value - np.concatenate([[0], last[:-1]])
    return np.cumsum(result)


def _span(board: Board) -> int:
    """Return a number above the number of cores and of routers."""
    return board.n_cores + 1
