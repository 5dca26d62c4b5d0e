# mypy: disallow-untyped-defs=False
"""The kernels of the time model `event`: schedule the messages of each chip step.

S = pieces + 1 sources; the last is where inputs enter. The events of a source that cause
messages are a linked list in the order in which they are sent; the messages of an event are
a row of the tables.
"""

import numpy as np

from snn_deploy_simulators.kernels.jit import kernel

NEURON, ACTIVE, SPIKE, MESSAGE = range(4)  # entries of `rates`


@kernel
def run(
    event_first, event_index, event_rank, source_first, core, place, kind, row_first,
    row_pair, row_receive, path_first, path_link, latency, target, n_links, updates, active,
    rates, buffer,
):  # fmt: skip
    """Return when all messages of each chip step have been sent, and received: [F], [F].

    event_first [Q, F + 1], event_index, event_rank: events of each source group by step.
    updates, active: [F, P]. rates [4, S]: seconds per neuron, active one, spike, message.
    target [R]: piece that each pair ends in. For the rest see event.py.
    """
    frame, pieces = updates.shape
    sent, received = np.zeros(frame), np.zeros(frame)
    links = np.diff(path_first).astype(np.float64)
    path, share = _padded(path_first, path_link, n_links), 1 / (links + 1)
    fill = path.shape[1] - links  # link n_links is gone over so often, and its density is 0
    extra = share * fill * (fill - 1) / 2  # before, 1 share after the first time, ...
    ways = np.stack((links * buffer, latency, 1 / links, share, extra), axis=1)
    events, messages = _most(event_first, event_index, source_first, kind, row_first)
    work, row = np.empty(events), np.empty(events, np.int32)
    after, next_event = np.empty(messages, np.int32), np.empty(events, np.int32)
    leaves, sent_row = np.empty(messages), np.empty(messages, np.int32)
    density, head = np.empty(n_links + 1), np.empty(pieces + 1, np.int32)
    for f in range(frame):
        rest = _list_events(
            f, event_first, event_index, event_rank, source_first, core, place, kind,
            row_first, updates, active, rates, head, next_event, work, row,
        )  # fmt: skip
        sent[f], received[f] = _schedule(
            head, next_event, work, row, rest, row_first, row_pair, row_receive,
            rates[MESSAGE, 0], path, ways, target, after, leaves, sent_row, density,
        )  # fmt: skip
    return sent, received


@kernel
def _padded(path_first, path_link, n_links):
    """Return the links of each pair [R, most], filled up with link n_links, which counts
    for nothing: loops of one length are faster."""
    pairs, most = path_first.size - 1, 0
    for p in range(pairs):
        most = max(most, path_first[p + 1] - path_first[p])
    path = np.full((pairs, most), n_links, np.uint32)
    for p in range(pairs):
        for k in range(path_first[p], path_first[p + 1]):
            path[p, k - path_first[p]] = path_link[k]
    return path


@kernel
def _most(event_first, event_index, source_first, kind, row_first):
    """Return the most events, and the most messages, of any step."""
    most_events, most_messages = 0, 0
    for f in range(event_first.shape[1] - 1):
        events, messages = 0, 0
        for q in range(event_first.shape[0]):
            events += event_first[q, f + 1] - event_first[q, f]
            for e in range(event_first[q, f], event_first[q, f + 1]):
                k = kind[source_first[q] + event_index[e]]
                messages += row_first[k + 1] - row_first[k]
        most_events, most_messages = (
            max(most_events, events),
            max(most_messages, messages),
        )
    return most_events, most_messages


@kernel
def _list_events(
    f, event_first, event_index, event_rank, source_first, core, place, kind, row_first,
    updates, active, rates, head, next_event, work, row,
):  # fmt: skip
    """Link the events of each source; work is that of the core since its last message.

    Returns the work of each core after its last message: [P + 1].
    """
    pieces = updates.shape[1]
    tail = np.full(pieces + 1, -1, np.int32)
    done, busy = np.zeros(pieces + 1, np.int64), np.zeros(pieces + 1, np.int64)
    pending = np.zeros(pieces + 1)
    head[:] = -1
    count = 0
    for q in range(event_first.shape[0]):
        for e in range(event_first[q, f], event_first[q, f + 1]):
            n = source_first[q] + event_index[e]
            s, k = core[n], kind[n]
            if s < pieces:
                pending[s] += (
                    (place[n] - done[s]) * rates[NEURON, s]
                    + (event_rank[e] - busy[s]) * rates[ACTIVE, s]
                    + rates[SPIKE, s]
                )
                done[s], busy[s] = place[n], event_rank[e]
            if row_first[k] == row_first[k + 1]:
                continue
            work[count], row[count], next_event[count] = pending[s], k, -1
            pending[s] = 0.0
            if tail[s] < 0:
                head[s] = count
            else:
                next_event[tail[s]] = count
            tail[s] = count
            count += 1
    for s in range(pieces):
        pending[s] += (updates[f, s] - done[s]) * rates[NEURON, s]
        pending[s] += (active[f, s] - busy[s]) * rates[ACTIVE, s]
    return pending


@kernel
def _schedule(  # noqa: C901, PLR0915  # in parts it takes half as long again: tried
    head, next_event, work, row, rest, row_first, row_pair, row_receive, message_s, path,
    ways, target, after, leaves, sent_row, density,
):  # fmt: skip
    """Return when the last message has been sent, and received.

    ways [R, 5]: of each pair, what its links hold, its latency, 1 / its links, the share of
    a message on each, and what link n_links adds to the density of its path. after, leaves,
    sent_row, density: work space.

    Messages under way to one target leave the network in the order in which they came, so
    each target has a queue (a linked list), and only the targets are in a heap.
    """
    sources, pieces, last_link = head.size, head.size - 1, density.size - 1
    when, who = np.zeros(sources), np.zeros(sources, np.int32)
    cursor, end = np.zeros(sources, np.int32), np.zeros(sources, np.int32)
    last_sent, last_received = 0.0, 0.0
    ready = 0  # size of this heap: sources by the time of their next message
    for s in range(sources):
        if head[s] >= 0:
            cursor[s], end[s] = row_first[row[head[s]]], row_first[row[head[s]] + 1]
            ready = _push(when, who, ready, work[head[s]] + message_s, s)
        else:
            last_sent = max(last_sent, rest[s])
    front, back = np.zeros(pieces, np.int32), np.full(pieces, -1, np.int32)
    due, waiting = np.zeros(pieces), np.zeros(pieces, np.int32)
    queues = 0  # size of that heap: targets by when their front message leaves
    count, under_way, load = 0, 0, 0.0  # messages, and the seconds to receive them
    free = np.zeros(pieces)  # when each target has finished what came so far
    density[:] = 0.0
    while ready:
        t, s = when[0], who[0]
        last_sent = max(last_sent, t)
        while queues and due[0] <= t:
            q = waiting[0]
            gone = front[q]
            under_way -= 1
            load -= row_receive[sent_row[gone]]
            p = row_pair[sent_row[gone]]
            share = ways[p, 3]
            for k in range(path.shape[1]):
                density[path[p, k]] -= share
            if gone == back[q]:
                back[q] = -1
                queues = _pop(due, waiting, queues)
            else:
                front[q] = after[gone]
                _replace(due, waiting, queues, leaves[front[q]], q)
        m = cursor[s]
        p = row_pair[m]
        q = target[p]
        mean = load / under_way if under_way else 0.0
        along, share = -ways[p, 4], ways[p, 3]
        density[last_link] = 0.0
        for k in range(path.shape[1]):
            here = density[path[p, k]]
            along += here
            density[path[p, k]] = here + share
        t += max(0.0, along - ways[p, 0]) * mean
        leaves[count] = max(free[q], t + max(ways[p, 1], along * mean * ways[p, 2]))
        free[q] = leaves[count] + row_receive[m]
        last_received = max(last_received, free[q])
        if back[q] < 0:
            front[q] = count
            queues = _push(due, waiting, queues, leaves[count], q)
        else:
            after[back[q]] = count
        back[q], sent_row[count] = count, m
        count, under_way, load = count + 1, under_way + 1, load + row_receive[m]
        cursor[s] = m + 1
        if m + 1 == end[s]:
            head[s] = next_event[head[s]]
            if head[s] < 0:
                last_sent = max(last_sent, t + rest[s] if rest[s] > 0 else 0.0)
                ready = _pop(when, who, ready)
                continue
            t += work[head[s]]
            cursor[s], end[s] = row_first[row[head[s]]], row_first[row[head[s]] + 1]
        _replace(when, who, ready, t + message_s, s)
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
