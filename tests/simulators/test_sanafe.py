"""Chip simulator == SANA-FE 2.2.9 on the same network, mapping and coefficients.

SANA-FE runs in a process and an environment of its own (`make sanafe-env`); without it these
tests fail.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import pytest

from snn_deploy.board.board import Board, load_board
from snn_deploy.evaluation.ledger import ledger
from snn_deploy.ir.activity import Activity
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy.names import PlacementName, TimeModelName
from snn_deploy_simulators import chip
from support.networks import mapped
from support.sanafe_networks import gesture, perceptron, raster, recurrent
from support.sanafe_oracle import Run, fired, free_running, simulate

EXACT = 1e-9  # relative; sums of 1e5 doubles in different orders


@dataclass(frozen=True)
class Case:
    """A network, mapped, and what both simulators say of it."""

    program: Program
    stimulus: Stimulus
    simple: Any
    detailed: Any

    def ours(self, time_model: TimeModelName = "simple") -> Activity:
        return chip.run(self.program, self.stimulus, time_model=time_model, threads=1)


def cramped(board: Board, neurons: int) -> Board:
    """Return the board with cores that hold only so many neurons."""
    limit = msgspec.structs.replace(board.pool.neuron, value=neurons)
    return msgspec.structs.replace(
        board, pool=msgspec.structs.replace(board.pool, neuron=limit)
    )


def with_bias_and_zero_weights() -> QuantNetwork:
    """Return a network in which neurons are active for each possible reason."""
    net = perceptron((60, 90, 20), 120, seed=4)
    rng = np.random.default_rng(4)
    first, last = net.populations
    bias = np.where(rng.random(first.n) < 0.3, rng.integers(-60, 90, first.n), 0)
    biased = replace(first, params={**first.params, "bias_mant": bias.astype(np.int64)})
    projections = []
    for p in net.projections:
        assert isinstance(p.map, Dense)
        sparse = np.where(rng.random(p.map.weight.shape) < 0.6, 0, p.map.weight)
        projections.append(replace(p, map=Dense(sparse), weight_exp=1))
    return replace(net, populations=(biased, last), projections=tuple(projections))


def network(name: str) -> tuple[QuantNetwork, Stimulus, Board]:
    board = load_board("loihi1")
    match name:
        case "dense":
            return perceptron((100, 80, 10), 200), raster(100, 50, 0.1, 0), board
        case "dense, biases and zeros":
            return with_bias_and_zero_weights(), raster(60, 50, 0.05, 1), cramped(board, 16)
        case "conv":
            vth = (60, 150, 300, 300, 300)
            return gesture(15, vth), raster(225, 20, 0.2, 0), cramped(board, 70)
        case "recurrent":
            return recurrent(600, 40, 50, 150), raster(50, 40, 0.2, 0), cramped(board, 60)
        case "congested":
            return (
                perceptron((200, 400, 40), 400),
                raster(200, 20, 0.4, 0),
                cramped(board, 100),
            )
    raise KeyError(name)


@cache
def case(name: str) -> Case:
    net, stimulus, board = network(name)
    method: PlacementName = (
        "local" if name == "congested" else "random"
    )  # short ways hold few messages
    program = mapped(net, board, seed=1, method=method)
    runs = [Run("simple", stimulus.steps), Run("detailed", stimulus.steps)]
    with TemporaryDirectory() as folder:
        simple, detailed = simulate(program, stimulus, Path(folder), runs)
    return Case(program, stimulus, simple, detailed)


CASES = ("dense", "dense, biases and zeros", "conv", "recurrent", "congested")


@pytest.mark.parametrize("name", CASES)
def test_every_neuron_fires_in_the_same_steps(name: str) -> None:
    c = case(name)
    theirs = fired(c.simple, c.program.net, c.stimulus.steps)
    for pop, spikes in theirs.items():
        ours = c.ours().recording.outputs[pop].reshape(spikes.shape)
        np.testing.assert_array_equal(ours, spikes, err_msg=pop)
        assert 0 < spikes.mean() < 0.9


@pytest.mark.parametrize("name", CASES)
def test_counts_are_the_same(name: str) -> None:
    c = case(name)
    ours, inputs = c.ours(), int((c.stimulus.spikes["in"] != 0).sum())
    assert ours.counts.synops.sum() == c.simple["spikes"]
    assert ours.counts.spikes.sum() == c.simple["neurons_fired"] - inputs
    assert ours.counts.active.sum() == c.simple["neurons_updated"] - inputs
    assert ours.counts.messages_in.sum() == c.simple["packets_sent"]
    steps = slice(0, c.stimulus.steps)
    np.testing.assert_array_equal(
        (ours.hops_x + ours.hops_y)[steps], c.simple["perf"]["hops"]
    )
    np.testing.assert_array_equal(
        ours.counts.synops.sum(axis=1)[steps], c.simple["perf"]["spikes"]
    )
    assert 0 < ours.counts.active.sum() < ours.counts.updates.sum()


@pytest.mark.parametrize("name", CASES)
def test_every_line_of_energy_is_the_same(name: str) -> None:
    """Their `network` holds hops and axons, of inputs too; `soma` and `synapse` three lines."""
    c = case(name)
    accounts = {a.name: a for a in ledger(c.ours(), c.program).accounts}
    joules = {
        line.name: line.joules.low for line in accounts["sanafe"].lines if line.joules
    }
    theirs, pool = c.simple["energy"], c.program.board.energy.sets["sanafe"].coefficients
    parts = {
        "synapse": ("synapse dense", "synapse sparse", "synapse conv"),
        "soma": ("soma access", "soma update", "spike out"),
        "network": (
            "axon in",
            "axon out",
            "hop east-west",
            "hop north-south",
            "input message",
        ),
    }
    assert {n for names in parts.values() for n in names} == {
        p.name for p in pool if p.value is not None
    }
    for part, names in parts.items():
        assert sum(joules[n] for n in names) == pytest.approx(theirs[part], rel=EXACT)
        assert theirs[part] > 0
    assert sum(joules.values()) == pytest.approx(theirs["total"], rel=EXACT)


@pytest.mark.parametrize("name", CASES)
def test_simple_time_equals_their_simple_time_in_each_step(name: str) -> None:
    c = case(name)
    ours = c.ours("simple").step_s[0, : c.stimulus.steps]
    np.testing.assert_allclose(ours, c.simple["perf"]["sim_time"], rtol=EXACT)


@pytest.mark.parametrize("name", CASES)
def test_event_time_is_within_two_percent_of_their_detailed_time_in_each_step(
    name: str,
) -> None:
    c = case(name)
    ours = c.ours("event").step_s[0, : c.stimulus.steps]
    np.testing.assert_allclose(ours, c.detailed["perf"]["sim_time"], rtol=0.02)
    assert ours.sum() == pytest.approx(c.detailed["sim_time"], rel=0.02)


def test_congestion_is_really_there_in_one_case() -> None:
    c = case("congested")
    assert c.detailed["sim_time"] > 1.2 * c.simple["sim_time"]


def test_energy_and_time_equal_their_own_loihi_with_their_own_coefficients() -> None:
    """Nothing of ours is in their architecture here; their inputs take its first core."""
    board = msgspec.structs.replace(load_board("loihi1"), dead_cores=(0,))
    net, stimulus, _ = network("dense")
    program = mapped(net, board, method="in-order")
    with TemporaryDirectory() as folder:
        runs = [Run("simple", stimulus.steps)]
        (theirs,) = simulate(program, stimulus, Path(folder), runs, arch="shipped")
    accounts = {a.name: a for a in ledger(chip.run(program, stimulus), program).accounts}
    joules = [line.joules.low for line in accounts["sanafe"].lines if line.joules]
    assert sum(joules) == pytest.approx(theirs["energy"]["total"], rel=EXACT)
    ours = chip.run(program, stimulus, time_model="simple").step_s[0, : stimulus.steps]
    assert ours.sum() == pytest.approx(theirs["sim_time"], rel=EXACT)


def test_a_network_with_levels_runs_as_theirs_shifted_by_its_levels() -> None:
    """A chip that holds populations and one that does not fire alike, as nothing drives them."""
    net, stimulus, board = network("dense")
    levels = {"in": 0, "layer 1": 1, "layer 2": 2}
    populations = tuple(replace(p, lag=levels[p.name]) for p in net.populations)
    projections = tuple(replace(p, delay=0) for p in net.projections)
    held = replace(net, populations=populations, projections=projections)
    free, padded = free_running(held, stimulus)
    program = mapped(free, board)
    with TemporaryDirectory() as folder:
        (theirs,) = simulate(program, padded, Path(folder), [Run("simple", padded.steps)])
    spikes = fired(theirs, free, padded.steps)
    ours = chip.run(mapped(held, board), stimulus).recording.outputs
    for name, out in ours.items():
        shifted = spikes[name][levels[name] : levels[name] + stimulus.steps]
        np.testing.assert_array_equal(out[0], shifted)
        assert out.any()


def refused(name: str) -> tuple[QuantNetwork, Stimulus]:
    net, stimulus, _ = network("dense")
    first, *rest = net.populations
    if name == "a current that lasts":
        slow = {**first.params, "du": np.zeros(first.n, np.int64)}
        return replace(net, populations=(replace(first, params=slow), *rest)), stimulus
    if name == "a right shift":
        shifted = replace(net.projections[0], weight_exp=-1)
        return replace(net, projections=(shifted, *net.projections[1:])), stimulus
    return net, replace(stimulus, samples=2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a current that lasts", "'layer 1'.*no such neuron"),
        ("a right shift", "in -> layer 1.*no such synapses"),
        ("two samples", "'in'.*one sample"),
    ],
)
def test_what_sanafe_cannot_say_is_refused(name: str, message: str, tmp_path: Path) -> None:
    net, stimulus = refused(name)
    program = mapped(net, load_board("loihi1"))
    with pytest.raises(ValueError, match=message):
        simulate(program, stimulus, tmp_path, [Run("simple", 5)])
