"""What is trained: float values behind every weight, threshold, bias and decay.

The forward pass sees each value as the quantizer stores it, the gradient passes to the
float behind it (the straight-through estimator of Bengio et al., arXiv:1308.3432). Why not
Brevitas: the grid is not that of one tensor. Scale, threshold, bias and start value of a
population share one unit, the range depends on the signs of all weights, and decays and
biases have registers of their own; calling the quantizer itself leaves nothing to differ.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from snn_deploy.arrays import AnyArray, FloatArray, frozen
from snn_deploy.finetune.grid import (
    OnGrid,
    folded_map,
    off_grid,
    rounded,
    stored,
    weight_range,
)
from snn_deploy.finetune.step import ARRAYS, TensorLif, with_tensors
from snn_deploy.ir.network import Network, Population
from snn_deploy.neurons import Lif
from snn_deploy.quantization import registers
from snn_deploy.quantization.scale import COMFORT, GRID

RATE = 0.002  # of the root mean square of an array per update; ours, tried on digits_rows
DECAY = 0.01  # AdamW's own default, for weights of size one
SLOWER = 0.1  # thresholds and decays, each of which moves many neurons
STEP = 1.0 / registers.DECAY_ONE


@dataclass(frozen=True, eq=False)
class Latent:
    """The floats behind one array of a population.

    Attributes:
        population: Its name.
        name: Of the array: "threshold", "bias", "alpha" or "beta".
        value: The floats, [groups], in register units, decays as the share that is kept.
        index: Which of them each neuron has, [n].
        low: The least that its register can hold.
        high: The most that its register can hold.
        rate: Learning rate of AdamW, in the units of `value` per update.
    """

    population: str
    name: str
    value: nn.Parameter
    index: Tensor
    low: float
    high: float
    rate: float


class Trainable(nn.Module):
    """The floats behind a network on a grid.

    Populations that nothing feeds keep what they have: they stand for constants.
    """

    def __init__(self, grid: OnGrid) -> None:
        super().__init__()
        self.grid = grid
        arrays = [folded_map(p).stored for p in grid.net.projections]
        self.weights = nn.ParameterList(_parameter(a) for a in arrays)
        self.ranges = [
            weight_range(a, e) for a, e in zip(arrays, grid.exponents, strict=True)
        ]
        fed = {p.post for p in grid.net.projections}
        self.latents = [
            latent
            for pop in grid.net.populations
            if pop.name in fed
            for latent in _latents(pop, grid)
        ]
        self.others = nn.ParameterList(latent.value for latent in self.latents)

    def groups(self) -> list[dict[str, Any]]:
        """Return what an optimizer takes: each array with a rate of its own size."""
        weights = [
            {"params": [w], "lr": RATE * size, "weight_decay": DECAY / size}
            for w, size in ((w, _size(w)) for w in self.weights)
        ]
        others = [
            {"params": [x.value], "lr": x.rate, "weight_decay": 0.0} for x in self.latents
        ]
        return [*weights, *others]

    @torch.no_grad()
    def clamp(self) -> None:
        """Take every float back to what its register can hold."""
        for weight, (low, high) in zip(self.weights, self.ranges, strict=True):
            weight.clamp_(low, high)
        for latent in self.latents:
            latent.value.clamp_(latent.low, latent.high)

    def values(self, on_grid: bool = True) -> tuple[list[Tensor], dict[str, TensorLif]]:
        """Return weights by projection and neurons by name, rounded unless `on_grid` is
        False."""
        return self._weights(on_grid), self._neurons(on_grid)

    def network(self) -> Network:
        """Return the network as it is stored, in register units, fed what the user
        feeds."""
        net = self.grid.net
        projections = [
            replace(p, map=folded_map(p).with_stored(self._stored(i)))
            for i, p in enumerate(net.projections)
        ]
        populations = [
            replace(p, neuron=self._rounded(p.name, self._lif(p))) for p in net.populations
        ]
        whole = replace(net, populations=tuple(populations), projections=tuple(projections))
        return off_grid(self.grid, whole)

    def _weights(self, on_grid: bool) -> list[Tensor]:
        if not on_grid:
            return list(self.weights)
        return [through(w, self._stored(i)) for i, w in enumerate(self.weights)]

    def _neurons(self, on_grid: bool) -> dict[str, TensorLif]:
        found = {}
        for pop in self.grid.net.populations:
            lif = self._lif(pop)
            made = self._rounded(pop.name, lif) if on_grid else lif
            values = {name: torch.tensor(getattr(made, name)).float() for name in ARRAYS}
            for latent in self._latents_of(pop.name):
                wide = latent.value[latent.index]
                values[latent.name] = through(wide, getattr(made, latent.name))
                if latent.name == "threshold":
                    ratio = torch.tensor(_ratio(pop.neuron)).float()
                    values["amount"] = through(wide * ratio, made.amount)
            found[pop.name] = with_tensors(made, values)
        return found

    def _stored(self, i: int) -> FloatArray:
        return stored(_numbers(self.weights[i]), self.grid.bits, self.grid.exponents[i])

    def _lif(self, pop: Population) -> Lif:
        """Return the neuron with the floats of now."""
        changed = {
            x.name: frozen(_numbers(x.value)[x.index.numpy()])
            for x in self._latents_of(pop.name)
        }
        neuron = replace(pop.neuron, **changed)
        if "threshold" not in changed:
            return neuron
        return replace(neuron, amount=frozen(neuron.threshold * _ratio(pop.neuron)))

    def _rounded(self, name: str, lif: Lif) -> Lif:
        driven = any(
            p.pre in self.grid.driven for p in self.grid.net.projections if p.post == name
        )
        return rounded(self.grid, lif, driven=driven)

    def _latents_of(self, name: str) -> Sequence[Latent]:
        return [x for x in self.latents if x.population == name]


def through(latent: Tensor, value: AnyArray) -> Tensor:
    """Return `value` forwards, the gradient of `latent` backwards."""
    made = torch.from_numpy(np.array(value, np.float32))
    result: Tensor = _Through.apply(latent, made)  # type: ignore[no-untyped-call]
    return result


class _Through(torch.autograd.Function):
    """The second argument forwards, the first one's gradient backwards."""

    @staticmethod
    def forward(ctx: Any, latent: Tensor, made: Tensor) -> Tensor:
        return made

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def _latents(pop: Population, grid: OnGrid) -> Iterator[Latent]:
    """Yield what is trained of a population beside its weights.

    Values that are one stay one, so that a core needs no more parameter sets than before;
    an integrator stays one, and a population without bias or current gets none.
    """
    n = pop.neuron
    if n.spiking:
        rate = RATE * SLOWER * float(n.threshold.mean())
        yield _latent(pop, "threshold", n.threshold, (1.0, COMFORT), rate)
    if n.bias.any():
        top = (registers.BIAS_HIGH << grid.bias_exp_max) / GRID
        size = float(np.sqrt(np.mean(n.bias**2)))
        yield _latent(pop, "bias", np.arange(n.n), (-top, top), RATE * size)
    for name, register in (
        ("alpha", registers.current_decay(n.alpha)),
        ("beta", registers.membrane_decay(n.beta)),
    ):
        values = getattr(n, name)
        if bool(((values > 0) & (values < 1)).all()):
            shared = registers.few_groups(register, grid.groups)
            yield _latent(pop, name, shared, (STEP, 1.0 - STEP), RATE * SLOWER)


def _latent(
    pop: Population, name: str, alike: AnyArray, limits: tuple[float, float], rate: float
) -> Latent:
    """Return one float for all neurons whose entry in `alike` [n] is the same."""
    _, index = np.unique(alike, return_inverse=True)
    counts = np.bincount(index)
    means = np.bincount(index, weights=getattr(pop.neuron, name)) / counts
    return Latent(pop.name, name, _parameter(means), torch.from_numpy(index), *limits, rate)


def _parameter(values: FloatArray) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=torch.float32))


def _numbers(values: Tensor) -> FloatArray:
    return np.asarray(values.detach().numpy(), np.float64)


def _size(weight: Tensor) -> float:
    return float(weight.detach().square().mean().sqrt()) or 1.0


def _ratio(neuron: Lif) -> FloatArray:
    """Return what a spike takes off the membrane, in thresholds."""
    ratio: FloatArray = neuron.amount / neuron.threshold
    return ratio
