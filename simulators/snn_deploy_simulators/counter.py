"""Count what happens on the chip: per sample from the spikes, by tables made once from the
Program.

Nothing here looks into the kernels: an event of neuron i costs what the tables of the
pieces that hear it say, and goes over the links of the routes from its piece to theirs.
"""

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import BoolArray, IntArray
from snn_deploy.ir.activity import CHIP_COUNTERS, CORE_COUNTERS, Activity, Counts, Recording
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import Stimulus
from snn_deploy_simulators.counting.graded import PayloadCounter
from snn_deploy_simulators.counting.tables import COSTS, Fan
from snn_deploy_simulators.engine.engine import Trace
from snn_deploy_simulators.kernels import sums
from snn_deploy_simulators.timing import StepCounts, TimeModel


class Counter:
    """Adds up samples; `activity` gives the result."""

    def __init__(
        self,
        program: Program,
        stimulus: Stimulus,
        time_model: TimeModel,
        fans: Mapping[str, Fan],
    ) -> None:
        net = program.net
        self.program, self.steps = program, stimulus.steps
        self.bounds, self.timer = time_model.bounds, time_model.prepare(program, fans)
        self.frame = net.frame_steps(
            stimulus.steps, power_of_two=bool(program.board.io.frame_power_of_two)
        )
        self.fans = fans
        self.pieces = {
            p.name: np.array(program.partition.of(p.name)) for p in net.populations
        }
        size = (self.frame, len(program.partition.pieces))
        self.total = {name: np.zeros(size, np.int64) for name in CORE_COUNTERS}
        self.hops = {name: np.zeros(self.frame, np.int64) for name in CHIP_COUNTERS}
        names = (*CORE_COUNTERS, *CHIP_COUNTERS)
        self.per_sample = {name: np.zeros(stimulus.samples, np.int64) for name in names}
        self.step_s = np.zeros((stimulus.samples, self.frame))
        self.step_bound = np.zeros((stimulus.samples, self.frame), np.int64)
        self.paths = _incidence(program)
        pieces, routes = len(program.partition.pieces), program.routes
        self.arrivals = _membership(routes.pair_target, pieces)
        self.departures = _membership(routes.pair_source, pieces)
        self.link_total = np.zeros(len(program.routes.links), np.int64)
        self.graded = PayloadCounter(program, stimulus.samples)

    def add(self, sample: int, trace: Trace) -> None:
        """Count one sample."""
        counts = {name: np.zeros_like(v) for name, v in self.total.items()}
        self._count_neurons(counts, trace)
        messages = self._count_synapses(counts, trace)
        self.graded.add(sample, trace)
        step = self._count_messages(counts, messages, sample)
        self.step_s[sample], self.step_bound[sample] = self.timer(step, trace)
        self.step_s[sample, trace.frame :] = 0.0
        for name, values in counts.items():
            self.total[name] += values
            self.per_sample[name][sample] = values.sum()

    def _count_neurons(self, counts: dict[str, IntArray], trace: Trace) -> None:
        for pop in self.program.net.populations:
            pieces, window = self.pieces[pop.name], slice(pop.lag, pop.lag + self.steps)
            sizes = [self.program.partition.pieces[i].window.size for i in pieces]
            counts["updates"][window, pieces] = sizes
            counts["active"][window, pieces] = trace.active[pop.name]
            counts["spikes"][window, pieces] = trace.fired[pop.name] if pop.spiking else 0
        counts["updates"][trace.end :] = 0

    def _count_synapses(self, counts: dict[str, IntArray], trace: Trace) -> IntArray:
        """Count synapse operations and words; return the messages of each source-target
        pair [F, R]."""
        pieces, routes = self.program.partition.pieces, self.program.routes
        messages = np.zeros((self.frame, len(routes.pair_source)), np.int64)
        spent = np.zeros((self.frame, len(pieces), len(COSTS)), np.int64)
        for name, fan in self.fans.items():
            lag, events = self.program.net.lag(name), trace.events.get(name)
            if events is None or len(trace.membrane.get(name, ())):
                continue  # a driven input, or a readout: sends nothing
            window = slice(lag, lag + self.steps)
            sums.tally(
                events.first, events.index, fan.kind, fan.first, fan.pair, fan.piece,
                fan.cost, messages[window], spent[window],
            )  # fmt: skip
        for column, name in enumerate(COSTS):
            counts[name] = np.ascontiguousarray(spent[:, :, column])
        return messages

    def _count_messages(
        self, counts: dict[str, IntArray], messages: IntArray, sample: int
    ) -> StepCounts:
        """Count messages per piece and hops; return all that a time model may ask."""
        routes = self.program.routes
        counts["messages_in"] = np.asarray(messages @ self.arrivals)
        counts["messages_out"] = np.asarray(messages @ self.departures)
        inner = routes.pair_source >= 0
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
            hops_x=self.hops["hops_x"],
            hops_y=self.hops["hops_y"],
            hops_chip=self.hops["hops_chip"],
            input_messages=self.hops["input_messages"],
            link_messages=self.link_total,
            step_s=self.step_s,
            step_bound=self.step_bound,
            bounds=self.bounds,
            time_model=time_model,
            samples=len(self.step_s),
            steps=self.steps,
            frame=self.frame,
            payloads=self.graded.payloads(),
        )


def _incidence(program: Program) -> sp.csr_array:
    """Return which links each pair's path uses, [R, L]."""
    r = program.routes
    data: BoolArray = np.ones(len(r.path_link), np.int64)
    shape = (len(r.pair_source), len(r.links))
    return sp.csr_array((data, r.path_link, r.path_first), shape=shape)


def _membership(piece: IntArray, pieces: int) -> sp.csr_array:
    """Return [R, P], one where pair r belongs to that piece; none where it is below 0."""
    inside = np.flatnonzero(piece >= 0)
    entries = (np.ones(inside.size, np.int64), (inside, piece[inside]))
    return sp.csr_array(sp.coo_array(entries, shape=(piece.size, pieces)))
