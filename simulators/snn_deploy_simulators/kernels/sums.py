# mypy: disallow-untyped-defs=False
"""Kernels that turn spikes into summed inputs; cost grows with spikes.

Events of a population are a CSR over the model steps of one sample; those of step t are::

    index[first[t] : first[t + 1]]    the neurons
    value[first[t] : first[t + 1]]    the payloads

`total` [steps, n] int32 receives the summed, shifted input of the steps start .. start +
steps - 1; what arrives at step t was sent at t - delay. Each kernel adds into the columns
of its window only. listens [n_pre] marks the neurons whose events reach these synapses;
`binary` makes every payload count as one. Weights may be stored divided by 2**pre_shift.
touched [steps, n] uint8 is set where an event arrived, whatever its weight; [0, 0] if
nobody asks.
"""

import numpy as np

from snn_deploy_simulators.kernels.jit import kernel

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
    first, index, value, start, delay, binary, listens, weight, pre_shift, exponent, column,
    total, touched,
):  # fmt: skip
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
    first, index, value, start, delay, binary, listens, row_first, row_post, row_weight,
    exponent, total, touched,
):  # fmt: skip
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
def by_source(row_first, source, weight, first, post, post_weight):
    """Turn synapses listed by target (CSR) into the same listed by source.

    row_first [n_post + 1], source, weight: of each target. Sets first [n_pre + 1], and post
    and post_weight, of each source; targets rise.
    """
    first[:] = 0
    for s in range(source.size):
        first[source[s] + 1] += 1
    for i in range(first.size - 1):
        first[i + 1] += first[i]
    free = first[:-1].copy()
    for j in range(row_first.size - 1):
        for s in range(row_first[j], row_first[j + 1]):
            at = free[source[s]]
            post[at], post_weight[at] = j, weight[s]
            free[source[s]] = at + 1


@kernel
def count_sources(row_first, source, rows, counts):
    """Add to counts [n_pre] the synapses of each source that end in the given rows."""
    for row in rows:
        for s in range(row_first[row], row_first[row + 1]):
            counts[source[s]] += 1


@kernel
def tally(first, index, kind, row_first, pair, piece, cost, messages, spent):
    """Count the messages of each step, and what they cost.

    kind [n]: of each neuron. A spike of kind k causes the messages from row_first[k] to
    row_first[k + 1] (excluded), each over a pair (-1: over none) to a piece, at a cost [4]
    there. Adds to messages [T, pairs] and spent [T, pieces, 4].
    """
    seen = np.zeros(row_first.size - 1, np.int64)  # spikes of each kind in this step
    used = np.array([c for c in range(4) if np.any(cost[:, c])], np.int64)
    for t in range(first.size - 1):
        if seen.size == 1:
            seen[0] = first[t + 1] - first[t]
        else:
            for e in range(first[t], first[t + 1]):
                seen[kind[index[e]]] += 1
        for k in range(seen.size):
            if seen[k]:
                for m in range(row_first[k], row_first[k + 1]):
                    if pair[m] >= 0:
                        messages[t, pair[m]] += seen[k]
                    for c in used:
                        spent[t, piece[m], c] += seen[k] * cost[m, c]
                seen[k] = 0


@kernel
def sorted_by(key, keys):
    """Return (first [keys + 1], order) of keys 0 .. keys - 1: where `key` is k, rising, is
    order[first[k] : first[k + 1]]."""
    first = np.zeros(keys + 1, np.int64)
    for i in range(key.size):
        first[key[i] + 1] += 1
    for k in range(keys):
        first[k + 1] += first[k]
    free, order = first[:-1].copy(), np.empty(key.size, np.int64)
    for i in range(key.size):
        order[free[key[i]]] = i
        free[key[i]] += 1
    return first, order


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
