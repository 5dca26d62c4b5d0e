"""The convolution kernel against the matrix of the same convolution, where sums are large."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Conv
from snn_deploy_simulators.engine.blocks import block
from snn_deploy_simulators.engine.engine import SpikeEvents
from snn_deploy_simulators.kernels.sums import events_of
from support.sanafe_networks import projection

GEOMETRY = (1, 2)
CASES = list(product(GEOMETRY, GEOMETRY, GEOMETRY, ((-127, 128), (-256, 256), (255, 256))))


def random_conv(
    rng: np.random.Generator, stride: int, dilation: int, groups: int, low: int, high: int
) -> Conv:
    shape, kernel = (300, 6, 7), 3
    weight = rng.integers(low, high, (22, shape[0] // groups, kernel, kernel), np.int16)
    rows, columns = ((n + 2 - dilation * (kernel - 1) - 1) // stride + 1 for n in shape[1:])
    strides, dilations = (stride, stride), (dilation, dilation)
    return Conv(weight, shape, (22, rows, columns), strides, (1, 1), dilations, groups)


@pytest.mark.parametrize(("stride", "dilation", "groups", "weights"), CASES)
@pytest.mark.parametrize("payload_bits", [0, 8])
def test_sums_are_those_of_the_matrix_however_many_events_fall_together(
    stride: int, dilation: int, groups: int, weights: tuple[int, int], payload_bits: int
) -> None:
    """300 channels: more than 16 bits can add up at once, and sums beyond them."""
    rng = np.random.default_rng(0)
    conv = random_conv(rng, stride, dilation, groups, *weights)
    fires = np.stack([rng.random(conv.n_pre) < rate for rate in (1.0, 0.3, 0.0003, 0.0)])
    x = fires * (rng.integers(1, 20, fires.shape) if payload_bits else 1)
    total = np.zeros((len(x) + 1, conv.n_post), np.int32)  # each arrives a step later
    touched = np.zeros(total.shape, np.uint8)
    p = replace(projection("in", "a", conv), payload_bits=payload_bits)
    events = SpikeEvents(*events_of(np.vstack([x, x[-1:]]).astype(np.int32)))
    block(p).run(events, 0, total, touched)
    sums = x.astype(np.int64) @ matrix(conv).T.astype(np.int64)
    reached = matrix(replace(conv, weight=np.ones_like(conv.weight))).T
    assert (total[1:] == sums).all()
    assert ((touched[1:] > 0) == (fires.astype(np.int64) @ reached > 0)).all()
    assert np.abs(sums).max() > 1 << 11
    assert touched[1].all()
    assert not touched[3].all()
    assert not total[0].any()
