# mypy: disallow-untyped-defs=False
"""The update kernel: runs any neuron model's own integer step over a population.

Each `_advance_...` is a loop (vectorised by LLVM) around a model's single definition. To
add a model: a number in CODES, a loop, and a branch in `_advance`.
"""

import numba
import numpy as np

from snn_deploy.neurons.floored_level import floored_level
from snn_deploy.neurons.lif import lif
from snn_deploy.neurons.multi_level import multi_level
from snn_deploy.neurons.refractory_lif import refractory_lif
from snn_deploy.neurons.soft_lif import soft_lif
from snn_deploy_simulators.kernels.jit import inlined, kernel

AT_ONCE = 4095  # a current with this decay is gone before the next step uses it
LEVELS, SLICES = 3, 4
INSTANT, SOFT_INSTANT = 5, 6  # lif and soft_lif whose currents are gone at once
FLOORED = 7
CODES = {
    "lif": 0,
    "soft_lif": 1,
    "refractory_lif": 2,
    "multi_level": LEVELS,
    "floored_level": FLOORED,
}

_lif = numba.njit(lif)
_soft_lif = numba.njit(soft_lif)
_refractory_lif = numba.njit(refractory_lif)
_multi_level = numba.njit(multi_level, error_model="numpy")  # no branch per division
_floored_level = numba.njit(floored_level, error_model="numpy")


@kernel
def _loop_of(code, parameter):
    """Return which loop of `_advance` to run: slices of levels have one of their own, and
    so have currents that are gone at once, whose decay is a constant there."""
    if code == LEVELS and np.any(parameter[9:] != 0):
        return SLICES
    if code <= 1 and np.all(parameter[0] == AT_ONCE):
        return INSTANT + code
    return code


@inlined
def _advance_levels(state, parameter, a, bias, payload, sliced):
    """Update multi-level neurons once. sliced: False leaves out what slices cost, a loop of
    its own once this is put where it is called."""
    u, v, total = state[0], state[1], state[2]
    du, dv, theta, shift = parameter[0], parameter[1], parameter[3], parameter[4]
    low, high, floor, ceiling = parameter[5], parameter[6], parameter[7], parameter[8]
    wide = np.int64
    for i in range(a.size):
        member = wide(parameter[9, i]) if sliced else wide(0)
        plane = wide(parameter[10, i]) if sliced else wide(0)
        u[i], v[i], total[i], payload[i] = _multi_level(
            wide(u[i]), wide(v[i]), wide(total[i]), wide(a[i]), wide(du[i]), wide(dv[i]),
            wide(bias[i]), wide(theta[i]), wide(shift[i]), wide(low[i]), wide(high[i]),
            wide(floor[i]), wide(ceiling[i]), member, plane,
        )  # fmt: skip


@inlined
def _advance_lif(state, parameter, a, bias, payload, instant):
    """Update stock neurons once. instant: True where all currents are gone at once, which
    makes their decay a constant."""
    u, v = state[0], state[1]
    wide = np.int64
    for i in range(a.size):
        du = wide(AT_ONCE) if instant else wide(parameter[0, i])
        u[i], v[i], payload[i] = _lif(
            wide(u[i]), wide(v[i]), wide(a[i]), du, wide(parameter[1, i]), wide(bias[i]),
            wide(parameter[3, i]),
        )  # fmt: skip


@inlined
def _advance_soft_lif(state, parameter, a, bias, payload, instant):
    """As `_advance_lif`, for neurons that are reset by subtraction."""
    u, v = state[0], state[1]
    wide = np.int64
    for i in range(a.size):
        du = wide(AT_ONCE) if instant else wide(parameter[0, i])
        u[i], v[i], payload[i] = _soft_lif(
            wide(u[i]), wide(v[i]), wide(a[i]), du, wide(parameter[1, i]), wide(bias[i]),
            wide(parameter[3, i]), wide(parameter[4, i]),
        )  # fmt: skip


@inlined
def _advance_refractory_lif(state, parameter, a, bias, payload):
    """Update neurons that are held after a spike once."""
    u, v, wait = state[0], state[1], state[2]
    du, dv, vth, hold = parameter[0], parameter[1], parameter[3], parameter[4]
    wide = np.int64
    for i in range(a.size):
        u[i], v[i], wait[i], payload[i] = _refractory_lif(
            wide(u[i]), wide(v[i]), wide(wait[i]), wide(a[i]), wide(du[i]), wide(dv[i]),
            wide(bias[i]), wide(vth[i]), wide(hold[i]),
        )  # fmt: skip


@inlined
def _advance_floored_levels(state, parameter, a, bias, payload):
    """Update neurons of several levels whose membranes have a floor once."""
    u, v = state[0], state[1]
    du, dv, theta, shift = parameter[0], parameter[1], parameter[3], parameter[4]
    low, high, vmin = parameter[5], parameter[6], parameter[7]
    wide = np.int64
    for i in range(a.size):
        u[i], v[i], payload[i] = _floored_level(
            wide(u[i]), wide(v[i]), wide(a[i]), wide(du[i]), wide(dv[i]), wide(bias[i]),
            wide(theta[i]), wide(shift[i]), wide(low[i]), wide(high[i]), wide(vmin[i]),
        )  # fmt: skip


@kernel
def _advance(loop, state, parameter, a, bias, payload):
    """Update all neurons once; rows of `parameter` are the model's `params`, payload [n] is
    set."""
    if loop == 0:
        _advance_lif(state, parameter, a, bias, payload, False)
    elif loop == INSTANT:
        _advance_lif(state, parameter, a, bias, payload, True)
    elif loop == 1:
        _advance_soft_lif(state, parameter, a, bias, payload, False)
    elif loop == SOFT_INSTANT:
        _advance_soft_lif(state, parameter, a, bias, payload, True)
    elif loop == 2:
        _advance_refractory_lif(state, parameter, a, bias, payload)
    elif loop == LEVELS:
        _advance_levels(state, parameter, a, bias, payload, False)
    elif loop == SLICES:
        _advance_levels(state, parameter, a, bias, payload, True)
    elif loop == FLOORED:
        _advance_floored_levels(state, parameter, a, bias, payload)


@kernel
def _largest(values, so_far):
    """Return the largest magnitude in `values` (int32), at least `so_far`."""
    low, high = np.int32(0), np.int32(0)
    for i in range(values.size):
        low, high = min(low, values[i]), max(high, values[i])
    return max(so_far, np.int64(high), -np.int64(low))


@kernel
def _differ(before, after, parameter):
    """Return whether any state [states, n] is another than before; a current that decays at
    once is none: no later step depends on it."""
    for i in range(before.shape[1]):
        if before[0, i] != after[0, i] and parameter[0, i] < AT_ONCE:
            return True
    for k in range(1, before.shape[0]):
        for i in range(before.shape[1]):
            if before[k, i] != after[k, i]:
                return True
    return False


@kernel
def _find_busy(state, parameter, total, bias, touched, busy):
    """Set busy [n] to 1 where the update has something to do: a membrane, a current that
    does not decay at once, an event or a bias."""
    for i in range(busy.size):
        u = state[0, i] if parameter[0, i] < AT_ONCE else np.int32(0)
        busy[i] = (u | state[1, i] | total[i] | bias[i] | touched[i]) != 0


@kernel
def _count(piece, period, busy, folded, active):
    """Add the busy neurons of each piece to active [pieces]; see `update`. folded [period]:
    work space."""
    folded[:] = 0
    for low in range(0, busy.size, period):
        part = busy[low : low + period]
        for i in range(part.size):
            folded[i] += part[i]
    i = 0
    while i < period:  # runs of one piece
        end = i + 1
        while end < period and piece[end] == piece[i]:
            end += 1
        active[piece[i]] += np.sum(folded[i:end])
        i = end


@kernel
def _find_ranks(order, first, busy, ranks):
    """Set ranks [n]: how many of its piece are busy up to each neuron, itself included."""
    for p in range(first.size - 1):
        total = 0
        for k in range(first[p], first[p + 1]):
            total += busy[order[k]]
            ranks[order[k]] = total


@kernel
def _append_events(payload, index, value, count):
    """Append all neurons whose payload is not zero; return the new count."""
    end, one, none = np.uint64(count), np.uint64(1), np.uint64(0)  # unsigned: no wrapping
    for i in range(payload.size):  # without a branch per neuron
        index[end] = i
        end += one if payload[i] != 0 else none
    for e in range(count, np.int64(end)):
        value[e] = payload[index[e]]
    return np.int64(end)


@kernel
def update(
    code, state, parameter, bias, total, touched, start, first, index, value, rank,
    membrane, pieces, active, fired, peak, changed,
):  # fmt: skip
    """Run the steps start .. start + steps - 1 of one population of n neurons.

    state [states, n], parameter [params, n]: int32, rows in the order of the model's
    `states` and `params`. bias [n]: in place of the parameter row of that name. total
    [steps, n] int32: summed input; touched [steps, n]: where an event arrived. Spikes are
    appended to the events first, index, value (first[start] says where; these two have room
    for one more than can fire), and to rank the busy neurons of the piece up to each (or
    rank is empty).

    membrane: [steps, n] to record v in, or [0, n]. pieces: (piece [n] of each neuron, the
    neurons in order of their pieces [n], where each piece starts in that [pieces + 1], and
    a number of neurons after which `piece` repeats itself). active, fired [steps, pieces]:
    counters, or [0, 0]; a neuron is active if it had something to do (see _find_busy). peak
    [3]: largest |input|, |u| and |v| so far. changed [1]: set to the last step that changed
    any state, or [0].
    """
    steps, n = total.shape
    count, record, counting = first[start], membrane.shape[0] > 0, active.shape[0] > 0
    payload, busy = np.zeros(n, np.int32), np.zeros(n, np.uint8)
    ranks = np.zeros(n if rank.size else 0, np.int32)
    piece, order, piece_first, period = pieces
    folded = np.zeros(period, np.int32)
    loop = _loop_of(code, parameter)
    previous = np.zeros(state.shape if changed.size else (0, 0), np.int32)
    for t in range(steps):
        if changed.size:
            previous[:] = state
        if counting:
            _find_busy(state, parameter, total[t], bias, touched[t], busy)
            _count(piece, period, busy, folded, active[t])
        _advance(loop, state, parameter, total[t], bias, payload)
        before, count = count, _append_events(payload, index, value, count)
        if counting:
            for e in range(before, count):
                fired[t, piece[index[e]]] += 1
        if rank.size:
            _find_ranks(order, piece_first, busy, ranks)
            for e in range(before, count):
                rank[e] = ranks[index[e]]
        if record:
            membrane[t] = state[1]
        peak[0] = _largest(total[t], peak[0])
        peak[1], peak[2] = _largest(state[0], peak[1]), _largest(state[1], peak[2])
        if changed.size and _differ(previous, state, parameter):
            changed[0] = start + t
        first[start + t + 1] = count
