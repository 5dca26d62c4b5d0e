"""Files as an exporter writes them, of layers whose parameters are drawn at random."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy_simulators.reference import run

STEPS, WIDTH, INPUTS = 200, 64, 20

Array: TypeAlias = NDArray[np.float64]
Write: TypeAlias = Callable[..., Path]


@dataclass(frozen=True, eq=False)
class Layer:
    """Weights [64, 20], biases [64], and what each of 64 neurons gets in 200 steps: current."""

    weight: Array
    bias: Array
    x: Array

    @property
    def current(self) -> Array:
        return self.x @ self.weight.T + self.bias


def draw(rng: np.random.Generator, scale: float) -> Layer:
    """Return a layer; no number in it is round, so that no membrane is at its threshold."""
    weight = rng.normal(0.15, 0.5, (WIDTH, INPUTS)) * scale
    bias = rng.normal(0, 0.1, WIDTH) * scale
    return Layer(weight, bias, (rng.random((STEPS, INPUTS)) < 0.3).astype(np.float64))


def chain(node: Any, layer: Layer, neuron: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nodes of input, layer, neuron "1" and output, named as nirtorch does."""
    return {
        "input": node.input(INPUTS),
        "0": node.affine(layer.weight, layer.bias),
        "1": dict(neuron),
        "output": node.output(WIDTH),
    }


def outputs(path: Path, x: Array, **wishes: Any) -> Array:
    """Return what the only output sends [200, 64]."""
    net = read_nir(path, **wishes)
    sent: Array = run(net, x[None]).outputs[net.outputs[0]][0]
    return sent


def active(spikes: Array) -> bool:
    """Whether enough happened for equality to mean something."""
    return bool(0.02 < spikes.mean() < 0.9 and (spikes.sum(axis=0) > 0).mean() > 0.5)


def assert_same_answers(ours: Any, expected: Any, *, readout: bool, many: bool) -> None:
    """Hold what a file gives here against the framework's own steps, neither of them dead.

    readout: the answers are membranes; else spikes, `many` of them in a step or one.
    """
    if readout:
        assert ours == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert np.abs(expected).max() > 0.5
    else:
        assert active(expected != 0)
        assert (expected.max() > 1) == many
        assert np.count_nonzero(ours != expected) == 0
