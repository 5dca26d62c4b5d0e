"""When a sample is done: at rest, or when its answer stands; and what is left of it then.

Rest, exactly: from some step on no input is left, no spike is under way, and no population
changes a state or fires. One such step was seen, in which nothing arrived anywhere; every
later one does the same to the same states, so all that would follow are the same again,
forever. A population whose leak or bias still moves it is not at rest; a current that
decays at once is no state, since nothing later depends on it.

The engine runs all steps; where a sample ends is worked out from its trace, and what comes
after is cut away before anything is counted. Seeing the end and resetting takes a host or
a processor on the chip: no price or time is known for that, and none is counted.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.ir.activity import Stops
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy_simulators.engine.engine import NEVER, SpikeEvents, Trace


@dataclass(frozen=True)
class End:
    """Where a sample ends.

    Attributes:
        steps: After how many model steps, at least 1.
        met: Whether the rule is fulfilled by then; else the frame ended it.
        chip_steps: Chip steps in which anything is updated, NEVER if all of the frame.
        frame: Chip steps to the next sample, NEVER if all of the frame.
    """

    steps: int
    met: bool
    chip_steps: int = NEVER
    frame: int = NEVER


@dataclass(frozen=True)
class EndRule:
    """A rule by which samples end.

    Attributes:
        end: end(trace) says where a sample ends.
        watches: Whether it reads Trace.changed.
    """

    end: Callable[[Trace], End]
    watches: bool = False


def when_quiet(net: QuantNetwork, steps: int) -> EndRule:
    """Return the rule that ends a sample at rest; a frame has `steps` model steps."""
    slowest = {
        name: max((p.delay for p in net.projections if p.pre == name), default=0)
        for name in (*(p.name for p in net.inputs), *(p.name for p in net.populations))
    }
    behind = max((p.lag for p in net.populations), default=0)

    def end(trace: Trace) -> End:
        quiet = max(1, _first_quiet(trace, slowest))
        if quiet >= steps:
            return End(steps, False)
        return End(quiet, True, quiet + behind, quiet + behind)

    return EndRule(end, watches=True)


def when_stable(
    net: QuantNetwork,
    output: str,
    steps: int,
    window: int,
    decide: Callable[[AnyArray], IntArray],
) -> EndRule:
    """Return the rule that ends a sample when its class was the same `window` steps long.

    output: population that is read. decide: from its output [T, n], spikes or membranes, to
    the class after each step [T], below 0 where there is none yet. What is still under way
    then arrives while all is held, before the next sample begins.
    """
    behind = net.latency
    flush = max((net.chip_delay(p) for p in net.projections), default=0)

    def end(trace: Trace) -> End:
        first = first_stable(decide(output_of(trace, net, output)), window)
        if first >= steps:
            return End(steps, first == steps)
        return End(first, True, first + behind, first + behind + flush)

    return EndRule(end)


def first_stable(classes: IntArray, window: int) -> int:
    """Return after how many steps the last `window` of classes [T] are the same class;
    T + 1 if that never is so."""
    run = 0
    for t, chosen in enumerate(classes.tolist()):
        same = t > 0 and chosen == classes[t - 1]
        run = 0 if chosen < 0 else run + 1 if same else 1
        if run >= window:
            return t + 1
    return len(classes) + 1


def output_of(trace: Trace, net: QuantNetwork, name: str) -> AnyArray:
    """Return the output [T, n] of a population: its membranes, or its spikes."""
    membrane = trace.membrane[name]
    if len(membrane):
        return membrane
    events = trace.events[name]
    steps = len(events.first) - 1
    output = np.zeros((steps, net.size(name)), np.int32)
    at = np.repeat(np.arange(steps), np.diff(events.first))
    output[at, events.index[: events.count]] = events.value[: events.count]
    return output


def cut(trace: Trace, end: End, net: QuantNetwork) -> Trace:
    """Return what is left of `trace` if it ends there; membranes stay whole."""
    if end.chip_steps == NEVER:
        return trace
    left = {name: max(0, end.chip_steps - net.lag(name)) for name in trace.events}
    return replace(
        trace,
        events={name: _until(e, left[name]) for name, e in trace.events.items()},
        active={name: _blank(a, left[name]) for name, a in trace.active.items()},
        fired={name: _blank(f, left[name]) for name, f in trace.fired.items()},
        end=end.chip_steps,
        frame=end.frame,
    )


class Endings:
    """Cuts the samples of a run by a rule, and remembers where."""

    def __init__(self, net: QuantNetwork, rule: EndRule, samples: int, frame: int) -> None:
        self.net, self.rule, self.frame = net, rule, frame
        self.found = [End(0, False)] * samples

    def cut(self, sample: int, trace: Trace) -> Trace:
        """Return what is left of the sample."""
        self.found[sample] = self.rule.end(trace)
        return cut(trace, self.found[sample], self.net)

    def stops(self) -> Stops:
        """Return where the samples ended."""
        found = self.found
        return Stops(
            steps=np.array([e.steps for e in found], np.int64),
            chip_steps=np.array([min(e.chip_steps, self.frame) for e in found], np.int64),
            frame=np.array([min(e.frame, self.frame) for e in found], np.int64),
            met=np.array([e.met for e in found], np.bool_),
        )


def _first_quiet(trace: Trace, slowest: dict[str, int]) -> int:
    """Return the first step from which on nothing fires, arrives or changes."""
    last = [int(changed[0]) for changed in trace.changed.values()]
    for name, events in trace.events.items():
        if events.count and not len(trace.membrane.get(name, ())):
            fired = int(np.searchsorted(events.first, events.count)) - 1
            last.append(fired + slowest[name])
    return 1 + max(last, default=-1)


def _until(events: SpikeEvents, steps: int) -> SpikeEvents:
    """Return the events of the first `steps` steps."""
    most = events.first[min(steps, len(events.first) - 1)]
    return SpikeEvents(np.minimum(events.first, most), events.index, events.value)


def _blank(counts: IntArray, steps: int) -> IntArray:
    """Return counts [T, pieces] with zeros from step `steps` on."""
    kept = counts.copy()
    kept[steps:] = 0
    return kept
