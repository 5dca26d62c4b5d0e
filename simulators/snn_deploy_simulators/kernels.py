# mypy: disallow-untyped-defs=False
"""Kernels that turn spikes into summed inputs; cost grows with spikes.

Events of a population are a CSR over the model steps of one sample: the events of step t
are
index[first[t] : first[t + 1]] (neuron numbers) with payloads value[...]. `total` [steps, n]
int32 receives the summed, shifted input of the steps start .. start + steps - 1; what
arrives at step t was sent at t - delay. Each kernel adds into the columns of its window
only. listens [n_pre] marks the neurons whose events reach these synapses; `binary` makes
every payload count as one. Weights may be stored divided by 2**pre_shift.
touched [steps, n] uint8 is set where an event arrived, whatever its weight; [0, 0] if
nobody asks.
"""

import numpy as np

from snn_deploy_simulators.jit import inlined, kernel

COUNT_BITS = 12  # of a packed sum, see sparse_binary
MANY = 2047  # events per target that leave room for a sum of weights -256..255
LANES = 16  # int32 values of the widest vector of today's processors
TILE = 128  # rows and columns; the best of 8 to 128, by trial
CHUNK = 252  # rows of weights -128..127 that an int16 sum surely holds; a multiple of 4


@kernel
def shifted(total, left):
    """Return total * 2**left, rounded down."""
    return total << left if left >= 0 else total >> -left


@kernel
def dense_binary(
    first, index, start, delay, listens, weight, pre_shift, exponent, column, total,
    touched,
):  # fmt: skip
    """Add rows of weight [n_pre, width] (int8) for every event; payloads count as one."""
    width = weight.shape[1]
    narrow, wide = np.zeros(width, np.int16), np.zeros(width, np.int32)
    chunk = np.empty(CHUNK, np.int32)
    for t in range(total.shape[0]):
        sent = start + t - delay
        if sent < 0 or first[sent] == first[sent + 1]:
            continue
        wide[:] = 0
        k, end, heard = first[sent], first[sent + 1], 0
        while k < end:
            size = 0
            while k < end and size < CHUNK:
                chunk[size] = index[k]
                size += listens[index[k]]
                k += 1
            add_rows(chunk, size, weight, narrow)
            heard += size
            for j in range(width):
                wide[j] += narrow[j]
        if heard and touched.shape[0]:
            touched[t, column : column + width] = 1
        out = total[t, column : column + width]
        if exponent >= 0:
            left = exponent + pre_shift
            for j in range(width):
                out[j] += wide[j] << left
        else:
            for j in range(width):
                out[j] += (wide[j] << pre_shift) >> -exponent


@kernel
def add_rows(rows, size, weight, narrow):
    """Set narrow [width] to the sum of the given rows of weight, four at a time."""
    width = weight.shape[1]
    narrow[:] = 0
    k = 0
    while k + 4 <= size:
        w0, w1, w2, w3 = (
            weight[rows[k]],
            weight[rows[k + 1]],
            weight[rows[k + 2]],
            weight[rows[k + 3]],
        )
        for j in range(width):
            narrow[j] += (
                np.int16(w0[j]) + np.int16(w1[j]) + np.int16(w2[j]) + np.int16(w3[j])
            )
        k += 4
    while k < size:
        w0 = weight[rows[k]]
        for j in range(width):
            narrow[j] += np.int16(w0[j])
        k += 1


@kernel
def dense_graded(
    first,
    index,
    value,
    start,
    delay,
    binary,
    listens,
    weight,
    pre_shift,
    exponent,
    column,
    total,
    touched,
):
    """Add rows of weight [n_pre, width] (int8 or int16) times the payload of every
    event."""
    width = weight.shape[1]
    wide = np.zeros(width, np.int32)
    for t in range(total.shape[0]):
        sent = start + t - delay
        if sent < 0 or first[sent] == first[sent + 1]:
            continue
        wide[:] = 0
        heard = False
        for k in range(first[sent], first[sent + 1]):
            if not listens[index[k]]:
                continue
            heard = True
            row, payload = weight[index[k]], np.int32(1) if binary else np.int32(value[k])
            for j in range(width):
                wide[j] += np.int32(row[j]) * payload
        if heard and touched.shape[0]:
            touched[t, column : column + width] = 1
        out = total[t, column : column + width]
        for j in range(width):
            out[j] += shifted(wide[j] << pre_shift, exponent)


@kernel
def sparse(
    first,
    index,
    value,
    start,
    delay,
    binary,
    listens,
    row_first,
    row_post,
    row_weight,
    exponent,
    total,
    touched,
):
    """Add the synapses row_first[i] : row_first[i + 1] of every event's neuron i, times its
    payload."""
    n = total.shape[1]
    wide = np.zeros(n, np.int32)
    left, right = max(exponent, 0), max(-exponent, 0)
    for t in range(total.shape[0]):
        sent = start + t - delay
        if sent < 0 or first[sent] == first[sent + 1]:
            continue
        out = total[t] if right == 0 else wide
        if right:
            wide[:] = 0
        for k in range(first[sent], first[sent + 1]):
            i = index[k]
            if not listens[i]:
                continue
            payload = (np.int32(1) if binary else np.int32(value[k])) << left
            for s in range(row_first[i], row_first[i + 1]):
                out[row_post[s]] += np.int32(row_weight[s]) * payload
        if touched.shape[0]:
            _touch(first, index, sent, listens, row_first, row_post, t, touched)
        if right:
            for j in range(n):
                total[t, j] += wide[j] >> right


@kernel
def _touch(first, index, sent, listens, row_first, row_post, t, touched):
    """Set touched[t] for all targets of the events of step `sent`."""
    for k in range(first[sent], first[sent + 1]):
        i = index[k]
        if listens[i]:
            for s in range(row_first[i], row_first[i + 1]):
                touched[t, row_post[s]] = 1


@kernel
def sparse_binary(
    first, index, start, delay, listens, row_first, row_post, row_weight, exponent, total,
    touched,
):  # fmt: skip
    """As `sparse`, where payloads count as one and no target has more than MANY sources.

    A sum and the number of events that made it share one integer: (sum << 12) + number.
    """
    n = total.shape[1]
    both = np.zeros(n, np.int32)
    left, right = max(exponent, 0), COUNT_BITS + max(-exponent, 0)
    for t in range(total.shape[0]):
        sent = start + t - delay
        if sent < 0 or first[sent] == first[sent + 1]:
            continue
        both[:] = 0
        for k in range(first[sent], first[sent + 1]):
            i = index[k]
            if not listens[i]:
                continue
            post = row_post[row_first[i] : row_first[i + 1]]
            weight = row_weight[row_first[i] : row_first[i + 1]]
            for s in range(post.size):
                both[post[s]] += (np.int32(weight[s]) << COUNT_BITS) + np.int32(1)
        out = total[t]
        for j in range(n):
            out[j] += (both[j] >> right) << left
        if touched.shape[0]:
            for j in range(n):
                touched[t, j] |= (both[j] & ((1 << COUNT_BITS) - 1)) != 0


@kernel
def conv(
    first, index, value, start, delay, binary, listens, weight, y_first, y_pair, x_first,
    x_run, in_shape, groups, window, out_shape, exponent, total, touched,
):  # fmt: skip
    """Scatter every event through the kernel elements that reach the window.

    weight: [C_in, K_y, K_x, channels] int16, the output channels of a group inside the
    window, padded with zeros where that helps, and kernel columns in such an order that
    neighbors reach neighboring outputs. y_pair[y_first[y] : y_first[y + 1]] is (kernel row,
    output row) for input row y; x_run[x_first[x] : x_first[x + 1]] is (kernel column,
    output column, how many of both in turn) for input column x; only those in the window.
    in_shape, out_shape: (C, H, W). window: (c0, c1, y0, y1, x0, x1) of the output.
    """
    _, _, y0, y1, x0, x1 = window
    size_in, columns = in_shape[1] * in_shape[2], in_shape[2]
    in_per_group, width = in_shape[0] // groups, weight.shape[3]
    rows = weight.reshape((in_shape[0], weight.shape[1], weight.shape[2] * width))
    sums = np.zeros((groups, y1 - y0, (x1 - x0) * width), np.int32)
    hit = np.zeros((groups, y1 - y0, x1 - x0), np.uint8)
    for t in range(total.shape[0]):
        sent = start + t - delay
        if sent < 0 or first[sent] == first[sent + 1]:
            continue
        sums[:], hit[:] = 0, 0
        for k in range(first[sent], first[sent + 1]):
            if not listens[index[k]]:
                continue
            channel, place = index[k] // size_in, index[k] % size_in
            y, x, group = place // columns, place % columns, channel // in_per_group
            payload = np.int32(1) if binary else np.int32(value[k])
            for p in range(y_first[y], y_first[y + 1]):
                _add_row(
                    rows, channel, y_pair[p, 0], x_run, x_first[x], x_first[x + 1], x0,
                    width, payload, group, y_pair[p, 1] - y0, sums, hit,
                )  # fmt: skip
        _spread(sums, width, window, out_shape, exponent, total[t])
        if touched.shape[0]:
            _mark(hit, window, out_shape, touched[t])


@inlined
def _add_row(
    rows, channel, y_in, x_run, begin, end, x0, width, payload, group, y_out, sums, hit
):  # fmt: skip
    """Add one kernel row, as far as an event's runs begin .. end - 1 reach, to one output
    row."""
    for q in range(begin, end):
        low, at, n = x_run[q, 0] * width, x_run[q, 1] - x0, x_run[q, 2]
        for j in range(at, at + n):
            hit[group, y_out, j] = 1
        out = sums[group, y_out, at * width : (at + n) * width]
        row = rows[channel, y_in, low : low + n * width]
        if payload == 1:
            for j in range(out.size):
                out[j] += np.int32(row[j])
        else:
            for j in range(out.size):
                out[j] += np.int32(row[j]) * payload


@kernel
def _spread(sums, width, window, out_shape, exponent, total):
    """Add sums [groups, rows, columns * width] of the window, shifted, to total [n].

    Channel c is number c - lowest of its group, where lowest is the first in the window.
    """
    c0, c1, y0, y1, x0, x1 = window
    per_group = out_shape[0] // sums.shape[0]
    left, right = max(exponent, 0), max(-exponent, 0)
    for c in range(c0, c1):
        group = c // per_group
        j = c - max(c0, group * per_group)
        for y in range(y0, y1):
            at = (c * out_shape[1] + y) * out_shape[2]
            row = sums[group, y - y0]
            for x in range(x0, x1):
                total[at + x] += (row[(x - x0) * width + j] << left) >> right


@kernel
def _mark(hit, window, out_shape, touched):
    """Set touched [C * H * W] where hit [groups, rows, columns] of the window is set."""
    c0, c1, y0, y1, x0, x1 = window
    per_group = out_shape[0] // hit.shape[0]
    for c in range(c0, c1):
        for y in range(y0, y1):
            at = (c * out_shape[1] + y) * out_shape[2]
            for x in range(x0, x1):
                touched[at + x] |= hit[c // per_group, y - y0, x - x0]


@kernel
def transpose(matrix, right, result):
    """Set result [m, n] to the transpose of matrix [n, m], shifted right; in tiles, so that
    both sides stay in the cache."""
    n, m = matrix.shape
    for i0 in range(0, n, TILE):
        for j0 in range(0, m, TILE):
            for j in range(j0, min(j0 + TILE, m)):
                for i in range(i0, min(i0 + TILE, n)):
                    result[j, i] = matrix[i, j] >> right


@kernel
def tally(first, index, table, counts):
    """Add table[k, i] to counts[t, k] for every event of neuron i in step t."""
    for t in range(first.size - 1):
        for e in range(first[t], first[t + 1]):
            for k in range(table.shape[0]):
                counts[t, k] += table[k, index[e]]


@kernel
def tally_groups(first, index, group, counts):
    """Add one to counts[t, group[i]] for every event of neuron i in step t; none where it
    is -1."""
    for t in range(first.size - 1):
        for e in range(first[t], first[t + 1]):
            if group[index[e]] >= 0:
                counts[t, group[index[e]]] += 1


@kernel
def events_of(raster):
    """Return the events (first, index, value) of raster [steps, n], non-zero payloads
    only."""
    steps, n = raster.shape
    first = np.zeros(steps + 1, np.int64)
    count = 0
    for t in range(steps):
        for i in range(n):
            count += raster[t, i] != 0
        first[t + 1] = count
    index, value = np.empty(count, np.int32), np.empty(count, np.int32)
    k = 0
    for t in range(steps):
        for i in range(n):
            if raster[t, i] != 0:
                index[k], value[k] = i, raster[t, i]
                k += 1
    return first, index, value
