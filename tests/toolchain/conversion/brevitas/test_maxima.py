from typing import Any

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from torch import nn

from snn_deploy.conversion.brevitas.from_brevitas import from_brevitas
from snn_deploy.conversion.integers.ann import encode, evaluate

POOLS = [
    nn.MaxPool2d(2),
    nn.MaxPool2d(3, stride=1),
    nn.MaxPool2d(3, stride=2, padding=1),
    nn.MaxPool2d((1, 3), stride=(1, 2), ceil_mode=True),
    nn.MaxPool2d(2, dilation=2, stride=1),
]


class Pooled(nn.Module):
    def __init__(self, pool: nn.Module, act: nn.Module) -> None:
        super().__init__()
        self.act, self.pool = act, pool

    def forward(self, x: torch.Tensor) -> Any:
        return self.pool(self.act(x))


class Behind(nn.Module):
    """A convolution in front, so that the maximum is of a layer, not of the input."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.entry = qnn.QuantIdentity(bit_width=8)
        self.conv = qnn.QuantConv2d(2, 3, 1, bias=False, weight_bit_width=4)
        self.pooled = Pooled(pool, qnn.QuantReLU(bit_width=4))

    def forward(self, x: torch.Tensor) -> Any:
        return self.pooled(self.conv(self.entry(x)))


@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_the_maximum_of_levels_is_exact(pool: nn.Module) -> None:
    torch.manual_seed(0)
    model, samples = Behind(pool), torch.randn(30, 2, 7, 7)
    model(samples)
    ann = from_brevitas(model.eval(), samples).ann
    ours = evaluate(ann, encode(ann.port, samples.numpy()))
    theirs = pool(torch.from_numpy(ours["pooled.act"]).double()).numpy()
    unit = ann.layer("readout").scale
    got = ours["readout"] * (unit / ann.layer("pooled.act").scale[0]).reshape(
        theirs.shape[1:]
    )
    np.testing.assert_allclose(got, theirs, rtol=1e-12)
    assert np.unique(theirs).size > 8


def test_the_maximum_of_a_signed_input_is_exact() -> None:
    torch.manual_seed(0)
    model, samples = (
        Pooled(nn.MaxPool2d(2), qnn.QuantIdentity(bit_width=4)),
        torch.randn(30, 2, 6, 6),
    )
    model(samples)
    ann = from_brevitas(model.eval(), samples).ann
    x = encode(ann.port, samples.numpy())
    theirs = nn.MaxPool2d(2)(torch.from_numpy(x).double()).numpy()
    np.testing.assert_array_equal(evaluate(ann, x)["readout"], theirs)
    assert theirs.min() < 0 < theirs.max()
