"""Prepare the synapses of a projection, inside a window of its target, for the kernels."""

import numpy as np

from snn_deploy.arrays import AnyArray, BoolArray
from snn_deploy.maps import Conv, Dense, Sparse
from snn_deploy.program import Window
from snn_deploy.quant import QuantProjection
from snn_deploy_simulators import kernels
from snn_deploy_simulators.engine import Block, Events, Run


def block(
    projection: QuantProjection, window: Window | None = None, listens: BoolArray | None = None
) -> Block:
    """Return the synapses of `projection` that end inside `window` (everywhere if None).

    listens: [n_pre], which events reach them; all if None.
    """
    heard = np.ones(projection.map.n_pre, np.bool_) if listens is None else listens
    match projection.map:
        case Dense():
            run = _dense(projection, projection.map, window, heard)
        case Sparse():
            run = _sparse(projection, projection.map, window, heard)
        case Conv():
            run = _conv(projection, projection.map, window, heard)
    return Block(projection.pre, run)


def _dense(p: QuantProjection, m: Dense, window: Window | None, listens: BoolArray) -> Run:
    low, high = (0, m.n_post) if window is None else _flat(window)
    pre_shift, weight = _narrow(np.ascontiguousarray(m.weight[low:high].T))
    binary, delay, exponent = p.payload_bits == 0, p.delay, p.weight_exp

    def run_binary(events: Events, start: int, total: AnyArray) -> None:
        kernels.dense_binary(
            events.first, events.index, start, delay, listens, weight, pre_shift, exponent, low, total
        )  # fmt: skip

    def run_graded(events: Events, start: int, total: AnyArray) -> None:
        kernels.dense_graded(
            events.first, events.index, events.value, start, delay, binary, listens, weight,
            pre_shift, exponent, low, total,
        )  # fmt: skip

    return run_binary if binary and weight.dtype == np.int8 else run_graded


def _sparse(p: QuantProjection, m: Sparse, window: Window | None, listens: BoolArray) -> Run:
    matrix = m.matrix.tocsc(copy=True)  # columns are sources
    matrix.sort_indices()
    first, post, weight = matrix.indptr, matrix.indices, matrix.data
    if window is not None:
        low, high = _flat(window)
        inside = (post >= low) & (post < high)
        first = np.concatenate([[0], np.cumsum(inside)])[first]
        post, weight = post[inside], weight[inside]
    rows = (first.astype(np.int64), post.astype(np.int32), weight.astype(np.int16))
    binary, delay, exponent = p.payload_bits == 0, p.delay, p.weight_exp

    def run(events: Events, start: int, total: AnyArray) -> None:
        kernels.sparse(
            events.first, events.index, events.value, start, delay, binary, listens, *rows, exponent,
            total,
        )  # fmt: skip

    return run


def _conv(p: QuantProjection, m: Conv, window: Window | None, listens: BoolArray) -> Run:
    box = window or Window(0, m.out_shape[0], 0, m.out_shape[1], 0, m.out_shape[2])
    y_first, y_pair = _pairs(m, 0, box.y0, box.y1)
    x_first, x_pair = _pairs(m, 1, box.x0, box.x1)
    weight = _by_source(m)
    bounds = (box.c0, box.c1, box.y0, box.y1, box.x0, box.x1)
    binary, delay, exponent = p.payload_bits == 0, p.delay, p.weight_exp

    def run(events: Events, start: int, total: AnyArray) -> None:
        kernels.conv(
            events.first, events.index, events.value, start, delay, binary, listens, weight,
            y_first, y_pair, x_first, x_pair, m.in_shape, m.groups, bounds, m.out_shape, exponent,
            total,
        )  # fmt: skip

    return run


def _by_source(m: Conv) -> AnyArray:
    """Return the kernel as [C_in, K_y, K_x, C_out / groups], int16."""
    out_channels, per_group, ky, kx = m.weight.shape
    grouped = m.weight.reshape(m.groups, out_channels // m.groups, per_group, ky, kx)
    source_first = grouped.transpose(0, 2, 3, 4, 1).reshape(m.in_shape[0], ky, kx, -1)
    return np.ascontiguousarray(source_first.astype(np.int16))


def _pairs(m: Conv, axis: int, low: int, high: int) -> tuple[AnyArray, AnyArray]:
    """Return, for each input row (column), the (kernel row, output row) pairs with output in low..high."""
    size, kernel = m.in_shape[1 + axis], m.weight.shape[2 + axis]
    at, k = np.meshgrid(np.arange(size), np.arange(kernel), indexing="ij")
    reach = at + m.padding[axis] - k * m.dilation[axis]
    out = reach // m.stride[axis]
    valid = (reach % m.stride[axis] == 0) & (out >= low) & (out < high)
    first = np.concatenate([[0], np.cumsum(valid.sum(axis=1))]).astype(np.int64)
    return first, np.stack([k[valid], out[valid]], axis=1).astype(np.int64)


def _flat(window: Window) -> tuple[int, int]:
    return window.x0, window.x1


def _narrow(weight: AnyArray) -> tuple[int, AnyArray]:
    """Return (shift, weight >> shift) as int8 if that loses nothing, else as int16."""
    for pre_shift in (0, 1):
        stored = weight >> pre_shift
        lossless = bool((stored << pre_shift == weight).all())
        if lossless and stored.min(initial=0) >= -128 and stored.max(initial=0) <= 127:
            return pre_shift, stored.astype(np.int8)
    return 0, weight.astype(np.int16)

