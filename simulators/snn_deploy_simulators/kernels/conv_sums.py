# mypy: disallow-untyped-defs=False
"""The kernel of convolutions: the events of one place are summed before they are spread.

All input channels at one place (row and column, and group) reach the same outputs. So a
step goes through the places where something fired, adds up the kernels of the channels that
did (a patch), and adds the patch to the window once. That also marks who was touched by
place, not by event. See conv_block.py for the tables, kernels/sums.py for events.
"""

import numpy as np

from snn_deploy_simulators.kernels.jit import kernel
from snn_deploy_simulators.kernels.sums import add_rows


@kernel
def conv(  # noqa: C901, PLR0915  # in parts it takes a third longer: tried
    first, index, value, start, delay, binary, listens, weight, pre_shift, together,
    class_y, class_x, class_columns, y_first, y_run, x_first, x_run, in_shape, window,
    out_shape, exponent, sums, total, touched,
):  # fmt: skip
    """Add what arrives in the steps of total [steps, n], as kernels/sums.py says.

    weight: [classes, C_in, size] int8 or int16: per class of places, and input channel, the
    kernel elements that reach an output, as [rows, columns, width]; width outputs of a
    group; `together` of them never leave int16. class_y [H], class_x [W]: the class of a
    place is their sum; class_columns [classes]: kernel columns in it. Input column x has
    the rows x_first[x] to x_first[x + 1] (excluded) of x_run, each (column in the class,
    output column, how many of both in turn), only those in the window; y_run of rows
    likewise. in_shape, out_shape: (C, H, W). window: (c0, c1, y0, y1, x0, x1) of the
    output. sums [groups, rows, columns * width] of the window: work space, int16 where no
    sum of weights can leave its range.
    """
    _, _, y0, y1, x0, x1 = window
    groups, size, columns = sums.shape[0], in_shape[1] * in_shape[2], in_shape[2]
    width, per_group = sums.shape[2] // (x1 - x0), in_shape[0] // groups
    hit = np.zeros((groups, y1 - y0, x1 - x0), np.uint8)
    newest = np.full((groups, size), -1, np.int32)  # event of each place
    patch, graded = np.zeros(weight.shape[2], np.int16), np.zeros(weight.shape[2], np.int32)
    chunk, channels = np.empty(together, np.int32), np.empty(_most_events(first), np.int32)
    for t in range(total.shape[0]):
        sent = start + t - delay
        if sent < 0 or first[sent] == first[sent + 1]:
            continue
        sums[:], hit[:] = 0, 0
        now = slice(first[sent], first[sent + 1])
        older = _link(index[now], listens, size, per_group, newest, channels)
        for g in range(groups):
            for place in range(size):
                event = newest[g, place]
                if event < 0:
                    continue
                newest[g, place] = -1
                y, x = place // columns, place % columns
                y_runs = y_run[y_first[y] : y_first[y + 1]]
                x_runs = x_run[x_first[x] : x_first[x + 1]]
                kind = class_y[y] + class_x[x]
                row = class_columns[kind] * width
                while event >= 0 and binary:
                    heard = 0
                    while event >= 0 and heard < together:
                        chunk[heard] = channels[event]
                        event = older[event]
                        heard += 1
                    if heard == 1:
                        only = weight[kind, chunk[0]]
                        _place(only, row, width, y_runs, x_runs, y0, x0, sums[g])
                    else:
                        add_rows(chunk, heard, weight[kind], patch)
                        _place(patch, row, width, y_runs, x_runs, y0, x0, sums[g])
                if event >= 0:
                    _sum_graded(event, older, channels, value[now], weight[kind], graded)
                    _place(graded, row, width, y_runs, x_runs, y0, x0, sums[g])
                _hit(y_runs, x_runs, y0, x0, hit[g])
        _spread(sums, width, window, out_shape, pre_shift, exponent, total[t])
        if touched.shape[0]:
            _mark(hit, window, out_shape, touched[t])


@kernel
def _sum_graded(event, older, channels, value, weight, patch):
    """Set patch [size] to the kernels of all events of a place, times their payloads."""
    patch[:] = 0
    while event >= 0:
        kernels, payload = weight[channels[event]], np.int32(value[event])
        for j in range(patch.size):
            patch[j] += np.int32(kernels[j]) * payload
        event = older[event]


@kernel
def _most_events(first):
    """Return the most events of a step."""
    most = 0
    for t in range(first.size - 1):
        most = max(most, first[t + 1] - first[t])
    return most


@kernel
def _link(index, listens, size, per_group, newest, channels):
    """Chain the events of a step by place: newest [groups, size], and the one before each;
    set channels to the input channel of each."""
    older = np.empty(index.size, np.int32)
    channel, base = 0, 0
    for k in range(index.size):
        while index[k] >= base + size:  # events come in the order of their numbers
            channel, base = channel + 1, base + size
        channels[k], older[k] = channel, -1
        if listens[index[k]]:
            group, place = channel // per_group, index[k] - base
            older[k] = newest[group, place]
            newest[group, place] = k
    return older


@kernel
def _place(patch, row, width, y_runs, x_runs, y0, x0, sums):
    """Add a patch [rows of `row` values] to sums [rows, columns * width] of the window."""
    for p in range(y_runs.shape[0]):
        for i in range(y_runs[p, 2]):
            y, start = y_runs[p, 1] - y0 + i, (y_runs[p, 0] + i) * row
            for q in range(x_runs.shape[0]):
                low, at = start + x_runs[q, 0] * width, (x_runs[q, 1] - x0) * width
                n = x_runs[q, 2] * width
                out, add = sums[y, at : at + n], patch[low : low + n]
                for j in range(out.size):
                    out[j] += add[j]


@kernel
def _hit(y_runs, x_runs, y0, x0, hit):
    """Set hit [rows, columns] where a place reaches the window."""
    for p in range(y_runs.shape[0]):
        y = y_runs[p, 1] - y0
        for q in range(x_runs.shape[0]):
            x = x_runs[q, 1] - x0
            hit[y : y + y_runs[p, 2], x : x + x_runs[q, 2]] = 1


@kernel
def _spread(sums, width, window, out_shape, pre_shift, exponent, total):
    """Add sums [groups, rows, columns * width] of the window, shifted, to total [n].

    Channel c is number c - lowest of its group, where lowest is the first in the window.
    """
    c0, c1, y0, _, x0, _ = window
    per_group = out_shape[0] // sums.shape[0]
    left, right = (exponent + pre_shift, 0) if exponent >= 0 else (pre_shift, -exponent)
    lines, length = _lines(window, out_shape)
    rows, size = sums.reshape((sums.shape[0], lines, length * width)), length * width
    apart = out_shape[1] * out_shape[2]
    shifted = np.empty(size, np.int32)
    for group in range(c0 // per_group, (c1 - 1) // per_group + 1):
        low, high = max(c0, group * per_group), min(c1, (group + 1) * per_group)
        for y in range(lines):
            row = rows[group, y]
            for i in range(size):
                shifted[i] = (np.int32(row[i]) << left) >> right
            at = (low * out_shape[1] + y0 + y) * out_shape[2] + x0
            for c in range(high - low):
                out, channel = total[at + c * apart :], shifted[c::width]
                for x in range(length):
                    out[x] += channel[x]


@kernel
def _mark(hit, window, out_shape, touched):
    """Set touched [C * H * W] where hit [groups, rows, columns] of the window is set."""
    c0, c1, y0, _, x0, _ = window
    per_group = out_shape[0] // hit.shape[0]
    lines, length = _lines(window, out_shape)
    rows = hit.reshape((hit.shape[0], lines, length))
    for c in range(c0, c1):
        for y in range(lines):
            at = (c * out_shape[1] + y0 + y) * out_shape[2] + x0
            out, row = touched[at : at + length], rows[c // per_group, y]
            for x in range(length):
                out[x] |= row[x]


@kernel
def _lines(window, out_shape):
    """Return how many lines of how many neighbors a channel of the window is; one, if it
    has whole rows."""
    _, _, y0, y1, x0, x1 = window
    whole = x1 - x0 == out_shape[2]
    return (1, (y1 - y0) * (x1 - x0)) if whole else (y1 - y0, x1 - x0)
