"""Modules are told by what they are: other classes of the same name, subclasses, quantized
layers."""

from collections.abc import Callable
from typing import Any

import brevitas.nn as qnn
import numpy as np
import pytest
import snntorch as snn
import torch
import torch.ao.nn.qat as qat
from torch import nn
from torch.ao.quantization import FakeQuantize, MovingAverageMinMaxObserver, QConfig
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import weight_norm

from snn_deploy.errors import InputError
from snn_deploy.frontends.torch import from_torch
from snn_deploy_simulators.reference import run

Layer = Callable[[int, int], Any]


class Linear(nn.Linear):  # called like torch's, as in many repositories
    """Ternary weights."""

    def forward(self, x: Any) -> Any:
        weight = torch.sign(self.weight) * self.weight.abs().mean()
        return nn.functional.linear(x, weight, self.bias)


class Named(nn.Linear):
    """torch's own with a helper beside it."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(n_in, n_out)
        self.title = "helper"

    def describe(self) -> str:
        return self.title


def observed(bits: int) -> Any:
    """Return a recipe that quantizes weights to so many bits in training."""
    recipe: Any = FakeQuantize
    fake = recipe.with_args(
        observer=MovingAverageMinMaxObserver, quant_min=-(1 << bits - 1),
        quant_max=(1 << bits - 1) - 1, dtype=torch.qint8, qscheme=torch.per_tensor_symmetric,
    )  # fmt: skip
    made: Any = QConfig
    return made(activation=nn.Identity, weight=fake)


def trained_quantized(layer: Any, kind: Any, bits: int = 2) -> Any:
    layer.qconfig = observed(bits)
    return kind.from_float(layer.train())


def pruned(n_in: int, n_out: int) -> Any:
    layer = nn.Linear(n_in, n_out)
    prune.l1_unstructured(layer, "weight", amount=0.5)  # type: ignore[no-untyped-call]
    return layer


def patched(n_in: int, n_out: int) -> Any:
    layer = nn.Linear(n_in, n_out)
    flipped = lambda x: nn.functional.linear(x, layer.weight.flip(0), layer.bias)  # noqa: E731
    layer.forward = flipped  # type: ignore[method-assign]
    return layer


LAYERS: dict[str, Layer] = {
    "of another package": Linear,
    "a subclass that adds": Named,
    "torch.ao, 2 bits": lambda a, b: trained_quantized(nn.Linear(a, b), qat.Linear),
    "Brevitas, 3 bits": lambda a, b: qnn.QuantLinear(a, b, bias=True, weight_bit_width=3),
    "pruned": pruned,
    "normalized": lambda a, b: weight_norm(nn.Linear(a, b)),
    "patched": patched,
}


def neurons() -> Any:
    return snn.Leaky(beta=0.5, init_hidden=True, spike_grad=lambda u: (u > 0).to(u.dtype))


def scaled(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.endswith(("weight", "original0", "weight_orig")):
                parameter.mul_(3)
    return module


def assert_equal_spikes(module: nn.Module, x: Any) -> None:
    """Hold from_torch of `module` against its own steps on x [N, T, *shape]."""
    module.eval()
    net = from_torch(module, torch.zeros(1, *x.shape[2:]))
    for part in module.modules():
        if isinstance(part, snn.Leaky):
            part.reset_mem()
    with torch.no_grad():
        steps = [module(torch.from_numpy(x[:, t])).numpy() for t in range(x.shape[1])]
    wanted = np.stack(steps, axis=1)
    assert 0.02 < wanted.mean() < 0.95
    found = run(net, x.astype(np.float64)).outputs[net.outputs[0]].reshape(wanted.shape)
    assert np.count_nonzero(found != wanted) == 0


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_deploys_with_the_weights_it_computes_with(name: str) -> None:
    torch.manual_seed(0)
    layer = LAYERS[name]
    module = scaled(nn.Sequential(layer(20, 16), neurons(), layer(16, 6), neurons()))
    x = np.random.default_rng(0).random((4, 12, 20)) < 0.5
    assert_equal_spikes(module, x.astype(np.float32))


CONVOLUTIONS: dict[str, Layer] = {
    "torch.ao": lambda a, b: trained_quantized(nn.Conv2d(a, b, 3), qat.Conv2d),
    "Brevitas": lambda a, b: qnn.QuantConv2d(a, b, 3, bias=True, weight_bit_width=3),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_quantized_convolution_is_one_convolution(name: str) -> None:
    torch.manual_seed(0)
    module = scaled(nn.Sequential(CONVOLUTIONS[name](2, 6), neurons()))
    x = (np.random.default_rng(0).random((4, 12, 2, 8, 8)) < 0.4).astype(np.float32)
    assert_equal_spikes(module, x)
    net = from_torch(module, torch.zeros(1, 2, 8, 8))
    (map_,) = net.projections[0].map.maps  # type: ignore[union-attr]
    assert type(map_).__name__ == "Conv"


def test_a_quantizer_in_training_is_left_as_it_was() -> None:
    module = nn.Sequential(trained_quantized(nn.Linear(5, 4), qat.Linear), neurons())
    before = {name: b.clone() for name, b in module.named_buffers()}
    from_torch(module, torch.zeros(1, 5))
    after = dict(module.named_buffers())
    assert before.keys() == after.keys()
    assert len(before) > 3
    assert all(torch.equal(b, after[name]) for name, b in before.items())


class Late(snn.Leaky):  # type: ignore[misc, unused-ignore]
    """Neurons that add to the membrane what Leaky does not."""

    def _base_state_function(self, input_: Any) -> Any:
        return super()._base_state_function(input_) + 0.25


class Titled(snn.Leaky):  # type: ignore[misc, unused-ignore]
    """Leaky with a title."""

    title = "mine"


def test_a_subclass_of_neurons_that_adds_nothing_to_the_step_is_the_same() -> None:
    torch.manual_seed(0)
    mine = Titled(beta=0.5, init_hidden=True, spike_grad=lambda u: (u > 0).to(u.dtype))
    x = np.random.default_rng(0).random((4, 12, 20)) < 0.5
    assert_equal_spikes(
        scaled(nn.Sequential(nn.Linear(20, 16), mine)), x.astype(np.float32)
    )


def dynamic(n_in: int, n_out: int) -> Any:
    made: Any = torch.ao.nn.quantized.dynamic.Linear
    return made(n_in, n_out)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "other neurons": (
        lambda: Late(beta=0.5, init_hidden=True),
        r"no equivalent for '0' \(.*test_known\.Late\)",
    ),
    "integer layers": (
        lambda: dynamic(5, 4),
        r"'0' \(torch\.ao\.nn\.quantized\.dynamic\.modules\.linear\.Linear\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore:torch.quantize_per")
def test_what_computes_something_else_is_refused_by_name(name: str) -> None:
    make, sentence = REFUSED[name]
    with pytest.raises(InputError, match=sentence):
        from_torch(nn.Sequential(make(), neurons()), torch.zeros(1, 5))


def test_brevitas_activations_between_neurons_are_refused_with_the_way_out() -> None:
    from brevitas.quant import Int8ActPerTensorFloat

    layer = qnn.QuantLinear(5, 4, bias=False, input_quant=Int8ActPerTensorFloat)
    with pytest.raises(InputError, match=r"'0' has input_quant; .* snn_deploy\.convert"):
        from_torch(nn.Sequential(layer, neurons()), torch.zeros(1, 5))


@pytest.mark.filterwarnings("ignore:.torch.jit")
@pytest.mark.parametrize("wrap", [torch.compile, nn.DataParallel])
def test_a_wrapped_module_is_what_it_wraps(wrap: Any) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 4), neurons())
    wrapped = from_torch(wrap(module), torch.zeros(1, 5))
    plain = from_torch(module, torch.zeros(1, 5))
    assert [p.name for p in wrapped.populations] == [p.name for p in plain.populations]
    x = np.random.default_rng(0).random((3, 20, 5)) * 3
    found, wanted = (run(net, x).outputs["1"] for net in (wrapped, plain))
    assert wanted.sum() > 0
    assert np.array_equal(found, wanted)
