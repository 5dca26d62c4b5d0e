"""What forward makes of its steps: constants, sums over time, and the answer it returns."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import snntorch as snn
import torch
from spikingjelly.activation_based import layer as sl
from torch import nn

from snn_deploy.errors import InputError
from snn_deploy.evaluation.decode import DECODERS, choose_answer
from snn_deploy.frontends.torch import from_torch
from snn_deploy_simulators.reference import run

STEPS, SAMPLES = 8, 40
Steps = Callable[[Any, torch.Tensor], list[torch.Tensor]]


class Net(nn.Module):
    """5 - 12 leaky neurons - 4, whose biases matter; `answer` makes its forward."""

    def __init__(self, answer: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.answer = answer
        self.fc = nn.Linear(5, 12)
        self.lif = snn.Leaky(beta=0.5, spike_grad=lambda u: (u > 0).to(u.dtype))
        self.out = nn.Linear(12, 4)
        self.last = snn.Leaky(beta=0.75, spike_grad=lambda u: (u > 0).to(u.dtype))
        self.membrane = snn.Leaky(beta=0.75, reset_mechanism="none")
        self.late = sl.Delay(2)
        nn.init.normal_(self.out.weight, std=1.0)
        nn.init.normal_(self.out.bias, std=0.5)

    def spikes(self, x: Any, steps: int = STEPS) -> list[Any]:
        mem, found = self.lif.reset_mem(), []
        for t in range(steps):
            spk, mem = self.lif(self.fc(x[t]), mem)
            found.append(spk)
        return found

    def outputs(self, x: Any) -> list[Any]:
        mem, found = self.last.reset_mem(), []
        for spk in self.spikes(x):
            out, mem = self.last(self.out(spk) * 2, mem)
            found.append(out)
        return found

    def membranes(self, x: Any) -> list[Any]:
        mem, found = self.membrane.reset_mem(), []
        for spk in self.spikes(x):
            _, mem = self.membrane(self.out(spk), mem)
            found.append(mem)
        return found

    def forward(self, x: Any) -> Any:
        return self.answer(self, x)


def made(answer: Callable[[Any, Any], Any]) -> tuple[Any, Net, torch.Tensor]:
    module = Net(answer).double()
    torch.manual_seed(5)
    x = torch.rand(STEPS, SAMPLES, 5, dtype=torch.float64) * 3
    return from_torch(module, x, steps=STEPS), module, x


def ours(net: Any, x: torch.Tensor) -> Any:
    """Return the outputs of the first output, [N, T, n]."""
    found = run(net, x.transpose(0, 1).numpy()).outputs[net.outputs[0]]
    return found.reshape(*found.shape[:2], -1)


def theirs(module: Net, x: torch.Tensor) -> Any:
    with torch.no_grad():
        for part in (module.late,):
            part.reset()
        return module(x).numpy()


def weighted(steps: list[Any]) -> Any:
    weight = np.linspace(0.1, 1.0, len(steps))
    return sum(float(w) * o for w, o in zip(weight, steps, strict=True))


def in_first(self: Any, x: Any) -> Any:
    """Return sums of which the first has a constant more."""
    found = [self.out(spk) for spk in self.spikes(x)]
    found[0] = found[0] + torch.arange(4.0, dtype=torch.float64)
    return torch.stack(found)


def of_before(self: Any, x: Any) -> Any:
    """Return sums with those of the step before, whose bias begins a step later."""
    found = [self.out(spk) for spk in self.spikes(x)]
    return torch.stack([found[0], *(a + b for a, b in zip(found[1:], found, strict=False))])


EVERY_STEP: dict[str, Callable[[Any, Any], Any]] = {
    "stacked": lambda self, x: torch.stack([self.out(s) for s in self.spikes(x)]),
    "a readout of what is stacked": lambda self, x: self.out(torch.stack(self.spikes(x))),
    "delayed": lambda self, x: torch.stack(
        [self.late(self.out(s)) for s in self.spikes(x)]
    ),
    "in the first step": in_first,
    "of the step before": of_before,
    "membranes": lambda self, x: torch.stack(self.membranes(x)),
}


@pytest.mark.parametrize("name", EVERY_STEP)
def test_constants_are_there_in_the_steps_in_which_forward_has_them(name: str) -> None:
    net, module, x = made(EVERY_STEP[name])
    assert choose_answer(net, None).decoder == "mean"
    wanted = theirs(module, x).swapaxes(0, 1)
    assert np.abs(wanted[:, 0]).max() > 0 or name == "delayed"
    assert ours(net, x) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


# How forward answers, and what scores the same classes: a decoder, and a factor.
ANSWERS: dict[str, tuple[Callable[[Any, Any], Any], str, float]] = {
    "last of a stack": (
        lambda self, x: torch.stack([self.out(s) for s in self.spikes(x)])[-1], "final", 1,
    ),
    "a step of the middle": (
        lambda self, x: [self.out(s) for s in self.spikes(x)][3], "final", 1,
    ),
    "last delayed sums": (
        lambda self, x: [self.late(self.out(s)) for s in self.spikes(x)][-1], "final", 1,
    ),
    "last sums": (lambda self, x: [self.out(s) for s in self.spikes(x)][-1], "final", 1),
    "last membrane": (lambda self, x: self.membranes(x)[-1], "final", 1),
    "last spikes": (lambda self, x: self.outputs(x)[-1], "final", 1),
    "weighted sums": (
        lambda self, x: weighted([self.out(s) for s in self.spikes(x)]), "final", 1,
    ),
    "weighted spikes": (lambda self, x: weighted(self.outputs(x)), "final", 1),
    "sum of some steps": (lambda self, x: sum(self.outputs(x)[3:]), "final", 1),
    "summed sums": (lambda self, x: sum(self.out(s) for s in self.spikes(x)), "mean", STEPS),
    "mean of membranes": (
        lambda self, x: torch.stack(self.membranes(x)).mean(0), "mean", 1,
    ),
    "sums of summed spikes": (
        lambda self, x: self.out(sum(self.spikes(x))), "mean", STEPS,
    ),
    "sums of a stack's sum": (
        lambda self, x: self.out(torch.stack(self.spikes(x)).sum(0)), "mean", STEPS,
    ),
    "sums of a stack's mean": (
        lambda self, x: self.out(torch.stack(self.spikes(x)).mean(dim=0)), "mean", 1,
    ),
    "counted spikes": (lambda self, x: sum(self.outputs(x)), "count", 1),
    "rates of a stack": (
        lambda self, x: torch.stack(self.outputs(x)).mean(0), "count", 1 / STEPS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_the_decoder_is_what_forward_does(name: str) -> None:
    answer, decoder, factor = ANSWERS[name]
    net, module, x = made(answer)
    chosen = choose_answer(net, None)
    assert chosen.decoder == decoder
    assert (chosen.chosen_by == "what forward returns") == (decoder == "final")
    score = DECODERS[chosen.decoder].score(ours(net, x)) * factor
    wanted = theirs(module, x)
    assert wanted.std(axis=0).max() > 0.05, "samples that are all alike prove nothing"
    assert score == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def test_what_the_user_asks_for_stands_above_what_forward_does() -> None:
    net, _, _ = made(lambda self, x: self.membranes(x)[-1])
    assert choose_answer(net, "max").chosen_by == "--decode"


REFUSED: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "a stage of fewer steps": (
        lambda self, x: torch.stack([self.last(s[:, :4])[0] for s in self.spikes(x)[:4]]),
        r"there are 8 steps, but 'last' runs 4; run every layer in every step",
    ),
    "a loop of fewer steps": (
        lambda self, x: torch.stack(self.spikes(x, 4)),
        r"there are 8 steps, but 'lif' runs 4;",
    ),
    "neurons behind a mean": (
        lambda self, x: self.last(torch.stack(self.spikes(x)).mean(0))[0],
        r"'last' takes a mean or sum over time, which exists only after the last step",
    ),
    "running sums": (
        lambda self, x: torch.stack(self.spikes(x)).cumsum(0),
        r"no equivalent for function cumsum",
    ),
    "steps ahead": (
        lambda self, x: torch.stack(
            [self.lif(self.fc(x[min(t + 4, 7)]))[0] for t in range(4)]
        ),
        r"'lif' takes in its step 1 what is only there in a later one",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_network_of_equal_steps_does_is_refused(name: str) -> None:
    answer, sentence = REFUSED[name]
    with pytest.raises(InputError, match=sentence):
        made(answer)
