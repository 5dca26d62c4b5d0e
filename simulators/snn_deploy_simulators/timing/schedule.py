# mypy: disallow-untyped-defs=False
"""The kernels of the time model `event`: schedule the messages of each chip step.

S = pieces + 1 sources; the last is where inputs enter. Messages of a source are a linked
list in the order in which they are sent. A message with pair -1 is work of a core after its
last message.
"""

import numpy as np

from snn_deploy_simulators.jit import kernel

NEURON, ACTIVE, SPIKE, MESSAGE = range(4)  # entries of `rates`


@kernel
def run(
    event_first, event_index, event_rank, source_first, core, place, kind, row_first,
    row_pair, row_receive, path_first, path_link, latency, target, n_links, updates, active,
    rates, buffer,
):  # fmt: skip
    """Return when all messages of each chip step have been sent, and received: [F], [F].

    event_first [Q, F + 1], event_index, event_rank: events of each source group by step.
    updates, active: [F, P]. rates: seconds per neuron, active neuron, spike and message.
    target [R]: piece that each pair ends in. For the rest see event.py.
    """
    frame, pieces = updates.shape
    sent, received = np.zeros(frame), np.zeros(frame)
    links = np.diff(path_first).astype(np.float64)
    ways = np.stack((links * buffer, latency, 1 / links, 1 / (links + 1)), axis=1)
    most = _most_messages(event_first, event_index, source_first, kind, row_first)
    size = most + pieces
    wait, receive, leaves = np.empty(size), np.empty(size), np.empty(size)
    pair, after = np.empty(size, np.int32), np.empty(size, np.int32)
    density, head = np.empty(n_links), np.empty(pieces + 1, np.int32)
    for f in range(frame):
        head[:] = -1
        _list_messages(
            f, event_first, event_index, event_rank, source_first, core, place, kind,
            row_first, row_pair, row_receive, updates, active, rates, head, after, wait,
            pair, receive,
        )  # fmt: skip
        density[:] = 0.0
        sent[f], received[f] = _schedule(
            head, after, wait, pair, receive, leaves, path_first, path_link, ways, target,
            density, pieces,
        )  # fmt: skip
    return sent, received


@kernel
def _most_messages(event_first, event_index, source_first, kind, row_first):
    """Return the most messages of any step."""
    most = 0
    for f in range(event_first.shape[1] - 1):
        total = 0
        for q in range(event_first.shape[0]):
            for e in range(event_first[q, f], event_first[q, f + 1]):
                row = kind[source_first[q] + event_index[e]]
                total += row_first[row + 1] - row_first[row]
        most = max(most, total)
    return most


@kernel
def _list_messages(
    f, event_first, event_index, event_rank, source_first, core, place, kind, row_first,
    row_pair, row_receive, updates, active, rates, head, after, wait, pair, receive,
):  # fmt: skip
    """Fill the lists: wait is the work of the core before a message, receive that after."""
    pieces = updates.shape[1]
    tail = np.full(pieces + 1, -1, np.int32)
    done, busy = np.zeros(pieces + 1, np.int64), np.zeros(pieces + 1, np.int64)
    pending = np.zeros(pieces + 1)
    count = 0
    for q in range(event_first.shape[0]):
        for e in range(event_first[q, f], event_first[q, f + 1]):
            n = source_first[q] + event_index[e]
            s = core[n]
            if s < pieces:
                pending[s] += (
                    (place[n] - done[s]) * rates[NEURON]
                    + (event_rank[e] - busy[s]) * rates[ACTIVE]
                    + rates[SPIKE]
                )
                done[s], busy[s] = place[n], event_rank[e]
            begin = count
            for m in range(row_first[kind[n]], row_first[kind[n] + 1]):
                pair[count], receive[count] = row_pair[m], row_receive[m]
                wait[count], after[count] = rates[MESSAGE], count + 1
                count += 1
            if count > begin:
                wait[begin] += pending[s]
                pending[s] = 0.0
                _append(head, tail, after, s, begin, count - 1)
    for s in range(pieces):
        rest = pending[s] + (updates[f, s] - done[s]) * rates[NEURON]
        rest += (active[f, s] - busy[s]) * rates[ACTIVE]
        if rest > 0:
            wait[count], pair[count] = rest, -1
            _append(head, tail, after, s, count, count)
            count += 1


@kernel
def _append(head, tail, after, s, begin, end):
    """Append the messages begin .. end, which are linked already, to the list of s."""
    after[end] = -1
    if tail[s] < 0:
        head[s] = begin
    else:
        after[tail[s]] = begin
    tail[s] = end


@kernel
def _schedule(  # noqa: C901, PLR0915  # in parts it takes half as long again: tried
    head, after, wait, pair, receive, leaves, path_first, path_link, ways, target, density,
    pieces,
):  # fmt: skip
    """Return when the last message has been sent, and received.

    ways [R, 4]: of each pair, what its links hold, its latency, 1 / its links, and the
    share of a message on each. leaves, density: work space.

    Messages under way to one target leave the network in the order in which they came, so
    each target has a queue (a linked list again), and only the targets are in a heap.
    """
    when, who = np.zeros(head.size), np.zeros(head.size, np.int32)
    ready = 0  # size of this heap: sources by the time of their next message
    for s in range(head.size):
        if head[s] >= 0:
            ready = _push(when, who, ready, wait[head[s]], s)
    front, back = np.zeros(pieces, np.int32), np.full(pieces, -1, np.int32)
    due, waiting = np.zeros(pieces), np.zeros(pieces, np.int32)
    queues = 0  # size of that heap: targets by when their front message leaves
    under_way, work = 0, 0.0  # messages, and the seconds to receive them all
    free = np.zeros(pieces)  # when each target has finished what came so far
    density[:] = 0.0
    last_sent, last_received = 0.0, 0.0
    while ready:
        t, s = when[0], who[0]
        last_sent = max(last_sent, t)
        while queues and due[0] <= t:
            q = waiting[0]
            gone = front[q]
            under_way -= 1
            work -= receive[gone]
            p = pair[gone]
            for k in range(path_first[p], path_first[p + 1]):
                density[path_link[k]] -= ways[p, 3]
            if gone == back[q]:
                back[q] = -1
                queues = _pop(due, waiting, queues)
            else:
                front[q] = after[gone]
                _replace(due, waiting, queues, leaves[front[q]], q)
        m = head[s]
        head[s] = after[m]
        p = pair[m]
        if p >= 0:
            q = target[p]
            mean = work / under_way if under_way else 0.0
            along = 0.0
            for k in range(path_first[p], path_first[p + 1]):
                along += density[path_link[k]]
                density[path_link[k]] += ways[p, 3]
            t += max(0.0, along - ways[p, 0]) * mean
            leaves[m] = max(free[q], t + max(ways[p, 1], along * mean * ways[p, 2]))
            free[q] = leaves[m] + receive[m]
            last_received = max(last_received, free[q])
            if back[q] < 0:
                front[q] = m
                queues = _push(due, waiting, queues, leaves[m], q)
            else:
                after[back[q]] = m
            back[q] = m
            under_way += 1
            work += receive[m]
        if head[s] >= 0:
            _replace(when, who, ready, t + wait[head[s]], s)
        else:
            ready = _pop(when, who, ready)
    return last_sent, last_received


@kernel
def _push(keys, items, size, key, item):
    """Insert into a heap (smallest key first); return its new size."""
    i = size
    while i > 0:
        parent = (i - 1) // 2
        if keys[parent] <= key:
            break
        keys[i], items[i] = keys[parent], items[parent]
        i = parent
    keys[i], items[i] = key, item
    return size + 1


@kernel
def _pop(keys, items, size):
    """Remove the first of a heap; return its new size."""
    size -= 1
    if size:
        _replace(keys, items, size, keys[size], items[size])
    return size


@kernel
def _replace(keys, items, size, key, item):
    """Put another in the place of the first of a heap."""
    i = 0
    while 2 * i + 1 < size:
        child = 2 * i + 1
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if key <= keys[child]:
            break
        keys[i], items[i] = keys[child], items[child]
        i = child
    keys[i], items[i] = key, item
