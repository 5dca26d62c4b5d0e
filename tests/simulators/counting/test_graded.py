"""Counts of graded spikes: what they carried, and what binary spikes would have cost."""

from dataclasses import replace

import numpy as np
import pytest

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.board.board import load_board
from snn_deploy.ir.activity import Activity
from snn_deploy.ir.batches import merged_activities
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Conv, Dense, Sparse
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantInput, QuantNetwork, QuantProjection, Stimulus
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.place import place
from snn_deploy.mapping.route import route
from snn_deploy_simulators import chip
from snn_deploy_simulators.counting.graded import graded_senders, levels_of
from snn_deploy_simulators.engine.engine import SpikeEvents
from support.integer_networks import network, population, projection
from support.random_networks import random_network


def mapped(net: QuantNetwork) -> Program:
    board = load_board("loihi2")
    pieces = partition(net, board)
    placement = place(pieces, net, board, seed=0, method="random")
    return Program(net, pieces, placement, route(net, pieces, placement, board), board)


def synapses(p: QuantProjection) -> IntArray:
    """Return the stored synapses of each source: every weight of its unrolled matrix."""
    m = p.map
    if isinstance(m, Dense):
        return np.full(m.n_pre, m.n_post)
    if isinstance(m, Conv):
        m = replace(m, weight=np.ones_like(m.weight))
    if isinstance(m, Sparse):
        return np.asarray(np.bincount(m.matrix.indices, minlength=m.n_pre))
    return np.asarray((matrix(m).toarray() != 0).sum(axis=0))


def sent(name: str, activity: Activity, stimulus: Stimulus) -> AnyArray:
    """Return the spikes [N, T, n] of an input or a population."""
    values = stimulus.spikes.get(name, activity.recording.outputs.get(name))
    assert values is not None
    return np.asarray(values).reshape(stimulus.samples, stimulus.steps, -1)


def test_counts_are_those_of_the_recorded_spikes() -> None:
    checked, unary = 0, 0
    for seed in range(60):
        net, stimulus = random_network(seed, graded=0.8)
        program = mapped(net)
        activity = chip.run(program, stimulus)
        assert set(activity.payloads) == set(graded_senders(program))
        for name, found in activity.payloads.items():
            spikes = sent(name, activity, stimulus).astype(np.int64)
            levels, uses = np.unique(spikes[spikes != 0], return_counts=True)
            np.testing.assert_array_equal(found.levels, levels)
            np.testing.assert_array_equal(found.uses, uses)
            size = np.abs(spikes).sum(axis=1)
            events = (spikes != 0).sum(axis=1)
            synops, weighted = 0 * events[:, 0], 0 * events[:, 0]
            for p in net.projections:
                if p.pre == name:
                    synops = synops + events @ synapses(p)
                    weighted = weighted + (size if p.payload_bits else events) @ synapses(p)
            np.testing.assert_array_equal(found.magnitude, size.sum(axis=1))
            np.testing.assert_array_equal(found.synops, synops)
            np.testing.assert_array_equal(found.unary_synops, weighted)
            checked += int(events.sum() > 0)
            unary += int((weighted > synops).any())
    assert checked >= 25
    assert unary >= 20


def two_layers(bits: int) -> QuantNetwork:
    conv = Conv(np.full((2, 1, 3, 3), 4, np.int16), (1, 4, 5), (2, 4, 5), padding=(1, 1))
    return network(
        (QuantInput("x", (1, 4, 5), bits, 1.0),),
        (population("a", (2, 4, 5), 1, vth=131071),),
        (projection("x", "a", conv, payload_bits=bits),),
        ("a",),
    )


def test_unary_synops_are_those_of_a_network_that_is_fed_unary_spikes() -> None:
    rng = np.random.default_rng(3)
    payload = rng.integers(0, 8, (4, 20)) * (rng.random((4, 20)) < 0.6)
    graded = Stimulus(4, 8, {"x": np.zeros((4, 8, 20), np.int32)}, {})
    graded.spikes["x"][:, 0] = payload
    steps = np.arange(8)[None, :, None]
    unary = Stimulus(4, 8, {"x": (steps < payload[:, None]).astype(np.int32)}, {})
    found = chip.run(mapped(two_layers(3)), graded).payloads["x"]
    binary = chip.run(mapped(two_layers(0)), unary)
    assert not binary.payloads
    np.testing.assert_array_equal(found.unary_synops, binary.per_sample["synops_conv"])
    np.testing.assert_array_equal(found.magnitude, binary.recording.events["x"])
    assert (found.unary_synops > found.synops).all()


def test_batches_merge_to_the_same_counts() -> None:
    net, stimulus = random_network(2, graded=1.0, samples=5)
    program = mapped(net)
    whole = chip.run(program, stimulus)
    parts = []
    for part in (slice(0, 2), slice(2, 5)):
        bias = {k: v[part] for k, v in stimulus.bias.items()}
        spikes = {k: v[part] for k, v in stimulus.spikes.items()}
        n = len(range(5)[part])
        parts.append(chip.run(program, Stimulus(n, stimulus.steps, spikes, bias)))
    merged = merged_activities(parts)
    assert whole.payloads
    for name, found in whole.payloads.items():
        for field, values in vars(found).items():
            np.testing.assert_array_equal(getattr(merged.payloads[name], field), values)


@pytest.mark.parametrize("values", [[1, -3, 1, 70000], [5], [-(1 << 23), 1 << 23, 2, 2]])
def test_levels_of_few_and_of_far_apart_payloads(values: list[int]) -> None:
    events = SpikeEvents(np.array([0, len(values)]), np.zeros(9), np.array([*values, 99]))
    assert levels_of(events) == {v: values.count(v) for v in values}
