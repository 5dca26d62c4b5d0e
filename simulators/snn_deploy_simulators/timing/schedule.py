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
    event_first, event_index, event_rank, source_first, core, place, route_first, route_at,
    route_pair, route_receive, path_first, path_link, latency, target, n_links, updates,
    active, rates, buffer,
):  # fmt: skip
    """Return when all messages of each chip step have been sent, and received: [F], [F].

    event_first [Q, F + 1], event_index, event_rank: events of each source group by step.
    updates, active: [F, P]. rates: seconds per neuron, active neuron, spike and message.
    target [R]: piece that each pair ends in. For the rest see event.py.
    """
    frame, pieces = updates.shape
    sent, received = np.zeros(frame), np.zeros(frame)
    density = np.zeros(n_links)
    for f in range(frame):
        size = _most_messages(event_first, route_first, f) + pieces
        wait, receive = np.zeros(size), np.zeros(size)
        pair, after = np.empty(size, np.int32), np.full(size, -1, np.int32)
        head = np.full(pieces + 1, -1, np.int32)
        _list_messages(
            f, event_first, event_index, event_rank, source_first, core, place,
            route_first, route_at, route_pair, route_receive, updates, active, rates,
            head, after, wait, pair, receive,
        )  # fmt: skip
        density[:] = 0.0
        sent[f], received[f] = _schedule(
            head, after, wait, pair, receive, path_first, path_link, latency, target,
            density, buffer, pieces,
        )  # fmt: skip
    return sent, received


@kernel
def _most_messages(event_first, route_first, f):
    """Return a number no smaller than that of the messages of step f."""
    total = 0
    for q in range(event_first.shape[0]):
        events = event_first[q, f + 1] - event_first[q, f]
        total += events * (route_first[q + 1] - route_first[q])
    return total


@kernel
def _list_messages(
    f, event_first, event_index, event_rank, source_first, core, place, route_first,
    route_at, route_pair, route_receive, updates, active, rates, head, after, wait, pair,
    receive,
):  # fmt: skip
    """Fill the lists: wait is the work of the core before a message, receive that after."""
    pieces = updates.shape[1]
    tail = np.full(pieces + 1, -1, np.int32)
    done, busy = np.zeros(pieces + 1, np.int64), np.zeros(pieces + 1, np.int64)
    pending = np.zeros(pieces + 1)
    count = 0
    for q in range(event_first.shape[0]):
        for e in range(event_first[q, f], event_first[q, f + 1]):
            i = event_index[e]
            n = source_first[q] + i
            s = core[n]
            if s < pieces:
                pending[s] += (
                    (place[n] - done[s]) * rates[NEURON]
                    + (event_rank[e] - busy[s]) * rates[ACTIVE]
                    + rates[SPIKE]
                )
                done[s], busy[s] = place[n], event_rank[e]
            for r in range(route_first[q], route_first[q + 1]):
                if route_pair[route_at[r] + i] < 0:
                    continue
                wait[count] = pending[s] + rates[MESSAGE]
                pair[count] = route_pair[route_at[r] + i]
                receive[count] = route_receive[route_at[r] + i]
                pending[s] = 0.0
                _append(head, tail, after, s, count)
                count += 1
    for s in range(pieces):
        rest = pending[s] + (updates[f, s] - done[s]) * rates[NEURON]
        rest += (active[f, s] - busy[s]) * rates[ACTIVE]
        if rest > 0:
            wait[count], pair[count] = rest, -1
            _append(head, tail, after, s, count)
            count += 1


@kernel
def _append(head, tail, after, s, message):
    if tail[s] < 0:
        head[s] = message
    else:
        after[tail[s]] = message
    tail[s] = message


@kernel
def _schedule(
    head, after, wait, pair, receive, path_first, path_link, latency, target, density,
    buffer, pieces,
):  # fmt: skip
    """Return when the last message has been sent, and received. density [L]: zeros."""
    when, who = np.zeros(head.size), np.zeros(head.size, np.int32)
    ready = 0  # size of this heap: sources by the time of their next message
    for s in range(head.size):
        if head[s] >= 0:
            ready = _push(when, who, ready, wait[head[s]], s)
    leaves, message = np.zeros(after.size), np.zeros(after.size, np.int32)
    under_way, work = 0, 0.0  # size of that heap, and the seconds to receive all in it
    free = np.zeros(pieces)  # when each target has finished what came so far
    last_sent, last_received = 0.0, 0.0
    while ready:
        t, s = when[0], who[0]
        ready = _pop(when, who, ready)
        last_sent = max(last_sent, t)
        while under_way and leaves[0] <= t:
            gone = message[0]
            under_way = _pop(leaves, message, under_way)
            work -= receive[gone]
            _spread(density, path_first, path_link, pair[gone], -1.0)
        m = head[s]
        head[s] = after[m]
        p = pair[m]
        if p >= 0:
            mean = work / under_way if under_way else 0.0
            links = path_first[p + 1] - path_first[p]
            along = _along(density, path_first, path_link, p)
            t += max(0.0, along - links * buffer) * mean
            arrives = t + max(latency[p], along * mean / links)
            received = max(free[target[p]], arrives)
            free[target[p]] = received + receive[m]
            last_received = max(last_received, free[target[p]])
            under_way = _push(leaves, message, under_way, received, m)
            work += receive[m]
            _spread(density, path_first, path_link, p, 1.0)
        if head[s] >= 0:
            ready = _push(when, who, ready, t + wait[head[s]], s)
    return last_sent, last_received


@kernel
def _spread(density, path_first, path_link, p, messages):
    """Add `messages` to the links of pair p, one share each; one is the target's own."""
    links = path_first[p + 1] - path_first[p]
    share = messages / (links + 1)
    for k in range(path_first[p], path_first[p + 1]):
        density[path_link[k]] += share


@kernel
def _along(density, path_first, path_link, p):
    """Return the messages on the links of pair p."""
    total = 0.0
    for k in range(path_first[p], path_first[p + 1]):
        total += density[path_link[k]]
    return total


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
    key, item = keys[size], items[size]
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
    return size
