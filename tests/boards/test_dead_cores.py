"""Dead cores: nothing is put there, the others still reach each other, results stay."""

import msgspec
import numpy as np
import pytest

from snn_deploy.board.board import Board, load_board
from snn_deploy.ir.program import Program
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.place import METHODS, place
from snn_deploy.mapping.route import route
from snn_deploy.names import PlacementName
from snn_deploy_simulators import chip, integer
from support.networks import pilotnet
from support.random_networks import random_network


def with_dead(name: str, dead: list[int]) -> Board:
    return msgspec.structs.replace(load_board(name), dead_cores=tuple(dead))


def dead_of(board: Board, share: float, seed: int) -> list[int]:
    """Return dead cores at random, and all those at the router where inputs enter."""
    rng = np.random.default_rng(seed)
    cores = np.flatnonzero(rng.random(board.n_cores) < share).tolist()
    inject = [c for c in range(128) if board.router_of(c) == board.io.inject_router]
    return sorted({*cores, *inject})


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("name", ["loihi2", "kapoho-point"])
def test_no_piece_is_put_on_a_dead_core_and_every_way_is_there(
    name: str, method: PlacementName
) -> None:
    net = pilotnet()
    dead = dead_of(load_board(name), 0.3, 1)
    board = with_dead(name, dead)
    pieces = partition(net, board)
    placement = place(pieces, net, board, method=method, seed=3)
    assert not set(placement.core.tolist()) & set(dead)
    routes = route(net, pieces, placement, board)
    assert len(routes.pair_source) > len(pieces.pieces)
    ends = [routes.links[i] for i in routes.path_link[routes.path_first[1:] - 1]]
    cores = [f"-> core {placement.core[target]}" for target in routes.pair_target]
    assert all(end.endswith(core) for end, core in zip(ends, cores, strict=True))
    assert not any(f"core {core} " in f"{link} " for core in dead for link in routes.links)


@pytest.mark.parametrize("seed", range(4))
def test_a_net_gives_the_same_spikes_on_a_board_with_dead_cores(seed: int) -> None:
    net, stimulus = random_network(seed)
    board = with_dead("loihi2", dead_of(load_board("loihi2"), 0.6, seed))
    pieces = partition(net, board)
    placement = place(pieces, net, board, seed=seed)
    routes = route(net, pieces, placement, board)
    program = Program(net, pieces, placement, routes, board)
    there, expected = chip.run(program, stimulus), integer.run(net, stimulus)
    assert sum(n.sum() for n in expected.events.values()) > 0
    for name, output in expected.outputs.items():
        np.testing.assert_array_equal(there.recording.outputs[name], output)
