"""Neurons that are held after a spike: written in standard nodes, one neuron again when read.

The oracles are the framework's own module, and the step of the neuron that was written.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_deploy import deploy
from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.frontends.nir_writer.write_nir import write_nir
from snn_deploy.frontends.torch import from_torch
from snn_deploy.ir.maps import Chain, Dense, Scale
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif
from snn_deploy.passes.fuse import fuse
from snn_deploy_simulators.reference import run
from support import live_snntorch as live
from support.live_modules import Case, run_framework, sample_of, spikes_for

N = 5
MIXED = np.array([0.0, 0.5, 0.875, 1.0, 0.25])
SPIKES = (np.random.default_rng(7).random((2, 120, 4)) < 0.4).astype(np.float64)


def network(neuron: Lif, back: float = 0.25) -> Network:
    """x -> a -> b, both recurrent: one to one, and all to all."""
    rng = np.random.default_rng(3)
    weights = [rng.integers(-3, 9, (N, n)) / 8 for n in (4, N)]
    own = Chain((Scale(np.full(N, back)),), N)
    return Network(
        (Input("x", (4,)),),
        (Population("a", (N,), neuron), Population("b", (N,), neuron)),
        (
            Projection("x", "a", Dense(weights[0])),
            Projection("a", "a", own, 1),
            Projection("a", "b", Dense(weights[1])),
            Projection("b", "b", Dense(weights[1] / 8), 2),
            Projection("b", "a", Dense(-weights[1] / 8), 2),
        ),
        ("a", "b"),
    )


def read_back(net: Network, folder: Path) -> Network:
    written = write_nir(net, folder / "m.nir", dt=1 / 1024)
    nir.read(written.path)  # with type checking
    return read_nir(written.path, profile="nir", dt=written.dt, threshold=written.threshold)


def assert_same(net: Network, other: Network) -> None:
    ours, theirs = (run(each, SPIKES).outputs for each in (net, other))
    for name in net.outputs:
        np.testing.assert_array_equal(ours[name], theirs[name])


NEURONS = {
    "for a step, every leak": Lif.of(N, beta=MIXED, gain=MIXED + 0.5, hold=1),
    "for long, at another value": Lif.of(
        N, beta=0.75, v_reset=-0.5, v0=0.25, bias=0.125, hold=7
    ),
    "and its current not": Lif.of(N, alpha=0.5, beta=0.75, threshold=0.75, hold=2),
    "whatever a spike takes": Lif.of(N, beta=0.5, reset="subtract_late", hold=2),
    "and turned": Lif.of(N, beta=0.5, gain=-1.0, bias=1.25, hold=1),
    "below 0": Lif.of(N, beta=0.5, threshold=-0.25, v_reset=-1.0, v0=-1.0, hold=3),
    "at the threshold too": Lif.of(N, beta=0.5, inclusive=True, hold=2),
}


@pytest.mark.parametrize("name", NEURONS)
def test_held_neurons_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    net = network(NEURONS[name])
    spikes = run(net, SPIKES).outputs
    assert all(0.02 < spikes[pop].mean() < 0.9 for pop in "ab")
    back = read_back(net, tmp_path)
    assert_same(net, back)
    assert not any(p.neuron.hold for p in back.populations), "they are parts in the file"
    whole = fuse(back)
    assert_same(net, whole)
    assert sorted(p.name for p in whole.populations) == ["a", "b"]
    assert all(p.neuron.hold == NEURONS[name].hold for p in whole.populations)
    assert len(whole.projections) == len(net.projections)


eighths = st.integers(-8, 8).map(lambda k: k / 8)


@given(
    st.integers(1, 4), st.sampled_from([0.0, 0.5]), st.sampled_from([0.0, 0.5, 0.75, 1.0]),
    st.sampled_from([0.25, 0.5, 1.0]), eighths, eighths, st.integers(1, 8), st.booleans(), eighths,
)  # fmt: skip
def test_any_held_neuron_comes_back(
    tmp_path_factory: pytest.TempPathFactory, hold: int, alpha: float, beta: float, gain: float,
    bias: float, v_reset: float, above: int, inclusive: bool, back: float,
) -> None:  # fmt: skip
    neuron = Lif.of(
        N, hold=hold, alpha=alpha, beta=beta, gain=gain, bias=bias, v_reset=v_reset, v0=v_reset,
        threshold=v_reset + above / 8, inclusive=inclusive,
    )  # fmt: skip
    net = network(neuron, back)
    whole = fuse(read_back(net, tmp_path_factory.mktemp("held")))
    assert_same(net, whole)
    assert sorted({p.name for p in whole.populations} - {"bias:1"}) == ["a", "b"]


MODULES: dict[str, Callable[[np.random.Generator], Any]] = {
    "Synaptic": live.snn_fc("Synaptic", "zero", 1 / 4),
    "RLeaky": live.snn_recurrent("RLeaky", "zero", 1 / 2),
    "RSynaptic": live.snn_recurrent("RSynaptic", "zero", 1 / 4),
}


@pytest.mark.filterwarnings("ignore")  # snnTorch's own
@pytest.mark.parametrize("kind", MODULES)
def test_modules_whose_membrane_is_held_spike_the_same_from_the_file(
    kind: str, tmp_path: Path
) -> None:
    case = Case("snnTorch", "", kind, MODULES[kind])
    rng = np.random.default_rng(1)
    module = case.build(rng)
    x = spikes_for(case, rng, 200)
    expected = run_framework(case, module, x)
    net = from_torch(module, sample_of(case, x))
    assert any(p.neuron.hold for p in net.populations)
    back = fuse(read_back(net, tmp_path))
    assert [p.neuron.hold for p in back.populations] == [
        p.neuron.hold for p in net.populations
    ]
    assert 0.01 < expected.mean() < 0.95
    for each in (net, back):
        (output,) = each.outputs
        assert (run(each, x).outputs[output].ravel() == expected.ravel()).all()


def test_the_file_takes_as_many_cores_as_the_network(tmp_path: Path) -> None:
    net = network(NEURONS["and its current not"])
    write_nir(net, tmp_path / "m.nir")
    ours, theirs = (
        deploy(model, "loihi2", steps=20).utilization for model in (net, tmp_path / "m.nir")
    )
    assert ours is not None
    assert theirs is not None
    assert ours.cores == theirs.cores > 0


REFUSED: dict[str, tuple[dict[str, float], str]] = {
    "at its threshold": (
        {"v_reset": 1.0},
        r"'a': a spike leaves its membrane at 1, which is not below its threshold, 1,.*raise",
    ),
    "and deaf": (
        {"gain": 0.0},
        r"'a': it takes nothing of its input \(gain 0\).*give all its neurons a gain",
    ),
    "for no whole number": (
        {"hold": -1},
        r"'a': it is held for -1 steps after a spike; give 0, 1, 2",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_held_is_refused(name: str, tmp_path: Path) -> None:
    values, message = REFUSED[name]
    neuron = Lif.of(N, **({"hold": 2} | values))
    with pytest.raises(InputError, match=message):
        write_nir(network(neuron), tmp_path / "m.nir")
    assert not list(tmp_path.iterdir())
