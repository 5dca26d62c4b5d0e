"""What is fed into a converted network, step by step, and how its answer is read."""

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray
from snn_deploy.conversion.integers.ann import QuantAnn
from snn_deploy.conversion.integers.methods import DOUBLED, Method


def feed(ann: QuantAnn, method: Method, x: AnyArray, steps: int) -> FloatArray:
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


def answers(ann: QuantAnn, method: Method, output: AnyArray, steps: int) -> FloatArray:
    """Return the readout's sums from its membrane `output` [N, T, *shape].

    [N, *shape], or [N, L, *shape] of a recurrent network. They equal those of `evaluate` if
    the method is exact; a method that repeats its input gives the mean over the steps.
    """
    ends = np.asarray(output, np.float64)[:, steps - 1 :: steps]
    sums = ends / (steps if method.repeats else DOUBLED)
    return sums if ann.recurrent else sums[:, 0]
