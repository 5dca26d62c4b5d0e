"""Reference simulator: the float meaning of a Network, as plainly as possible.

It runs a Network at any point of the pipeline (as read, normalized, retimed) in model time,
float64, all samples at once, one step after the other. It is the oracle of the stages in
between and is itself held against the training frameworks.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray
from snn_deploy.ir.activity import Recording
from snn_deploy.ir.linear import apply
from snn_deploy.ir.network import Network, Population
from snn_deploy.ir.order import evaluation_order

FROM = {"a_in": 0.0, "u": 0.0, "v": 0.0, "sent": 0.0, "v_top": -np.inf}  # peaks, before


def run(
    net: Network, x: Mapping[str, AnyArray] | AnyArray, *, keep: Iterable[str] | None = None
) -> Recording:
    """Feed x and return what every population did.

    x: per input [N, T, *shape] (or the array itself if there is one input).
    keep: populations whose output is kept; all if None. The network's outputs are kept
    always. Returned outputs are float32 for spikes (0 or 1) and float64 for readouts.
    """
    fed = x if isinstance(x, Mapping) else {net.inputs[0].name: x}
    samples, steps = next(iter(fed.values())).shape[:2]
    kept = {p.name for p in net.populations} if keep is None else {*keep, *net.outputs}
    memory = _Memory(net, fed, samples)
    states = {p.name: p.neuron.start(samples) for p in net.populations}
    order = [net.population(name) for name in evaluation_order(net)]
    stored: dict[str, list[AnyArray]] = {name: [] for name in kept}
    peaks = {p.name: dict(FROM) for p in order}
    names = [p.name for p in net.inputs] + [p.name for p in order]
    events = {name: np.zeros(samples, np.int64) for name in names}

    for t in range(steps):
        memory.feed(t, events)
        for pop in order:
            drive = _drive(net, pop, memory, t, samples)
            states[pop.name], out = pop.neuron.step(states[pop.name], drive)
            memory.store(pop.name, t, out)
            _note(peaks[pop.name], drive, states[pop.name].u, states[pop.name].v, out)
            if pop.neuron.spiking:
                events[pop.name] += np.count_nonzero(out, axis=1)
            if pop.name in kept:
                stored[pop.name].append(
                    out.astype(np.float32) if pop.neuron.spiking else out
                )

    outputs = {
        name: np.stack(parts, axis=1).reshape(samples, steps, *net.population(name).shape)
        for name, parts in stored.items()
    }
    return Recording(outputs, events, peaks)


class _Memory:
    """Outputs of the last steps, as many as the longest delay needs."""

    def __init__(self, net: Network, fed: Mapping[str, AnyArray], samples: int) -> None:
        self.fed = fed
        self.samples = samples
        self.inputs = net.inputs
        self.depth = 1 + max((p.delay for p in net.projections), default=0)
        self.past: dict[tuple[str, int], FloatArray] = {}

    def feed(self, t: int, events: dict[str, AnyArray]) -> None:
        for port in self.inputs:
            value = np.asarray(self.fed[port.name][:, t], np.float64).reshape(
                self.samples, -1
            )
            events[port.name] += np.count_nonzero(value, axis=1)
            self.store(port.name, t, value)

    def store(self, name: str, t: int, value: FloatArray) -> None:
        self.past[name, t % self.depth] = value

    def read(self, name: str, t: int) -> FloatArray | None:
        return self.past[name, t % self.depth] if t >= 0 else None


def _drive(
    net: Network, pop: Population, memory: _Memory, t: int, samples: int
) -> FloatArray:
    total = np.zeros((samples, pop.neuron.n))
    for projection in net.into(pop.name):
        value = memory.read(projection.pre, t - projection.delay)
        if value is not None:
            total = total + apply(projection.map, value)
    return total


def _note(
    peak: dict[str, float], a: FloatArray, u: FloatArray, v: FloatArray, out: FloatArray
) -> None:
    top = float(v.max(initial=-np.inf))
    peak["v_top"] = max(peak["v_top"], top)
    peak["v"] = max(peak["v"], top, -float(v.min(initial=np.inf)))
    for key, value in (("a_in", a), ("u", u), ("sent", out)):
        peak[key] = max(peak[key], float(np.abs(value).max(initial=0.0)))
