"""Random weights and connections, within what a Loihi can store."""

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray, frozen
from snn_deploy.ir.maps import Conv
from snn_deploy.ir.quant import SignMode


def random_weights(
    rng: np.random.Generator, shape: tuple[int, ...], sign: SignMode, bits: int
) -> AnyArray:
    """Return effective weights of the mode: multiples of its step, small or full range."""
    step = 1 << (8 - bits + (sign is SignMode.MIXED))
    largest = 255 // step if sign is not SignMode.MIXED else 256 // step
    span = max(1, int(largest * 2.0 ** -float(rng.uniform(0, 6))))
    if sign is SignMode.MIXED:
        units = rng.integers(-span, min(span, largest - 1), shape, endpoint=True)
        if bits == 1:
            units = rng.integers(-1, 1, shape)  # one bit holds the sign alone: -256 or 0
    else:
        units = rng.integers(0, span, shape, endpoint=True)
    if sign is SignMode.INHIBITORY:
        units = -units
    return frozen((units * step).astype(np.int16))


def random_sparse(rng: np.random.Generator, weight: AnyArray) -> sp.csr_array:
    """Return some of `weight` [n_post, n_pre] as a matrix; drawn zeros stay stored."""
    rows, columns = np.nonzero(rng.random(weight.shape) < rng.uniform(0.15, 0.6))
    entries = (weight[rows, columns], (rows, columns))
    result = sp.csr_array(sp.coo_array(entries, shape=weight.shape))
    result.sort_indices()
    return result


def random_conv(rng: np.random.Generator, in_shape: tuple[int, int, int]) -> Conv:
    """Return a convolution of any geometry, its weights still to be drawn."""
    channels, height, width = in_shape
    groups = channels if (rng.random() < 0.25) else 1
    out = groups * int(rng.integers(1, 3)) if groups > 1 else int(rng.integers(1, 4))
    size = np.array([height, width])
    dilation = rng.integers(1, 3, 2)
    kernel = np.minimum(rng.integers(1, 4, 2), (size - 1) // dilation + 1)
    stride = rng.integers(1, 3, 2)
    padding = rng.integers(0, 2, 2)
    # bottom and right may be padded differently
    extra = rng.integers(0, 2, 2) * (rng.random() < 0.2)
    reach = size + 2 * padding + extra - dilation * (kernel - 1) - 1
    spatial = np.maximum(reach // stride + 1, 1)
    return Conv(
        weight=np.zeros((out, channels // groups, *map(int, kernel)), np.int16),
        in_shape=(channels, height, width),
        out_shape=(out, int(spatial[0]), int(spatial[1])),
        stride=(int(stride[0]), int(stride[1])),
        padding=(int(padding[0]), int(padding[1])),
        dilation=(int(dilation[0]), int(dilation[1])),
        groups=groups,
    )
