"""Fusing the parts of a neuron: what is computed stays, and the neuron is found again."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from snn_deploy.arrays import FloatArray
from snn_deploy.ir.maps import Chain, Dense, Map, Scale
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif, MultiLevel
from snn_deploy.passes.fuse import fuse
from snn_deploy_simulators.reference import run
from support.random_models import random_model

N = 6
SAME = Chain((), N)


def readout(**values: object) -> Lif:
    return Lif.of(N, threshold=np.inf, amount=0.0, spiking=False, **values)


def stateless(threshold: float = 1.0) -> Lif:
    return Lif.of(N, beta=0.0, threshold=threshold)


def parts(
    membrane: Lif, back: float | FloatArray | None, *more: Projection, delay: int = 1
) -> Network:
    """x -> v -> s, and s back to v over a Scale."""
    weight = np.arange(N * 4).reshape(N, 4) % 5 / 8
    loop = []
    if back is not None:
        loop = [Projection("s", "v", Chain((Scale(np.full(N, back)),), N), delay)]
    return Network(
        (Input("x", (4,)),),
        (Population("v", (N,), membrane), Population("s", (N,), stateless())),
        (Projection("x", "v", Dense(weight)), Projection("v", "s", SAME), *loop, *more),
        ("s",),
    )


def spikes(seed: int = 0) -> FloatArray:
    return (np.random.default_rng(seed).random((2, 100, 4)) < 0.4).astype(np.float64)


def test_reset_by_subtraction_at_once_is_found() -> None:
    found = fuse(parts(readout(beta=0.5), -0.5)).population("s").neuron
    assert (found.reset, found.amount.tolist()) == ("subtract", [1.0] * N)
    assert found.beta.tolist() == [0.5] * N


def test_reset_by_subtraction_a_step_late_is_found() -> None:
    found = fuse(parts(readout(beta=0.5), -1.0)).population("s").neuron
    assert (found.reset, found.amount.tolist()) == ("subtract_late", [1.0] * N)


def test_an_integrator_without_leak_subtracts_at_once() -> None:
    found = fuse(parts(readout(), -1.0)).population("s").neuron
    assert (found.reset, found.amount.tolist()) == ("subtract", [1.0] * N)


def test_a_threshold_behind_a_readout_alone_never_resets() -> None:
    found = fuse(parts(readout(beta=0.5), None)).population("s").neuron
    assert found.spiking
    assert found.amount.tolist() == [0.0] * N


def test_the_gain_of_the_membrane_counts_in_what_a_spike_takes() -> None:
    found = fuse(parts(readout(beta=0.5, gain=0.25), -4.0)).population("s").neuron
    assert (found.reset, found.amount.tolist()) == ("subtract_late", [1.0] * N)


def test_of_two_inhibiting_loops_the_one_of_the_threshold_resets() -> None:
    extra = Projection("s", "v", Chain((Scale(np.full(N, -0.25)),), N), 1)
    net = parts(readout(beta=0.5), -1.0, extra)
    fused = fuse(net)
    assert fused.population("s").neuron.amount.tolist() == [1.0] * N
    loops = [p for p in fused.projections if p.pre == "s"]
    assert [p.map for p in loops] == [extra.map]
    assert (run(net, spikes()).outputs["s"] == run(fused, spikes()).outputs["s"]).all()


def current(bias: float = 0.0) -> Network:
    """x -> u -> n, where n fires."""
    weight = np.arange(N * 4).reshape(N, 4) % 5 / 8
    return Network(
        (Input("x", (4,)),),
        (
            Population("u", (N,), readout(beta=0.5, gain=0.5, bias=bias)),
            Population("n", (N,), Lif.of(N, beta=0.75)),
        ),
        (Projection("x", "u", Dense(weight)), Projection("u", "n", SAME)),
        ("n",),
    )


def test_a_readout_in_front_of_a_neuron_is_its_current() -> None:
    fused = fuse(current())
    assert [p.name for p in fused.populations] == ["n"]
    neuron = fused.population("n").neuron
    assert (neuron.alpha[0], neuron.beta[0], neuron.gain[0]) == (0.5, 0.75, 0.5)
    assert run(fused, spikes()).events["n"].min() > 0


def test_a_bias_of_the_current_becomes_a_neuron_that_always_spikes() -> None:
    net = current(bias=0.125)
    fused = fuse(net)
    assert len(fused.populations) == 2
    ours, theirs = (run(n, spikes()).outputs["n"] for n in (fused, net))
    assert theirs.sum() > run(current(), spikes()).outputs["n"].sum()
    assert (ours == theirs).all()


def read_membrane(net: Network) -> Network:
    return replace(net, outputs=("s", "v"))


def sent_membrane(net: Network) -> Network:
    target = Population("far", (N,), Lif.of(N))
    return replace(
        net,
        populations=(*net.populations, target),
        projections=(*net.projections, Projection("v", "far", SAME)),
    )


def late_threshold(net: Network) -> Network:
    moved = tuple(replace(p, delay=1) if p.post == "s" else p for p in net.projections)
    return replace(net, projections=moved)


def second_input(net: Network) -> Network:
    weight = Dense(np.ones((N, 4)))
    return replace(net, projections=(*net.projections, Projection("x", "s", weight)))


def weighted(net: Network) -> Network:
    twice: Map = Scale(np.full(N, 2.0))
    moved = tuple(replace(p, map=twice) if p.post == "s" else p for p in net.projections)
    return replace(net, projections=moved)


@pytest.mark.parametrize(
    "change", [read_membrane, sent_membrane, late_threshold, second_input, weighted]
)
def test_what_is_no_neuron_stays_in_parts(change: Callable[[Network], Network]) -> None:
    net = change(parts(readout(beta=0.5), -0.5))
    fused = fuse(net)
    assert [p.name for p in fused.populations] == [p.name for p in net.populations]
    assert (run(net, spikes()).outputs["s"] == run(fused, spikes()).outputs["s"]).all()


@pytest.mark.parametrize("delay", [2, 3])
def test_a_loop_that_comes_later_is_recurrence_and_stays(delay: int) -> None:
    net = parts(readout(beta=0.5), -0.5, delay=delay)
    fused = fuse(net)
    assert [p.delay for p in fused.projections if p.pre == "s"] == [delay]
    assert not fused.population("s").neuron.amount.any()
    assert (run(net, spikes()).outputs["s"] == run(fused, spikes()).outputs["s"]).all()


@pytest.mark.parametrize("seed", range(10))
def test_networks_of_whole_neurons_are_left_alone(seed: int) -> None:
    net, x = random_model(seed)
    fused = fuse(net)
    ours, theirs = run(fused, x), run(net, x)
    for name in net.outputs:
        assert np.allclose(ours.outputs[name], theirs.outputs[name], rtol=0, atol=1e-12)
    assert len(fused.populations) <= len(net.populations)


# --- hold -----------------------------------------------------------------------------


FORCE = 2.0**60


def forced(
    steps: int = 2,
    *more: Projection,
    silent: float = -1.0,
    force: float = FORCE,
    threshold: float = 0.5,
    neuron: Lif | None = None,
) -> Network:
    """x -> v -> s, where s makes v fire in the next steps and is not heard then itself."""
    weight = np.arange(N * 4).reshape(N, 4) % 5 / 8
    fired = Lif.of(N, beta=0.5, v_reset=-0.25) if neuron is None else neuron
    return Network(
        (Input("x", (4,)),),
        (Population("v", (N,), fired), Population("s", (N,), stateless(threshold))),
        (
            Projection("x", "v", Dense(weight)),
            Projection("v", "s", SAME),
            *(Projection("s", "s", Scale(np.full(N, silent)), k + 1) for k in range(steps)),
            *(Projection("s", "v", Scale(np.full(N, force)), k + 1) for k in range(steps)),
            *more,
        ),
        ("s",),
    )


def same_spikes(net: Network, other: Network) -> bool:
    ours, theirs = (run(each, spikes()).outputs["s"] for each in (net, other))
    return 0 < ours.mean() < 1 and bool((ours == theirs).all())


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_neuron_that_is_made_to_fire_after_a_spike_is_held(steps: int) -> None:
    net = forced(steps)
    fused = fuse(net)
    assert [p.name for p in fused.populations] == ["s"]
    found = fused.population("s").neuron
    assert (found.hold, found.reset, found.v_reset.tolist()) == (steps, "zero", [-0.25] * N)
    assert len(fused.projections) == 1
    assert same_spikes(net, fused)


def test_a_held_neuron_takes_its_current_and_keeps_its_recurrence() -> None:
    weight = Projection("s", "u", Dense(np.full((N, N), -0.125)), 1)
    net = forced(2, weight)
    filtered = Population("u", (N,), readout(beta=0.5))
    moved = [replace(p, post="u") if p.pre == "x" else p for p in net.projections]
    net = replace(
        net,
        populations=(filtered, *net.populations),
        projections=(*moved, Projection("u", "v", SAME)),
    )
    fused = fuse(net)
    assert [p.name for p in fused.populations] == ["s"]
    found = fused.population("s").neuron
    assert (found.hold, found.alpha.tolist()) == (2, [0.5] * N)
    assert [p.map for p in fused.projections if p.pre == "s"] == [weight.map]
    assert same_spikes(net, fused)


UNHELD = {
    "too weak": forced(force=2.0**40),
    "heard a little": forced(silent=-0.75),
    "one silence more": forced(2, Projection("s", "s", Scale(np.full(N, -1.0)), 3)),
    "one force more": forced(2, Projection("s", "v", Scale(np.full(N, FORCE)), 3)),
    "a step is left out": forced(
        1,
        Projection("s", "s", Scale(np.full(N, -1.0)), 3),
        Projection("s", "v", Scale(np.full(N, FORCE)), 3),
    ),
    "another threshold": forced(threshold=-0.5),
    "held already": forced(neuron=Lif.of(N, beta=0.5, hold=1)),
    "reset by subtraction": forced(neuron=Lif.of(N, beta=0.5, reset="subtract")),
    "several levels": forced(neuron=MultiLevel.of(N, beta=0.5, high=1.0)),
}


@pytest.mark.parametrize("name", UNHELD)
def test_what_is_not_held_for_certain_stays_in_parts(name: str) -> None:
    net = UNHELD[name]
    fused = fuse(net)
    assert [p.name for p in fused.populations] == ["v", "s"]
    ours, theirs = (run(each, spikes()).outputs["s"] for each in (net, fused))
    assert (ours == theirs).all()
    assert ours.any()


@pytest.mark.parametrize("change", [read_membrane, sent_membrane, late_threshold])
def test_what_others_hear_before_the_threshold_is_not_held(
    change: Callable[[Network], Network],
) -> None:
    net = change(forced())
    fused = fuse(net)
    assert [p.name for p in fused.populations] == [p.name for p in net.populations]
