"""Chip simulator == integer simulator for any mapping, and its counts are what they say."""

from dataclasses import fields, replace

import msgspec
import numpy as np
import pytest

from snn_deploy.board.board import Board, load_board
from snn_deploy.ir.activity import Activity, Counts
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.program import Program, grid_of
from snn_deploy.quantization.quantize import quantize
from snn_deploy_simulators import chip, golden, integer
from snn_deploy_simulators.stimulus import encode
from support.networks import mapped
from support.random_models import calibration, random_model
from support.random_networks import random_network

BOARDS = ("loihi2", "loihi1", "kapoho-point")


def cramped(board: Board, neurons: int) -> Board:
    """Return the board with cores that hold only so many neuron words: more pieces."""
    limit = msgspec.structs.replace(board.pool.neuron, value=neurons)
    return msgspec.structs.replace(
        board, pool=msgspec.structs.replace(board.pool, neuron=limit)
    )


def assert_same_outputs(activity: Activity, outputs: object) -> None:
    assert isinstance(outputs, dict)
    for name, expected in outputs.items():
        np.testing.assert_array_equal(
            activity.recording.outputs[name], expected, err_msg=name
        )


@pytest.mark.parametrize("block", range(10))
def test_chip_equals_integer_on_random_integer_networks(block: int) -> None:
    board = load_board("loihi2")
    for seed in range(block, 150, 10):
        net, stimulus = random_network(seed)
        whole = integer.run(net, stimulus, threads=1)
        assert all(whole.events[p.name].sum() > 0 for p in net.populations if p.spiking)
        assert sum(int(e.sum()) for e in whole.events.values()) > 0
        for tight in (board, cramped(board, 3 + seed % 7)):
            activity = chip.run(mapped(net, tight, seed), stimulus, threads=1)
            assert_same_outputs(activity, dict(whole.outputs))


@pytest.mark.parametrize("block", range(10))
def test_quantized_networks_run_alike_on_every_simulator_and_board(block: int) -> None:
    """The property of the ladder: plain == fast == chip, for what quantize makes of float networks."""
    for seed in range(block, 300, 10):
        name = BOARDS[seed % 3]
        board = load_board(name)
        net, x = random_model(seed, graded=name != "loihi1")
        quant = quantize(net, board, calibration(net, x))
        stimulus = encode(quant, {"in": x})
        plain = golden.run(quant, stimulus)
        fired = {
            p.name: int(plain.events[p.name].sum()) for p in quant.populations if p.spiking
        }
        assert sum(fired.values()) > 0, seed
        fast = integer.run(quant, stimulus, threads=1)
        tight = cramped(board, 2 + seed % 9)
        on_chip = chip.run(mapped(quant, tight, seed), stimulus, threads=1)
        for pop, expected in plain.outputs.items():
            np.testing.assert_array_equal(
                fast.outputs[pop], expected, err_msg=f"{seed} {pop}"
            )
        assert_same_outputs(on_chip, dict(plain.outputs))


def example() -> tuple[Program, Activity]:
    net, stimulus = random_network(21)
    program = mapped(net, cramped(load_board("loihi2"), 4))
    assert len(program.partition.pieces) > len(net.populations)
    return program, chip.run(program, stimulus)


def test_a_missing_route_is_heard_in_the_spikes() -> None:
    net, stimulus = random_network(21)
    program = mapped(net, load_board("loihi2"))
    whole = integer.run(net, stimulus)
    missed = [replace(r, listens=np.zeros_like(r.listens)) for r in program.routes.routes]
    different = 0
    for i in range(len(missed)):
        routes = (*program.routes.routes[:i], missed[i], *program.routes.routes[i + 1 :])
        broken = replace(program, routes=replace(program.routes, routes=routes))
        outputs = chip.run(broken, stimulus).recording.outputs
        different += any(
            not np.array_equal(outputs[n], o) for n, o in whole.outputs.items()
        )
    assert different > 0


def test_placement_changes_hops_and_time_only() -> None:
    net, stimulus = random_network(21)
    board = cramped(load_board("loihi2"), 3)
    a = chip.run(mapped(net, board, 1), stimulus)
    b = chip.run(mapped(net, board, 2), stimulus)
    for field in fields(Counts):
        np.testing.assert_array_equal(
            getattr(a.counts, field.name), getattr(b.counts, field.name)
        )
    assert a.hops_x.sum() + a.hops_y.sum() != b.hops_x.sum() + b.hops_y.sum()


def test_totals_per_sample_and_per_step_agree() -> None:
    _, activity = example()
    for field in fields(Counts):
        total = getattr(activity.counts, field.name).sum()
        assert total == activity.per_sample[field.name].sum()
    for name in ("hops_x", "hops_y", "hops_chip", "input_messages"):
        assert getattr(activity, name).sum() == activity.per_sample[name].sum()
    assert activity.counts.synops.sum() > 0


@pytest.mark.parametrize("seed", range(25))
def test_synops_of_cores_add_up_to_spikes_times_fan_out_of_each_layer(seed: int) -> None:
    """Counted once more from the spikes alone, by the matrix of each projection."""
    net, stimulus = random_network(seed)
    program = mapped(net, cramped(load_board("loihi2"), 5), seed)
    activity = chip.run(program, stimulus)
    spikes = {**stimulus.spikes, **activity.recording.outputs}
    expected = {p.name: 0 for p in net.populations}
    for p in net.projections:
        sent = np.asarray(spikes[p.pre]).reshape(stimulus.samples, stimulus.steps, -1) != 0
        fan_out = np.diff(matrix(p.map).tocsc().indptr)
        expected[p.post] += int((sent * fan_out).sum())
        if isinstance(p.map, Dense):
            assert set(fan_out) == {p.map.n_post}
    for name, synops in expected.items():
        cores = list(program.partition.of(name))
        assert activity.counts.synops[:, cores].sum() == synops
    assert activity.counts.synops.sum() == sum(expected.values()) > 0


@pytest.mark.parametrize("seed", range(10))
def test_neurons_are_updated_once_per_model_step_and_spikes_are_counted_at_home(
    seed: int,
) -> None:
    net, stimulus = random_network(seed)
    program = mapped(net, cramped(load_board("loihi2"), 5), seed)
    activity = chip.run(program, stimulus)
    for pop in net.populations:
        pieces = list(program.partition.of(pop.name))
        updates = activity.counts.updates[:, pieces].sum()
        assert updates == stimulus.samples * stimulus.steps * pop.n
        if pop.spiking:
            spikes = activity.recording.outputs[pop.name] != 0
            assert activity.counts.spikes[:, pieces].sum() == spikes.sum()
            by_piece = spikes.reshape(stimulus.samples, stimulus.steps, -1)
            for i in pieces:
                members = program.partition.pieces[i].window.members(grid_of(net, pop.name))
                window = slice(pop.lag, pop.lag + stimulus.steps)
                per_step = by_piece[:, :, members].sum(axis=(0, 2))
                np.testing.assert_array_equal(activity.counts.spikes[window, i], per_step)


def test_a_step_takes_at_least_the_barrier_and_says_what_set_it() -> None:
    program, activity = example()
    bound = program.board.time.bound
    assert activity.step_s.min() >= min(b.value for b in bound.barrier)
    assert activity.step_s.shape == (activity.samples, activity.frame)
    assert (
        activity.frame & (activity.frame - 1) == 0
    )  # loihi2 resets every power of two steps
    assert set(np.unique(activity.step_bound)) <= set(range(len(activity.bounds)))
