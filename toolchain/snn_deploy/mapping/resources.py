"""Resources: what a piece takes of its core, by the model of Intel's compiler.

The formulas reproduce the tables that Intel's compiler printed for the nets of lava-dl
(MNIST, Oxford, PilotNet; every number of synapse words exactly). A piece needs

* input axons: one word per source that it hears; a convolution takes one word per block of
  output channels, however many sources there are;
* synapses: per source one list, `ceil((n * bits + header) / 64)` words for n synapses, zero
  weights included; a kernel is stored once, as one list per input channel, kernel element
  and block of output channels;
* neurons: the words of its model's state;
* neuron groups: neurons with equal parameters; only the bias is free for each;
* the output axon table: one word per neuron, or per pixel and block of channels where only
  convolutions listen;
* axon lists of pixels: one word per pixel and convolution piece that hears it. This is an
  upper bound of our own; the 14 published figures are between a sixth of it and all of it.

A block of channels is a power of two: 36 channels are stored as 32 and 4. That, too, is
read off the PilotNet table; channels are rounded up to fours before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from snn_deploy.arrays import IntArray
from snn_deploy.board.board import Board
from snn_deploy.board.core import SynapseCore
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Conv, Dense, Sparse
from snn_deploy.ir.program import Partition, Program, Use, Window, grid_of
from snn_deploy.ir.quant import QuantNetwork, QuantPopulation, QuantProjection
from snn_deploy.mapping.fanout import (
    FanOut,
    TileGrid,
    conv_counts,
    sparse_counts,
    synapses_heard,
)

CHANNEL_GRAIN = (
    4  # smallest block of channels: 3 channels take one entry per pixel (PilotNet)
)
__all__ = [
    "Demand",
    "channel_blocks",
    "demand_of",
    "list_words",
    "over",
    "synapse_bits",
    "synapses_heard",
    "use_of",
    "utilization",
    "words_heard",
]

OWN = ("bias_mant", "bias_exp")  # parameters that every neuron has for itself


@dataclass(frozen=True, eq=False)
class Demand:
    """What is needed to tell the use of any window of one population quickly.

    Attributes:
        board: The board whose cores are meant.
        size: Neurons of each input or population that it hears, by name.
        grid: Map [C, H, W] in which its windows are meant.
        incoming: Projections with the bits of one stored synapse; every Conv ends in
            `grid`.
        group: Number of each neuron's parameter set, [C, H, W], from 0.
        state_words: State of one neuron, in the unit of the board's pool; 1 if its model
            cannot run there.
        per_neuron: Whether output axons are needed per neuron.
        per_pixel: Whether output axons are needed per pixel, for convolutions.
        read_out: Whether its output leaves the chip.
    """

    board: Board
    size: Mapping[str, int]
    grid: TileGrid
    incoming: tuple[tuple[QuantProjection, int], ...]
    group: IntArray
    state_words: int
    per_neuron: bool
    per_pixel: bool
    read_out: bool

    def use(self, window: Window, fan_out: FanOut | None = None) -> Use:
        """Return what the neurons in `window` take of a core.

        fan_out: who hears the population; without it, as if each target were one piece.
        """
        axons, words = _incoming(self, window)
        return Use(
            axon_in=axons,
            neuron_groups=_groups(self, window),
            neuron=window.size * self.state_words,
            synapse=words,
            axon_map=_axon_map(self, window, fan_out),
            axon_mem=_axon_mem(self, window, fan_out),
        )

    def kernel_words(self, window: Window) -> int:
        """Return the synapse words that hold kernels."""
        convs = [(p.map, bits) for p, bits in self.incoming if isinstance(p.map, Conv)]
        return sum(_kernel_words(m, window, bits, self.board) for m, bits in convs)


def use_of(
    net: QuantNetwork,
    board: Board,
    population: str,
    window: Window,
    fan_out: FanOut | None = None,
) -> Use:
    """Return what the neurons of `population` in `window` take of a core of `board`."""
    return demand_of(net, board, population).use(window, fan_out)


def demand_of(net: QuantNetwork, board: Board, population: str) -> Demand:
    """Prepare to tell the use of windows of `population`."""
    pop, grid = net.population(population), grid_of(net, population)
    onward = [p for p in net.projections if p.pre == population]
    kernels = [isinstance(p.map, Conv) for p in onward]
    support = board.neuron.models.get(pop.model)
    words = support.state_words if support else None
    return Demand(
        board=board,
        size={p.pre: net.size(p.pre) for p in net.into(population)},
        grid=grid,
        incoming=tuple(
            (_on_grid(p, grid), synapse_bits(p, board, delayed=net.chip_delay(p) > 1))
            for p in net.into(population)
        ),
        group=_parameter_sets(pop).reshape(grid),
        state_words=words.value if words else 1,
        per_neuron=not all(kernels) or not onward or population in net.outputs,
        per_pixel=any(kernels),
        read_out=population in net.outputs,
    )


def words_heard(
    p: QuantProjection,
    grid: TileGrid,
    window: Window,
    board: Board,
    *,
    delayed: bool = False,
) -> IntArray:
    """Return the words of synapse memory that a spike of each source of `p` reads: [n_pre].

    The lists that end in `window` of the target, whose map is `grid`. delayed: whether the
    projection arrives later than in the next chip step, which takes more bits.
    """
    p, core = _on_grid(p, grid), board.synapse
    bits = synapse_bits(p, board, delayed=delayed)
    if not isinstance(p.map, Conv):
        return list_words(synapses_heard(p, grid, window), bits, core)
    channels, rows, columns = conv_counts(p.map, window)
    row_words = np.array([kernel_row_words(int(n), bits, core) for n in channels])
    return (row_words[:, None, None] * rows[:, None] * columns).ravel()


def synapse_bits(p: QuantProjection, board: Board, *, delayed: bool) -> int:
    """Return the bits that one stored synapse of `p` takes."""
    core = board.synapse
    fitting = [w for w in core.weight_widths.values if w >= p.weight_bits]
    width = fitting[0] if fitting else p.weight_bits
    match p.map:
        case Dense():
            index = core.dense_index_bits.value
        case Sparse():
            index = core.index_bits.value
        case Conv():
            index = core.conv_index_bits.value
    return width + index + (core.delay_bits.value if delayed else 0)


def list_words(n: IntArray, bits: int, core: SynapseCore) -> IntArray:
    """Return the words of lists of n synapses of `bits` each; an empty list takes none."""
    longest = core.list_max.value or max(1, int(n.max(initial=1)))
    full, rest = np.divmod(n, longest)
    header, word = core.header_bits.value, core.word_bits.value
    last = np.where(rest > 0, -(-(rest * bits + header) // word), 0)
    return np.asarray(full * -(-(longest * bits + header) // word) + last)


def channel_blocks(channels: int) -> tuple[int, ...]:
    """Return the powers of two that `channels` are stored in, e.g. 36 as 32 and 4."""
    grains = -(-channels // CHANNEL_GRAIN)
    sizes = [
        CHANNEL_GRAIN << i for i in reversed(range(grains.bit_length())) if grains >> i & 1
    ]
    return (*sizes[:-1], channels - sum(sizes[:-1])) if sizes else ()


def over(use: Use, board: Board) -> dict[str, float]:
    """Return, by resource, how many times the limit `use` is, where it exceeds it."""
    caps = board.pool.caps()
    needs = {name: int(getattr(use, name)) for name in caps}
    return {n: need / max(caps[n], 1) for n, need in needs.items() if need > caps[n]}


def utilization(
    what: Program | Partition, board: Board
) -> tuple[Mapping[str, tuple[int, int]], ...]:
    """Return, for each piece, what it uses of each resource and the limit."""
    pieces = what.partition.pieces if isinstance(what, Program) else what.pieces
    caps = board.pool.caps()
    return tuple({n: (int(getattr(p.use, n)), caps[n]) for n in caps} for p in pieces)


def _on_grid(p: QuantProjection, grid: TileGrid) -> QuantProjection:
    """Return `p`, a convolution onto another grid as the list of its synapses."""
    if isinstance(p.map, Conv) and p.map.out_shape != grid:
        return replace(p, map=Sparse(matrix(p.map)))
    return p


def _incoming(d: Demand, window: Window) -> tuple[int, int]:
    """Return the words of input axons and of synapses.

    The projections from one source share its axons, but not its synapses.
    """
    axons = words = 0
    for pre in dict.fromkeys(p.pre for p, _ in d.incoming):
        kernel_axons, heard, dense = 0, [], False
        for p, bits in d.incoming:
            if p.pre != pre:
                continue
            match p.map:
                case Dense():
                    dense = True
                    words += _dense_words(p.map, window, bits, d.board)
                case Conv():
                    kernel_axons = max(kernel_axons, _kernel_axons(p.map, window, d.board))
                    words += _kernel_words(p.map, window, bits, d.board)
                case Sparse():
                    sources, counts = sparse_counts(p.map, d.grid, window)
                    heard.append(sources)
                    words += int(list_words(counts, bits, d.board.synapse).sum())
        axons += kernel_axons + (d.size[pre] if dense else _distinct(heard))
    return axons, words


def _distinct(sources: list[IntArray]) -> int:
    """Return how many sources there are in all lists; each list has none twice."""
    if len(sources) < 2:
        return sum(len(s) for s in sources)
    return int(np.unique(np.concatenate(sources)).size)


def _dense_words(m: Dense, window: Window, bits: int, board: Board) -> int:
    return m.n_pre * int(list_words(np.array([window.size]), bits, board.synapse)[0])


def _kernel_axons(m: Conv, window: Window, board: Board) -> int:
    channels, rows, columns = conv_counts(m, window)
    if board.synapse.conv_axons == "per pixel":
        return int((rows > 0).sum() * (columns > 0).sum())
    return len(channel_blocks(int(channels.max(initial=0))))


def _kernel_words(m: Conv, window: Window, bits: int, board: Board) -> int:
    channels = conv_counts(m, window)[0]
    taps = m.weight.shape[2] * m.weight.shape[3]
    return int(taps) * sum(
        int(many) * kernel_row_words(int(n), bits, board.synapse)
        for n, many in zip(*np.unique(channels, return_counts=True), strict=True)
    )


def kernel_row_words(channels: int, bits: int, core: SynapseCore) -> int:
    """Return the words of one row of a kernel: of one input channel and kernel element."""
    blocks = np.array(channel_blocks(channels), np.int64)
    return int(list_words(blocks, bits, core).sum())


def _groups(d: Demand, window: Window) -> int:
    return 1 if d.group.max() == 0 else int(np.unique(_inside(d.group, window)).size)


def _axon_map(d: Demand, window: Window, fan_out: FanOut | None) -> int:
    if d.board.pool.axon_map_counts == "messages":
        messages = None if fan_out is None else fan_out.messages.reshape(d.grid)
        heard = window.size if messages is None else int(_inside(messages, window).sum())
        return heard + (window.size if d.read_out else 0)
    per_neuron = window.size if d.per_neuron else 0
    blocks = len(channel_blocks(window.c1 - window.c0)) if d.per_pixel else 0
    return per_neuron + _pixels(window) * blocks


def _axon_mem(d: Demand, window: Window, fan_out: FanOut | None) -> int:
    if not d.per_pixel or d.board.pool.axon_map_counts == "messages":
        return 0
    if fan_out is None:
        return _pixels(window)
    heard = _inside(fan_out.kernels.reshape(d.grid), window)
    return int(heard.max(axis=0).sum())


def _pixels(window: Window) -> int:
    return (window.y1 - window.y0) * (window.x1 - window.x0)


def _inside(values: IntArray, w: Window) -> IntArray:
    """Return the part of values [C, H, W] in a window."""
    return values[w.c0 : w.c1, w.y0 : w.y1, w.x0 : w.x1]


def _parameter_sets(pop: QuantPopulation) -> IntArray:
    """Return the number of each neuron's set of parameters, the bias aside: [n]."""
    sets: IntArray = np.zeros(pop.n, np.int64)
    for name in sorted(set(pop.params) - set(OWN)):
        values = pop.params[name]
        if values.size and (values != values[0]).any():
            numbers = np.unique(values, return_inverse=True)[1].reshape(-1)
            both = sets * (int(numbers.max()) + 1) + numbers
            sets = np.unique(both, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return sets
