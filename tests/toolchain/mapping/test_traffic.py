"""Who talks to whom, counted by hand and by brute force."""

import numpy as np
import pytest
import scipy.sparse as sp

from snn_deploy.board.board import load_board
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Sparse
from snn_deploy.ir.program import grid_of
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.traffic import homes, listeners, traffic
from support.networks import layers, network, population, projection, sparse
from support.random_networks import random_network

TINY = load_board("tiny")


def test_a_dense_layer_hears_every_neuron_of_every_piece() -> None:
    net = layers(20, 40, 10)
    pieces = partition(net, TINY)
    assert [p.window.size for p in pieces.pieces] == [20, 20, 10]
    pairs = traffic(net, pieces)
    found = zip(
        pairs.source.tolist(), pairs.target.tolist(), pairs.weight.tolist(), strict=True
    )
    assert list(found) == [(-1, 0, 20.0), (-1, 1, 20.0), (0, 2, 20.0), (1, 2, 20.0)]


def test_rates_weigh_only_the_sources_they_are_given_for() -> None:
    net = layers(20, 40, 10)
    pairs = traffic(net, partition(net, TINY), {"l1": np.repeat([0.5, 0.0], 20)})
    assert pairs.weight.tolist() == [20.0, 20.0, 10.0, 0.0]


def test_a_net_without_synapses_has_no_traffic() -> None:
    net = network([("in", (3,))], [population("p", (2,))], [])
    assert traffic(net, partition(net, TINY)).source.size == 0


@pytest.mark.parametrize("seed", range(10))
def test_weights_are_the_neurons_with_a_synapse_in_the_target(seed: int) -> None:
    net, _ = random_network(seed)
    pieces = partition(net, load_board("loihi2"))
    home = homes(net, pieces)
    expected: dict[tuple[int, int], set[int]] = {}
    for p in net.projections:
        rows = matrix(p.map).tocoo()
        for target, source in zip(rows.row.tolist(), rows.col.tolist(), strict=True):
            key = (int(home[p.pre][source]), int(home[p.post][target]))
            expected.setdefault(key, set()).add(source)
    pairs = traffic(net, pieces)
    found = dict(
        zip(
            zip(pairs.source.tolist(), pairs.target.tolist(), strict=True),
            pairs.weight,
            strict=True,
        )
    )
    assert found == {key: len(sources) for key, sources in expected.items()}


def test_a_home_is_the_piece_a_neuron_is_in() -> None:
    net, _ = random_network(3)
    pieces = partition(net, TINY)
    home = homes(net, pieces)
    for index, piece in enumerate(pieces.pieces):
        members = piece.window.members(grid_of(net, piece.population))
        assert (home[piece.population][members] == index).all()
    assert set(home[net.inputs[0].name].tolist()) == {-1}


def test_a_piece_that_hears_nobody_of_a_source_is_no_listener() -> None:
    m = sparse(2, 50, 3)
    net = network(
        [("in", (50,))], [population("p", (40,))], [projection("in", "p", _stretch(m))]
    )
    pieces = partition(net, TINY)
    assert len(pieces.pieces) == 2
    assert [heard.piece for heard in listeners(net, pieces)] == [0]


def _stretch(m: Sparse) -> Sparse:
    """Return `m` with 38 more targets that have no synapse."""

    from snn_deploy.ir.maps import Sparse

    first = np.concatenate([m.matrix.indptr, np.full(38, m.matrix.indptr[-1])])
    return Sparse(sp.csr_array((m.matrix.data, m.matrix.indices, first), shape=(40, 50)))
