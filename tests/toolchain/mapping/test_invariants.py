"""A correct program passes; every way to break one is noticed."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_deploy.board.board import load_board
from snn_deploy.ir.program import Partition, Placement, Program, Window
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.mapping.check import check
from snn_deploy.mapping.invariants import check_program
from snn_deploy.mapping.partition import METHODS as CUTS
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.place import METHODS as PLACES
from snn_deploy.mapping.place import place
from snn_deploy.mapping.route import route
from snn_deploy.names import PartitionName, PlacementName
from support.networks import layers, pilotnet
from support.random_networks import random_network

TINY = load_board("tiny")


def program(
    net: QuantNetwork,
    board_name: str,
    cut: PartitionName = "intel",
    where: PlacementName = "local",
) -> Program:
    board = load_board(board_name)
    pieces = partition(net, board, method=cut)
    placement = place(pieces, net, board, method=where)
    return Program(net, pieces, placement, route(net, pieces, placement, board), board)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 60),
    st.sampled_from(["loihi1", "loihi2", "kapoho-point", "tiny"]),
    st.sampled_from(sorted(CUTS)),
    st.sampled_from(sorted(PLACES)),
)
def test_programs_of_random_networks_are_right(
    seed: int, board: str, cut: PartitionName, where: PlacementName
) -> None:
    net, _ = random_network(seed)
    if not check(net, load_board(board)):
        assert check_program(program(net, board, cut, where)) == ()


@pytest.mark.parametrize("where", PLACES)
def test_the_program_of_pilotnet_is_right(where: PlacementName) -> None:
    assert check_program(program(pilotnet(), "kapoho-point", "square", where)) == ()


GOOD = program(layers(20, 40, 10), "tiny")  # pieces 0 and 1 of l1, piece 2 of l2


def pieces(**changes: Any) -> Program:
    """Return the program with fields of its first piece changed."""
    first, *rest = GOOD.partition.pieces
    return replace(GOOD, partition=Partition((replace(first, **changes), *rest)))


def routes(**changes: Any) -> Program:
    return replace(GOOD, routes=replace(GOOD.routes, **changes))


def cores(*core: int) -> Program:
    return replace(GOOD, placement=Placement(np.array(core)))


def missed() -> Program:
    first, *rest = GOOD.routes.routes
    quiet = first.listens.copy()
    quiet[3:5] = False
    return routes(routes=(replace(first, listens=quiet), *rest))


def other_end() -> Program:
    """Return the program with the last link of the first way leading elsewhere."""
    links = GOOD.routes.path_link.copy()
    links[GOOD.routes.path_first[1] - 1] = links[GOOD.routes.path_first[2] - 1]
    return routes(path_link=links)


BROKEN: list[tuple[Callable[[], Program], str]] = [
    (lambda: pieces(window=Window(0, 1, 0, 1, 0, 19)), r"^population 'l1': 1 neurons are in no piece$"),
    (lambda: pieces(window=Window(0, 1, 0, 1, 0, 22)), r"^population 'l1': 2 neurons are in several pieces$"),
    (lambda: pieces(window=Window(0, 1, 0, 1, 0, 41)), r"^piece 0: Window\(.*x1=41\) is not a part of the \(1, 1, 40\) of 'l1'$"),
    (lambda: pieces(window=Window(0, 1, 0, 1, 5, 5)), r"^piece 0: .* is not a part"),
    (lambda: pieces(population="lost"), r"^piece 0: there is no population 'lost'$"),
    (lambda: pieces(use=replace(GOOD.partition.pieces[0].use, synapse=7)), r"^piece 0 of 'l1': states Use\(.*synapse=7.* but needs Use\("),
    (lambda: cores(0, 1), r"^placement: 2 cores for 3 pieces$"),
    (lambda: cores(0, 1, 1), r"^placement: 3 pieces share 2 cores$"),
    (lambda: cores(0, 1, 4), r"^piece 2: core 4 of tiny cannot be used$"),
    (missed, r"^piece 0 of 'l1' does not hear 2 of the 20 neurons of 'in' that have synapses there$"),
    (lambda: routes(routes=GOOD.routes.routes[1:]), r"^piece 0 of 'l1' does not hear 20 of the 20"),
    (lambda: routes(pair_source=np.array([-1, -1, 0, 0])), r"^there is no way from piece 1 to piece 2$"),
    (lambda: routes(pair_target=np.array([1, 1, 2, 2])), r"^there is no way from input 'in' to piece 0$"),
    (other_end, r"^the links from input 'in' to piece 0 do not join up$"),
    (lambda: routes(path_first=np.zeros(5, np.int64)), r"^the links from piece 0 to piece 2 do not join up$"),
]  # fmt: skip


@pytest.mark.parametrize(("build", "sentence"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_program_is_noticed(build: Callable[[], Program], sentence: str) -> None:
    found = check_program(build())
    assert any(re.search(sentence, line) for line in found), found


def test_the_program_that_is_broken_above_is_right() -> None:
    assert check_program(GOOD) == ()
    assert len(GOOD.partition.pieces) == 3
    assert GOOD.routes.pair_source.tolist() == [-1, -1, 0, 1]


def test_a_piece_beyond_its_limits_is_noticed() -> None:
    small = msgspec.structs.replace(
        TINY, pool=msgspec.structs.replace(
            TINY.pool, neuron=msgspec.structs.replace(TINY.pool.neuron, value=10)
        )
    )  # fmt: skip
    found = check_program(replace(GOOD, board=small))
    assert found == tuple(f"piece {i} of 'l1': 2.00x the neuron of a core" for i in (0, 1))
