import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif
from snn_deploy.passes.retime import retime

N = 3


def network(edges: list[tuple[str, str, int]]) -> Network:
    """Return a network with the given (pre, post, delay); 'in' is the input."""
    names = sorted({n for pre, post, _ in edges for n in (pre, post)} - {"in"})
    rng = np.random.default_rng(0)
    return Network(
        (Input("in", (N,)),),
        tuple(Population(n, (N,), Lif.of(N)) for n in names),
        tuple(Projection(a, b, Dense(rng.normal(size=(N, N))), d) for a, b, d in edges),
        (names[-1],),
    )


def levels(net: Network) -> dict[str, int]:
    return {p.name: p.lag for p in net.populations}


def test_a_chain_takes_one_step_per_hop() -> None:
    net = retime(network([("in", "a", 0), ("a", "b", 0), ("b", "c", 0)]))
    assert levels(net) == {"a": 1, "b": 2, "c": 3}
    assert net.latency == 3


def test_the_short_branch_of_a_residual_add_is_delayed() -> None:
    net = retime(network([("in", "a", 0), ("a", "b", 0), ("b", "c", 0), ("a", "c", 0)]))
    chip = {(p.pre, p.post): net.chip_delay(p) for p in net.projections}
    assert chip == {("in", "a"): 1, ("a", "b"): 1, ("b", "c"): 1, ("a", "c"): 2}


def test_a_loop_onto_itself_keeps_its_delay() -> None:
    net = retime(network([("in", "a", 0), ("a", "a", 1), ("a", "b", 0)]))
    assert [net.chip_delay(p) for p in net.projections] == [1, 1, 1]


def test_a_cycle_with_enough_delay_is_spread_over_its_hops() -> None:
    net = retime(network([("in", "a", 0), ("a", "b", 0), ("b", "a", 2)]))
    assert [net.chip_delay(p) for p in net.projections] == [1, 1, 1]


def test_a_cycle_with_fewer_delays_than_hops_is_refused_by_name() -> None:
    with pytest.raises(
        DoesNotFitError, match=r"a -> b -> a|b -> a -> b.*2 hops but only 1"
    ):
        retime(network([("in", "a", 0), ("a", "b", 0), ("b", "a", 1), ("a", "a", 1)]))


def test_a_population_that_nothing_feeds_runs_as_late_as_it_can() -> None:
    net = retime(network([("in", "a", 0), ("a", "b", 0), ("b", "d", 0), ("bias", "d", 0)]))
    assert levels(net)["bias"] == 2
    assert [net.chip_delay(p) for p in net.projections] == [1, 1, 1, 1]


@st.composite
def random_edges(draw: st.DrawFn) -> list[tuple[str, str, int]]:
    names = ["in", *"abcdef"]
    edges = [("in", "a", 0)]
    for i, post in enumerate(names[1:], start=1):
        pres = draw(st.lists(st.integers(0, i - 1), max_size=3, unique=True))
        edges += [(names[j], post, draw(st.integers(0, 3))) for j in pres]
    return edges + draw(
        st.lists(
            st.tuples(*[st.sampled_from(names[1:])] * 2, st.integers(7, 9)), max_size=2
        )
    )


@given(random_edges())
def test_every_hop_takes_a_step_and_every_path_the_same_extra_time(
    edges: list[tuple[str, str, int]],
) -> None:
    net = retime(network(edges))
    assert all(net.chip_delay(p) >= 1 for p in net.projections)
    assert all(
        net.chip_delay(p) - p.delay == net.lag(p.post) - net.lag(p.pre)
        for p in net.projections
    )
    assert min(levels(net).values()) >= 0
