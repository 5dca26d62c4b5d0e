"""Partition: QuantNetwork -> Partition, pieces that each fit on one core.

One population is one abstract core at first, and is cut until every limit of the board
holds. Intel's compiler does the same, and populations never share a core. Only targets are
cut, never the inputs of a neuron.

* A flat population is cut into equal parts. If a part exceeds a limit, the number of parts
  is multiplied by how many times it does, rounded up: the rule that Intel's logs show.
* A feature map is cut into tiles: as wide a power of two as the neurons allow, over all
  rows and channels. Where kernels or parameter sets are too many, channels are halved.

Methods: "intel" is that, as the compiler did it for PilotNet. "square" first cuts the rows
of a map towards square tiles, as a later compiler did for YOLO-KP. "fewest" raises the
number of flat parts only as far as needed. "balanced" starts from that, and cuts on where
the busiest core works longest, into as many cores as there are (`balance.py`). "kahypar"
is for sparse networks whose neurons have been renumbered in blocks (`reorder.py`): it cuts
at the cut points between blocks, and what has none by "fewest".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import ceil, isqrt
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from snn_deploy.arrays import IntArray
from snn_deploy.board.board import Board
from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.maps import Sparse
from snn_deploy.ir.program import Partition, Piece, Use, Window
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.mapping.balance import balanced
from snn_deploy.mapping.fanout import Cuts, FanOut, TileGrid, fan_out_of
from snn_deploy.mapping.resources import Demand, demand_of, list_words, over
from snn_deploy.mapping.traffic import Rates
from snn_deploy.names import PartitionName

Windows: TypeAlias = tuple[Window, ...]
NO_CUT_POINTS: Mapping[str, IntArray] = MappingProxyType({})
MEANING = {
    "axon_in": "for input axons",
    "neuron_groups": "for its parameters",
    "neuron": "for its state",
    "synapse": "for synapses",
    "axon_map": "for output axons",
    "axon_mem": "for lists of axons",
    "total": "of memory in all",
}


@dataclass(frozen=True)
class PartitionMethod:
    """How to cut.

    Attributes:
        rows: (map, neurons a core holds) -> rows of a tile at first.
        parts: (parts so far, times a limit is exceeded) -> parts to try next.
        base: Key of the method it starts from; None if it stands alone.
        evens: Whether it cuts on to even out the work of cores.
        reorders: Whether neurons are renumbered before.
    """

    rows: Callable[[TileGrid, int], int]
    parts: Callable[[int, float], int]
    base: PartitionName | None = None
    evens: bool = False
    reorders: bool = False


def partition(
    net: QuantNetwork,
    board: Board,
    *,
    method: PartitionName = "intel",
    rates: Rates | None = None,
    cut_points: Mapping[str, IntArray] = NO_CUT_POINTS,
) -> Partition:
    """Cut every population of `net` into pieces that fit the cores of `board`.

    method: a key of METHODS. How many cores there are is not asked here, but by "balanced".
    rates: spikes per step [n] by source, where they are known; only "balanced" asks.
    cut_points: of flat populations, where to cut them, from 0 to their size, rising.

    Raises:
        DoesNotFitError: One neuron needs more than a core; lists all such populations.
    """
    demands = {p.name: demand_of(net, board, p.name) for p in net.populations}
    oversized = [oversized_neuron(name, d) for name, d in demands.items()]
    if any(oversized):
        raise DoesNotFitError(*(s for s in oversized if s))
    how = METHODS[method]
    cuts = {
        name: _cut_at(cut_points[name], name, d, None)
        if name in cut_points
        else cut(name, d, how, None)
        for name, d in demands.items()
    }
    if how.evens:
        recut = partial(_recut, demands, how)
        cuts = {n: tuple(w) for n, w in balanced(net, board, cuts, recut, rates).items()}
    most = {name: max(w.size for w in windows) for name, windows in cuts.items()}
    while True:  # cutting a target may give its sources more to send, never less
        heard = {name: _fan_out(net, name, d, cuts) for name, d in demands.items()}
        late = [n for n, a in heard.items() if a and _first_excess(demands[n], cuts[n], a)]
        if not late:
            break
        cuts |= {
            n: _cut_at(cut_points[n], n, demands[n], heard[n])
            if n in cut_points
            else cut(n, demands[n], how, heard[n], most[n])
            for n in late
        }
    return Partition(
        tuple(
            Piece(name, window, d.use(window, heard[name]))
            for name, d in demands.items()
            for window in cuts[name]
        )
    )


def cut(
    name: str,
    demand: Demand,
    method: PartitionMethod,
    fan_out: FanOut | None,
    most: int | None = None,
) -> Windows:
    """Return windows of the population `name`, each of which fits a core.

    most: neurons of one window.

    Raises:
        DoesNotFitError: Not even single neurons do.
    """
    largest = int(np.prod(demand.grid)) if most is None else most
    if demand.grid[0] == demand.grid[1] == 1:
        return _cut_flat(name, demand, method, fan_out, largest)
    return _cut_map(name, demand, method, fan_out, largest)


def _cut_at(cut_points: IntArray, name: str, d: Demand, fan_out: FanOut | None) -> Windows:
    """Return the windows between cut_points; one that does not fit is halved until it
    does."""
    ends = cut_points.tolist()
    while True:
        windows = [Window(0, 1, 0, 1, low, high) for low, high in pairwise(ends)]
        bad = _first_excess(d, windows, fan_out)
        if bad is None:
            return tuple(windows)
        if bad.window.size == 1:
            raise DoesNotFitError(_sentence(name, d, bad.use, bad.times))
        ends = sorted([*ends, (bad.window.x0 + bad.window.x1) // 2])


def equal_parts(n: int, parts: int) -> Windows:
    """Return at most `parts` windows over n flat neurons; only the last may be smaller."""
    size = ceil(n / parts)
    return tuple(Window(0, 1, 0, 1, x, min(x + size, n)) for x in range(0, n, size))


def tiles(grid: TileGrid, tile: TileGrid) -> Windows:
    """Return the windows that cover the map `grid` with boxes of the size `tile`."""
    return tuple(
        Window(
            c,
            min(c + tile[0], grid[0]),
            y,
            min(y + tile[1], grid[1]),
            x,
            min(x + tile[2], grid[2]),
        )
        for c in range(0, grid[0], tile[0])
        for y in range(0, grid[1], tile[1])
        for x in range(0, grid[2], tile[2])
    )


def oversized_neuron(name: str, demand: Demand) -> str | None:
    """Return the sentence for a neuron that needs more than one core, or None."""
    c, y, x = (int(i) for i in np.unravel_index(_busiest_neuron(demand), demand.grid))
    window = Window(c, c + 1, y, y + 1, x, x + 1)
    use = demand.use(window)
    excess = over(use, demand.board)
    return _sentence(name, demand, use, excess) if excess else None


def _recut(
    demands: Mapping[str, Demand], method: PartitionMethod, name: str, most: int
) -> Windows:
    return cut(name, demands[name], method, None, most)


def _cut_flat(
    name: str, d: Demand, method: PartitionMethod, fan_out: FanOut | None, most: int
) -> Windows:
    parts = ceil(d.grid[2] / most)
    while True:
        windows = equal_parts(d.grid[2], parts)
        bad = _first_excess(d, windows, fan_out)
        if bad is None:
            return windows
        if windows[0].size == 1:
            raise DoesNotFitError(_sentence(name, d, bad.use, bad.times))
        parts = min(d.grid[2], method.parts(parts, max(bad.times.values())))


def _cut_map(
    name: str, d: Demand, method: PartitionMethod, fan_out: FanOut | None, most: int
) -> Windows:
    room = max(1, d.board.pool.neuron.value // d.state_words)  # neurons, at most, of a tile
    room = min(room, most)
    tile = (d.grid[0], method.rows(d.grid, room), d.grid[2])
    while True:
        tile = _fill(tile, room, d.grid[2])
        windows = tiles(d.grid, tile)
        bad = _first_excess(d, windows, fan_out)
        if bad is None:
            return windows
        if tile == (1, 1, 1):
            raise DoesNotFitError(_sentence(name, d, bad.use, bad.times))
        if tile[0] > 1 and _channels_weigh(d, bad):
            tile = (ceil(tile[0] / 2), *tile[1:])
        else:
            room = max(1, int(np.prod(tile)) // ceil(max(bad.times.values())))


def _fill(tile: TileGrid, room: int, width: int) -> TileGrid:
    """Return a tile of at most `room` neurons, its width the largest power of two.

    Where not even one column fits, rows are halved, then channels.
    """
    c, h, _ = tile
    while c * h > room:
        c, h = (c, ceil(h / 2)) if h > 1 else (ceil(c / 2), h)
    return c, h, 1 << min((room // (c * h)).bit_length() - 1, (width - 1).bit_length())


@dataclass(frozen=True)
class _Excess:
    """A window that does not fit. times: how many times its use is a limit, by resource."""

    window: Window
    use: Use
    times: Mapping[str, float]


def _first_excess(
    d: Demand, windows: Sequence[Window], fan_out: FanOut | None
) -> _Excess | None:
    for window in windows:
        use = d.use(window, fan_out)
        times = over(use, d.board)
        if times:
            return _Excess(window, use, times)
    return None


def _channels_weigh(d: Demand, bad: _Excess) -> bool:
    """Whether fewer channels help: too many parameter sets, or mostly kernels in memory."""
    memory = "synapse" in bad.times or "total" in bad.times
    return "neuron_groups" in bad.times or (
        memory and 2 * d.kernel_words(bad.window) > bad.use.synapse
    )


def _fan_out(net: QuantNetwork, name: str, d: Demand, cuts: Cuts) -> FanOut | None:
    """Return who hears the population, where its use depends on that."""
    messages = d.board.pool.axon_map_counts == "messages"
    return fan_out_of(net, name, cuts) if messages or d.per_pixel else None


def _busiest_neuron(d: Demand) -> int:
    """Return the flat index of the neuron with most listed synapses."""
    fan_in: IntArray = np.zeros(int(np.prod(d.grid)), np.int64)
    for p, _ in d.incoming:
        if isinstance(p.map, Sparse):
            fan_in += np.diff(p.map.matrix.indptr)
    return int(fan_in.argmax())


def _sentence(name: str, d: Demand, use: Use, times: Mapping[str, float]) -> str:
    """Say that one neuron needs more than a core, and what would fit."""
    worst = max(times, key=lambda resource: times[resource])
    limit = getattr(d.board.pool, worst)
    kernel = d.kernel_words(Window(0, 1, 0, 1, 0, 1))
    remedy = (
        "use a smaller kernel or fewer input channels"
        if 2 * kernel > use.synapse
        else f"give each neuron at most {_most_inputs(d)} inputs"
    )
    return (
        f"population {name!r}: one neuron needs {getattr(use, worst)} {limit.unit} "
        f"{MEANING[worst]}, {times[worst]:.1f}x the {limit.value} of a core of "
        f"{d.board.name}; {remedy}"
    )


def _most_inputs(d: Demand) -> int:
    """Return the listed inputs that one neuron can have; each takes an axon and a list."""
    bits = max((bits for p, bits in d.incoming), default=1)
    words = int(list_words(np.array([1]), bits, d.board.synapse)[0])
    caps = d.board.pool.caps()
    other = d.state_words + 2  # its state, its group, its output axon
    most = min(caps["axon_in"], caps["synapse"] // words)
    return min(most, (caps["total"] - other) // (1 + words)) if "total" in caps else most


def _whole_rows(grid: TileGrid, room: int) -> int:
    return grid[1]


def _square_rows(grid: TileGrid, room: int) -> int:
    """Cut rows in a power of two of equal parts, about as many as columns will be."""
    parts = 1 << max(0, isqrt(int(np.prod(grid)) // room).bit_length() - 1)
    while grid[1] % parts:
        parts //= 2
    return grid[1] // parts


def _times(parts: int, excess: float) -> int:
    return parts * ceil(excess)


def _proportional(parts: int, excess: float) -> int:
    return max(parts + 1, ceil(parts * excess))


METHODS: Mapping[PartitionName, PartitionMethod] = {
    "intel": PartitionMethod(rows=_whole_rows, parts=_times),
    "square": PartitionMethod(rows=_square_rows, parts=_times),
    "fewest": PartitionMethod(rows=_whole_rows, parts=_proportional),
    "kahypar": PartitionMethod(
        rows=_whole_rows, parts=_proportional, base="fewest", reorders=True
    ),
    "balanced": PartitionMethod(
        rows=_whole_rows, parts=_proportional, base="fewest", evens=True
    ),
}
