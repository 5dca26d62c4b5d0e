"""Held against Brevitas itself, which computes with real scales in float64."""

from collections.abc import Callable
from typing import Any

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from torch import nn

from snn_deploy import InputError
from snn_deploy.conversion.brevitas.agreement import observed
from snn_deploy.conversion.brevitas.from_brevitas import from_brevitas
from snn_deploy.conversion.integers.ann import encode, evaluate
from support.quantized_models import (
    Mlp,
    ResidualCnn,
    levels_used,
    set_cnn,
    set_mlp,
    trained,
)

VECTORS = torch.randn(200, 20, dtype=torch.float64, generator=torch.manual_seed(1))
IMAGES = torch.randn(60, 2, 6, 6, dtype=torch.float64, generator=torch.manual_seed(2))


def assert_same_levels(
    model: Any, set_scales: Callable[[Any, Any], None], samples: torch.Tensor
) -> None:
    reading = from_brevitas(model, samples[:1])
    ours = evaluate(reading.ann, encode(reading.ann.port, samples.numpy()))
    set_scales(model, reading)
    logits, theirs = observed(model, reading.proxies, samples)
    assert set(theirs) == {layer.name for layer in reading.ann.layers[:-1]}
    for name, levels in theirs.items():
        np.testing.assert_array_equal(ours[name], levels, err_msg=name)
        layer = reading.ann.layer(name)
        assert levels_used(theirs)[name] > (layer.high - layer.low) // 2
    readout = reading.ann.layer("readout")
    np.testing.assert_allclose(
        ours["readout"] * readout.scale, logits, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("bits", [3, 4, 8])
def test_an_mlp_gives_brevitas_own_levels(bits: int) -> None:
    assert_same_levels(trained(Mlp(bits), VECTORS), set_mlp, VECTORS)


@pytest.mark.parametrize("bits", [3, 4])
def test_a_cnn_with_batch_norm_residual_and_average_gives_brevitas_own_levels(
    bits: int,
) -> None:
    model = trained(ResidualCnn(bits), IMAGES)
    assert bool((model.norm1.weight < 0).any())
    assert_same_levels(model, set_cnn, IMAGES)


def test_unmoved_scales_agree_but_for_a_level_here_and_there() -> None:
    model = trained(ResidualCnn(4), IMAGES)
    reading = from_brevitas(model, IMAGES[:1])
    ours = evaluate(reading.ann, encode(reading.ann.port, IMAGES.numpy()))
    _, theirs = observed(model, reading.proxies, IMAGES)
    for name, levels in theirs.items():
        assert np.abs(ours[name] - levels).max() <= 2, name
        assert (ours[name] == levels).mean() > 0.95, name
    assert max(abs(m.scale) for m in reading.moved) < 0.01
    assert max(m.gain for m in reading.moved) < 0.01


def test_reading_leaves_the_model_as_it_was() -> None:
    model = trained(Mlp(4), VECTORS)
    before = model(VECTORS)
    from_brevitas(model, VECTORS[:1])
    assert torch.equal(model(VECTORS), before)


class Passing(nn.Module):
    """A quantized input, then whatever is to be tried, then a quantized layer."""

    def __init__(self, middle: nn.Module, entry: nn.Module | None = None) -> None:
        super().__init__()
        self.entry = qnn.QuantIdentity(bit_width=8) if entry is None else entry
        self.middle = middle
        self.fc = qnn.QuantLinear(4, 4, bias=False, weight_bit_width=4)
        self.act = qnn.QuantReLU(bit_width=4)

    def forward(self, x: torch.Tensor) -> Any:
        return self.fc(self.act(self.fc(self.middle(self.entry(x)))))


REFUSED = [
    (Passing(nn.Linear(4, 4)), r"'middle' \(torch's Linear: use QuantLinear\)"),
    (Passing(nn.ReLU()), r"'middle' \(torch's ReLU: use QuantReLU\)"),
    (
        Passing(nn.Sequential(nn.Softmax(1), nn.LayerNorm(4))),
        r"'middle.0' \(torch's Softmax\), 'middle.1' \(torch's LayerNorm: .* use BatchNorm",
    ),
    (Passing(qnn.QuantTanh(bit_width=4)), r"'middle' \(brevitas's QuantTanh: .*QuantHardTanh"),
    (Passing(nn.Identity(), nn.Identity()), "quantizes what was computed from an input"),
    (
        Passing(qnn.QuantLinear(4, 4, bias=False, weight_quant=None)),
        "'middle' does not quantize its weights; give weight_bit_width",
    ),
    (
        Passing(qnn.QuantReLU(act_quant=None)),
        "'middle' .an activation that is not quantized: give it a bit width",
    ),
    (
        Passing(
            qnn.QuantIdentity(bit_width=4, float_to_int_impl_type="floor")
        ),
        "'middle' rounds by floor; only ROUND",
    ),
    (
        Passing(nn.Sequential(nn.Unflatten(1, (1, 4)), nn.MaxPool1d(2, 1, 1), nn.Flatten())),
        "takes the maximum of levels below 0, padded",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("model", "message"), REFUSED)
def test_what_is_not_exact_is_refused_by_name(model: Any, message: str) -> None:
    samples = torch.randn(8, 4)
    for m in (model.entry, model.act):
        m(samples)
    with pytest.raises(InputError, match=message):
        from_brevitas(model.eval(), samples)


def test_everything_unsupported_is_named_at_once() -> None:
    model = Passing(nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Sigmoid())).eval()
    with pytest.raises(InputError, match=r"middle\.0.*middle\.1.*GELU.*middle\.2.*Sigmoid"):
        from_brevitas(model, torch.zeros(1, 4))


def test_a_model_in_training_mode_is_refused() -> None:
    with pytest.raises(InputError, match=r"Mlp: it is in training mode.*model\.eval"):
        from_brevitas(Mlp(4), VECTORS[:1])


def test_a_quantizer_without_a_scale_is_refused() -> None:
    model = trained(Mlp(4), VECTORS)
    scaling = model.act1.act_quant.fused_activation_quant_proxy.tensor_quant.scaling_impl
    scaling.buffer.fill_(float("nan"))
    with pytest.raises(InputError, match=r"'act1' has a scale of nan; run training or"):
        from_brevitas(model, VECTORS[:1])
