from typing import Any

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from torch import nn

from snn_deploy import InputError
from snn_deploy.conversion.brevitas.agreement import observed
from snn_deploy.conversion.brevitas.elman import QuantElman
from snn_deploy.conversion.brevitas.from_brevitas import from_brevitas
from snn_deploy.conversion.integers.ann import encode, evaluate
from snn_deploy.conversion.methods import METHODS
from snn_deploy.conversion.running import answers, feed
from snn_deploy.conversion.to_network import to_network
from snn_deploy_simulators import reference
from support.quantized_models import set_scale, units

SAMPLES = torch.randn(40, 12, 5, dtype=torch.float64, generator=torch.manual_seed(3))


class Rows(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.entry = qnn.QuantIdentity(bit_width=8)
        self.cell = QuantElman(5, 16, bits=4, weight_bits=4)
        self.fc = qnn.QuantLinear(16, 3, bias=True, weight_bit_width=8)

    def forward(self, x: torch.Tensor) -> Any:
        return self.fc(self.cell(self.entry(x))[:, -1])


@pytest.fixture
def model() -> Rows:
    torch.manual_seed(0)
    made = Rows().double()
    with torch.no_grad():
        for _ in range(3):
            made(SAMPLES)
    made.eval()
    return made


def test_a_qrnn_gives_brevitas_own_levels_in_every_step(model: Rows) -> None:
    reading = from_brevitas(model, SAMPLES[:1])
    cell, ann = reading.ann.layer("cell"), reading.ann
    ours = evaluate(ann, encode(ann.port, SAMPLES.numpy()))
    unit = float(units(cell)[0])
    set_scale(model.cell.quantizer.act_quant, float(cell.scale[0]))
    model.cell.input_weights.bias.data[:] = torch.from_numpy(cell.bias * unit)
    for source, linear, scale in (
        (cell.sources[0], model.cell.input_weights, ann.port.scale),
        (cell.sources[1], model.cell.recurrent_weights, float(cell.scale[0])),
    ):
        whole = linear.quant_weight().int().double().numpy()
        factor = np.abs(source.map.stored).max() / np.abs(whole).max()
        worth = float(linear.quant_weight().scale.detach()) * scale
        linear.weight.data *= factor * unit / worth
    _, theirs = observed(model, reading.proxies, SAMPLES)
    np.testing.assert_array_equal(ours["cell"], theirs["cell"])
    assert np.unique(theirs["cell"]).size > 12
    assert (np.diff(theirs["cell"], axis=1) != 0).any()


def test_the_spiking_network_equals_the_qrnn_in_every_step(model: Rows) -> None:
    ann = from_brevitas(model, SAMPLES[:1]).ann
    x = encode(ann.port, SAMPLES.numpy())
    graded = METHODS["graded"]
    recording = reference.run(to_network(ann, graded), feed(ann, graded, x, 1))
    ours = evaluate(ann, x)
    np.testing.assert_array_equal(recording.outputs["cell"].cumsum(1), ours["cell"])
    got = answers(ann, graded, recording.outputs["readout"], 1)
    np.testing.assert_array_equal(got, ours["readout"])


def test_gated_cells_are_refused_with_the_reason() -> None:
    model = nn.Sequential(qnn.QuantIdentity(bit_width=8), nn.LSTM(5, 4)).eval()
    model[0].train()(SAMPLES.float())
    with pytest.raises(
        InputError, match=r"LSTM: gates multiply two signals; use QuantElman"
    ):
        from_brevitas(model.eval(), SAMPLES[:1].float())
