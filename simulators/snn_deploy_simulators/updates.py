# mypy: disallow-untyped-defs=False
"""The update kernel: runs any neuron model's own integer step over a population.

`_advance` is the only place that names the models; each branch is a loop (vectorised by
LLVM) around the model's single definition. To add a model: a number in CODES and a branch.
"""

import numba
import numpy as np

from snn_deploy.neurons.lif import lif
from snn_deploy.neurons.refractory_lif import refractory_lif
from snn_deploy.neurons.soft_lif import soft_lif
from snn_deploy_simulators.jit import kernel

AT_ONCE = 4095  # a current with this decay is gone before the next step uses it
CODES = {"lif": 0, "soft_lif": 1, "refractory_lif": 2}

_lif = numba.njit(lif)
_soft_lif = numba.njit(soft_lif)
_refractory_lif = numba.njit(refractory_lif)


@kernel
def _advance(code, state, parameter, a, bias, payload):
    """Update all neurons once; rows of `parameter` are the model's `params`, payload [n] is
    set."""
    u, v = state[0], state[1]
    du, dv, vth, more = parameter[0], parameter[1], parameter[3], parameter[-1]
    wide = np.int64
    if code == 0:
        for i in range(a.size):
            u[i], v[i], payload[i] = _lif(
                wide(u[i]), wide(v[i]), wide(a[i]), wide(du[i]), wide(dv[i]), wide(bias[i]),
                wide(vth[i]),
            )  # fmt: skip
    elif code == 1:
        for i in range(a.size):
            u[i], v[i], payload[i] = _soft_lif(
                wide(u[i]), wide(v[i]), wide(a[i]), wide(du[i]), wide(dv[i]), wide(bias[i]),
                wide(vth[i]), wide(more[i]),
            )  # fmt: skip
    else:
        wait = state[2]
        for i in range(a.size):
            u[i], v[i], wait[i], payload[i] = _refractory_lif(
                wide(u[i]), wide(v[i]), wide(wait[i]), wide(a[i]), wide(du[i]), wide(dv[i]),
                wide(bias[i]), wide(vth[i]), wide(more[i]),
            )  # fmt: skip


@kernel
def _largest(values, so_far):
    """Return the largest magnitude in `values` (int32), at least `so_far`."""
    low, high = np.int32(0), np.int32(0)
    for i in range(values.size):
        low, high = min(low, values[i]), max(high, values[i])
    return max(so_far, np.int64(high), -np.int64(low))


@kernel
def _find_busy(state, parameter, total, bias, touched, busy):
    """Set busy [n] to 1 where the update has something to do: a membrane, a current that
    does not decay at once, an event or a bias."""
    for i in range(busy.size):
        u = state[0, i] if parameter[0, i] < AT_ONCE else np.int32(0)
        busy[i] = (u | state[1, i] | total[i] | bias[i] | touched[i]) != 0


@kernel
def _count(runs, busy, payload, active, fired):
    """Add busy and fired neurons of one step to the counters [pieces]; see `update`."""
    for r in range(runs.shape[0]):
        start, stop, piece = runs[r]
        n_busy, n_fired = 0, 0
        for i in range(start, stop):
            n_busy += busy[i]
            n_fired += payload[i] != 0
        active[piece] += n_busy
        fired[piece] += n_fired


@kernel
def _rank(runs, busy, payload, count, passed, rank):
    """Write into rank[count...] how many of its piece are busy up to each firing neuron,
    itself included. passed [pieces]: work space."""
    passed[:] = 0
    for r in range(runs.shape[0]):
        start, stop, piece = runs[r]
        for i in range(start, stop):
            passed[piece] += busy[i]
            if payload[i] != 0:
                rank[count] = passed[piece]
                count += 1


@kernel
def update(
    code, state, parameter, bias, total, touched, start, first, index, value, rank,
    membrane, runs, active, fired, peak,
):  # fmt: skip
    """Run the steps start .. start + steps - 1 of one population of n neurons.

    state [states, n], parameter [params, n]: int32, rows in the order of the model's
    `states` and `params`. bias [n]: in place of the parameter row of that name. total
    [steps, n] int32: summed input; touched [steps, n]: where an event arrived. Spikes are
    appended to the events first, index, value (first[start] says where), and to rank the
    busy neurons of the piece up to each (or rank is empty).
    membrane: [steps, n] to record v in, or [0, n]. runs [R, 3]: neurons start .. stop - 1
    are of a piece; active, fired [steps, pieces]: counters, or [0, 0]. A neuron is active
    if it had something to do (see _find_busy).
    peak [3]: largest |input|, |u| and |v| so far.
    """
    steps, n = total.shape
    count, record, counting = first[start], membrane.shape[0] > 0, active.shape[0] > 0
    payload, busy = np.zeros(n, np.int32), np.zeros(n, np.uint8)
    passed = np.zeros(active.shape[1], np.int64)
    for t in range(steps):
        if counting:
            _find_busy(state, parameter, total[t], bias, touched[t], busy)
        _advance(code, state, parameter, total[t], bias, payload)
        if counting:
            _count(runs, busy, payload, active[t], fired[t])
            if rank.size:
                _rank(runs, busy, payload, count, passed, rank)
        for i in range(n):
            if payload[i] != 0:
                index[count], value[count] = i, payload[i]
                count += 1
        if record:
            membrane[t] = state[1]
        peak[0] = _largest(total[t], peak[0])
        peak[1], peak[2] = _largest(state[0], peak[1]), _largest(state[1], peak[2])
        first[start + t + 1] = count
