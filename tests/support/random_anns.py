"""Random quantized ANNs in integers: dense, residual, with biases, signed and unsigned."""

from typing import Any

import numpy as np

from snn_deploy.arrays import IntArray, frozen
from snn_deploy.conversion.integers.ann import AnnLayer, AnnSource, Port, QuantAnn
from snn_deploy.ir.maps import Dense


def random_ann(seed: int, *, signed: bool = True, recurrent: bool = False) -> QuantAnn:
    """Return three hidden layers of 12, the last of which hears the first two; a readout.

    recurrent: each hidden layer also hears itself, a step of the sequence ago.
    """
    rng = np.random.default_rng(seed)
    high = int(rng.choice([3, 7, 15]))
    low = -int(rng.choice([1, high])) if signed else 0
    port = Port("input", (9,), -20, 20, 0.1)
    before = [("input", 9, 20)]
    layers = []
    for i in range(3):
        heard = before[-2:] if i == 2 else before[-1:]
        sources = [_source(rng, pre, n, 12) for pre, n, _ in heard]
        if recurrent:
            sources.append(AnnSource(f"h{i}", _map(rng, 12, 12), delay=1))
        drive = np.sqrt(sum(n * most**2 for _, n, most in heard)) * 3
        # A layer of rates needs to be driven across all of its levels.
        theta = 2 * rng.integers(1, max(2, int(drive / high)), 12) + 1
        bias = rng.integers(-2 * int(theta.mean()), 2 * int(theta.mean()) + 1, 12)
        layers.append(
            AnnLayer(f"h{i}", (12,), tuple(sources), bias, theta, low, high, np.ones(12))
        )
        before.append((f"h{i}", 12, high))
    last = _source(rng, "h2", 12, 4)
    bias = rng.integers(-50, 50, 4)
    layers.append(AnnLayer("out", (4,), (last,), bias, None, 0, 0, np.ones(4)))
    return QuantAnn(port, tuple(layers), "out")


def levels(ann: QuantAnn, samples: int, seed: int, *lead: int) -> IntArray:
    """Return random levels of the input [samples, *lead, *shape]."""
    rng = np.random.default_rng(seed)
    shape = (samples, *lead, *ann.port.shape)
    return rng.integers(ann.port.low, ann.port.high + 1, shape)


def _source(rng: Any, pre: str, n_pre: int, n_post: int) -> AnnSource:
    return AnnSource(pre, _map(rng, n_pre, n_post))


def _map(rng: Any, n_pre: int, n_post: int) -> Dense:
    return Dense(frozen(rng.integers(-7, 8, (n_post, n_pre))))
