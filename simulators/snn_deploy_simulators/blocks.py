"""Prepare the synapses of a projection, inside a window of its target, for the kernels."""

from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import AnyArray, BoolArray, IntArray
from snn_deploy.maps import Conv, Dense, Sparse
from snn_deploy.program import Window
from snn_deploy.quant import QuantProjection
from snn_deploy_simulators import kernels
from snn_deploy_simulators.engine import Block, Events, Run


@dataclass(frozen=True, eq=False)
class Place:
    """The part of a population that a block serves: its window, and the flat indices in
    it."""

    window: Window
    members: IntArray


def block(
    projection: QuantProjection,
    place: Place | None = None,
    listens: BoolArray | None = None,
) -> Block:
    """Return the synapses of `projection` that end in `place` (everywhere if None).

    listens: [n_pre], which events reach them; all if None.
    """
    m = projection.map
    heard = np.ones(m.n_pre, np.bool_) if listens is None else listens
    members = np.arange(m.n_post) if place is None else place.members
    match m:
        case Dense():
            run = _dense(projection, m, members, heard)
        case Sparse():
            run = _sparse(projection, m, members, heard)
        case Conv():
            channels, rows, columns = m.out_shape
            everything = Window(0, channels, 0, rows, 0, columns)
            run = _conv(projection, m, place.window if place else everything, heard)
    return Block(projection.pre, run)


def _dense(p: QuantProjection, m: Dense, members: IntArray, listens: BoolArray) -> Run:
    rows = m.weight if len(members) == m.n_post else m.weight[members]
    pre_shift, weight = _by_row(rows)
    binary, delay, exponent = p.payload_bits == 0, p.delay, p.weight_exp
    stored = (listens, weight, pre_shift, exponent)

    def add(
        events: Events, start: int, column: int, total: AnyArray, touched: AnyArray
    ) -> None:
        if binary and weight.dtype == np.int8:
            kernels.dense_binary(
                events.first, events.index, start, delay, *stored, column, total, touched
            )
        else:
            kernels.dense_graded(
                events.first, events.index, events.value, start, delay, binary, *stored,
                column, total, touched,
            )  # fmt: skip

    def run(events: Events, start: int, total: AnyArray, touched: AnyArray) -> None:
        add(events, start, int(members[0]), total, touched)

    def run_scattered(
        events: Events, start: int, total: AnyArray, touched: AnyArray
    ) -> None:
        part = np.zeros((len(total), len(members)), np.int32)
        part_touched = np.zeros((len(touched), len(members)), np.uint8)
        add(events, start, 0, part, part_touched)
        total[:, members] += part
        if len(touched):
            touched[:, members] |= part_touched

    adjacent = members[-1] - members[0] + 1 == len(members)
    return run if adjacent else run_scattered


def _sparse(p: QuantProjection, m: Sparse, members: IntArray, listens: BoolArray) -> Run:
    by_source = m.matrix.tocsc()  # of rows in order: its columns are in order too
    first, post, weight = by_source.indptr, by_source.indices, by_source.data
    if len(members) < m.n_post:
        inside = np.zeros(m.n_post, np.bool_)
        inside[members] = True
        kept = inside[post]
        first = np.concatenate([[0], np.cumsum(kept)])[first]
        post, weight = post[kept], weight[kept]
    rows = (first.astype(np.int64), _unsigned(post, m.n_post), weight.astype(np.int16))
    binary, delay, exponent = p.payload_bits == 0, p.delay, p.weight_exp
    most = int(np.diff(m.matrix.indptr).max(initial=0))

    def run(events: Events, start: int, total: AnyArray, touched: AnyArray) -> None:
        if binary and most <= kernels.MANY:
            kernels.sparse_binary(
                events.first, events.index, start, delay, listens, *rows, exponent, total,
                touched,
            )  # fmt: skip
            return
        kernels.sparse(
            events.first, events.index, events.value, start, delay, binary, listens,
            *rows, exponent, total, touched,
        )  # fmt: skip

    return run


def _unsigned(index: AnyArray, n: int) -> AnyArray:
    """Return the indices 0..n - 1 in a small unsigned type: Numba trusts their sign."""
    return index.astype(np.uint16 if n <= 1 << 16 else np.uint32)


def _conv(p: QuantProjection, m: Conv, box: Window, listens: BoolArray) -> Run:
    y_first, y_pair = _pairs(m, 0, box.y0, box.y1)
    x_first, x_run, order = _column_runs(m, box)
    weight = np.ascontiguousarray(_by_source(m, box)[:, :, order])
    bounds = (box.c0, box.c1, box.y0, box.y1, box.x0, box.x1)
    binary, delay, exponent = p.payload_bits == 0, p.delay, p.weight_exp

    def run(events: Events, start: int, total: AnyArray, touched: AnyArray) -> None:
        kernels.conv(
            events.first, events.index, events.value, start, delay, binary, listens, weight,
            y_first, y_pair, x_first, x_run, m.in_shape, m.groups, bounds, m.out_shape,
            exponent, total, touched,
        )  # fmt: skip

    return run


def _by_source(m: Conv, box: Window) -> AnyArray:
    """Return the kernels as [C_in, K_y, K_x, channels], int16: per group the output
    channels inside `box`, from 0 on, and zeros to fill a vector that is mostly used."""
    per_group, in_per_group = m.out_shape[0] // m.groups, m.weight.shape[1]
    width = min(per_group, box.c1 - box.c0)
    if width % kernels.LANES > kernels.LANES // 4:
        width += -width % kernels.LANES
    result = np.zeros((m.in_shape[0], *m.weight.shape[2:], width), np.int16)
    for g in range(m.groups):
        low, high = max(box.c0, g * per_group), min(box.c1, (g + 1) * per_group)
        if low < high:
            sources = slice(g * in_per_group, (g + 1) * in_per_group)
            result[sources, ..., : high - low] = m.weight[low:high].transpose(1, 2, 3, 0)
    return result


def _pairs(m: Conv, axis: int, low: int, high: int) -> tuple[AnyArray, AnyArray]:
    """Return, for each input row (column), the (kernel row, output row) pairs with output
    in low..high."""
    size, kernel = m.in_shape[1 + axis], m.weight.shape[2 + axis]
    at, k = np.meshgrid(np.arange(size), np.arange(kernel), indexing="ij")
    reach = at + m.padding[axis] - k * m.dilation[axis]
    out = reach // m.stride[axis]
    valid = (reach % m.stride[axis] == 0) & (out >= low) & (out < high)
    first = np.concatenate([[0], np.cumsum(valid.sum(axis=1))]).astype(np.int64)
    return first, np.stack([k[valid], out[valid]], axis=1).astype(np.int64)


def _column_runs(m: Conv, box: Window) -> tuple[AnyArray, AnyArray, IntArray]:
    """Return runs of neighboring outputs of each input column, as kernels.conv wants them,
    and the order of kernel columns in which they are runs.

    Output = (input + padding - column * dilation) / stride: of the columns with one
    remainder, the next lower reaches the next higher output.
    """
    columns = np.arange(m.weight.shape[3])
    order = np.lexsort((-columns, columns * m.dilation[1] % m.stride[1]))
    first, pair = _pairs(m, 1, box.x0, box.x1)
    rank = np.argsort(order)
    runs: list[list[int]] = []
    run_first = [0]
    for x in range(m.in_shape[2]):
        begin = len(runs)
        for column, out in sorted(
            (int(rank[k]), int(o)) for k, o in pair[first[x] : first[x + 1]]
        ):
            last = runs[-1] if len(runs) > begin else [-9, -9, 0]
            if (column, out) == (last[0] + last[2], last[1] + last[2]):
                last[2] += 1
            else:
                runs.append([column, out, 1])
        run_first.append(len(runs))
    found = np.array(runs, np.int64).reshape(-1, 3)
    return np.array(run_first, np.int64), found, order


def _by_row(weight: AnyArray) -> tuple[int, AnyArray]:
    """Return (shift, weight [n_post, n_pre] >> shift, transposed) as int8 if that loses
    nothing, else as int16."""
    shift, bits = 0, 16
    low, high = int(weight.min(initial=0)), int(weight.max(initial=0))
    if low >= -128 and high <= 127:
        bits = 8
    elif low >= -256 and high <= 255 and not int(np.bitwise_or.reduce(weight, None)) & 1:
        shift, bits = 1, 8
    result = np.empty(weight.shape[::-1], np.int8 if bits == 8 else np.int16)
    kernels.transpose(weight, shift, result)
    return shift, result
