"""The time models, on networks small enough to work out by hand, and against each other."""

import msgspec
import numpy as np
import pytest
import scipy.sparse as sp

from snn_deploy.board.board import Board, load_board
from snn_deploy.errors import BoardError
from snn_deploy.ir.maps import Dense, Sparse
from snn_deploy.ir.program import Placement, Program
from snn_deploy.ir.quant import QuantInput, QuantNetwork, Stimulus
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.route import route
from snn_deploy.names import TimeModelName
from snn_deploy.neurons.cost import relative_operations
from snn_deploy_simulators import chip
from snn_deploy_simulators.timing import TIME_MODELS
from snn_deploy_simulators.timing.model import seconds, update_work
from support.integer_networks import population, projection
from support.networks import mapped
from support.random_networks import random_network
from support.sanafe_networks import network, perceptron, raster

NS = 1e-9
BARRIER, ACCESS, UPDATE, SPIKE, SYNOP, IN, OUT = (
    600,
    6.0,
    3.7,
    30.0,
    3.8,
    16.0,
    5.1,
)  # ns, loihi1
EAST, SPARSE = 4.1, 4.7
NEURONS_HIDE_THE_REST = (4,)  # seeds of random networks whose updates outlast all messages


def placed(net: QuantNetwork, board: Board, cores: list[int]) -> Program:
    """Return the network with its pieces on the given cores."""
    pieces, placement = partition(net, board), Placement(np.array(cores))
    return Program(net, pieces, placement, route(net, pieces, placement, board), board)


def one_spike() -> tuple[QuantNetwork, Stimulus]:
    """Two inputs, one of which fires in step 0 and makes the first of three neurons fire."""
    weight = np.array([[100, 0], [2, 0], [0, 2]], np.int16)
    net = network((2,), [("a", (3,), 50, 0)], [("in", "a", Dense(weight))])
    return net, Stimulus(1, 3, {"in": np.array([[[1, 0], [0, 0], [0, 0]]], np.int8)}, {})


def step_ns(program: Program, stimulus: Stimulus, model: TimeModelName) -> list[float]:
    activity = chip.run(program, stimulus, time_model=model, threads=1)
    return [float(s) / NS for s in activity.step_s[0, : stimulus.steps]]


def test_simple_and_event_times_of_one_spike_are_those_worked_out_by_hand() -> None:
    """Step 0: a message to three synapses. Step 1: three updates with work, one spike that
    nobody hears. Step 2: two membranes are left that are not zero."""
    net, stimulus = one_spike()
    program = placed(net, load_board("loihi1"), [0])
    received = IN + 3 * SYNOP
    updates = [3 * ACCESS, 3 * (ACCESS + UPDATE) + SPIKE, 3 * ACCESS + 1 * UPDATE]
    assert step_ns(program, stimulus, "simple") == pytest.approx(
        [BARRIER + received, BARRIER + updates[1], BARRIER + updates[2]]
    )
    assert step_ns(program, stimulus, "event") == pytest.approx(
        [BARRIER + OUT + received, BARRIER + updates[1], BARRIER + updates[2]]
    )
    assert step_ns(program, stimulus, "bound") == pytest.approx([BARRIER] * 3)


def test_a_message_arrives_later_by_its_hops() -> None:
    """Core 4 of loihi1 sits at router (2, 0): two hops east of where inputs enter."""
    net, stimulus = one_spike()
    near, far = (placed(net, load_board("loihi1"), [core]) for core in (0, 4))
    assert far.board.router_of(4) == (0, 2, 0)
    barrier = far.board.time.bound.barrier_s(2) - far.board.time.bound.barrier_s(1)
    late = step_ns(far, stimulus, "event")[0] - step_ns(near, stimulus, "event")[0]
    assert late == pytest.approx(2 * EAST + barrier / NS)


def with_link_buffer(board: Board, messages: int) -> Board:
    """Return the board with links that hold so many messages."""
    event = board.time.event
    assert event is not None
    limit = msgspec.structs.replace(event.link_buffer, value=messages)
    time = msgspec.structs.replace(
        board.time, event=msgspec.structs.replace(event, link_buffer=limit)
    )
    return msgspec.structs.replace(board, time=time)


def test_full_links_hold_the_sender_back() -> None:
    """Forty inputs fire. One core hears all of them, another only the last, and is slow. While
    links hold all that is sent, both work at the same time; else one after the other."""
    last = sp.csr_array((np.full(1000, 2, np.int16), (np.arange(1000), np.full(1000, 39))))
    net = network(
        (40,),
        [("all", (20,), 60000, 0), ("last", (1000,), 60000, 0)],
        [
            ("in", "all", Dense(np.full((20, 40), 2, np.int16))),
            ("in", "last", Sparse(last)),
        ],
    )
    stimulus = Stimulus(1, 1, {"in": np.ones((1, 1, 40), np.int8)}, {})
    hear_all, hear_last = 40 * (IN + 20 * SYNOP), IN + 1000 * SPARSE
    held = {}
    for messages in (1, 1000):
        board = with_link_buffer(load_board("loihi1"), messages)
        (held[messages],) = step_ns(placed(net, board, [0, 1]), stimulus, "event")
    assert (
        BARRIER + 41 * OUT + hear_last < held[1000] < BARRIER + 0.6 * hear_all + hear_last
    )
    assert held[1] > BARRIER + 0.8 * hear_all + hear_last


@pytest.mark.parametrize("seed", range(12))
def test_the_models_keep_their_order(seed: int) -> None:
    """What `bound` and `simple` leave out, `event` has: it can only take longer."""
    net, stimulus = random_network(seed)
    program = mapped(net, load_board("loihi2"), seed=seed)
    runs = {
        name: chip.run(program, stimulus, time_model=name, threads=1)
        for name in TIME_MODELS
    }
    close = 1 + 1e-12
    assert (runs["bound"].step_s <= runs["simple"].step_s * close).all()
    assert (runs["simple"].step_s <= runs["event"].step_s * close).all()
    different = len({run.step_s.sum() for run in runs.values()})
    assert different == len(TIME_MODELS) or seed in NEURONS_HIDE_THE_REST


@pytest.mark.parametrize("model", sorted(TIME_MODELS))
def test_updates_take_as_long_as_their_operations(model: TimeModelName) -> None:
    """Silent steps of 50 neurons on one core: nothing but updates, then the barrier."""
    board = load_board("loihi2")
    lif, soft = (
        QuantNetwork(
            (QuantInput("in", (1,), 0, 1.0),),
            (),
            (population("a", (50,), 1, kind),),
            (projection("in", "a", Dense(np.zeros((50, 1), np.int16))),),
            ("a",),
            "loihi",
        )
        for kind in ("lif", "soft_lif")
    )
    nothing = Stimulus(1, 3, {"in": np.zeros((1, 3, 1), np.int8)}, {})
    own = {
        kind: step_ns(placed(net, board, [0]), nothing, model)[-1]
        for kind, net in (("lif", lif), ("soft_lif", soft))
    }
    ratio = relative_operations("soft_lif", {})
    assert update_work(placed(soft, board, [0])).tolist() == [ratio]
    assert 1 < ratio < 1.5
    update = seconds(board.time.bound.neuron_s) / NS * 50
    assert own["soft_lif"] - own["lif"] == pytest.approx(update * (ratio - 1))
    assert update_work(placed(lif, board, [0])).tolist() == [1.0]


@pytest.mark.parametrize("name", sorted(TIME_MODELS))
def test_counts_and_outputs_do_not_depend_on_the_time_model(name: TimeModelName) -> None:
    net, stimulus = random_network(21)
    program = mapped(net, load_board("loihi2"))
    plain, timed = (chip.run(program, stimulus, time_model=m) for m in ("bound", name))
    for pop, out in plain.recording.outputs.items():
        np.testing.assert_array_equal(timed.recording.outputs[pop], out)
    np.testing.assert_array_equal(timed.counts.active, plain.counts.active)
    assert timed.time_model == name
    assert set(np.unique(timed.step_bound)) <= set(range(len(timed.bounds)))


@pytest.mark.parametrize("name", sorted(TIME_MODELS))
def test_threads_do_not_change_times(name: TimeModelName) -> None:
    net, stimulus = random_network(5, samples=5)
    program = mapped(net, load_board("loihi2"))
    one, two = (chip.run(program, stimulus, time_model=name, threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.step_s, two.step_s)


def test_the_busiest_part_is_named() -> None:
    net, stimulus = perceptron((100, 80, 10), 200), raster(100, 20, 0.3, 0)
    program = mapped(net, load_board("loihi1"))
    busiest: dict[TimeModelName, str] = {
        "simple": "axons in and synapses",
        "event": "receiving",
    }
    for model, name in busiest.items():
        activity = chip.run(program, stimulus, time_model=model)
        assert activity.bounds[np.bincount(activity.step_bound[0, :20]).argmax()] == name


def test_event_refuses_a_board_that_does_not_say_what_links_hold() -> None:
    net, stimulus = one_spike()
    board = load_board("loihi1")
    board = msgspec.structs.replace(
        board, time=msgspec.structs.replace(board.time, event=None)
    )
    with pytest.raises(
        BoardError, match=r"'loihi1' has no time\.event\.link_buffer.*another model"
    ):
        chip.run(mapped(net, board), stimulus, time_model="event")
