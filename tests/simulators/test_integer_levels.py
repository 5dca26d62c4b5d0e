"""Networks of multi-level neurons: golden == integer == chip == an independent oracle."""

from collections import Counter

import msgspec
import numpy as np
import pytest

from snn_deploy.board.board import Board, load_board
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy.ir.twin import LEVEL_MODELS
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.place import place
from snn_deploy.mapping.route import route
from snn_deploy_simulators import chip, golden, integer
from support import integer_oracle as oracle
from support.random_levels import ALL_FACTS, level_facts
from support.random_networks import Limits, random_network

SEEDS = range(160)
BLOCKS = 8
SMALL = Limits(steps=(8, 14), populations=3, neurons=8, levels=1.0)
MIXED = Limits(steps=(8, 14), populations=3, neurons=8, levels=0.6)


def drawn(seed: int) -> tuple[QuantNetwork, Stimulus]:
    return random_network(20_000 + seed, SMALL if seed % 2 else MIXED)


def small_cores() -> Board:
    """Return Loihi 2 with cores for a few neurons each, so that populations are cut."""
    board = load_board("loihi2")
    limit = msgspec.structs.replace(board.pool.neuron, value=12)
    return msgspec.structs.replace(
        board, pool=msgspec.structs.replace(board.pool, neuron=limit)
    )


def mapped(net: QuantNetwork, board: Board, seed: int) -> Program:
    pieces = partition(net, board)
    placement = place(pieces, net, board, seed=seed, method="random")
    return Program(net, pieces, placement, route(net, pieces, placement, board), board)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_all_simulators_equal_the_oracle_on_networks_of_levels(block: int) -> None:
    board, happened = small_cores(), Counter[str]()
    for seed in SEEDS[block::BLOCKS]:
        net, stimulus = drawn(seed)
        wanted = oracle.run(net, stimulus)
        runs = (
            golden.run(net, stimulus),
            integer.run(net, stimulus, threads=1),
            chip.run(mapped(net, board, seed), stimulus, threads=1).recording,
        )
        for pop in net.populations:
            expected = wanted[pop.name]["s" if pop.spiking else "v"]
            for run in runs:
                got = run.outputs[pop.name].reshape(expected.shape)
                np.testing.assert_array_equal(got, expected, err_msg=f"{seed} {pop.name}")
            if pop.model in LEVEL_MODELS:
                happened.update(level_facts(pop, wanted[pop.name]))
    assert happened["a level above 1"] >= 5
    assert happened["a level below -1"] >= 2
    assert happened["held back by the ceiling"] >= 3


def test_everything_a_level_can_be_happened_in_these_networks() -> None:
    happened: set[str] = set()
    for seed in SEEDS:
        net, stimulus = drawn(seed)
        wanted = oracle.run(net, stimulus)
        for pop in net.populations:
            if pop.model in LEVEL_MODELS:
                happened |= level_facts(pop, wanted[pop.name])
        if happened >= ALL_FACTS:
            return
    assert happened >= ALL_FACTS, ALL_FACTS - happened
