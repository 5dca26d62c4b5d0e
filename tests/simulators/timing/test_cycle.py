"""The time model `cycle`: what must hold of every message on every link, and of the sum."""

from collections import defaultdict
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from snn_deploy.board.board import Board, load_board
from snn_deploy.errors import BoardError, InputError
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.program import Placement, Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.route import route
from snn_deploy_simulators import chip
from snn_deploy_simulators.timing import TIME_MODELS
from snn_deploy_simulators.timing.cycle import link_cycles
from snn_deploy_simulators.timing.mesh import Message, Passage, simulate
from support.networks import mapped, with_synapses
from support.random_networks import random_network
from support.sanafe_networks import network, perceptron, raster

NS = 1e-9
LOIHI2 = load_board("loihi2")


def placed(net: QuantNetwork, board: Board, cores: list[int]) -> Program:
    """Return the network with its pieces on the given cores."""
    pieces, placement = partition(net, board), Placement(np.array(cores))
    return Program(net, pieces, placement, route(net, pieces, placement, board), board)


def traffic_on(program: Program, seed: int) -> list[list[Message]]:
    """Return random messages over the ways of `program`, in bursts, by source."""
    rng, routes = np.random.default_rng(seed), program.routes
    sources: list[list[Message]] = [[] for _ in range(len(program.partition.pieces) + 1)]
    for _ in range(300):
        r = int(rng.integers(len(routes.pair_source)))
        way = routes.path_link[routes.path_first[r] : routes.path_first[r + 1]].tolist()
        work, receive = rng.exponential([3 * NS, 8 * NS])
        message = Message(work, way, int(routes.pair_target[r]), receive)
        sources[max(int(routes.pair_source[r]), -1)].append(message)
    return sources


def on_busy_meshes(test: Any) -> Any:
    """Run a test on several meshes, with several sizes of a link's buffer."""
    seeds = pytest.mark.parametrize("seed", range(4))
    return pytest.mark.parametrize("buffer", [1, 2, 16])(seeds(test))


def busy_mesh(seed: int, buffer: int) -> tuple[list[list[Message]], Passage, list[float]]:
    net = perceptron((20, 60, 60, 60, 20), 100, seed)
    program = mapped(net, with_synapses(LOIHI2, 200), seed=seed)
    assert len(program.partition.pieces) > 10
    sources, cycle = traffic_on(program, seed), link_cycles(program)
    return sources, simulate(sources, cycle, buffer), cycle.tolist()


@on_busy_meshes
def test_each_message_arrives_once_and_in_the_order_of_its_way(
    seed: int, buffer: int
) -> None:
    sources, passage, cycle = busy_mesh(seed, buffer)
    arrived = 0
    for messages, times, ends in zip(
        sources, passage.entered, passage.received, strict=True
    ):
        for message, entered, end in zip(messages, times, ends, strict=True):
            assert len(entered) == len(message.way)
            there = [t + cycle[link] for t, link in zip(entered, message.way, strict=True)]
            assert all(
                a <= b + 1e-18 for a, b in zip(there, [*entered[1:], end], strict=True)
            )
            assert end >= there[-1] + message.receive - 1e-18
            arrived += 1
        firsts = [t[0] for t in times]
        works = [m.work for m in messages]
        for (a, b), work in zip(pairwise([0.0, *firsts]), works, strict=True):
            assert b >= a + work - 1e-18  # a source works, sends, and works again
    assert arrived == 300


@on_busy_meshes
def test_no_link_takes_two_messages_in_a_cycle_or_more_than_it_holds(
    seed: int, buffer: int
) -> None:
    sources, passage, cycle = busy_mesh(seed, buffer)
    stays: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for messages, times, ends in zip(
        sources, passage.entered, passage.received, strict=True
    ):
        for message, entered, end in zip(messages, times, ends, strict=True):
            leaves = [*entered[1:], end - message.receive]
            for link, span in zip(
                message.way, zip(entered, leaves, strict=True), strict=True
            ):
                stays[link].append(span)
    most = 0
    for link, spans in stays.items():
        spans.sort()
        assert all(b[0] - a[0] >= cycle[link] * (1 - 1e-9) for a, b in pairwise(spans))
        held = max(sum(a <= t < b - 1e-15 for a, b in spans) for t, _ in spans)
        most = max(most, held)
        assert held <= buffer
    assert most == buffer or buffer == 16  # the mesh is busy enough to fill links


@pytest.mark.parametrize("seed", range(3))
def test_a_core_takes_in_one_message_after_the_other(seed: int) -> None:
    sources, passage, _ = busy_mesh(seed, 4)
    spans: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for messages, ends in zip(sources, passage.received, strict=True):
        for message, end in zip(messages, ends, strict=True):
            spans[message.target].append((end - message.receive, end))
    assert max(len(own) for own in spans.values()) > 20
    for own in spans.values():
        own.sort()
        assert all(a[1] <= b[0] + 1e-15 for a, b in pairwise(own))


def test_smaller_buffers_never_make_it_faster_here() -> None:
    ends = []
    for buffer in (1, 4, 64):
        _, passage, _ = busy_mesh(0, buffer)
        ends.append(max(max(r) for r in passage.received if r))
    assert ends[0] > ends[1] >= ends[2]


def one_spike() -> tuple[QuantNetwork, Stimulus]:
    """Two inputs, one of which fires in step 0 and makes the first of three neurons fire."""
    weight = np.array([[100, 0], [2, 0], [0, 2]], np.int16)
    net = network((2,), [("a", (3,), 50, 0)], [("in", "a", Dense(weight))])
    return net, Stimulus(1, 3, {"in": np.array([[[1, 0], [0, 0], [0, 0]]], np.int8)}, {})


def test_the_time_of_one_message_is_that_worked_out_by_hand() -> None:
    """Core 4 of loihi1 sits two hops east of where inputs enter: out, host link, two hops,
    core link, in, three synapses. Then three updates with work and a spike nobody hears."""
    net, stimulus = one_spike()
    board = load_board("loihi1")
    t = board.time.bound
    program = placed(net, board, [4])
    activity = chip.run(program, stimulus, time_model="cycle", threads=1)
    link = t.link_s.value or 0.0
    barrier = t.barrier_s(2)
    first = 5.1 * NS + 2 * link + 2 * 4.1 * NS + (16 + 3 * 3.8) * NS
    second = (3 * (6.0 + 3.7) + 30) * NS
    assert activity.step_s[0, :2] == pytest.approx([barrier + first, barrier + second])
    assert {activity.bounds[b] for b in activity.step_bound[0, :2]} == {"barrier"}


def crossing(cores: list[int]) -> float:
    """Return the time of a step in which four cores each send 50 messages to another, which
    takes them in at once; no link but those between them can be what takes time."""
    layers = [(f"{side}{i}", (50,), 1, 0) for side in "ab" for i in range(4)]
    maps = [("in", f"a{i}", Dense(np.full((50, 1), 2, np.int16))) for i in range(4)]
    one = np.eye(50, dtype=np.int16) * 2
    maps += [(f"a{i}", f"b{i}", Dense(one)) for i in range(4)]
    net = network((1,), layers, maps)  # type: ignore[arg-type]
    bound = LOIHI2.time.bound
    free = {
        name: msgspec.structs.replace(getattr(bound, name), value=0.0)
        for name in ("message_in_s", "synop_dense_s", "spike_s", "neuron_s", "active_s")
    }
    bound = msgspec.structs.replace(bound, **free)
    board = msgspec.structs.replace(
        LOIHI2, time=msgspec.structs.replace(LOIHI2.time, bound=bound)
    )
    spikes = np.zeros((1, 3, 1), np.int8)
    spikes[0, 0] = 1
    program = placed(net, board, cores)
    activity = chip.run(
        program, Stimulus(1, 3, {"in": spikes}, {}), time_model="cycle", threads=1
    )
    assert activity.counts.spikes.sum() >= 200
    return float(activity.step_s[0].max())


def test_a_shared_link_makes_a_step_longer_than_the_same_net_placed_well() -> None:
    """All four senders on one router and all receivers on the next: one link for 200
    messages. Placed well, each pair shares a router."""
    near = [c for x in range(4) for c in (2 * x, 2 * x + 1)]
    pairs = near[0::2] + near[1::2]
    sender = [c for c in range(128) if LOIHI2.router_of(c) == (0, 0, 0)]
    receiver = [c for c in range(128) if LOIHI2.router_of(c) == (0, 1, 0)]
    hop = LOIHI2.time.bound.hop_x_s.value or 0.0
    crowded, well = crossing(sender + receiver), crossing(pairs)
    assert 200 * hop < crowded < 210 * hop + 200 * NS
    assert well < 0.6 * crowded


@pytest.mark.parametrize("seed", range(10))
def test_bound_and_simple_are_lower_bounds_of_it(seed: int) -> None:
    net, stimulus = random_network(seed)
    program = mapped(net, LOIHI2, seed=seed)
    cycle, bound, simple = (
        chip.run(program, stimulus, time_model=m, threads=1)
        for m in ("cycle", "bound", "simple")
    )
    assert cycle.counts.messages_in.sum() > 0
    assert (bound.step_s <= cycle.step_s * (1 + 1e-12)).all()
    assert (simple.step_s <= cycle.step_s * (1 + 1e-12)).all()
    assert (cycle.step_s > bound.step_s).any()


def test_the_same_run_takes_the_same_time() -> None:
    net, stimulus = perceptron((30, 50, 10), 100), raster(30, 10, 0.4, 0)
    program = mapped(net, LOIHI2, seed=3)
    one, two = (chip.run(program, stimulus, time_model="cycle", threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.step_s, two.step_s)


def test_a_network_too_large_to_follow_is_refused_in_a_sentence() -> None:
    net = perceptron((1000, 2000, 10), 100)
    with pytest.raises(
        InputError,
        match=r"time_model='cycle': this network can send \d+ messages .* 20000 .*event$",
    ):
        chip.run(mapped(net, LOIHI2), raster(1000, 1, 0.1, 0), time_model="cycle")


def test_a_board_that_does_not_say_what_links_hold_is_refused() -> None:
    net, stimulus = one_spike()
    board = msgspec.structs.replace(
        LOIHI2, time=msgspec.structs.replace(LOIHI2.time, event=None)
    )
    with pytest.raises(BoardError, match=r"'cycle' needs; add it, or use another model"):
        chip.run(mapped(net, board), stimulus, time_model="cycle")
    assert "cycle" in TIME_MODELS
