"""Layers and functions between the neurons: our network of a module == the module, on random values."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from snn_deploy_simulators.reference import run

torch = pytest.importorskip("torch")
F = torch.nn.functional

pytestmark = pytest.mark.filterwarnings("ignore:Using padding=.same.")  # slow, but right

from snn_deploy.frontends.torch import from_torch  # noqa: E402


class Function(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """A module whose forward is a function of its input and some weights."""

    def __init__(self, function: Callable[..., Any], **weights: Any) -> None:
        super().__init__()
        self.function = function
        for name, value in weights.items():
            self.register_buffer(name, value)

    def forward(self, x: Any) -> Any:
        return self.function(x, **dict(self.named_buffers()))


def check(module: Any, *shape: int, steps: int = 2) -> None:
    """Hold the network against the module in float64, in each step."""
    torch.manual_seed(5)
    module = module.double().eval()
    for p in module.parameters():
        torch.nn.init.normal_(p)
    x = torch.randn(3, steps, *shape, dtype=torch.float64)
    net = from_torch(module, x[:, 0])
    ours = run(net, x.numpy()).outputs[net.outputs[0]]
    with torch.no_grad():
        theirs = np.stack([module(x[:, t]).numpy() for t in range(steps)], axis=1)
    assert ours.shape == theirs.shape
    assert np.abs(theirs).max() > 0.1
    assert np.allclose(ours, theirs, rtol=1e-9, atol=1e-9)


nn = torch.nn
IMAGE = (4, 6, 7)
MODULES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "linear": (nn.Linear(5, 3), (5,)),
    "linear on tokens": (nn.Linear(5, 3), (4, 5)),
    "conv": (
        nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2)),
        IMAGE,
    ),
    "conv, groups": (nn.Conv2d(4, 8, 3, groups=2), IMAGE),
    "conv, depthwise": (nn.Conv2d(4, 4, 3, groups=4, padding=1), IMAGE),
    "conv, same": (nn.Conv2d(4, 2, (4, 3), padding="same"), IMAGE),
    "conv, valid": (nn.Conv2d(4, 2, 3, padding="valid", bias=False), IMAGE),
    "conv1d": (nn.Conv1d(3, 4, 3, stride=2, padding=2, dilation=2), (3, 11)),
    "conv1d, same": (nn.Conv1d(3, 6, 4, padding="same", groups=3), (3, 11)),
    "transposed": (nn.ConvTranspose2d(4, 2, 3, stride=2), (4, 3, 3)),
    "average": (nn.AvgPool2d(2), IMAGE),
    "average, padded": (nn.AvgPool2d(3, stride=2, padding=1), IMAGE),
    "average, padding not counted": (nn.AvgPool2d(3, 2, 1, count_include_pad=False), IMAGE),
    "average, ceiled": (nn.AvgPool2d(2, 2, ceil_mode=True), IMAGE),
    "average, ceiled and padded": (nn.AvgPool2d(3, 2, 1, ceil_mode=True), IMAGE),
    "average, divisor": (nn.AvgPool2d(2, divisor_override=3), IMAGE),
    "average of a line": (nn.AvgPool1d(3, 2, 1), (2, 9)),
    "adaptive": (nn.AdaptiveAvgPool2d((2, 3)), IMAGE),
    "sum pool": (nn.LPPool2d(1, 2), IMAGE),
    "upsampled": (nn.Upsample(scale_factor=2), (2, 3, 3)),
    "padded": (nn.ZeroPad2d((1, 0, 2, 1)), IMAGE),
    "flat": (nn.Flatten(), IMAGE),
    "flat from 2": (nn.Flatten(2), IMAGE),
    "unflat": (nn.Sequential(nn.Linear(5, 6), nn.Unflatten(1, (2, 3))), (5,)),
    "shuffled": (nn.PixelShuffle(2), (4, 3, 3)),
    "batch norm": (nn.Sequential(nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3)), IMAGE),
    "batch norm, not affine": (nn.BatchNorm1d(5, affine=False), (5,)),
    "dropout": (nn.Sequential(nn.Dropout(), nn.Linear(5, 3), nn.Dropout1d()), (5,)),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str) -> None:
    module, shape = MODULES[name]
    check(module, *shape)


def in_place(x: Any) -> Any:
    y = 2 * x
    held = y
    y += 1
    y.mul_(3).add_(x)
    return y + held


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {
    "sums and gains": (lambda x: 2 * x - 1 + x / 4 - (3 - x), (5,)),
    "weights of each value": (lambda x: x * torch.arange(1.0, 6.0) + torch.arange(5.0), (5,)),
    "in place": (in_place, (5,)),
    "view": (lambda x: x.view(x.size(0), -1), IMAGE),
    "reshape": (lambda x: x.reshape(-1, 14, 12), IMAGE),
    "permute": (lambda x: x.permute(0, 3, 1, 2), IMAGE),
    "transpose": (lambda x: x.transpose(1, -1).flatten(1), IMAGE),
    "slices": (lambda x: x[:, 1:3, ::2] + x[:, :2, ::2], IMAGE),
    "one channel": (lambda x: x[:, 2], IMAGE),
    "cat": (lambda x: torch.cat([x, 2 * x[:, :1]], dim=1), IMAGE),
    "stack": (lambda x: torch.stack([x, -x], dim=1), (5,)),
    "chunks": (lambda x: sum(x.chunk(2, dim=1)), IMAGE),
    "pad": (lambda x: F.pad(x, (1, 2)), (5,)),
    "roll and flip": (lambda x: torch.roll(x, 1, -1) + x.flip(-1), (5,)),
    "broadcast sum": (lambda x: x + x.mean(dim=1, keepdim=True), IMAGE),
    "mean of an image": (lambda x: x.mean(dim=(2, 3)), IMAGE),
    "sum": (lambda x: torch.sum(x, 1), IMAGE),
    "average pool": (lambda x: F.avg_pool2d(x, 2), IMAGE),
    "adaptive": (lambda x: F.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1), IMAGE),
    "interpolate": (lambda x: F.interpolate(x, scale_factor=2.0, mode="bilinear"), (2, 3, 3)),
    "dropout": (lambda x: F.dropout(x, 0.5, training=True) + x, (5,)),
    "unsqueeze": (lambda x: x.unsqueeze(1).expand(-1, 3, -1), (5,)),
    "repeat": (lambda x: x.repeat(1, 2), (5,)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    function, shape = FUNCTIONS[name]
    module = Function(function)
    if name == "dropout":
        module = torch.nn.Sequential(Function(lambda x: 2 * x))
        net = from_torch(Function(function), torch.zeros(2, *shape, dtype=torch.float64))
        assert {a.name for a in net.assumptions} >= {"dropout"}
    check(module, *shape)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, w, b: F.linear(x, w, b),
        lambda x, w, b: x @ w.T + b,
        lambda x, w, b: torch.matmul(x, w.t()) + b,
    ],
    ids=["linear", "@", "matmul"],
)
def test_weights_without_a_layer(function: Callable[..., Any]) -> None:
    torch.manual_seed(1)
    check(Function(function, w=torch.randn(3, 5), b=torch.randn(3)), 5)


def test_convolution_without_a_layer() -> None:
    torch.manual_seed(1)
    weight = torch.randn(3, 4, 3, 3)
    check(Function(lambda x, w: F.conv2d(x, w, padding=1), w=weight), *IMAGE)


def test_a_skip_around_layers_is_one_readout_of_several_projections() -> None:
    class Net(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = torch.nn.Linear(5, 5), torch.nn.Linear(5, 3)
            self.c = torch.nn.Linear(5, 3)

        def forward(self, x: Any) -> Any:
            return self.b(self.a(x) + x) - self.c(x)

    check(Net(), 5)


def test_a_module_is_as_it_was_afterwards() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.ReLU6())
    before = [dict(m.__dict__) for m in module.modules()]
    with pytest.raises(Exception, match="no equivalent"):
        from_torch(module, torch.zeros(2, 5))
    assert [dict(m.__dict__) for m in module.modules()] == before
    assert module(torch.ones(2, 5)).shape == (2, 3)
