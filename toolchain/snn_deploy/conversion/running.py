"""Running a converted network: what is fed in, how its answer is read, when it rests."""

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, IntArray
from snn_deploy.conversion.integers.ann import QuantAnn
from snn_deploy.conversion.methods import DOUBLED, ConversionMethod
from snn_deploy.errors import InputError
from snn_deploy.ir.network import Network
from snn_deploy_simulators import reference

BATCH = 64  # samples per run; memory only
MOST = 1 << 10  # steps; ours: four times the levels of 8 bits


def feed(ann: QuantAnn, method: ConversionMethod, x: AnyArray, steps: int) -> FloatArray:
    """Return levels x [N, *shape] as the input of every step [N, steps, *shape].

    Methods with a tracer hear of a sample once, in its first step, as one graded value; the
    others in each step. Of a recurrent network x is [N, L, *shape]: each step of the
    sequence is a window of `steps`, fed as its difference from the one before, and the
    result is [N, L * steps, *shape].
    """
    windows = x if ann.recurrent else x[:, None]
    samples, length = windows.shape[:2]
    fed = np.zeros((samples, length, steps, *ann.port.shape))
    if method.repeats:
        fed[:] = windows[:, :, None]
    else:
        fed[:, :, 0] = np.diff(windows, axis=1, prepend=np.zeros_like(windows[:, :1]))
    return fed.reshape(samples, length * steps, *ann.port.shape)


def answers(
    ann: QuantAnn, method: ConversionMethod, output: AnyArray, steps: int
) -> FloatArray:
    """Return the readout's sums from its membrane `output` [N, T, *shape].

    [N, *shape], or [N, L, *shape] of a recurrent network. They equal those of `evaluate` if
    the method is exact; a method that repeats its input gives the mean over the steps.
    """
    ends = np.asarray(output, np.float64)[:, steps - 1 :: steps]
    sums = ends / (steps if method.repeats else DOUBLED)
    return sums if ann.recurrent else sums[:, 0]


def steps_to_rest(
    net: Network, ann: QuantAnn, method: ConversionMethod, x: AnyArray
) -> IntArray:
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
    net: Network, ann: QuantAnn, method: ConversionMethod, x: AnyArray, steps: int
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
