"""Count what happens on the chip: per sample from the spikes, by tables made once from the
Program.

Nothing here looks into the kernels: an event of neuron i costs what the tables of the
pieces that hear it say, and goes over the links of the routes from its piece to theirs.
"""

import numpy as np
import scipy.sparse as sp

from snn_deploy.activity import Activity, Counts, Recording
from snn_deploy.arrays import BoolArray, IntArray
from snn_deploy.frame import frame_steps
from snn_deploy.program import Program
from snn_deploy.quant import Stimulus
from snn_deploy_simulators import kernels
from snn_deploy_simulators.engine import Trace
from snn_deploy_simulators.tables import costs, traffic
from snn_deploy_simulators.timing import StepCounts, TimeModel

COUNTERS = (
    "synops_dense", "synops_sparse", "synops_conv", "words", "updates", "active", "spikes",
    "messages_in", "messages_out",
)  # fmt: skip
HOPS = ("hops_x", "hops_y", "hops_chip", "input_messages")


class Counter:
    """Adds up samples; `activity` gives the result."""

    def __init__(self, program: Program, stimulus: Stimulus, time_model: TimeModel) -> None:
        net = program.net
        self.program, self.steps = program, stimulus.steps
        self.bounds, self.timer = time_model.bounds, time_model.prepare(program)
        self.frame = frame_steps(net, program.board, stimulus.steps)
        self.costs = tuple(costs(program))
        self.traffic = tuple(traffic(program))
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

    def add(self, sample: int, trace: Trace) -> None:
        """Count one sample."""
        counts = {name: np.zeros_like(v) for name, v in self.total.items()}
        self._count_neurons(counts, trace)
        self._count_synapses(counts, trace)
        messages = self._messages(trace)
        step = self._count_messages(counts, messages, sample)
        self.step_s[sample], self.step_bound[sample] = self.timer(step, trace)
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
    ) -> StepCounts:
        """Count messages per piece and hops; return all that a time model may ask."""
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
        return StepCounts(counts, links, hops["input_messages"])

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
            bounds=self.bounds,
            time_model=time_model,
            samples=len(self.step_s),
            steps=self.steps,
            frame=self.frame,
        )


def _incidence(program: Program) -> sp.csr_array:
    """Return which links each pair's path uses, [R, L]."""
    r = program.routes
    data: BoolArray = np.ones(len(r.path_link), np.int64)
    shape = (len(r.pair_source), len(r.links))
    return sp.csr_array((data, r.path_link, r.path_first), shape=shape)
