"""An independent reading of what a chip does with an integer network.

Written by hand from Lava's models and the definition of frames, sharing no code with the neurons, the
simulators or the emitted processes: plain Python integers, one neuron and one chip step after the
other, connections as lists of (source, weight). For small networks only.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from snn_deploy.ir.maps import Conv, Dense
from snn_deploy.ir.quant import QuantNetwork, QuantPopulation, QuantProjection, Stimulus

Synapses = list[list[tuple[int, int]]]  # per target: (source, weight)


def run(net: QuantNetwork, stimulus: Stimulus) -> dict[str, dict[str, Any]]:
    """Return u, v, s (and wait or total) of each population: [samples, steps, n], in model
    time."""
    chip = Chip(net, stimulus)
    for chip_step in range(stimulus.samples * chip.frame):
        chip.step(chip_step)
    return chip.out


class Chip:
    """All neurons and everything sent so far; fired: (source, chip step) -> payloads."""

    def __init__(self, net: QuantNetwork, stimulus: Stimulus) -> None:
        levels = {p.name: p.lag for p in net.populations} | {p.name: 0 for p in net.inputs}
        self.net, self.stimulus = net, stimulus
        self.delays = [p.delay + levels[p.post] - levels[p.pre] for p in net.projections]
        ends = [
            levels[p.pre] + d for p, d in zip(net.projections, self.delays, strict=True)
        ]
        self.frame = stimulus.steps + max([0, *levels.values(), *ends])
        self.synapses = [connections(p) for p in net.projections]
        self.neurons = {p.name: [Neuron(p, i) for i in range(p.n)] for p in net.populations}
        self.fired: dict[tuple[str, int], list[int]] = {}
        shape = (stimulus.samples, stimulus.steps)
        self.out: dict[str, dict[str, Any]] = {
            p.name: {state: np.zeros((*shape, p.n), np.int64) for state in states_of(p)}
            for p in net.populations
        }

    def step(self, now: int) -> None:
        """Run chip step `now`: inputs first, then each population that is not held."""
        sample, step = divmod(now, self.frame)
        for port, spikes in self.stimulus.spikes.items():
            if step < self.stimulus.steps:
                self.fired[port, now] = [int(x) for x in spikes[sample, step]]
        for pop in self.net.populations:
            if 0 <= step - pop.lag < self.stimulus.steps:
                self.update(pop, now, sample, step - pop.lag)

    def update(self, pop: QuantPopulation, now: int, sample: int, t: int) -> None:
        """Run all neurons of `pop` in model step t of `sample`."""
        arriving, extra = self.arriving(pop, now), self.stimulus.bias.get(pop.name)
        spikes, out = [], self.out[pop.name]
        for i, neuron in enumerate(self.neurons[pop.name]):
            if t == 0:
                neuron.restart()
            spikes.append(
                neuron.update(arriving[i], 0 if extra is None else int(extra[sample, i]))
            )
            for state in states_of(pop):
                if state != "s":
                    out[state][sample, t, i] = getattr(neuron, state)
        out["s"][sample, t] = spikes
        self.fired[pop.name, now] = spikes

    def arriving(self, pop: QuantPopulation, now: int) -> list[int]:
        """Return the summed input of each neuron of `pop` in chip step `now`."""
        total = [0] * pop.n
        groups = zip(self.net.projections, self.delays, self.synapses, strict=True)
        for p, delay, lists in groups:
            sent = self.fired.get((p.pre, now - delay))
            if p.post == pop.name and sent is not None:
                total = [
                    x + weighted(row, sent, p) for x, row in zip(total, lists, strict=True)
                ]
        return total


def states_of(pop: QuantPopulation) -> tuple[str, ...]:
    """Return what is recorded of a population."""
    more = {"refractory_lif": ("wait",), "multi_level": ("total",)}
    return ("u", "v", *more.get(pop.model, ()), "s")


def weighted(sources: list[tuple[int, int]], sent: list[int], p: QuantProjection) -> int:
    """Return the summed input over one projection, shifted once after the sum."""
    graded = p.payload_bits > 0
    total = sum(w * (sent[j] if graded else 1) for j, w in sources if sent[j] != 0)
    return (
        int(total * 2**p.weight_exp // 1) if p.weight_exp >= 0 else total >> -p.weight_exp
    )


def connections(p: QuantProjection) -> Synapses:
    """Return the synapses of a projection, convolutions unrolled by their definition."""
    m = p.map
    if isinstance(m, Dense):
        return [[(j, int(w)) for j, w in enumerate(row) if w] for row in m.weight]
    if isinstance(m, Conv):
        return convolution(m)
    rows: Synapses = [[] for _ in range(m.n_post)]
    coo = m.matrix.tocoo()
    for i, j, w in zip(coo.row, coo.col, coo.data, strict=True):
        rows[i].append((int(j), int(w)))
    return rows


def convolution(m: Conv) -> Synapses:
    """Return out[o, y, x] = sum of w[o, i, ky, kx] * in[i, y*s - p + ky*d, ...], zeros outside."""
    rows: Synapses = []
    per_group_in, per_group_out = m.weight.shape[1], m.weight.shape[0] // m.groups
    _, height, width = m.in_shape
    for o, y, x in np.ndindex(m.out_shape):
        row = []
        for i, ky, kx in np.ndindex(m.weight.shape[1:]):
            channel = (o // per_group_out) * per_group_in + i
            at_y = y * m.stride[0] - m.padding[0] + ky * m.dilation[0]
            at_x = x * m.stride[1] - m.padding[1] + kx * m.dilation[1]
            weight = int(m.weight[o, i, ky, kx])
            if weight and 0 <= at_y < height and 0 <= at_x < width:
                row.append(((channel * height + at_y) * width + at_x, weight))
        rows.append(row)
    return rows


class Neuron:
    """One neuron with its registers and states, in Python integers."""

    def __init__(self, pop: QuantPopulation, i: int) -> None:
        self.model = pop.model
        self.register: Mapping[str, int] = {k: int(v[i]) for k, v in pop.params.items()}
        self.v0 = int(pop.v0[i])
        self.restart()

    def restart(self) -> None:
        self.u, self.v, self.wait, self.total = 0, self.v0, 0, 0

    def update(self, a: int, extra_bias: int) -> int:
        """Advance one step and return the payload sent."""
        r = self.register
        self.u = scaled(self.u, 4095 - r["du"]) + 2 ** r.get("shift", 6) * a
        if self.u > 2**23:
            self.u -= 2**24
        elif self.u <= -(2**23):
            self.u += 2**24
        bias = r["bias_mant"] * 2 ** r["bias_exp"] + extra_bias
        self.v = clipped(scaled(self.v, 4096 - r["dv"]) + self.u + bias)
        if self.model == "multi_level":
            return self.send_levels(r)
        if self.model == "floored_level":
            level = 0
            while self.v >= r["theta"] and level < r["high"]:
                self.v, level = self.v - r["theta"], level + 1
            self.v = max(self.v, r["vmin"])
            return level
        if self.model == "refractory_lif" and self.wait > 0:
            self.v = 0
        fires = self.v > 64 * r["vth"]
        self.wait = max(self.wait - 1, 0)
        if fires:
            self.wait = r.get("hold", 0)
            self.v = clipped(self.v - r["amount"]) if self.model == "soft_lif" else 0
        return int(fires)

    def send_levels(self, r: Mapping[str, int]) -> int:
        """Take one threshold after the other off the membrane; return what is sent.

        Levels go up while the membrane holds a threshold and both bounds let one more pass,
        or down while it is below zero and they let one more be taken back.
        """
        level = 0
        while self.v >= r["theta"] and level < r["high"] and self.total < r["ceiling"]:
            self.v, level, self.total = self.v - r["theta"], level + 1, self.total + 1
        while self.v < 0 and level > r["low"] and self.total > r["floor"]:
            self.v, level, self.total = self.v + r["theta"], level - 1, self.total - 1
        return sliced(level, r["member"], r["plane"])


def sliced(level: int, member: int, plane: int) -> int:
    """Return a level as it is sent: whole, its unary digit, or its binary digit."""
    if member > 0:
        return int(level >= member)
    if member < 0:
        return int(level <= member)
    if plane > 0:
        return int(level > 0 and format(level, "032b")[::-1][plane.bit_length() - 1] == "1")
    if plane < 0:
        return sliced(-level, 0, -plane)
    return level


def scaled(x: int, factor: int) -> int:
    """Return x * factor / 4096, rounded toward zero."""
    return x * factor // 4096 if x >= 0 else -(-x * factor // 4096)


def clipped(v: int) -> int:
    """Return v within 24 bits, without the lowest value."""
    return max(-(2**23) + 1, min(v, 2**23 - 1))
