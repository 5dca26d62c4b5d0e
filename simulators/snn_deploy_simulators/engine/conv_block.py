"""Tables of a convolution, inside a window of its target, for kernels/conv_sums.py.

With a stride, a place reaches outputs through some kernel elements only: with stride 2
those of even or of odd rows, and columns. Places that use the same ones make a class; the
kernels are stored per class, so that what a place needs lies together.
"""

from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import AnyArray, BoolArray, IntArray
from snn_deploy.ir.maps import Conv
from snn_deploy.ir.program import Window
from snn_deploy.ir.quant import QuantProjection
from snn_deploy_simulators.engine.engine import Run, SpikeEvents
from snn_deploy_simulators.kernels import conv_sums, sums

LANES = 16  # int16 values that a vector of most of today's processors holds
NARROW = (1 << 15) - 1  # the largest int16


@dataclass(frozen=True, eq=False)
class _Axis:
    """Rows, or columns, of a convolution. kind [size]: the class of each input position.

    elements: kernel elements of each class, in such an order that neighbors reach
    neighboring outputs. first [size + 1], run [..., 3]: for each input position, (element
    in its class, output, how many of both in turn).
    """

    kind: IntArray
    elements: tuple[IntArray, ...]
    first: IntArray
    run: IntArray


def conv_run(p: QuantProjection, m: Conv, box: Window, listens: BoolArray) -> Run:
    """Return what adds the synapses of a convolution that end in `box`.

    listens: [n_pre], which events reach them.
    """
    rows, columns = (_axis(m, 0, box.y0, box.y1), _axis(m, 1, box.x0, box.x1))
    pre_shift, taps = _narrowed(m.weight)
    weight = _by_class(m, taps, box, rows, columns)
    binary, delay, exponent = p.payload_bits == 0, p.delay, p.weight_exp
    narrow = binary and _largest_sum(taps) <= NARROW
    width = weight.shape[2] // _elements(rows, columns)
    shape = (m.groups, box.y1 - box.y0, (box.x1 - box.x0) * width)
    lengths = np.array([len(k) for _ in rows.elements for k in columns.elements], np.int64)
    class_y, class_x = rows.kind * len(columns.elements), columns.kind
    largest = max(1, int(np.abs(taps.astype(np.int64)).max(initial=0)))
    together = min(sums.CHUNK, NARROW // largest)
    bounds = (box.c0, box.c1, box.y0, box.y1, box.x0, box.x1)

    def run(events: SpikeEvents, start: int, total: AnyArray, touched: AnyArray) -> None:
        sums = np.empty(shape, np.int16 if narrow else np.int32)
        conv_sums.conv(
            events.first, events.index, events.value, start, delay, binary, listens, weight,
            pre_shift, together, class_y, class_x, lengths, rows.first, rows.run,
            columns.first, columns.run, m.in_shape, bounds, m.out_shape, exponent, sums,
            total, touched,
        )  # fmt: skip

    return run


def _elements(rows: _Axis, columns: _Axis) -> int:
    """Return the kernel elements of the largest class."""
    return max(map(len, rows.elements)) * max(map(len, columns.elements))


def _narrowed(weight: AnyArray) -> tuple[int, AnyArray]:
    """Return (shift, weight >> shift), as int8 if that loses nothing, else as int16."""
    low, high = int(weight.min(initial=0)), int(weight.max(initial=0))
    if low >= -128 and high <= 127:
        return 0, weight.astype(np.int8)
    if low >= -256 and high <= 255 and not int(np.bitwise_or.reduce(weight, None)) & 1:
        return 1, (weight >> 1).astype(np.int8)
    return 0, weight.astype(np.int16)


def _largest_sum(taps: AnyArray) -> int:
    """Return the largest magnitude that a sum of some weights of one output can have."""
    flat = taps.reshape(len(taps), -1)
    up = np.maximum(flat, 0).sum(axis=1, dtype=np.int64)
    down = up - flat.sum(axis=1, dtype=np.int64)
    return int(max(up.max(initial=0), down.max(initial=0)))


def _by_class(
    m: Conv, taps: AnyArray, box: Window, rows: _Axis, columns: _Axis
) -> AnyArray:
    """Return the kernels as [classes, C_in, rows * columns * width]: per group the output
    channels inside `box`, from 0 on, and zeros to fill a vector that is mostly used."""
    per_group, in_per_group = m.out_shape[0] // m.groups, taps.shape[1]
    width = min(per_group, box.c1 - box.c0)
    if width % LANES > LANES // 4:
        width += -width % LANES
    kinds = [(y, x) for y in rows.elements for x in columns.elements]
    size = _elements(rows, columns) * width
    result = np.zeros((len(kinds), m.in_shape[0], size), taps.dtype)
    for g in range(m.groups):
        low, high = max(box.c0, g * per_group), min(box.c1, (g + 1) * per_group)
        if low >= high:
            continue
        sources = slice(g * in_per_group, (g + 1) * in_per_group)
        kernel = taps[low:high].transpose(1, 2, 3, 0)
        for kind, (y, x) in enumerate(kinds):
            part = np.zeros((in_per_group, len(y), len(x), width), taps.dtype)
            part[..., : high - low] = kernel[:, y][:, :, x]
            result[kind, sources, : part[0].size] = part.reshape(in_per_group, -1)
    return result


def _axis(m: Conv, axis: int, low: int, high: int) -> _Axis:
    """Return the rows (axis 0) or columns (1) that reach the outputs low..high.

    Output = (input + padding - element * dilation) / stride: of the elements of one class,
    the next lower reaches the next higher output.
    """
    size, stride = m.in_shape[1 + axis], m.stride[axis]
    step = np.arange(m.weight.shape[2 + axis]) * m.dilation[axis]
    remainders = np.unique(step % stride)
    elements = tuple(np.flatnonzero(step % stride == r)[::-1] for r in remainders)
    at = np.arange(size) + m.padding[axis]
    kind = np.minimum(np.searchsorted(remainders, at % stride), len(remainders) - 1)
    steps = [step[e].tolist() for e in elements]
    first, runs = [0], []
    for place, of_class in zip(at.tolist(), kind.tolist(), strict=True):
        if remainders[of_class] == place % stride:
            out = [(place - s) // stride for s in steps[of_class]]
            runs += _runs(out, low, high)
        first.append(len(runs))
    found = np.array(runs, np.int64).reshape(-1, 3)
    return _Axis(kind.astype(np.int64), elements, np.array(first, np.int64), found)


def _runs(outputs: list[int], low: int, high: int) -> list[list[int]]:
    """Return [position, output, how many] of the rising outputs inside low..high, in turns
    of neighbors."""
    runs: list[list[int]] = []
    for position, out in enumerate(outputs):
        if not low <= out < high:
            continue
        if runs and out == runs[-1][1] + runs[-1][2]:
            runs[-1][2] += 1
        else:
            runs.append([position, out, 1])
    return runs
