"""Golden model: what a chip with an integer network on it does, written for reading.

NumPy, chip time, one chip step after the other. All samples are streamed through the same
chip: a frame of steps + guard per sample, states reset at the start of a frame, populations
held outside their window, spikes left to arrive when they arrive. That nothing of one
sample reaches the next is therefore a result here, not an assumption. The fast simulators
work in model time and are tested against this; Lava's fixed-point models are its own
oracle.
"""

from collections import deque
from collections.abc import Iterable

import numpy as np

from snn_deploy.arrays import IntArray
from snn_deploy.ir.activity import Recording
from snn_deploy.ir.linear import apply, shift
from snn_deploy.ir.quant import QuantNetwork, QuantPopulation, QuantProjection, Stimulus
from snn_deploy.neurons import MODELS

States = dict[str, dict[str, IntArray]]


def run(
    net: QuantNetwork, stimulus: Stimulus, *, keep: Iterable[str] | None = None
) -> Recording:
    """Stream all samples through and return what every population did, in model time.

    keep: populations whose output is kept; all if None. Readouts give their membrane,
    int64.
    """
    kept = {p.name for p in net.populations} if keep is None else {*keep, *net.outputs}
    shape = (stimulus.samples, stimulus.steps)
    outputs = {p.name: np.zeros((*shape, p.n), np.int64) for p in net.populations}
    peaks = {p.name: {"a_in": 0.0} for p in net.populations}
    flight = [_Flight(net, p) for p in net.projections]
    for sample in range(stimulus.samples):
        states = {p.name: _reset(p) for p in net.populations}
        for step in range(stimulus.steps + net.guard):
            arrived = _arrivals(net, flight)
            sent = _inputs(net, stimulus, sample, step)
            for pop in net.populations:
                t = step - pop.lag
                spikes = np.zeros(pop.n, np.int64)
                if 0 <= t < stimulus.steps:
                    bias = stimulus.bias.get(pop.name)
                    extra = 0 if bias is None else bias[sample]
                    spikes = _update(pop, states[pop.name], arrived[pop.name], extra)
                    outputs[pop.name][sample, t] = (
                        spikes if pop.spiking else states[pop.name]["v"]
                    )
                    _note(peaks[pop.name], arrived[pop.name], states[pop.name])
                sent[pop.name] = spikes
            for f in flight:
                f.send(sent[f.projection.pre])
    events = {port.name: np.zeros(stimulus.samples, np.int64) for port in net.inputs}
    events |= {k: np.count_nonzero(v, axis=(1, 2)) for k, v in stimulus.spikes.items()}
    for pop in net.populations:
        count = np.count_nonzero(outputs[pop.name], axis=(1, 2))
        events[pop.name] = count if pop.spiking else np.zeros_like(count)
    shaped = {
        p.name: outputs[p.name].reshape(*shape, *p.shape)
        for p in net.populations
        if p.name in kept
    }
    return Recording(shaped, {k: np.asarray(v, np.int64) for k, v in events.items()}, peaks)


class _Flight:
    """The spikes of one projection on their way: one summed and shifted array per chip
    step."""

    def __init__(self, net: QuantNetwork, projection: QuantProjection) -> None:
        self.projection = projection
        nothing = np.zeros(net.size(projection.post), np.int64)
        self.line = deque([nothing] * (net.chip_delay(projection) - 1))
        self.arriving = nothing

    def send(self, spikes: IntArray) -> None:
        p = self.projection
        payload = spikes if p.payload_bits else (spikes != 0).astype(np.int64)
        total = np.asarray(apply(p.map, payload[None])[0], np.int64)
        self.line.append(shift(total, p.weight_exp))
        self.arriving = self.line.popleft()


def _reset(pop: QuantPopulation) -> dict[str, IntArray]:
    states = {name: np.zeros(pop.n, np.int64) for name in MODELS[pop.model].states}
    states["v"] = pop.v0.astype(np.int64)
    return states


def _arrivals(net: QuantNetwork, flight: list[_Flight]) -> dict[str, IntArray]:
    total = {p.name: np.zeros(p.n, np.int64) for p in net.populations}
    for f in flight:
        total[f.projection.post] = total[f.projection.post] + f.arriving
    return total


def _inputs(
    net: QuantNetwork, stimulus: Stimulus, sample: int, step: int
) -> dict[str, IntArray]:
    sent: dict[str, IntArray] = {}
    for port in net.inputs:
        sent[port.name] = np.zeros(port.n, np.int64)
        if step < stimulus.steps and port.name in stimulus.spikes:
            sent[port.name] = stimulus.spikes[port.name][sample, step].astype(np.int64)
    return sent


def _update(
    pop: QuantPopulation,
    states: dict[str, IntArray],
    a: IntArray,
    extra_bias: IntArray | int,
) -> IntArray:
    model = MODELS[pop.model]
    values = pop.step_arguments()
    values["bias"] = values["bias"] + extra_bias
    result = model.step(
        *(states[s] for s in model.states), a, *(values[name] for name in model.params)
    )
    states.update(zip(model.states, result[:-1], strict=True))
    return np.asarray(result[-1], np.int64)


def _note(peak: dict[str, float], a: IntArray, states: dict[str, IntArray]) -> None:
    for key, value in (("a_in", a), ("u", states["u"]), ("v", states["v"])):
        peak[key] = max(peak.get(key, 0.0), float(np.abs(value).max(initial=0)))
