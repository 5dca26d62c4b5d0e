"""Rung 1 on trained networks: our reading of each example == the framework that trained it.

Frameworks compute in float32 and add up in another order, so a membrane that ends within
rounding of its threshold may fall on the other side, and from then on that neuron lives
another life. Hence every layer is fed what the framework's own layer before it sent, only
the first difference of each neuron in each sample counts, and each must be explained by a
membrane at its threshold.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from snn_deploy.arrays import AnyArray, FloatArray
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.ir.linear import apply
from snn_deploy.ir.network import Network, Population
from snn_deploy.neurons import MultiLevel
from snn_deploy.passes.normalize import normalize
from snn_deploy.pipeline.deploy import deploy
from snn_deploy_simulators import reference
from support.said import said

EXAMPLES = Path(__file__).parents[1] / "examples"
PROFILES: dict[str, Any] = {
    "digits_mlp": "snntorch",
    "digits_conv": "spikingjelly",
    "digits_rows": "snntorch",
    "digits_sinabs": "sinabs",
    "digits_norse": "norse",
}
ROUNDING = 2e-5  # of the membrane's scale: 300 float32 additions, each off by 6e-8
POINTS = 0.005  # of accuracy that integers may lose

pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own


def frameworks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("frameworks", EXAMPLES / "frameworks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["frameworks"] = module
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True, eq=False)
class Example:
    net: Network
    x: AnyArray  # [N, T, *shape]
    y: AnyArray
    spikes: dict[str, AnyArray]  # of the framework, [N, T, *shape]


@pytest.fixture(scope="module", params=sorted(PROFILES))
def example(request: pytest.FixtureRequest) -> Example:
    oracle = frameworks()
    net = normalize(
        read_nir(oracle.nir_file(request.param), **said(PROFILES[request.param]))
    )
    x, y = oracle.load_test(request.param)
    spikes = oracle.run_framework(request.param, x).spikes
    steps = next(iter(spikes.values())).shape[1]
    if x.ndim == 1 + len(net.inputs[0].shape):  # one frame, shown in every step
        x = np.broadcast_to(x[:, None], (len(x), steps, *x.shape[1:]))
    return Example(net, x, y, spikes)


def layer_by_layer(example: Example, pop: Population) -> tuple[FloatArray, FloatArray]:
    """Return (spikes, membrane before the reset) [N, T, n] of `pop`, fed by the framework's
    spikes."""
    net, samples, steps = example.net, *example.x.shape[:2]
    sent = {net.inputs[0].name: example.x.astype(np.float64), **example.spikes}
    for source in net.populations:  # constant sources are ours
        if source.name not in sent:
            sent[source.name] = np.ones((samples, steps, source.neuron.n))
    n, state = pop.neuron, pop.neuron.start(samples)
    fired, membrane = np.zeros((2, samples, steps, n.n))
    for t in range(steps):
        drive = np.zeros((samples, n.n))
        for p in net.into(pop.name):
            if t >= p.delay:
                value = sent[p.pre][:, t - p.delay].reshape(samples, -1)
                drive += apply(p.map, np.asarray(value, np.float64))
        late = state.fired * n.amount if n.reset == "subtract_late" else 0.0
        u = n.alpha * state.u + drive
        membrane[:, t] = n.beta * state.v + n.gain * u + n.bias - late
        state, fired[:, t] = n.step(state, drive)
    return fired, membrane


def at_threshold(pop: Population, membrane: FloatArray) -> FloatArray:
    """Return the nearest membrane at which the neuron sends one spike more."""
    threshold = pop.neuron.threshold
    if not isinstance(pop.neuron, MultiLevel):
        return np.broadcast_to(threshold, membrane.shape)
    return np.maximum(np.rint(membrane / threshold), 1) * threshold


def test_every_layer_spikes_as_in_its_framework(example: Example) -> None:
    bins = differences = 0
    for pop in example.net.populations:
        if pop.name not in example.spikes:
            continue
        ours, membrane = layer_by_layer(example, pop)
        theirs = example.spikes[pop.name].reshape(ours.shape)
        assert theirs.sum() > 1000, "a dead layer proves nothing"
        assert (theirs.max() > 1) == isinstance(pop.neuron, MultiLevel)
        wrong = ours != theirs
        first = wrong & (np.cumsum(wrong, axis=1) == 1)
        bins, differences = bins + ours.size, differences + int(first.sum())
        distance = np.abs(membrane - at_threshold(pop, membrane))[first]
        scale = max(1.0, float(np.abs(membrane).max()))
        assert distance.max(initial=0) < ROUNDING * scale, (pop.name, distance)
    print(f"{differences} first differences in {bins} bins")
    assert differences <= bins / 100_000


def test_the_whole_network_answers_as_in_its_framework(example: Example) -> None:
    out = example.net.outputs[0]
    ours = reference.run(example.net, example.x, keep=[]).outputs[out]
    ours_counts = ours.sum(axis=1)
    theirs_counts = example.spikes[out].sum(axis=1).reshape(ours_counts.shape)
    same = ours_counts.argmax(axis=1) == theirs_counts.argmax(axis=1)
    assert same.mean() >= 0.995
    accuracy = (ours_counts.argmax(axis=1) == example.y).mean()
    assert accuracy >= (0.9 if "hidden.lif" in example.spikes else 0.96)


@pytest.mark.parametrize("name", sorted(PROFILES.keys() - {"digits_rows"}))  # of each one
def test_the_chip_loses_at_most_half_a_point(name: str) -> None:
    x, y = frameworks().load_test(name)
    steps = frameworks().IMAGE_STEPS.get(name)
    data = {"x": x, "y": y}
    report = deploy(
        EXAMPLES / name / f"{name}.nir",
        "loihi2",
        input=data,
        **said(PROFILES[name]),
        steps=steps,
    )
    accuracy = {a.stage: a.value for a in report.accuracy}
    assert accuracy["reference"] > 0.95
    assert accuracy["chip"] >= accuracy["reference"] - POINTS
    assert all(layer.spikes and layer.spikes.mean for layer in report.layers)
