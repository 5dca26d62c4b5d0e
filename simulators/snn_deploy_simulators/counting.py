"""Count what happens on the chip: per sample from the spikes, by tables made once from the
Program.

Nothing here looks into the kernels: an event of neuron i costs what the tables of the
pieces that hear it say, and goes over the links of the routes from its piece to theirs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from snn_deploy.activity import Activity, Counts, Recording
from snn_deploy.arrays import BoolArray, IntArray
from snn_deploy.frame import frame_steps
from snn_deploy.maps import Connection, Conv, Dense
from snn_deploy.passes.resources import synapses_heard, words_heard
from snn_deploy.program import Program, grid_of
from snn_deploy.quant import Stimulus
from snn_deploy_simulators import kernels
from snn_deploy_simulators.engine import Events, Trace
from snn_deploy_simulators.timing import BOUNDS, StepCounts, TimeModel

COUNTERS = (
    "synops_dense", "synops_sparse", "synops_conv", "words", "updates", "active", "spikes",
    "messages_in", "messages_out",
)  # fmt: skip
HOPS = ("hops_x", "hops_y", "hops_chip", "input_messages")


@dataclass(frozen=True, eq=False)
class _Cost:
    """What an event of neuron i of `pre` costs in the pieces `pieces`.

    table: [pieces, n_pre], or [pieces, 1] where every neuron costs the same.
    """

    pre: str
    counter: str
    pieces: IntArray
    table: IntArray

    def of(self, events: Events) -> IntArray:
        """Return the cost of each step [T, pieces]."""
        if self.table.shape[1] == 1:
            return np.diff(events.first)[:, None] * self.table[:, 0]
        total = np.zeros((events.first.size - 1, len(self.pieces)), np.int64)
        kernels.tally(events.first, events.index, self.table, total)
        return total


@dataclass(frozen=True, eq=False)
class _Traffic:
    """Messages from `pre` to one piece.

    pair: [n_pre], index into Routes.pair_source of the pair that each neuron's piece and
    the target are; -1 where the neuron is not heard. whole: (source pieces, pairs) if every
    neuron is heard, else None.
    """

    pre: str
    pair: IntArray
    whole: tuple[IntArray, IntArray] | None


class Counter:
    """Adds up samples; `activity` gives the result."""

    def __init__(self, program: Program, stimulus: Stimulus, time_model: TimeModel) -> None:
        net = program.net
        self.program, self.time_model, self.steps = program, time_model, stimulus.steps
        self.frame = frame_steps(net, program.board, stimulus.steps)
        self.costs = tuple(_costs(program))
        self.traffic = tuple(_traffic(program))
        self.pieces = {
            p.name: np.array(program.partition.of(p.name)) for p in net.populations
        }
        size = (self.frame, len(program.partition.pieces))
        self.total = {name: np.zeros(size, np.int64) for name in COUNTERS}
        self.hops = {name: np.zeros(self.frame, np.int64) for name in HOPS}
        self.per_sample = {
            n: np.zeros(stimulus.samples, np.int64) for n in (*COUNTERS, *HOPS)
        }
        self.step_s = np.zeros((stimulus.samples, self.frame))
        self.step_bound = np.zeros((stimulus.samples, self.frame), np.int64)
        self.paths = _incidence(program)
        self.link_total = np.zeros(len(program.routes.links), np.int64)
        self.chip_link = np.array(
            ["chip" in name for name in program.routes.links], np.bool_
        )
        self.tiles = len({program.board.router_of(int(c)) for c in program.placement.core})

    def add(self, sample: int, trace: Trace) -> None:
        """Count one sample."""
        counts = {name: np.zeros_like(v) for name, v in self.total.items()}
        self._count_neurons(counts, trace)
        self._count_synapses(counts, trace)
        messages = self._messages(trace)
        links = self._count_messages(counts, messages, sample)
        step = StepCounts(counts, links, self.chip_link)
        self.step_s[sample], self.step_bound[sample] = self.time_model(
            self.program.board, step, self.tiles
        )
        for name, values in counts.items():
            self.total[name] += values
            self.per_sample[name][sample] = values.sum()

    def _count_neurons(self, counts: dict[str, IntArray], trace: Trace) -> None:
        for pop in self.program.net.populations:
            pieces, window = self.pieces[pop.name], slice(pop.level, pop.level + self.steps)
            sizes = [self.program.partition.pieces[i].window.size for i in pieces]
            counts["updates"][window, pieces] = sizes
            counts["active"][window, pieces] = trace.active[pop.name]
            counts["spikes"][window, pieces] = trace.fired[pop.name] if pop.spiking else 0

    def _count_synapses(self, counts: dict[str, IntArray], trace: Trace) -> None:
        for cost in self.costs:
            level = self.program.net.level(cost.pre)
            steps = slice(level, level + self.steps)
            counts[cost.counter][steps, cost.pieces] += cost.of(trace.events[cost.pre])

    def _messages(self, trace: Trace) -> IntArray:
        """Return the messages of each source-target pair [F, R]."""
        messages = np.zeros((self.frame, len(self.program.routes.pair_source)), np.int64)
        for t in self.traffic:
            events, level = trace.events[t.pre], self.program.net.level(t.pre)
            part = messages[level : level + self.steps]
            if t.whole is None:
                kernels.tally_groups(events.first, events.index, t.pair, part)
            elif t.pre in trace.fired:
                part[:, t.whole[1]] = trace.fired[t.pre][:, t.whole[0]]
            else:
                part[:, t.whole[1]] = np.diff(events.first)[:, None]
        return messages

    def _count_messages(
        self, counts: dict[str, IntArray], messages: IntArray, sample: int
    ) -> IntArray:
        """Count messages per piece and hops; return the messages over each link [F, L]."""
        routes = self.program.routes
        np.add.at(counts["messages_in"].T, routes.pair_target, messages.T)
        inner = routes.pair_source >= 0
        np.add.at(counts["messages_out"].T, routes.pair_source[inner], messages[:, inner].T)
        hops = {
            "hops_x": messages @ routes.hops_x,
            "hops_y": messages @ routes.hops_y,
            "hops_chip": messages @ routes.hops_chip,
            "input_messages": messages[:, ~inner].sum(axis=1),
        }
        for name, values in hops.items():
            self.hops[name] += values
            self.per_sample[name][sample] = values.sum()
        links = np.asarray(messages @ self.paths)
        self.link_total += links.sum(axis=0)
        return links

    def activity(self, recording: Recording, time_model: str) -> Activity:
        """Return everything counted so far."""
        return Activity(
            recording=recording,
            counts=Counts(**self.total),
            per_sample=self.per_sample,
            **self.hops,
            link_messages=self.link_total,
            step_s=self.step_s,
            step_bound=self.step_bound,
            bounds=BOUNDS,
            time_model=time_model,
            samples=len(self.step_s),
            steps=self.steps,
            frame=self.frame,
        )


def _costs(program: Program) -> Iterator[_Cost]:
    net, board = program.net, program.board
    listens = {(r.pre, r.piece): r.listens for r in program.routes.routes}
    for p in net.projections:
        grid, pieces = grid_of(net, p.post), program.partition.of(p.post)
        heard = [i for i in pieces if (p.pre, i) in listens]
        if not heard:
            continue
        windows = [program.partition.pieces[i].window for i in heard]
        masks = np.stack([listens[p.pre, i] for i in heard])
        synops = np.stack([synapses_heard(p, grid, w) for w in windows]) * masks
        delayed = net.chip_delay(p) > 1
        lists = [words_heard(p, grid, w, board, delayed=delayed) for w in windows]
        words = np.stack(lists) * masks
        yield _Cost(p.pre, f"synops_{_format(p.map)}", np.array(heard), _narrow(synops))
        yield _Cost(p.pre, "words", np.array(heard), _narrow(words))


def _narrow(table: IntArray) -> IntArray:
    """Return the table with one column if all its columns are the same."""
    return table[:, :1] if bool((table == table[:, :1]).all()) else table


def _format(m: Connection) -> str:
    if isinstance(m, Dense):
        return "dense"
    return "conv" if isinstance(m, Conv) else "sparse"


def _traffic(program: Program) -> Iterator[_Traffic]:
    net, routes = program.net, program.routes
    pair = {
        (int(s), int(t)): r
        for r, (s, t) in enumerate(zip(routes.pair_source, routes.pair_target, strict=True))
    }
    inputs = {port.name: -1 - i for i, port in enumerate(net.inputs)}
    home: dict[str, IntArray] = {}
    for name in {r.pre for r in routes.routes}:
        home[name] = np.full(net.size(name), inputs.get(name, 0), np.int64)
        for i in program.partition.of(name):
            window = program.partition.pieces[i].window
            home[name][window.members(grid_of(net, name))] = i
    for route in routes.routes:
        sources, place = np.unique(home[route.pre], return_inverse=True)
        pairs = np.array([pair.get((int(s), route.piece), -1) for s in sources], np.int64)
        whole = None
        if bool(route.listens.all()):
            whole = (np.maximum(sources - sources[0], 0), pairs)
        yield _Traffic(route.pre, np.where(route.listens, pairs[place], -1), whole)


def _incidence(program: Program) -> sp.csr_array:
    """Return which links each pair's path uses, [R, L]."""
    r = program.routes
    data: BoolArray = np.ones(len(r.path_link), np.int64)
    shape = (len(r.pair_source), len(r.links))
    return sp.csr_array((data, r.path_link, r.path_first), shape=shape)
