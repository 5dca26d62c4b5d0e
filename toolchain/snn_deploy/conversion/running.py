"""Run to rest: after how many steps a converted network no longer sends anything."""

import numpy as np

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.conversion.feeding import feed
from snn_deploy.conversion.integers.ann import QuantAnn
from snn_deploy.conversion.integers.methods import Method
from snn_deploy.errors import InputError
from snn_deploy.ir.network import Network
from snn_deploy_simulators import reference

BATCH = 64  # samples per run; memory only
MOST = 1 << 10  # steps; ours: four times the levels of 8 bits


def steps_to_rest(net: Network, ann: QuantAnn, method: Method, x: AnyArray) -> IntArray:
    """Return the steps in which each sample x [N, *shape] of levels still sent spikes [N].

    Networks at rest have computed the ANN's levels. The longest of some samples is no bound
    for others, which is why the result is a distribution.

    Raises:
        InputError: A sample does not come to rest within MOST steps.
    """
    steps, found = 4 * len(net.populations), [np.zeros(0, np.int64)]
    for first in range(0, len(x), BATCH):
        rest, steps = _rest(net, ann, method, x[first : first + BATCH], steps)
        found.append(rest)
    return np.concatenate(found)


def _rest(
    net: Network, ann: QuantAnn, method: Method, x: AnyArray, steps: int
) -> tuple[IntArray, int]:
    """Return the steps to rest of one batch, and the steps after which all were so for
    as long again; `steps`, doubled as often as it takes."""
    while steps <= MOST:
        active = _active(net, feed(ann, method, x, steps))
        last = np.where(active.any(1), steps - np.argmax(active[:, ::-1], 1), 0)
        if int(last.max(initial=0)) <= steps // 2:
            return last.astype(np.int64), steps
        steps *= 2
    raise InputError(
        f"{ann.source or 'the network'}: a sample still sends spikes after {steps // 4} "
        "steps; use method graded, which needs one"
    )


def _active(net: Network, fed: AnyArray) -> AnyArray:
    """Return whether any neuron sent anything, per sample and step [N, T]."""
    spiking = [p.name for p in net.populations if p.neuron.spiking]
    recording = reference.run(net, fed, keep=spiking)
    parts = [recording.outputs[k].reshape(*fed.shape[:2], -1).any(2) for k in spiking]
    active: AnyArray = np.any(parts, axis=0)
    return active
