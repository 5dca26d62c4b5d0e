"""Placement: what every method must do, and what the default is worth."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_deploy.board.board import Board, load_board
from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.program import Placement
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.place import METHODS, chip_hop, place, weighted_hops
from snn_deploy.mapping.route import route
from snn_deploy.mapping.traffic import traffic
from snn_deploy.names import PlacementName
from support.networks import layers, pilotnet, with_synapses
from support.random_networks import random_network

LOIHI2 = load_board("loihi2")
KAPOHO = load_board("kapoho-point")


def hops(net: QuantNetwork, board: Board, method: PlacementName, seed: int = 0) -> float:
    pieces = partition(net, board)
    placement = place(pieces, net, board, method=method, seed=seed)
    return weighted_hops(traffic(net, pieces), placement, board)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 20), dead=st.sets(st.integers(0, 127), max_size=110))
def test_every_piece_gets_a_live_core_of_its_own(
    method: PlacementName, seed: int, dead: set[int]
) -> None:
    net, _ = random_network(seed)
    board = msgspec.structs.replace(LOIHI2, dead_cores=tuple(dead))
    pieces = partition(net, board)
    core = place(pieces, net, board, method=method, seed=seed).core
    assert core.shape == (len(pieces.pieces),)
    assert len(set(core.tolist())) == core.size
    assert np.isin(core, board.live_cores).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_cores(method: PlacementName) -> None:
    net = pilotnet()
    pieces = partition(net, LOIHI2)
    first, second = (
        place(pieces, net, LOIHI2, method=method, seed=7).core for _ in range(2)
    )
    assert first.tolist() == second.tolist()


def test_another_seed_gives_other_random_cores() -> None:
    net = pilotnet()
    pieces = partition(net, LOIHI2)
    cores = [
        place(pieces, net, LOIHI2, method="random", seed=s).core.tolist() for s in (1, 2)
    ]
    assert cores[0] != cores[1]


def test_the_default_is_local_search() -> None:
    net = pilotnet()
    pieces = partition(net, LOIHI2)
    default, local = place(pieces, net, LOIHI2), place(pieces, net, LOIHI2, method="local")
    assert default.core.tolist() == local.core.tolist()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("board", [LOIHI2, KAPOHO], ids=lambda b: str(b.name))
def test_local_search_beats_every_other_method_on_pilotnet(board: Board, seed: int) -> None:
    net = pilotnet()
    local = hops(net, board, "local", seed)
    for method in METHODS:
        if method != "local":
            assert local < hops(net, board, method, seed), method
    assert local < 0.4 * hops(net, board, "hilbert", seed)


def test_local_search_finds_the_optimum_of_a_chain() -> None:
    """Five cores' worth of layers: all but the first can sit at the router of the input."""
    assert hops(layers(784, 128, 64, 10), LOIHI2, "local") == 64.0  # l2's spikes, one hop


def test_local_search_finds_no_exchange_that_saves_hops() -> None:
    net = layers(100, 300, 200, 100)
    board = with_synapses(LOIHI2, 700)
    pieces, pairs = partition(net, board), traffic(net, partition(net, board))
    core = place(pieces, net, board).core
    best = weighted_hops(pairs, Placement(core), board)
    assert len(pieces.pieces) > 20
    for i in range(len(core)):
        for j in range(i):
            swapped = core.copy()
            swapped[[i, j]] = swapped[[j, i]]
            assert weighted_hops(pairs, Placement(swapped), board) >= best - 1e-6


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 20), chips=st.sampled_from([1, 3]))
def test_weighted_hops_are_those_of_the_routes(seed: int, chips: int) -> None:
    net, _ = random_network(seed)
    board = msgspec.structs.replace(KAPOHO, chips=chips)
    pieces = partition(net, board)
    placement = place(pieces, net, board, method="random", seed=seed)
    pairs, routes = traffic(net, pieces), route(net, pieces, placement, board)
    each = routes.hops_x + routes.hops_y + chip_hop(board) * routes.hops_chip
    assert weighted_hops(pairs, placement, board) == pytest.approx(
        float(each @ pairs.weight)
    )


def test_a_hop_between_chips_counts_as_its_links_are_slower() -> None:
    assert chip_hop(load_board("loihi1")) == pytest.approx(30, rel=0.01)
    bound = KAPOHO.time.bound
    unknown = msgspec.structs.replace(bound.chip_link_s, value=None, kind="none")
    time = msgspec.structs.replace(
        KAPOHO.time, bound=msgspec.structs.replace(bound, chip_link_s=unknown)
    )
    assert chip_hop(msgspec.structs.replace(KAPOHO, time=time)) == 10


def test_a_net_that_fits_one_chip_stays_on_it() -> None:
    net = pilotnet()
    core = place(partition(net, KAPOHO), net, KAPOHO).core
    assert (core < KAPOHO.cores_per_chip).all()


def test_measured_rates_move_busy_neighbors_together() -> None:
    net = layers(10, 200, 200, 200)
    board = with_synapses(LOIHI2, 3000)
    pieces = partition(net, board)
    silent = {"l1": np.zeros(200), "l2": np.ones(200)}
    with_rates = place(pieces, net, board, rates=silent)
    pairs = traffic(net, pieces, silent)
    without = place(pieces, net, board)
    assert weighted_hops(pairs, with_rates, board) < weighted_hops(pairs, without, board)


@pytest.mark.parametrize("method", METHODS)
def test_the_hilbert_curve_and_all_methods_fill_a_board_to_the_last_core(
    method: PlacementName,
) -> None:
    net = layers(8, *[4] * 120)
    core = place(partition(net, LOIHI2), net, LOIHI2, method=method).core
    assert sorted(core.tolist()) == LOIHI2.live_cores.tolist()


def test_neighbors_on_the_curve_are_at_most_one_hop_apart() -> None:
    net = layers(8, *[4] * 120)
    core = place(partition(net, LOIHI2), net, LOIHI2, method="hilbert").core
    x, y = LOIHI2.router_xy(core)
    assert (np.abs(np.diff(x)) + np.abs(np.diff(y))).max() == 1


def test_more_pieces_than_cores_are_refused() -> None:
    net = layers(8, *[4] * 5)
    with pytest.raises(
        DoesNotFitError, match=r"5 pieces, but tiny has 4 cores .*more cores"
    ):
        place(partition(net, load_board("tiny")), net, load_board("tiny"))
