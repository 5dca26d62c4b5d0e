"""Live modules of every framework, and the framework's own answer: what from_torch is held against.

Parameters are dyadic and modules run in float64, so that neither side rounds where it could
matter: no bin may differ. `Cast` puts back to float64 what a framework turned into float32.
The cases themselves are in live_snntorch.py and its siblings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

WIDTH = 64
IMAGE = (2, 8, 8)

Array: TypeAlias = NDArray[np.float64]
Build: TypeAlias = Callable[[np.random.Generator], Any]


@dataclass(frozen=True)
class Case:
    """One architecture of one framework.

    layout: what forward takes: "step" [B, *], "TB" [T, B, *], "BT" [B, T, *], "flat" [B * T, *],
    "state" one step and a state. rate: of the input spikes. looped: forward loops over time itself.
    refusal: why write_nir refuses the network, if it does. most: spikes in one step that occur.
    """

    framework: str
    architecture: str
    detail: str
    build: Build
    shape: tuple[int, ...] = (20,)
    layout: str = "step"
    rate: float = 0.3
    looped: bool = False
    refusal: str = ""
    most: int = 1

    @property
    def name(self) -> str:
        return f"{self.framework}-{self.architecture}-{self.detail}".replace(" ", "_")


LIF, CUBA, CONV, LOOP, SKIP, TOKENS = (
    "FC LIF",
    "FC CUBA",
    "conv + pool",
    "recurrent",
    "skip / residual",
    "tokens",
)
SEQUENCE = (8, 12)  # tokens, channels


# --- layers ---------------------------------------------------------------------------


class Cast(torch.nn.Module):
    def forward(self, x: Any) -> Any:
        return x.double()


def dyadic(module: Any, rng: np.random.Generator, scale: float, low: int = -12) -> Any:
    """Return the layer in float64, weights in `scale` / 16 steps, biases in 1/16."""
    module = module.double()
    with torch.no_grad():
        shape = tuple(module.weight.shape)
        module.weight.copy_(torch.tensor(rng.integers(low, 16, shape) * scale / 16))
        if module.bias is not None:
            module.bias.copy_(torch.tensor(rng.integers(-2, 4, shape[0]) / 16))
    return module


def linear(
    rng: np.random.Generator, n_in: int, n_out: int, scale: float, **more: Any
) -> Any:
    return dyadic(torch.nn.Linear(n_in, n_out, **more), rng, scale)


def conv2d(
    rng: np.random.Generator,
    n_in: int,
    n_out: int,
    size: int,
    scale: float = 0.5,
    **more: Any,
) -> Any:
    return dyadic(torch.nn.Conv2d(n_in, n_out, size, **more), rng, scale)


def batch_norm(module: Any, rng: np.random.Generator) -> Any:
    """Return BatchNorm with statistics whose roots are powers of two."""
    n = module.num_features
    module = module.double().eval()
    with torch.no_grad():
        module.running_mean.copy_(torch.tensor(rng.integers(-2, 3, n) / 16))
        module.running_var.copy_(torch.tensor(4.0 ** rng.integers(-1, 2, n)))
        module.weight.copy_(torch.tensor(2.0 ** rng.integers(-1, 1, n)))
        module.bias.copy_(torch.tensor(rng.integers(-1, 3, n) / 16))
    module.eps = 0.0
    return module


class Skip(torch.nn.Module):
    """fc1 -> first -> fc2 -> second, and first straight into second."""

    def __init__(self, fc1: Any, first: Any, fc2: Any, second: Any) -> None:
        super().__init__()
        self.fc1, self.first, self.fc2, self.second = fc1, first, fc2, second

    def forward(self, x: Any) -> Any:
        hidden = self.first(self.fc1(x)).double()
        return self.second(self.fc2(hidden) + hidden)


class Mixer(torch.nn.Module):
    """A transformer's block without attention: linear maps per token and, the tokens transposed, per
    channel; a skip edge around the mixing. neuron: makes a layer of neurons for its scale of input."""

    def __init__(
        self, rng: np.random.Generator, neuron: Callable[[], Any], scale: float
    ) -> None:
        super().__init__()
        tokens, channels = SEQUENCE
        self.embed, self.first = linear(rng, channels, 8, scale), neuron()
        self.across, self.mixed = linear(rng, tokens, tokens, scale), neuron()
        self.along, self.last = linear(rng, 8, 8, scale), neuron()

    def forward(self, x: Any) -> Any:
        hidden = self.first(self.embed(x)).double()
        turned = self.mixed(self.across(hidden.transpose(-1, -2))).double()
        return self.last(self.along(turned.transpose(-1, -2)) + hidden)


# --- running --------------------------------------------------------------------------


def sample_of(case: Case, x: Array) -> Any:
    """Return what from_torch is shown of x [N, T, *shape]."""
    t = torch.tensor(x)
    if case.layout in ("TB", "TBstate"):
        return t.transpose(0, 1)
    if case.layout == "BT":
        return t
    return t.flatten(0, 1) if case.layout == "flat" else t[:, 0]


def run_framework(case: Case, module: Any, x: Array) -> Array:
    """Return what the module itself answers to x [N, T, *shape], as [N, T, *out]."""
    _forget(module)
    with torch.no_grad():
        if case.layout in ("TB", "TBstate", "BT", "flat"):
            out = module(sample_of(case, x))
            out = out[0] if isinstance(out, tuple) else out
            if case.layout == "flat":
                out = out.unflatten(0, x.shape[:2])
            elif case.layout != "BT":
                out = out.transpose(0, 1)
            return np.asarray(out.double().numpy())
        answers, state = [], None
        for t in range(x.shape[1]):
            step = torch.tensor(x[:, t])
            if case.layout == "state":
                out, state = module(step, state)
            else:
                out = module(step)
            answers.append(out.double().numpy().copy())
    return np.stack(answers, axis=1)


def _forget(module: Any) -> None:
    """Put every neuron of every framework to rest."""
    for m in module.modules():
        for method in ("reset_mem", "reset_states", "reset"):
            if hasattr(m, method):
                getattr(m, method)()
                break


def spikes_for(case: Case, rng: np.random.Generator, steps: int, samples: int = 1) -> Array:
    return (rng.random((samples, steps, *case.shape)) < case.rate).astype(np.float64)
