"""Ends of samples: rest is rest, an early exit counts nothing that it skips."""

from dataclasses import fields, replace
from itertools import islice

import numpy as np
import pytest

from snn_deploy.board.board import load_board
from snn_deploy.evaluation.decode import decisions
from snn_deploy.ir.activity import Activity, Counts, Stops
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantInput, QuantNetwork, Stimulus
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.place import place
from snn_deploy.mapping.route import route
from snn_deploy.names import TimeModelName
from snn_deploy_simulators import chip
from snn_deploy_simulators.engine.quiescence import first_stable, when_quiet, when_stable
from support.integer_networks import network, population, projection
from support.integer_oracle import run as oracle
from support.integer_oracle import states_of
from support.random_networks import random_network

EVENTS = [f.name for f in fields(Counts) if f.name not in ("updates", "active")]
MODELS = ("bound", "simple", "event")


def mapped(net: QuantNetwork) -> Program:
    board = load_board("loihi2")
    pieces = partition(net, board)
    placement = place(pieces, net, board, seed=0, method="random")
    return Program(net, pieces, placement, route(net, pieces, placement, board), board)


def short_input(stimulus: Stimulus, spoken: int, steps: int) -> Stimulus:
    """Return the stimulus cut after `spoken` steps and followed by silence."""
    spikes = {}
    for name, x in stimulus.spikes.items():
        longer = np.zeros((stimulus.samples, steps, x.shape[2]), np.int32)
        longer[:, :spoken] = x[:, :spoken]
        spikes[name] = longer
    return replace(stimulus, steps=steps, spikes=spikes)


def first_quiet(net: QuantNetwork, stimulus: Stimulus) -> list[int]:
    """Return, by the hand-written oracle's states, from which step on nothing happens: no
    input, no arrival, no spike, every state as it was one step before (a current that is
    gone in the next step is none)."""
    out = oracle(net, stimulus)
    sent = {name: np.asarray(x) for name, x in stimulus.spikes.items()}
    sent |= {p.name: out[p.name]["s"] for p in net.populations if p.spiking}
    busy = np.zeros((stimulus.samples, stimulus.steps), np.bool_)
    for pop in net.populations:
        for state in states_of(pop):
            if state != "s":
                start = pop.v0 if state == "v" else np.zeros(pop.n, np.int64)
                now = out[pop.name][state]
                before = np.concatenate(
                    [np.broadcast_to(start, now[:, :1].shape), now[:, :-1]], axis=1
                )
                lasting = pop.params["du"] < 4095 if state == "u" else True
                busy |= ((now != before) & lasting).any(axis=2)
    for x in sent.values():
        busy |= (x != 0).any(axis=2)
    for p in net.projections:
        sends = (sent[p.pre] != 0).any(axis=2)
        arrives = np.pad(sends, ((0, 0), (p.delay, 0)))
        busy |= arrives[:, : stimulus.steps]
        busy[:, -1] |= arrives[:, stimulus.steps :].any(axis=1)  # still under way
    last = [np.flatnonzero(row).max(initial=0) for row in busy]
    return [int(step) + 1 for step in last]


def settling(seeds: int = 40) -> list[tuple[QuantNetwork, Stimulus]]:
    """Return random networks with short inputs: some come to rest, some never do."""
    made = []
    for seed in range(seeds):
        net, stimulus = random_network(seed, long_delays=0.05)
        net = brisk(net, leak=2000 * (seed % 4 // 2)) if seed % 2 else net
        made.append((net, short_input(stimulus, 4, 40)))
    return made


def brisk(net: QuantNetwork, leak: int) -> QuantNetwork:
    """Return the network without biases and slow decays, which keep neurons moving."""
    fixed = {"du": 4095, "dv": leak, "bias_mant": 0}
    pops = tuple(
        replace(
            p,
            params={
                k: np.full(p.n, fixed[k]) if k in fixed else v for k, v in p.params.items()
            },
        )
        for p in net.populations
    )
    return replace(net, populations=pops)


def stops_of(activity: Activity) -> Stops:
    assert activity.stops is not None
    return activity.stops


def test_a_sample_rests_from_the_step_that_the_oracles_states_say() -> None:
    rested, moving, spikes = 0, 0, 0
    for net, stimulus in settling():
        activity = chip.run(mapped(net), stimulus, until=when_quiet(net, stimulus.steps))
        stops = stops_of(activity)
        expected = first_quiet(net, stimulus)
        assert stops.steps.tolist() == expected
        assert stops.met.tolist() == [step < stimulus.steps for step in expected]
        rested += int(stops.met.sum())
        moving += int((~stops.met).sum())
        spikes += sum(int(e.sum()) for e in activity.recording.events.values())
    assert rested >= 20
    assert moving >= 20
    assert spikes > 1000


def test_until_quiet_gives_what_the_full_run_gives_and_counts_all_that_happens() -> None:
    saved = 0
    for net, stimulus in settling(30):
        program = mapped(net)
        full = chip.run(program, stimulus)
        quiet = chip.run(program, stimulus, until=when_quiet(net, stimulus.steps))
        for name, output in full.recording.outputs.items():
            np.testing.assert_array_equal(quiet.recording.outputs[name], output)
        for counter in [*EVENTS, "hops_x", "hops_y", "input_messages"]:
            np.testing.assert_array_equal(
                quiet.per_sample[counter], full.per_sample[counter]
            )
        fewer = full.per_sample["updates"] - quiet.per_sample["updates"]
        stops = stops_of(quiet)
        behind = max(p.lag for p in net.populations)
        for i, (steps, met) in enumerate(zip(stops.steps, stops.met, strict=True)):
            idle = [
                p.n * (stimulus.steps - min(stimulus.steps, steps + behind - p.lag))
                for p in net.populations
            ]
            assert fewer[i] == (sum(idle) if met else 0)
        saved += int(fewer.sum())
    assert saved > 1000


def test_after_rest_nothing_more_ever_happens() -> None:
    """The same samples with 50 more silent steps: no spike, no membrane moves."""
    checked = 0
    for net, stimulus in settling(30):
        stops = stops_of(
            chip.run(mapped(net), stimulus, until=when_quiet(net, stimulus.steps))
        )
        longer = oracle(net, short_input(stimulus, stimulus.steps, stimulus.steps + 50))
        for i in np.flatnonzero(stops.met):
            start = int(stops.steps[i])
            for pop in net.populations:
                assert not pop.spiking or not longer[pop.name]["s"][i, start:].any()
                tail = longer[pop.name]["v"][i, start - 1 :]
                assert (tail == tail[0]).all()
            checked += 1
    assert checked >= 10


@pytest.mark.parametrize("time_model", MODELS)
def test_steps_until_rest_take_as_long_as_ever_and_later_ones_nothing(
    time_model: TimeModelName,
) -> None:
    rested = 0
    for net, stimulus in settling(12):
        program = mapped(net)
        full = chip.run(program, stimulus, time_model=time_model)
        rule = when_quiet(net, stimulus.steps)
        quiet = chip.run(program, stimulus, time_model=time_model, until=rule)
        stops = stops_of(quiet)
        for i, end in enumerate(stops.frame):
            np.testing.assert_allclose(quiet.step_s[i, :end], full.step_s[i, :end])
            assert not quiet.step_s[i, end:].any()
        rested += int(stops.met.sum())
    assert rested > 0


def chain(delay: int = 0, **values: int) -> QuantNetwork:
    """Return in -> a -> b, one neuron each, that passes every spike on at once."""
    weight = Dense(np.array([[64]], np.int16))
    return network(
        (QuantInput("in", (1,), 0, 1.0),),
        (
            population("a", (1,), 1, "lif", vth=10, **values),
            population("b", (1,), 2, vth=10),
        ),
        (projection("in", "a", weight), projection("a", "b", weight, delay=delay)),
        ("b",),
    )


def spike_at(*steps: int, of: int = 12) -> Stimulus:
    x = np.zeros((1, of, 1), np.int32)
    x[0, list(steps)] = 1
    return Stimulus(1, of, {"in": x}, {})


@pytest.mark.parametrize(
    ("net", "stimulus", "steps", "met"),
    [
        (chain(), spike_at(3), 4, True),  # currents decay at once, membranes are reset
        (chain(du=2000), spike_at(3), 12, False),  # a current that takes its time
        (chain(delay=4), spike_at(3), 8, True),
        (chain(delay=4), spike_at(9), 12, False),  # still under way at the end
        (chain(), spike_at(0, 11), 12, False),  # an input in the last step
        (chain(), spike_at(), 1, True),  # nothing ever happens
        (chain(bias_mant=1, bias_exp=2), spike_at(3), 12, False),  # a bias that moves it
    ],
)
def test_rest_of_small_chains(
    net: QuantNetwork, stimulus: Stimulus, steps: int, met: bool
) -> None:
    activity = chip.run(mapped(net), stimulus, until=when_quiet(net, stimulus.steps))
    stops = stops_of(activity)
    assert (stops.steps.tolist(), stops.met.tolist()) == ([steps], [met])
    whole = net.frame_steps(stimulus.steps, power_of_two=True)
    assert stops.frame.tolist() == [steps + 2 if met else whole]


def test_an_event_that_changes_nothing_is_still_waited_for() -> None:
    """Weights of +2 and -2 cancel: no state moves, but the spikes arrive."""
    net = network(
        (QuantInput("in", (2,), 0, 1.0),),
        (population("a", (1,), 1, vth=10),),
        (projection("in", "a", Dense(np.array([[2, -2]], np.int16)), delay=5),),
        ("a",),
    )
    x = np.zeros((1, 20, 2), np.int32)
    x[0, 3] = 1
    rule = when_quiet(net, 20)
    stops = stops_of(chip.run(mapped(net), Stimulus(1, 20, {"in": x}, {}), until=rule))
    assert stops.steps.tolist() == [9]


# Early exit


@pytest.mark.parametrize(
    ("classes", "window", "first"),
    [
        ([1, 1, 1], 1, 1),
        ([-1, -1, 2, 2, 2], 2, 4),
        ([0, 1, 0, 1, 1, 1], 3, 6),
        ([0, 1, 0, 1], 2, 5),  # never
        ([-1, -1, -1], 2, 4),  # undecided is no class
        ([3, 3, -1, 3], 3, 5),
    ],
)
def test_first_stable_step(classes: list[int], window: int, first: int) -> None:
    assert first_stable(np.array(classes), window) == first


def test_an_early_exit_counts_just_the_chip_steps_before_it() -> None:
    exits = 0
    candidates = (random_network(seed, samples=1) for seed in range(80))
    several = (
        (net, s)
        for net, s in candidates
        if net.populations[-1].spiking and net.populations[-1].n > 1
    )
    for net, stimulus in islice(several, 25):
        out = net.populations[-1].name
        program = mapped(net)
        full = chip.run(program, stimulus)
        classes = decisions(full.recording.outputs[out], "count")[0]
        rule = when_stable(
            net,
            out,
            stimulus.steps,
            3,
            lambda output: decisions(output[None], "count")[0],
        )
        early = chip.run(program, stimulus, until=rule)
        stops = stops_of(early)
        steps, end = int(stops.steps[0]), int(stops.chip_steps[0])
        if not stops.met[0]:
            assert end == full.frame
            continue
        assert len(set(classes[steps - 3 : steps].tolist())) == 1
        assert classes[steps - 1] >= 0
        assert steps < stimulus.steps or end == full.frame
        if end == full.frame:
            continue
        exits += 1
        assert end == steps + net.latency
        for f in fields(Counts):
            now, whole = getattr(early.counts, f.name), getattr(full.counts, f.name)
            np.testing.assert_array_equal(now[:end], whole[:end])
            assert not now[end:].any()
        np.testing.assert_allclose(early.step_s[0, :end], full.step_s[0, :end])
        barrier = full.step_s.min()
        held = early.step_s[0, end : int(stops.frame[0])]
        assert (held <= barrier).all()
        assert (held > 0).all()
    assert exits >= 8
