"""Who hears whom, held against the matrices of the maps."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_deploy.arrays import IntArray
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Conv
from snn_deploy.ir.program import Window, grid_of
from snn_deploy.ir.quant import QuantNetwork, QuantProjection
from snn_deploy.mapping.fanout import (
    TileGrid,
    between,
    fan_out_of,
    sources_heard,
    sparse_counts,
    synapses_heard,
)
from support.networks import kernel, layers, network, population, projection, sparse, zeros
from support.random_networks import random_network


def counted(p: QuantProjection, grid: TileGrid, window: Window) -> IntArray:
    """Count the stored synapses of each source in the window, one by one."""
    rows = matrix(p.map)[window.members(grid)]
    return np.bincount(rows.indices, minlength=p.map.n_pre).astype(np.int64)


def each_network(test: Callable[..., None]) -> Callable[..., None]:
    """Run `test` on random networks, with data to draw more from."""
    return settings(max_examples=60, deadline=None)(
        given(st.integers(0, 40).map(lambda seed: random_network(seed)[0]), st.data())(test)
    )


@st.composite
def windows(draw: st.DrawFn, grid: TileGrid) -> Window:
    edges = []
    for size in grid:
        low = draw(st.integers(0, size - 1))
        edges += [low, draw(st.integers(low + 1, size))]
    return Window(*edges)


@each_network
def test_synapses_are_those_of_the_matrix(net: QuantNetwork, data: st.DataObject) -> None:
    for p in net.projections:
        grid = grid_of(net, p.post)
        window = data.draw(windows(grid))
        assert (synapses_heard(p, grid, window) == counted(p, grid, window)).all()


@each_network
def test_sources_heard_are_all_that_have_a_synapse(
    net: QuantNetwork, data: st.DataObject
) -> None:
    for pop in net.populations:
        grid = grid_of(net, pop.name)
        window = data.draw(windows(grid))
        for projections in between(net, pop.name).values():
            total = sum(counted(p, grid, window) for p in projections)
            heard = sources_heard(projections, grid, window)
            assert heard.tolist() == np.flatnonzero(total).tolist()


def test_random_networks_hold_every_format_and_geometry() -> None:
    """Guards the two tests above against drawing nothing of interest."""
    found = set()
    for seed in range(41):
        for p in random_network(seed)[0].projections:
            found.add(type(p.map).__name__)
            if isinstance(p.map, Conv):
                found |= {f"groups {p.map.groups > 1}", f"stride {p.map.stride}"}
                found |= {f"dilation {p.map.dilation}", f"padding {p.map.padding}"}
    assert {"Dense", "Sparse", "Conv", "groups True", "stride (2, 2)"} <= found
    assert {"dilation (2, 1)", "padding (1, 0)"} <= found


def test_a_stored_zero_is_a_synapse() -> None:
    p = layers(4, 3).projections[0]
    assert synapses_heard(p, (1, 1, 3), Window(0, 1, 0, 1, 1, 3)).tolist() == [2, 2, 2, 2]


def test_a_convolution_onto_a_flat_window_is_heard_by_its_synapses() -> None:
    conv = kernel((2, 4, 4), (3, 2, 2))
    p = projection("in", "out", conv)
    window = Window(0, 1, 0, 1, 2, 7)
    heard = synapses_heard(p, (1, 1, 12), window)
    assert heard.tolist() == counted(p, (1, 1, 12), window).tolist()
    assert 0 < heard.sum() < conv.n_post * 18


@pytest.mark.parametrize("fan_in", [2, 150])
def test_few_and_many_synapses_are_counted_alike(fan_in: int) -> None:
    m = sparse(40, 300, fan_in)
    sources, counts = sparse_counts(m, (1, 1, 40), Window(0, 1, 0, 1, 5, 9))
    total = np.bincount(m.matrix[5:9].indices, minlength=300)
    assert sources.tolist() == np.flatnonzero(total).tolist()
    assert counts.tolist() == total[sources].tolist()


def test_a_fan_out_counts_pieces_not_synapses() -> None:
    net = network(
        [],
        [
            population("a", (1, 1, 8)),
            population("b", (1, 1, 8), 1),
            population("c", (4,), 1),
        ],
        [
            projection("a", "b", kernel((1, 1, 8), (1, 1, 8), (1, 3), padding=(0, 1))),
            projection("a", "c", zeros(4, 8)),
            projection("a", "c", zeros(4, 8), delay=2),
        ],
    )
    cuts = {
        "a": [Window(0, 1, 0, 1, 0, 8)],
        "b": [Window(0, 1, 0, 1, 0, 4), Window(0, 1, 0, 1, 4, 8)],
        "c": [Window(0, 1, 0, 1, i, i + 1) for i in range(4)],
    }
    fan_out = fan_out_of(net, "a", cuts)
    assert fan_out.kernels.tolist() == [1, 1, 1, 2, 2, 1, 1, 1]
    assert fan_out.messages.tolist() == [5, 5, 5, 6, 6, 5, 5, 5]
    assert fan_out_of(net, "c", cuts).messages.tolist() == [0, 0, 0, 0]
