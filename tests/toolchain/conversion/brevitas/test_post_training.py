from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from sklearn.datasets import load_digits
from torch import nn

from snn_deploy import InputError
from snn_deploy.conversion.account import sentences
from snn_deploy.conversion.brevitas.agreement import compare
from snn_deploy.conversion.brevitas.from_brevitas import from_brevitas
from snn_deploy.conversion.brevitas.post_training import quantize_trained
from snn_deploy.conversion.convert import convert
from snn_deploy.options.conversion import ConversionOptions


class Residual(nn.Module):
    """Plain PyTorch, functions and BatchNorm included."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1)
        self.conv = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.1)
        self.fc = nn.Linear(8 * 16, 10)

    def forward(self, x: torch.Tensor) -> Any:
        x = functional.relu(self.stem(x))
        x = functional.relu(self.norm(self.conv(x)) + x)
        x = functional.max_pool2d(x, 2)
        return self.fc(self.drop(torch.flatten(x, 1)))


@pytest.fixture(scope="module")
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    images, labels = load_digits(return_X_y=True)
    x = torch.from_numpy(images.reshape(-1, 1, 8, 8) / 16.0).float()
    return x, torch.from_numpy(labels)


@pytest.fixture(scope="module")
def trained(digits: tuple[torch.Tensor, torch.Tensor]) -> Any:
    x, y = digits
    torch.manual_seed(0)
    model = Residual()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(40):
        optimizer.zero_grad()
        loss: Any = functional.cross_entropy(model(x[:1400]), y[:1400])
        loss.backward()
        optimizer.step()
    return model.eval()


@pytest.mark.parametrize(
    ("weight", "activation", "lost"), [(8, 6, 0.01), (8, 3, 0.015), (4, 3, 0.03)]
)
def test_a_float_model_survives_quantization_and_its_integers_agree(
    trained: Any,
    digits: tuple[torch.Tensor, torch.Tensor],
    weight: int,
    activation: int,
    lost: float,
) -> None:
    x, y = digits
    bits = ConversionOptions(weight_bits=weight, activation_bits=activation)
    before = {k: v.clone() for k, v in trained.state_dict().items()}
    quantized = quantize_trained(trained, x[:300], bits)
    assert all(torch.equal(v, before[k]) for k, v in trained.state_dict().items())
    reading = from_brevitas(quantized, x[:1])
    agreement = compare(quantized, reading, x[1400:])
    assert agreement.predictions > 0.98
    assert min(agreement.levels.values()) > 0.95
    assert set(agreement.levels_used.values()) == {1 << activation}
    with torch.no_grad():
        accuracy = [
            float((m(x[1400:]).argmax(1) == y[1400:]).double().mean())
            for m in (trained, quantized)
        ]
    assert accuracy[0] > 0.9
    assert accuracy[1] > accuracy[0] - lost


def test_the_input_is_unsigned_unless_a_sample_is_negative(
    trained: Any, digits: tuple[torch.Tensor, torch.Tensor]
) -> None:
    x = digits[0][:50]
    ports = [
        from_brevitas(quantize_trained(trained, s, ConversionOptions()), x[:1]).ann.port
        for s in (x, x - 0.5)
    ]
    assert [(p.low, p.high) for p in ports] == [(0, 255), (-128, 127)]


def test_a_model_that_looks_at_values_is_refused() -> None:
    class Looking(nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            return x if x.sum() > 0 else -x

    with pytest.raises(InputError, match=r"Looking: Brevitas cannot trace it"):
        quantize_trained(Looking(), torch.zeros(2, 3), ConversionOptions())


@pytest.mark.parametrize(("name", "bits"), [("weight_bits", 1), ("input_bits", 9)])
def test_bits_out_of_range_are_refused(name: str, bits: int) -> None:
    with pytest.raises(InputError, match=f"{name}={bits}: must be a whole number from 2"):
        ConversionOptions(**{name: bits})  # type: ignore[arg-type]


def test_levels_are_compared_one_by_one(
    trained: Any, digits: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """A bias that is off shows up in the layer it is in."""
    x = digits[0][:100]
    quantized: Any = quantize_trained(trained, x, ConversionOptions())
    reading = from_brevitas(quantized, x[:1])
    fine = compare(quantized, reading, x)
    quantized.stem.bias.data += 1.0
    off = compare(quantized, reading, x)
    assert off.levels["relu"] < fine.levels["relu"] - 0.2
    assert np.isfinite(off.predictions)


class Functions(nn.Module):
    """The same layers with a function of each spelling in between."""

    def __init__(self, relu: Any, end: Any) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.a, self.b = nn.Linear(20, 8), nn.Linear(20, 8)
        self.c, self.relu, self.end = nn.Linear(16, 3), relu, end

    def forward(self, x: Any) -> Any:
        both = torch.cat([self.relu(self.a(x)), self.relu(self.b(x))], 1)
        return self.end(self.c(both))


RELUS: dict[str, Any] = {
    "module": nn.ReLU(),
    "torch.relu": torch.relu,
    "functional": functional.relu,
    "method": lambda x: x.relu(),
}
ENDS: dict[str, Any] = {
    "none": lambda x: x,
    "torch.softmax": lambda x: torch.softmax(x, -1),
    "functional.log_softmax": lambda x: functional.log_softmax(x, dim=1),
    "module": nn.Softmax(dim=-1),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("relu", RELUS)
def test_functions_are_the_modules_of_their_name(relu: str, end: str) -> None:
    x = np.random.default_rng(0).random((64, 20)).astype(np.float32)
    plain = convert(Functions(nn.ReLU(), lambda x: x).eval(), x)
    made = convert(Functions(RELUS[relu], ENDS[end]).eval(), x)
    np.testing.assert_array_equal(made.evaluate(x), plain.evaluate(x))
    assert made.evaluate(x).std() > 1000, "it answers something"
    assert made.dropped == (() if end == "none" else ("softmax",))
    said = "the softmax at the end is left out: it moves no class" in sentences(made)
    assert said == (end != "none")


def test_samples_that_the_model_does_not_take_are_refused_as_such() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
    with pytest.raises(
        InputError, match=r"the model's forward fails on samples \[32, 20\] \(RuntimeError"
    ):
        convert(model.eval(), np.zeros((32, 20), np.float32))
