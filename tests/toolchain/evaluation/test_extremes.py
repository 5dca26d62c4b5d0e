"""The least and the most that can happen, for every neuron model."""

from itertools import islice

import numpy as np
import pytest

from snn_deploy.board.board import load_board
from snn_deploy.evaluation.extremes import extreme
from snn_deploy.evaluation.stages import Bounded
from snn_deploy.ir.program import Program
from snn_deploy.ir.twin import LEVEL_MODELS
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.place import place
from snn_deploy.mapping.route import route
from snn_deploy.neurons import MODELS
from snn_deploy.pipeline.line import line
from snn_deploy_simulators import chip
from support.deployed import levels_network
from support.lines import begin
from support.random_networks import features, random_network


@pytest.mark.parametrize("model", MODELS)
def test_every_neuron_fires_in_every_step_or_never(model: str) -> None:
    board, seen = load_board("loihi2"), 0
    own = {"levels": 1.0} if model in LEVEL_MODELS else {"models": (model,)}
    drawn = (random_network(seed, **own) for seed in range(100))
    for net, _ in islice((n for n in drawn if model in features(*n)), 8):
        pieces = partition(net, board)
        cores = place(pieces, net, board, seed=0)
        routes = route(net, pieces, cores, board)
        program = Program(net, pieces, cores, routes, board)
        for fires in (False, True):
            run = chip.run(*extreme(program, 5, fires=fires))
            for pop in (p for p in net.populations if p.spiking):
                events = run.recording.events[pop.name]
                assert events.tolist() == [fires * 5 * pop.n]
                seen += int(events.sum())
                assert np.isin(run.recording.outputs[pop.name], (0, 1)).all()
    assert seen > 100


def test_a_network_of_levels_is_bounded_without_input() -> None:
    *_, run = line(begin(load_board("loihi2"), levels_network()), steps=4)
    assert isinstance(run, Bounded)
    assert not any(e.any() for e in run.silent.recording.events.values())
    found = {k: int(e[0]) for k, e in run.firing.recording.events.items()}
    assert found == {"x": 24, "h": 80, "o": 12}
