"""Quantized ANNs of Brevitas in float64, and their scales set to what the integers took.

A model whose scales were moved onto the integer grid has to give the same levels as the
integers, in every layer: Brevitas computes them in floating point, from real scales.
"""

from collections.abc import Mapping
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from torch import nn

from snn_deploy.conversion.brevitas.from_brevitas import BrevitasReading
from snn_deploy.conversion.integers.ann import AnnLayer


class Mlp(nn.Module):
    """20 signed inputs, two hidden layers of unsigned levels."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.entry = qnn.QuantIdentity(bit_width=8)
        self.fc1 = qnn.QuantLinear(20, 32, bias=True, weight_bit_width=bits)
        self.act1 = qnn.QuantReLU(bit_width=bits)
        self.fc2 = qnn.QuantLinear(32, 24, bias=True, weight_bit_width=bits)
        self.act2 = qnn.QuantReLU(bit_width=bits)
        self.fc3 = qnn.QuantLinear(24, 5, bias=True, weight_bit_width=bits)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> Any:
        x = self.act1(self.fc1(self.entry(x)))
        return self.fc3(self.drop(self.act2(self.fc2(x))))


class ResidualCnn(nn.Module):
    """BatchNorm behind a convolution, a sum of two branches, an average, groups."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.entry = qnn.QuantIdentity(bit_width=8)
        self.conv1 = qnn.QuantConv2d(2, 6, 3, padding=1, bias=False, weight_bit_width=4)
        self.norm1 = nn.BatchNorm2d(6)
        self.act1 = qnn.QuantReLU(bit_width=bits)
        self.conv2 = qnn.QuantConv2d(
            6, 6, 3, padding=1, groups=2, bias=True, weight_bit_width=4
        )
        self.branch = qnn.QuantIdentity(bit_width=bits)
        self.act2 = qnn.QuantReLU(bit_width=bits)
        self.pool = nn.AvgPool2d(2)
        self.act3 = qnn.QuantReLU(bit_width=bits)
        self.fc = qnn.QuantLinear(6 * 3 * 3, 5, bias=True, weight_bit_width=8)
        # 1 unless set: what the two sides of the sum are multiplied by.
        self.gains = nn.Buffer(torch.ones(2))

    def forward(self, x: torch.Tensor) -> Any:
        x = self.act1(self.norm1(self.conv1(self.entry(x))))
        x = self.act2(self.branch(self.conv2(x)) * self.gains[0] + x * self.gains[1])
        return self.fc(torch.flatten(self.act3(self.pool(x)), 1))


def trained(model: Any, samples: torch.Tensor, seed: int = 0) -> Any:
    """Return `model` in float64 with random BatchNorms, its scales from the samples."""
    torch.manual_seed(seed)
    model.double().train()
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.weight, 0.5, 2.0)
            m.weight.data[::3] *= -1  # a negative gain turns weights around
            nn.init.normal_(m.bias, 0.0, 0.3)
    with torch.no_grad():
        for _ in range(5):
            model(samples)
    return model.eval()


# --- moved scales ---------------------------------------------------------------------


def set_scale(proxy: Any, scale: float) -> None:
    """Make an activation quantizer of Brevitas use `scale`."""
    impl = proxy.fused_activation_quant_proxy.tensor_quant.scaling_impl
    factor = scale / float(proxy.scale())
    impl.value.data *= factor  # learned, once statistics of enough batches are in
    impl.buffer *= factor  # before
    assert abs(float(proxy.scale()) / scale - 1) < 1e-14


def units(layer: AnnLayer) -> np.ndarray[Any, Any]:
    """Return what one unit of the layer's sum is worth [n], from its thetas."""
    return layer.scale / layer.theta if layer.theta is not None else layer.scale


def channels(values: Any, layer: AnnLayer) -> torch.Tensor:
    """Return one value per channel of values [n] that agree within each."""
    table = np.asarray(values, np.float64).reshape(layer.shape[0], -1)
    assert np.allclose(table, table[:, :1], rtol=1e-12)
    return torch.from_numpy(table[:, 0].copy())


def set_mlp(model: Mlp, reading: BrevitasReading) -> None:
    """Move the scales and biases of an Mlp to those of its integers."""
    ann = reading.ann
    for fc, act, name in (("fc1", "act1", "act1"), ("fc2", "act2", "act2")):
        layer = ann.layer(name)
        set_scale(getattr(model, act).act_quant, float(layer.scale[0]))
        getattr(model, fc).bias.data[:] = channels(layer.bias * units(layer), layer)
    last = ann.layer("readout")
    model.fc3.bias.data[:] = channels(last.bias * units(last), last)


def set_cnn(model: ResidualCnn, reading: BrevitasReading) -> None:
    """Move the scales, biases and gains of a ResidualCnn to those of its integers."""
    ann = reading.ann
    for name in ("act1", "branch", "act2", "act3"):
        proxy = getattr(model, name).act_quant
        set_scale(proxy, float(ann.layer(name).scale[0]))
    _set_norm(model, ann.layer("act1"), ann.port.scale)
    branch, last = ann.layer("branch"), ann.layer("readout")
    model.conv2.bias.data[:] = channels(branch.bias * units(branch), branch)
    model.fc.bias.data[:] = channels(last.bias * units(last), last)
    both = ann.layer("act2")
    for i, source in enumerate(both.sources):
        factor = float(np.abs(source.map.stored).max())
        worth = factor * float(units(both)[0]) / float(ann.layer(source.pre).scale[0])
        model.gains[i] = worth


def _set_norm(model: ResidualCnn, layer: AnnLayer, entry: float) -> None:
    """Give the BatchNorm the gain and offset that the integers stand for."""
    whole = model.conv1.quant_weight().int().double().numpy().reshape(6, -1)
    stored = layer.sources[0].map.stored.reshape(6, -1)
    at = np.abs(whole).argmax(1)
    factor = stored[np.arange(6), at] / whole[np.arange(6), at]
    unit = channels(units(layer), layer)
    scale = float(model.conv1.quant_weight().scale.detach()) * entry
    norm: Any = model.norm1
    norm.running_mean.zero_()
    norm.running_var.fill_(1.0 - norm.eps)
    norm.weight.data[:] = torch.from_numpy(factor) * unit / scale
    norm.bias.data[:] = channels(layer.bias * units(layer), layer)


def levels_used(levels: Mapping[str, Any]) -> dict[str, int]:
    """Return how many different levels each layer takes."""
    return {name: int(np.unique(v).size) for name, v in levels.items()}
