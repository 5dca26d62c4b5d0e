"""Who hears whom: the synapses that each source has inside a window of its target.

Closed forms wherever there is structure: a dense source has one synapse per neuron of the
window; for a convolution the count is a product over channels, rows and columns. Zero
weights that are stored count as synapses: on the chip they are visited like any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from snn_deploy.arrays import AnyArray, BoolArray, IntArray, frozen
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Conv, Dense, Sparse
from snn_deploy.ir.program import Window, grid_of
from snn_deploy.ir.quant import QuantNetwork, QuantProjection

TileGrid: TypeAlias = tuple[int, int, int]  # channels, rows, columns
Cuts: TypeAlias = Mapping[str, Sequence[Window]]  # the windows of every population


@dataclass(frozen=True, eq=False)
class FanOut:
    """How many pieces hear each neuron of a population.

    Attributes:
        messages: Pieces in all, [n], which is messages per spike.
        kernels: Pieces that hear it through a convolution, [n].
    """

    messages: IntArray
    kernels: IntArray


def synapses_heard(p: QuantProjection, grid: TileGrid, window: Window) -> IntArray:
    """Return how many synapses each source of `p` has in `window` of its target: [n_pre].

    grid: the map [C, H, W] that `window` is meant in.
    """
    match p.map:
        case Dense():
            return np.full(p.map.n_pre, window.size, np.int64)
        case Conv() if p.map.out_shape == grid:
            channels, rows, columns = conv_counts(p.map, window)
            return (channels[:, None, None] * rows[:, None] * columns).ravel()
        case Conv():
            return _listed(Sparse(matrix(p.map)), grid, window)
        case Sparse():
            return _listed(p.map, grid, window)


def conv_counts(m: Conv, window: Window) -> tuple[IntArray, IntArray, IntArray]:
    """Return, for a window of the output, what an input value reaches along each axis.

    channels [C_in]: output channels; rows [H], columns [W]: (kernel element, output) pairs.
    """
    rows = _taps(m, 0, window.y0, window.y1)
    columns = _taps(m, 1, window.x0, window.x1)
    return _channels(m, window), rows, columns


def sparse_counts(m: Sparse, grid: TileGrid, window: Window) -> tuple[IntArray, IntArray]:
    """Return the sources with a synapse in `window`, rising, and how many each has."""
    run = _row_sources(m, grid, window)
    if 8 * len(run) < m.n_pre:  # sorting few beats counting many
        sources, counts = np.unique(run, return_counts=True)
        return sources.astype(np.int64), counts.astype(np.int64)
    counts = np.bincount(run, minlength=m.n_pre)
    sources = np.flatnonzero(counts)
    return sources.astype(np.int64), counts[sources].astype(np.int64)


def sources_heard(
    into: Sequence[QuantProjection], grid: TileGrid, window: Window
) -> IntArray:
    """Return the neurons with a synapse in `window`, rising.

    into: projections from one source to one target, whose map is `grid`.
    """
    n_pre = into[0].map.n_pre
    if any(isinstance(p.map, Dense) for p in into):
        return np.arange(n_pre, dtype=np.int64)
    if len(into) == 1 and isinstance(into[0].map, Sparse):
        return sparse_counts(into[0].map, grid, window)[0]
    heard: BoolArray = np.zeros(n_pre, np.bool_)
    for p in into:
        heard |= _hears(p, grid, window)
    return np.flatnonzero(heard).astype(np.int64)


def between(net: QuantNetwork, post: str) -> dict[str, tuple[QuantProjection, ...]]:
    """Return the projections into `post` by the source they come from."""
    into = net.into(post)
    return {pre: tuple(p for p in into if p.pre == pre) for pre in [p.pre for p in into]}


def fan_out_of(net: QuantNetwork, name: str, cuts: Cuts) -> FanOut:
    """Return how many of the windows in `cuts` hear each neuron of `name`."""
    messages: IntArray = np.zeros(net.size(name), np.int64)
    kernels = messages.copy()
    for post in dict.fromkeys(p.post for p in net.projections if p.pre == name):
        into, grid = between(net, post)[name], grid_of(net, post)
        heard = np.zeros_like(messages)
        for window in cuts[post]:
            heard[sources_heard(into, grid, window)] += 1
        messages += heard
        if any(isinstance(p.map, Conv) for p in into):
            kernels += heard
    return FanOut(frozen(messages), frozen(kernels))


def _hears(p: QuantProjection, grid: TileGrid, window: Window) -> BoolArray:
    if isinstance(p.map, Conv) and p.map.out_shape == grid:
        channels, rows, columns = (count > 0 for count in conv_counts(p.map, window))
        return np.asarray(channels[:, None, None] & rows[:, None] & columns).ravel()
    return synapses_heard(p, grid, window) > 0


def _listed(m: Sparse, grid: TileGrid, window: Window) -> IntArray:
    total: IntArray = np.zeros(m.n_pre, np.int64)
    sources, counts = sparse_counts(m, grid, window)
    total[sources] = counts
    return total


def _row_sources(m: Sparse, grid: TileGrid, window: Window) -> AnyArray:
    """Return the sources of all synapses that end in `window`, repeats included."""
    indptr, indices = m.matrix.indptr, m.matrix.indices
    if grid[0] == grid[1] == 1:  # one run of rows
        return np.asarray(indices[indptr[window.x0] : indptr[window.x1]])
    rows = window.members(grid)
    first, counts = indptr[rows].astype(np.int64), np.diff(indptr)[rows].astype(np.int64)
    begins = np.cumsum(counts) - counts
    within = np.arange(int(counts.sum())) - np.repeat(begins, counts)
    return np.asarray(indices[np.repeat(first, counts) + within])


def _channels(m: Conv, window: Window) -> IntArray:
    """Return how many output channels in `window` each input channel reaches: [C_in]."""
    per_group = m.out_shape[0] // m.groups
    starts = np.arange(m.groups, dtype=np.int64) * per_group
    inside = np.minimum(window.c1, starts + per_group) - np.maximum(window.c0, starts)
    return np.repeat(np.maximum(inside, 0), m.in_shape[0] // m.groups)


def _taps(m: Conv, axis: int, low: int, high: int) -> IntArray:
    """Return how many (kernel element, output) pairs read each input position.

    axis: 0 for rows, 1 for columns; outputs are low..high, end excluded.
    """
    size, kernel = m.in_shape[1 + axis], m.weight.shape[2 + axis]
    k, out = np.meshgrid(np.arange(kernel), np.arange(low, high), indexing="ij")
    at = out * m.stride[axis] + k * m.dilation[axis] - m.padding[axis]
    inside = at[(at >= 0) & (at < size)]
    return np.bincount(inside, minlength=size).astype(np.int64)
