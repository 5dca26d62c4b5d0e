"""Routes: who is told, how far it is, and over which links."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_deploy.board.board import load_board
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.program import Placement, Routes, grid_of
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.route import route
from snn_deploy.mapping.traffic import traffic
from support.networks import layers, mapped, network, population, projection, sparse
from support.random_networks import random_network

KAPOHO = load_board("kapoho-point")
LOIHI2 = load_board("loihi2")


def path(routes: Routes, pair: int) -> list[str]:
    links = routes.path_link[routes.path_first[pair] : routes.path_first[pair + 1]]
    return [routes.links[link] for link in links]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30))
def test_every_synapses_source_is_heard_and_nobody_else(seed: int) -> None:
    net, _ = random_network(seed)
    made = mapped(net, LOIHI2)
    heard = {(r.pre, r.piece): r.listens for r in made.routes.routes}
    for post in net.populations:
        for piece in made.partition.of(post.name):
            members = made.partition.pieces[piece].window.members(grid_of(net, post.name))
            for pre in {p.pre for p in net.into(post.name)}:
                needed = np.zeros(net.size(pre), np.bool_)
                for p in net.into(post.name):
                    if p.pre == pre:
                        needed[matrix(p.map)[members].indices] = True
                listens = heard.pop((pre, piece), np.zeros_like(needed))
                assert (listens == needed).all()
    assert not heard


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30), st.integers(0, 1000))
def test_hops_are_the_manhattan_distance_of_the_routers(seed: int, chance: int) -> None:
    net, _ = random_network(seed)
    made = mapped(net, KAPOHO, chance)
    routes, core = made.routes, made.placement.core
    for r, (source, target) in enumerate(
        zip(routes.pair_source, routes.pair_target, strict=True)
    ):
        start = (
            KAPOHO.io.inject_router if source < 0 else KAPOHO.router_of(int(core[source]))
        )
        end = KAPOHO.router_of(int(core[target]))
        across = abs(start[0] * 8 + start[1] - end[0] * 8 - end[1])
        assert routes.hops_chip[r] == abs(start[0] - end[0])
        assert routes.hops_x[r] + routes.hops_chip[r] == across
        assert routes.hops_y[r] == abs(start[2] - end[2])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30), st.integers(0, 1000))
def test_a_path_has_a_link_per_hop_and_one_at_each_end(seed: int, chance: int) -> None:
    net, _ = random_network(seed)
    routes = mapped(net, KAPOHO, chance).routes
    for r in range(len(routes.pair_source)):
        links = path(routes, r)
        assert len(links) == 2 + routes.hops_x[r] + routes.hops_y[r] + routes.hops_chip[r]
        assert sum("chip link" in name for name in links) == routes.hops_chip[r]


def test_a_path_goes_east_west_first_and_names_every_link() -> None:
    net = layers(4, 3, 2)
    pieces = partition(net, KAPOHO)
    placement = Placement(
        np.array([126, 128 + 1])
    )  # router 6,3 of chip 0, router 1,0 of chip 1
    routes = route(net, pieces, placement, KAPOHO)
    assert routes.pair_source.tolist() == [-1, 0]
    assert path(routes, 1) == [
        "core 126 -> router 0/6,3",
        "router 0/6,3 -> router 0/7,3",
        "router 0/7,3 -> router 1/0,3 (chip link)",
        "router 1/0,3 -> router 1/1,3",
        "router 1/1,3 -> router 1/1,2",
        "router 1/1,2 -> router 1/1,1",
        "router 1/1,1 -> router 1/1,0",
        "router 1/1,0 -> core 129",
    ]
    assert path(routes, 0)[:2] == ["host -> router 0/0,0", "router 0/0,0 -> router 0/1,0"]
    assert (routes.hops_x[1], routes.hops_y[1], routes.hops_chip[1]) == (2, 3, 1)


def test_the_way_back_uses_other_links() -> None:
    net = network(
        [],
        [population("a", (2,)), population("b", (2,))],
        [
            projection("a", "b", sparse(2, 2, 1), delay=1),
            projection("b", "a", sparse(2, 2, 1), delay=1),
        ],
    )
    routes = route(net, partition(net, LOIHI2), Placement(np.array([3, 100])), LOIHI2)
    there, back = set(path(routes, 0)), set(path(routes, 1))
    assert len(there) == len(back) > 2
    assert not there & back


def test_a_piece_hears_itself_through_its_router() -> None:
    net = network(
        [], [population("a", (4,))], [projection("a", "a", sparse(4, 4, 2), delay=1)]
    )
    routes = mapped(net, LOIHI2, method="in-order").routes
    assert path(routes, 0) == ["core 0 -> router 0/0,0", "router 0/0,0 -> core 0"]
    assert (routes.hops_x[0], routes.hops_y[0]) == (0, 0)


def test_inputs_enter_where_the_board_says() -> None:
    io = msgspec.structs.replace(KAPOHO.io, inject_router=(2, 3, 1))
    board = msgspec.structs.replace(KAPOHO, io=io)
    routes = mapped(layers(4, 3), board, method="in-order").routes
    assert path(routes, 0)[0] == "host -> router 2/3,1"
    assert (routes.hops_x[0], routes.hops_y[0], routes.hops_chip[0]) == (3 + 7 + 7, 1, 2)


def test_a_source_tells_each_core_once_however_many_synapses_it_has_there() -> None:
    net = network(
        [("in", (5,))],
        [population("a", (6,), 1)],
        [
            projection("in", "a", sparse(6, 5, 5)),
            projection("in", "a", sparse(6, 5, 4), delay=3),
        ],
    )
    routes = mapped(net, LOIHI2).routes
    assert len(routes.routes) == 1
    assert traffic(net, partition(net, LOIHI2)).weight.tolist() == [5.0]


@pytest.mark.parametrize("seed", range(3))
def test_the_same_program_has_the_same_arrays(seed: int) -> None:
    net, _ = random_network(seed)
    first, second = (mapped(net, KAPOHO, seed).routes for _ in range(2))
    assert first.links == second.links
    for name in (
        "pair_source",
        "pair_target",
        "path_first",
        "path_link",
        "hops_x",
        "hops_y",
    ):
        assert (getattr(first, name) == getattr(second, name)).all()


def test_a_net_without_synapses_has_no_routes() -> None:
    net = network([("in", (3,))], [population("p", (2,))], [])
    routes = mapped(net, LOIHI2).routes
    assert routes.routes == ()
    assert routes.links == ()
    assert routes.path_first.tolist() == [0]
