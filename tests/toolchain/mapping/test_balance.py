"""The partition method "balanced": more cores where they shorten a step, and only there."""

import msgspec
import numpy as np
import pytest

from snn_deploy.board.board import Board, load_board
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy.mapping.check import check
from snn_deploy.mapping.partition import METHODS, partition
from snn_deploy.mapping.place import place
from snn_deploy.mapping.resources import over
from snn_deploy.mapping.route import route
from snn_deploy.names import PartitionName, TimeModelName
from snn_deploy_simulators import chip, integer
from support.networks import layers, pilotnet
from support.random_networks import random_network
from support.sanafe_networks import perceptron, raster

LOIHI2 = load_board("loihi2")


def seconds(
    net: QuantNetwork,
    stimulus: Stimulus,
    method: PartitionName,
    model: TimeModelName = "event",
) -> tuple[float, int]:
    """Return the time of a sample, with rates measured, and the cores."""
    recording = integer.run(net, stimulus)
    rates = {
        name: np.full(net.size(name), n.mean() / stimulus.steps / net.size(name))
        for name, n in recording.events.items()
    }
    pieces = partition(net, LOIHI2, method=method, rates=rates)
    placement = place(pieces, net, LOIHI2)
    program = Program(net, pieces, placement, route(net, pieces, placement, LOIHI2), LOIHI2)
    activity = chip.run(program, stimulus, time_model=model)
    assert activity.counts.messages_in.sum() > 0
    for name, output in recording.outputs.items():
        np.testing.assert_array_equal(activity.recording.outputs[name], output)
    return float(activity.step_s.sum()), len(pieces.pieces)


def test_the_busiest_core_gets_less_to_do_and_the_step_shorter() -> None:
    net, stimulus = perceptron((200, 400, 300, 10), 300), raster(200, 12, 0.2, 0)
    fewest, few = seconds(net, stimulus, "fewest")
    even, many = seconds(net, stimulus, "balanced")
    assert even < 0.7 * fewest
    assert few < many <= len(LOIHI2.live_cores)


@pytest.mark.parametrize("seed", range(8))
def test_random_networks_never_take_longer_by_the_model_it_looks_at(seed: int) -> None:
    net, stimulus = random_network(seed)
    fewest, _ = seconds(net, stimulus, "fewest", "simple")
    even, _ = seconds(net, stimulus, "balanced", "simple")
    assert even < 1.15 * fewest  # rates are means, steps are not alike


def test_pilotnet_is_evened_within_the_chip_and_every_piece_fits() -> None:
    net = pilotnet()
    pieces = partition(net, LOIHI2, method="balanced")
    assert 67 < len(pieces.pieces) <= 120
    assert not any(over(piece.use, LOIHI2) for piece in pieces.pieces)
    assert pieces == partition(net, LOIHI2, method="balanced")


def test_rates_decide_who_is_cut_on() -> None:
    net = layers(100, 400, 400)
    cores = []
    for busy, quiet in (("l1", "in"), ("in", "l1")):
        rates = {
            busy: np.full(net.size(busy), 1.0),
            quiet: np.full(net.size(quiet), 0.001),
        }
        pieces = partition(net, LOIHI2, method="balanced", rates=rates)
        cores.append([len(pieces.of(p.name)) for p in net.populations])
    assert cores[0][1] > cores[1][1]


def with_usable(cores: int) -> Board:
    limit = msgspec.structs.replace(LOIHI2.usable_cores, value=cores)
    return msgspec.structs.replace(LOIHI2, usable_cores=limit)


@pytest.mark.parametrize("cores", [5, 6, 8])
def test_no_more_pieces_are_made_than_there_are_cores(cores: int) -> None:
    net = layers(784, 128, 64, 10)
    assert len(partition(net, with_usable(cores), method="balanced").pieces) <= cores


def test_what_the_fewest_cores_cannot_hold_balanced_cannot_either() -> None:
    net = layers(784, 2000, 1000, 10)
    for board in (with_usable(30), with_usable(120)):
        fewest, even = (check(net, board, method=m) for m in ("fewest", "balanced"))
        assert fewest == even
    assert METHODS["balanced"].base == "fewest"
