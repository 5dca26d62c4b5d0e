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
def update(
    code, state, parameter, bias, total, start, first, index, value,
    membrane, piece, active, fired, peak,
):  # fmt: skip
    """Run the steps start .. start + steps - 1 of one population of n neurons.

    state [states, n], parameter [params, n]: int32, rows in the order of the model's
    `states` and `params`. bias [n]: in place of the parameter row of that name. total
    [steps, n] int32: summed input. Spikes are appended to the events first, index, value
    (first[start] says where).
    membrane: [steps, n] to record v in, or [0, n]. piece [n]: the piece of each neuron;
    active, fired [steps, pieces]: counters, or [0, 0]. A neuron is active if a state, its
    input or its bias is not zero.
    peak [3]: largest |input|, |u| and |v| so far.
    """
    steps, n = total.shape
    count, record, counting = first[start], membrane.shape[0] > 0, active.shape[0] > 0
    payload = np.zeros(n, np.int32)
    for t in range(steps):
        if counting:
            for i in range(n):
                busy = state[0, i] | state[1, i] | total[t, i] | bias[i]
                active[t, piece[i]] += busy != 0
        _advance(code, state, parameter, total[t], bias, payload)
        for i in range(n):
            if payload[i] != 0:
                index[count], value[count] = i, payload[i]
                count += 1
                if counting:
                    fired[t, piece[i]] += 1
        if record:
            membrane[t] = state[1]
        peak[0] = _largest(total[t], peak[0])
        peak[1], peak[2] = _largest(state[0], peak[1]), _largest(state[1], peak[2])
        first[start + t + 1] = count
