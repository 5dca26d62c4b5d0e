"""Renumbering sparse populations in blocks: the same bits, and fewer messages and hops."""

import sys
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
import scipy.sparse as sp

from snn_deploy.arrays import IntArray
from snn_deploy.board.board import Board, load_board
from snn_deploy.errors import InputError
from snn_deploy.ir.maps import Dense, Sparse
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.mapping import reorder as module
from snn_deploy.mapping.partition import METHODS, partition
from snn_deploy.mapping.place import place, weighted_hops
from snn_deploy.mapping.reorder import own_order, partitioner, renumbered, reorder
from snn_deploy.mapping.resources import over
from snn_deploy.mapping.route import route
from snn_deploy.mapping.traffic import traffic
from snn_deploy.names import PartitionName
from snn_deploy_simulators import chip, integer
from support.random_networks import random_network
from support.sanafe_networks import even, network, random_sparse, raster

kahypar = pytest.mark.usefixtures("installed")


@pytest.fixture
def installed() -> None:
    pytest.importorskip("mtkahypar")


def small(words: int, axons: int) -> Board:
    """Return loihi2 with less memory per core, so that small networks are cut."""
    board = load_board("loihi2")
    limits = {"synapse": words, "axon_in": axons, "axon_map": 16000}
    pool = board.pool
    for name, value in limits.items():
        limit = msgspec.structs.replace(getattr(pool, name), value=value)
        pool = msgspec.structs.replace(pool, **{name: limit})
    return msgspec.structs.replace(board, pool=pool)


BOARD = small(2000, 600)


def clustered(n: int, clusters: int, fan_in: int, seed: int = 0) -> Sparse:
    """Return synapses of which 19 in 20 stay inside a cluster; neurons are numbered so that
    no two neighbors are of one cluster."""
    rng = np.random.default_rng(seed)
    cluster = np.arange(n) % clusters
    columns = []
    for i in range(n):
        inside = np.flatnonzero(cluster == cluster[i])
        near = rng.choice(inside, fan_in * 19 // 20, replace=False)
        far = rng.choice(np.flatnonzero(cluster != cluster[i]), fan_in - near.size)
        columns.append(np.unique(np.concatenate([near, far])))
    sizes = [c.size for c in columns]
    weight = even(rng, -60, 70, (sum(sizes),))
    first = np.concatenate([[0], np.cumsum(sizes)])
    return Sparse(sp.csr_array((weight, np.concatenate(columns), first), (n, n)))


@cache
def pool_of_clusters() -> QuantNetwork:
    """A recurrent population, driven sparsely, and read out all-to-all."""
    n, rng = 600, np.random.default_rng(1)
    return network(
        (60,),
        [("pool", (n,), 120, 410), ("out", (10,), 300, 410)],
        [
            ("in", "pool", random_sparse(rng, n, 60, 6)),
            ("pool", "pool", clustered(n, 8, 30)),
            ("pool", "out", Dense(even(rng, -30, 40, (10, n)))),
        ],
    )


def on_chip(net: QuantNetwork, method: PartitionName, cut_points: Any = None) -> Program:
    pieces = partition(net, BOARD, method=method, cut_points=cut_points or {})
    placement = place(pieces, net, BOARD)
    routes = route(net, pieces, placement, BOARD)
    return Program(net, pieces, placement, routes, BOARD)


@kahypar
def test_a_renumbered_network_gives_the_same_bits() -> None:
    net, stimulus = pool_of_clusters(), raster(60, 25, 0.3, 0)
    found = reorder(net, BOARD, seed=3)
    assert set(found.order) == {"pool"}
    assert (np.diff(found.order["pool"]) != 1).any()
    expected = integer.run(net, stimulus)
    program = on_chip(found.net, "kahypar", found.cut_points)
    there = own_order(chip.run(program, stimulus).recording, found.order)
    assert expected.events["pool"].sum() > 500
    assert expected.events["out"].sum() > 0
    for name, output in expected.outputs.items():
        np.testing.assert_array_equal(there.outputs[name], output)


@kahypar
def test_a_network_of_clusters_sends_fewer_messages_over_fewer_hops() -> None:
    net = pool_of_clusters()
    found = reorder(net, BOARD, seed=3)
    plain, blocks = (
        on_chip(net, "fewest"),
        on_chip(found.net, "kahypar", found.cut_points),
    )
    messages, hops = [], []
    for program in (plain, blocks):
        pairs = traffic(program.net, program.partition)
        messages.append(pairs.weight.sum())
        hops.append(weighted_hops(pairs, program.placement, BOARD))
        assert not any(over(p.use, BOARD) for p in program.partition.pieces)
    assert len(plain.partition.of("pool")) >= 8
    assert len(blocks.partition.of("pool")) <= len(plain.partition.of("pool"))
    assert messages[1] < 0.6 * messages[0]
    assert hops[1] < 0.6 * hops[0]


@kahypar
def test_the_same_seed_gives_the_same_order() -> None:
    first, second = (reorder(pool_of_clusters(), BOARD, seed=5) for _ in range(2))
    assert first.order["pool"].tolist() == second.order["pool"].tolist()
    assert first.cut_points["pool"].tolist() == second.cut_points["pool"].tolist()
    assert sorted(first.order["pool"].tolist()) == list(range(600))


@kahypar
def test_the_order_of_blocks_is_that_of_their_first_neurons() -> None:
    found = reorder(pool_of_clusters(), BOARD, seed=5)
    order, cut_points = found.order["pool"], found.cut_points["pool"]
    firsts = [int(order[s]) for s in cut_points[:-1]]
    assert firsts == sorted(firsts)
    for low, high in pairwise(cut_points):
        assert (np.diff(order[low:high]) > 0).all()


def shuffled(net: QuantNetwork, seed: int) -> dict[str, IntArray]:
    """Return any order of all populations that no convolution touches."""
    rng = np.random.default_rng(seed)
    fixed = {
        n for p in net.projections if hasattr(p.map, "groups") for n in (p.pre, p.post)
    }
    fixed |= {d.post for d in net.drives}
    return {p.name: rng.permutation(p.n) for p in net.populations if p.name not in fixed}


@pytest.mark.parametrize("seed", range(12))
def test_any_order_gives_the_same_bits_in_any_network(seed: int) -> None:
    net, stimulus = random_network(seed)
    order = shuffled(net, seed)
    there = own_order(integer.run(renumbered(net, order), stimulus), order)
    expected = integer.run(net, stimulus)
    assert sum(n.sum() for n in expected.events.values()) > 0
    for name, output in expected.outputs.items():
        np.testing.assert_array_equal(there.outputs[name], output)


def test_random_networks_are_renumbered_somewhere() -> None:
    """Guards the test above."""
    assert sum(bool(shuffled(random_network(seed)[0], seed)) for seed in range(12)) > 6


@kahypar
def test_what_has_nothing_to_gain_stays_as_it_is() -> None:
    rng = np.random.default_rng(0)
    dense = network((20,), [("a", (500,), 9, 0), ("b", (9,), 9, 0)], [
        ("in", "a", Dense(even(rng, -9, 9, (500, 20)))),
        ("a", "b", random_sparse(rng, 9, 500, 20)),
    ])  # fmt: skip
    assert reorder(dense, BOARD).order == {}  # all-to-all; and what is read out
    fits = network((20,), [("a", (30,), 9, 0), ("b", (9,), 9, 0)], [
        ("in", "a", random_sparse(rng, 30, 20, 5)),
        ("a", "b", random_sparse(rng, 9, 30, 20)),
    ])  # fmt: skip
    assert reorder(fits, BOARD).order == {}


@kahypar
def test_all_to_all_weights_that_are_mostly_zero_are_listed_first() -> None:
    """As they come from a NIR file, which has no sparse matrices."""
    net, stimulus = pool_of_clusters(), raster(60, 25, 0.3, 0)
    stored = replace(
        net,
        projections=tuple(
            replace(p, map=Dense(np.array(p.map.matrix.todense())))
            if isinstance(p.map, Sparse)
            else p
            for p in net.projections
        ),
    )
    found = reorder(stored, BOARD, seed=3)
    assert set(found.order) == {"pool"}
    assert [type(p.map) for p in found.net.projections] == [Sparse, Sparse, Dense]
    program = on_chip(found.net, "kahypar", found.cut_points)
    there = own_order(chip.run(program, stimulus).recording, found.order)
    expected = integer.run(stored, stimulus).outputs["pool"]
    assert expected.any()
    np.testing.assert_array_equal(there.outputs["pool"], expected)


def test_without_the_package_it_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "mtkahypar", None)
    partitioner.cache_clear()
    with pytest.raises(InputError, match=r"needs the package mtkahypar; .*\[partition\]"):
        partitioner()


@kahypar
def test_too_many_synapses_are_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_PINS", 1000)
    with pytest.raises(InputError, match=r"'pool' has \d+ synapses, more than the 1000 "):
        reorder(pool_of_clusters(), BOARD)


def test_a_block_that_does_not_fit_is_halved() -> None:
    net = pool_of_clusters()
    cut_points = {"pool": np.array([0, 10, 600])}
    pieces = partition(net, BOARD, method="kahypar", cut_points=cut_points)
    windows = [pieces.pieces[i].window for i in pieces.of("pool")]
    assert (windows[0].x0, windows[0].x1) == (0, 10)
    assert len(windows) > 3
    assert not any(over(p.use, BOARD) for p in pieces.pieces)
    assert METHODS["kahypar"].reorders
