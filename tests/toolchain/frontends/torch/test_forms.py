"""Forms in which people write the same module: each equals the module's own spikes, or is
refused with what to give instead."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError
from snn_deploy.frontends.torch import from_torch
from snn_deploy_simulators.reference import run
from support.frameworks import snntorch as snn

STEPS, BATCH = 30, 2

pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own


def dyadic(layer: Any, seed: int = 0) -> Any:
    """Give a layer weights that are multiples of 1/16, so that sums are exact."""
    rng = np.random.default_rng(seed)
    for p in layer.parameters():
        drawn = rng.integers(-8, 11, tuple(p.shape)) / 16
        p.data = torch.tensor(drawn, dtype=torch.float64)
    return layer


class Looped(nn.Module):
    """Two layers in a loop over time; `between` is what lies in between, `end` behind."""

    def __init__(
        self,
        first: nn.Module,
        n: int,
        between: Callable[[Any], Any] = lambda s: s,
        end: Callable[[Any], Any] = lambda o: o,
    ) -> None:
        super().__init__()
        self.first, self.lif1 = dyadic(first), snn.Leaky(beta=0.5)
        self.second, self.lif2 = dyadic(nn.Linear(n, 5), 2), snn.Leaky(beta=0.5)
        self.between, self.end = between, end

    def forward(self, x: Any) -> Any:
        m1, m2, out = self.lif1.init_leaky(), self.lif2.init_leaky(), []
        for t in range(x.shape[0]):
            spk, m1 = self.lif1(self.first(x[t]), m1)
            spk, m2 = self.lif2(self.second(self.between(spk.double()).flatten(1)), m2)
            out.append(spk)
        return self.end(torch.stack(out))


def spikes(*shape: int) -> Any:
    rng = np.random.default_rng(5)
    return torch.tensor((rng.random((STEPS, BATCH, *shape)) < 0.4).astype(np.float64))


def ours(module: nn.Module, x: Any) -> AnyArray:
    """Return what the network that is read sends, [T, B, n]."""
    net = from_torch(module.double(), x, steps=STEPS)
    sent = run(net, np.swapaxes(x.numpy(), 0, 1)).outputs[net.outputs[0]]
    return np.swapaxes(sent.reshape(BATCH, STEPS, -1), 0, 1)


def theirs(module: nn.Module, x: Any) -> AnyArray:
    with torch.no_grad():
        return np.asarray(module.double()(x).numpy())


def assert_same(module: nn.Module, x: Any) -> None:
    expected = theirs(module, x)
    assert 0.02 < expected.mean() < 0.98
    assert (ours(module, x) == expected).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_channel_is_no_row_of_a_loop_over_time(channels: int) -> None:
    assert_same(Looped(nn.Conv2d(channels, 4, 3), 4 * 36), spikes(channels, 8, 8))


def test_a_convolution_over_one_channel_of_a_line() -> None:
    assert_same(Looped(nn.Conv1d(1, 4, 3), 4 * 8), spikes(1, 10))


BETWEEN: dict[str, Callable[[Any], Any]] = {
    "F.relu": F.relu,
    "torch.relu": torch.relu,
    "method": lambda s: s.relu(),
    "nn.ReLU": nn.ReLU(),
    "nn.ReLU6": nn.ReLU6(),
    "clamp": lambda s: s.clamp(0, 1),
    "F.dropout": lambda s: F.dropout(s, 0.5, training=False),
    "F.batch_norm": lambda s: F.batch_norm(
        s,
        torch.full((8,), 0.25, dtype=torch.float64),
        torch.full((8,), 0.25, dtype=torch.float64),
        torch.full((8,), 0.5, dtype=torch.float64),
        torch.full((8,), 0.125, dtype=torch.float64),
        eps=0.0,
    ),
    "einsum": lambda s: torch.einsum("bi,ij->bj", s, 2 * torch.eye(8, dtype=s.dtype)),
    "addmm": lambda s: torch.addmm(
        torch.full((8,), 0.5, dtype=s.dtype), s, torch.eye(8, dtype=s.dtype)
    ),
    "unsqueeze": lambda s: F.interpolate(s[:, None], 8)[:, 0],
}


@pytest.mark.parametrize("name", BETWEEN)
def test_functions_stand_for_the_modules_of_their_name(name: str) -> None:
    assert_same(Looped(nn.Linear(12, 8), 8, BETWEEN[name]), spikes(12))


def test_a_transposed_convolution_of_any_precision() -> None:
    up = dyadic(nn.ConvTranspose2d(4, 2, 2, stride=2), 3)
    assert_same(Looped(nn.Conv2d(1, 4, 3), 2 * 64, up), spikes(1, 6, 6))
    single = nn.ConvTranspose2d(4, 2, 2, stride=2)
    module = Looped(nn.Conv2d(1, 4, 3), 2 * 64).double()
    module.between = lambda s: single(s)
    assert from_torch(module, spikes(1, 6, 6), steps=STEPS).outputs == ("lif2",)


@pytest.mark.parametrize(
    "end",
    [
        lambda o: torch.softmax(o.sum(0), -1),
        lambda o: F.log_softmax(o.mean(0), dim=1),
        lambda o: nn.Softmax(dim=-1)(o.sum(0)),
    ],
)
def test_a_softmax_at_the_end_is_dropped_and_said(end: Callable[[Any], Any]) -> None:
    x, plain = spikes(12), Looped(nn.Linear(12, 8), 8)
    ended = Looped(nn.Linear(12, 8), 8, end=end)
    net = from_torch(ended.double(), x, steps=STEPS)
    assert "softmax" in [a.name for a in net.assumptions]
    classes = theirs(ended, x).argmax(-1)
    assert (theirs(plain, x).sum(0).argmax(-1) == classes).all()
    assert (ours(ended, x).sum(0).argmax(-1) == classes).all()


@pytest.mark.parametrize(
    "end",
    [
        lambda o: torch.softmax(o, -1).mean(0),
        lambda o: torch.softmax(o.sum(0), -1) * 2,
        lambda o: torch.softmax(o.sum(0), 0),
        lambda o: snn.Leaky(beta=0.5)(torch.softmax(o[0], -1)),
    ],
)
def test_a_softmax_that_something_follows_is_refused(end: Callable[[Any], Any]) -> None:
    with pytest.raises(InputError, match="softmax"):
        from_torch(Looped(nn.Linear(12, 8), 8, end=end).double(), spikes(12), steps=STEPS)


def test_a_loop_over_time_without_steps_says_what_to_give() -> None:
    with pytest.raises(
        InputError,
        match=r"\[30, 2, 12\] apart, as a loop over time does; give steps=30, or",
    ):
        from_torch(Looped(nn.Linear(12, 8), 8).double(), spikes(12))


def test_steps_may_be_those_that_forward_runs_itself() -> None:
    class Own(Looped):
        def forward(self, x: Any) -> Any:
            m1, m2, out = self.lif1.init_leaky(), self.lif2.init_leaky(), []
            for _ in range(7):
                spk, m1 = self.lif1(self.first(x), m1)
                spk, m2 = self.lif2(self.second(spk.double()), m2)
                out.append(spk)
            return torch.stack(out)

    module, x = Own(nn.Linear(12, 8), 8).double(), spikes(12)[0]
    for steps in (None, 7):
        assert from_torch(module, x, steps=steps).outputs == ("lif2",)
    with pytest.raises(InputError, match=r"steps 9 was given.*forward runs 7 steps"):
        from_torch(module, x, steps=9)


class Taught(Looped):
    """A student, and a teacher with a loss that nothing returned depends on."""

    def forward(self, x: Any) -> Any:
        out = super().forward(x)
        soft = torch.softmax(out.sum(0), -1).log()
        self.loss = (torch.sigmoid(x) ** 2).sum() + soft.sum()
        return out


def test_what_no_output_depends_on_is_stripped() -> None:
    x = spikes(12)
    net = from_torch(Taught(nn.Linear(12, 8), 8).double(), x, steps=STEPS)
    left = [a.value for a in net.assumptions if a.name == "left out"]
    assert any("sigmoid" in value for value in left)
    assert {p.name for p in net.populations} >= {"lif1", "lif2"}
    assert_same(Taught(nn.Linear(12, 8), 8), x)


def test_what_an_output_depends_on_is_refused_by_name() -> None:
    module = Looped(nn.Linear(12, 8), 8, torch.sigmoid).double()
    with pytest.raises(InputError, match="no equivalent for function sigmoid; remove"):
        from_torch(module, spikes(12), steps=STEPS)


def test_an_exception_of_forward_is_reported_as_its_own() -> None:
    def broken(s: Any) -> Any:
        raise KeyError("temperature")

    module = Looped(nn.Linear(12, 8), 8, broken).double()
    with pytest.raises(
        InputError,
        match=r"fails on .* at line \d+ of broken \(KeyError: 'temperature'\); .* its own",
    ):
        from_torch(module, spikes(12), steps=STEPS)


def test_a_softmax_between_layers_is_refused() -> None:
    layers = [nn.Linear(12, 8), snn.Leaky(beta=0.5, init_hidden=True), nn.Softmax(dim=-1)]
    module = nn.Sequential(*layers, nn.Linear(8, 3), snn.Leaky(beta=0.5, init_hidden=True))
    with pytest.raises(InputError, match=r"no equivalent for '3' \(torch's Linear\)"):
        from_torch(module.double(), spikes(12)[0])
