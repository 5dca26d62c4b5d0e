"""Random integer networks that use everything a QuantNetwork can say, and stimuli for them.

`random_network(seed)` draws a network that stays inside the safe ranges (|a_in| < 2**17,
no int32 accumulator wraps) and in which every spiking population fires: it draws again,
from the same seed, until that is so. What a draw covers is returned by `features`, so that
tests can assert coverage.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Connection, Conv, Dense, Sparse
from snn_deploy.ir.quant import (
    Drive,
    QuantInput,
    QuantNetwork,
    QuantPopulation,
    QuantProjection,
    SignMode,
    Stimulus,
)
from snn_deploy_simulators import integer
from support.random_levels import Levels, draw_levels, level_registers
from support.random_maps import random_conv, random_sparse, random_weights

SAFE_INPUT = (1 << 17) - 1  # of the summed input of a neuron, as arithmetic "loihi" demands
ACCUMULATOR = (1 << 31) - 1
MAX_DELAY = 62  # Lava counts 0..62 for chip delays of 1..63 steps
ATTEMPTS = 60
MODELS = ("lif", "lif", "soft_lif", "refractory_lif")  # stock neurons twice as often


@dataclass(frozen=True)
class Limits:
    """What a random network may have; fractions are probabilities per network or per item."""

    samples: int = 2
    steps: tuple[int, int] = (16, 32)
    populations: int = 4
    neurons: int = 16  # of one population
    models: tuple[str, ...] = MODELS
    delays: float = 0.35
    long_delays: float = 0.2
    recurrent: float = 0.35
    skips: float = 0.35
    images: float = 0.35
    graded: float = 0.45
    start_values: float = 0.2
    readouts: float = 0.25
    per_neuron: float = 0.25  # decays and thresholds of their own for each neuron
    drives: float = 0.1
    levels: float = 0.25  # multi-level populations, whatever `models` says


STOCK = Limits(  # networks that are mostly Lava's own LIFReset
    models=("lif",),
    delays=0,
    recurrent=0,
    start_values=0,
    drives=0,
    per_neuron=0.1,
    levels=0.1,
)


@dataclass
class _Draft:
    """A network while it is drawn: shapes in order of creation, and edges."""

    rng: np.random.Generator
    limits: Limits
    steps: int
    apart: np.random.Generator
    inputs: list[QuantInput] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)  # populations
    edges: list[QuantProjection] = field(default_factory=list)
    levels: dict[str, int] = field(default_factory=dict)
    multi: dict[str, Levels] = field(default_factory=dict)  # populations that send levels

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def shape(self, name: str) -> tuple[int, ...]:
        ports = {p.name: p.shape for p in self.inputs}
        return ports.get(name) or self.shapes[name]

    def size(self, name: str) -> int:
        return int(np.prod(self.shape(name)))


def random_network(
    seed: int, limits: Limits | None = None, **changes: object
) -> tuple[QuantNetwork, Stimulus]:
    """Return the network and stimulus of `seed`; `changes` are fields of Limits.

    Raises: ValueError: No draw of this seed fires everywhere (not seen with the default
    limits).
    """
    chosen = replace(limits or Limits(), **changes)  # type: ignore[arg-type]
    for attempt in range(ATTEMPTS):
        net, stimulus = _draw(np.random.default_rng([seed, attempt]), chosen)
        if is_alive(net, stimulus):
            return net, stimulus
    raise ValueError(f"seed {seed}: silent in {ATTEMPTS} draws")


def is_alive(net: QuantNetwork, stimulus: Stimulus) -> bool:
    """Whether each spiking population fires, not always, and each readout moves."""
    recording = integer.run(net, stimulus, threads=1)
    for pop in net.populations:
        out = recording.outputs[pop.name]
        if not out.any() or (pop.spiking and out.all()):
            return False
    return True


def features(net: QuantNetwork, stimulus: Stimulus) -> set[str]:
    """Return what this network covers, as words."""
    names = [*(p.name for p in net.inputs), *(p.name for p in net.populations)]
    position = {name: i for i, name in enumerate(names)}
    found = {p.model for p in net.populations}
    found |= {type(p.map).__name__ for p in net.projections}
    found |= {p.sign_mode.name for p in net.projections}
    found |= {f"{p.weight_bits} bits" for p in net.projections}
    found |= {f"exponent {p.weight_exp}" for p in net.projections}
    found |= {f"payload {p.payload_bits}" for p in net.inputs}
    for p in net.projections:
        delay = net.chip_delay(p) - 1
        found |= (
            {"delay 0"} if delay == 0 else {"delay 1-15"} if delay < 16 else {"delay 16-62"}
        )
        if position[p.post] <= position[p.pre]:
            found.add("recurrent")
        elif net.lag(p.post) - net.lag(p.pre) > 1:
            found.add("skip")
    found |= {"readout"} if any(not p.spiking for p in net.populations) else set()
    found |= {"v0"} if any(p.v0.any() for p in net.populations) else set()
    found |= {"drive"} if stimulus.bias else set()
    found |= {"several inputs"} if len(net.inputs) > 1 else set()
    found |= {"several outputs"} if len(net.outputs) > 1 else set()
    return found


def _draw(rng: np.random.Generator, limits: Limits) -> tuple[QuantNetwork, Stimulus]:
    apart = rng.spawn(1)[0]  # for levels, so that they change nothing else of a seed
    draft = _Draft(rng, limits, int(rng.integers(*limits.steps, endpoint=True)), apart)
    _draw_inputs(draft)
    for i in range(int(rng.integers(1, limits.populations, endpoint=True))):
        _draw_population(draft, f"pop {i}")
    if draft.chance(limits.recurrent):
        _draw_recurrence(draft)
    amplitude = _fit_ranges(draft)
    if any(e.delay + 8 > draft.steps for e in draft.edges):
        draft.steps = max(e.delay for e in draft.edges) + 12
    spikes = {p.name: _payloads(draft, p, amplitude[p.name]) for p in draft.inputs}
    populations = [_population(draft, name, spikes) for name in draft.shapes]
    drives, bias = _draw_drive(draft)
    inputs = (*draft.inputs, *(QuantInput(d.input, (d.map.n_pre,), 8, 1.0) for d in drives))
    net = QuantNetwork(
        inputs=inputs,
        drives=drives,
        populations=tuple(populations),
        projections=tuple(draft.edges),
        outputs=_outputs(draft),
        arithmetic="loihi",
    )
    return net, Stimulus(limits.samples, draft.steps, spikes, bias)


def _draw_inputs(draft: _Draft) -> None:
    rng = draft.rng
    for i in range(1 + draft.chance(0.3)):
        image = draft.chance(draft.limits.images)
        channels, side = int(rng.integers(1, 4)), int(rng.integers(2, 6))
        shape = (
            (channels, side, int(rng.integers(2, 6)))
            if image
            else (int(rng.integers(3, 13)),)
        )
        bits = int(rng.choice([8, 16, 24])) if draft.chance(draft.limits.graded) else 0
        draft.inputs.append(QuantInput(f"in {i}", shape, bits, 1.0))
        draft.levels[f"in {i}"] = 0


def _draw_population(draft: _Draft, name: str) -> None:
    """Add a population behind one to three earlier nodes."""
    rng, earlier = draft.rng, [*(p.name for p in draft.inputs), *draft.shapes]
    main = earlier[-1] if draft.shapes else earlier[0]
    sources = [main]
    unused = [n for n in earlier if n != main and not any(e.pre == n for e in draft.edges)]
    if unused:
        sources.append(unused[0])
    if draft.chance(draft.limits.skips):
        sources.append(str(rng.choice(earlier)))
    image = len(draft.shape(main)) == 3 and draft.chance(0.75)
    shape = draft.shape(main)
    conv = random_conv(rng, (shape[0], shape[1], shape[2])) if image else None
    draft.shapes[name] = (
        conv.out_shape if conv else (int(rng.integers(3, draft.limits.neurons)),)
    )
    if draft.apart.random() < draft.limits.levels:
        draft.multi[name] = draw_levels(draft.apart)
    for source in sources:
        _connect(draft, source, name, conv if source == main else None)
    _set_level(draft, name)


def _connect(draft: _Draft, pre: str, post: str, conv: Conv | None) -> None:
    """Add one projection, or two accumulator groups between the same populations."""
    delay = 0
    if draft.chance(draft.limits.delays):
        delay = int(draft.rng.integers(1, 12))
        if draft.chance(draft.limits.long_delays):
            delay = int(draft.rng.integers(16, MAX_DELAY + 1))
    _add_edge(draft, pre, post, conv, delay)
    if draft.chance(0.2):
        _add_edge(draft, pre, post, None, delay)


def _add_edge(draft: _Draft, pre: str, post: str, conv: Conv | None, delay: int) -> None:
    rng = draft.rng
    sign, bits = SignMode(int(rng.integers(1, 4))), int(rng.integers(1, 9))
    n_post, n_pre = draft.size(post), draft.size(pre)
    made: Connection
    if conv is not None:
        made = replace(conv, weight=random_weights(rng, conv.weight.shape, sign, bits))
    else:
        weight = random_weights(rng, (n_post, n_pre), sign, bits)
        made = Dense(weight)
        if draft.chance(0.45):
            made = Sparse(random_sparse(rng, weight))
    graded = next((p.payload_bits for p in draft.inputs if p.name == pre), 0)
    graded = draft.multi[pre].payload_bits if pre in draft.multi else graded
    if draft.chance(0.15):
        graded = 0 if graded else 8
    exponent = int(rng.integers(-6, 4))
    draft.edges.append(
        QuantProjection(pre, post, made, sign, bits, exponent, delay, graded)
    )


def _set_level(draft: _Draft, name: str) -> None:
    """Give `name` the lowest level its inputs allow, sometimes more, within the delay
    limit.
    """
    into = [e for e in draft.edges if e.post == name]
    lowest = max(0, *(draft.levels[e.pre] + 1 - e.delay for e in into))
    highest = min(draft.levels[e.pre] + MAX_DELAY + 1 - e.delay for e in into)
    slack = int(draft.rng.integers(1, 4)) if draft.chance(draft.limits.delays / 2) else 0
    draft.levels[name] = min(lowest + slack, max(lowest, highest))
    for i, e in enumerate(draft.edges):
        if e.post == name:  # of several delays into one only some can be the longest
            longest = MAX_DELAY + 1 + draft.levels[e.pre] - draft.levels[name]
            draft.edges[i] = replace(e, delay=min(e.delay, longest))


def _draw_recurrence(draft: _Draft) -> None:
    """Add one or two edges from a population to itself or to an earlier one."""
    names = list(draft.shapes)
    for _ in range(1 + draft.chance(0.4)):
        pre = int(draft.rng.integers(len(names)))
        post = int(draft.rng.integers(pre + 1))
        shortest = max(1, 1 + draft.levels[names[pre]] - draft.levels[names[post]])
        delay = shortest + int(draft.rng.integers(0, 4)) * draft.chance(0.5)
        _add_edge(draft, names[pre], names[post], None, delay)


def _fit_ranges(draft: _Draft) -> dict[str, int]:
    """Lower exponents until every summed input is safe; return the amplitude of each
    input.
    """
    amplitude = {p.name: (1 << max(p.payload_bits - 1, 1)) - 1 for p in draft.inputs}
    for i, e in enumerate(draft.edges):
        shared = sum(other.post == e.post for other in draft.edges)
        budget = SAFE_INPUT // shared
        rows = int(np.abs(matrix(e.map)).astype(np.int64).sum(axis=1).max(initial=1)) or 1
        rows *= draft.multi[e.pre].largest if e.pre in draft.multi else 1
        exponent = e.weight_exp
        while (rows << max(exponent, 0)) >> max(-exponent, 0) > budget:
            exponent -= 1
        draft.edges[i] = replace(e, weight_exp=exponent)
        if e.payload_bits and e.pre in amplitude:
            room = (budget << max(-exponent, 0)) // (rows << max(exponent, 0))
            amplitude[e.pre] = max(1, min(amplitude[e.pre], room, ACCUMULATOR // rows))
    return amplitude


def _payloads(draft: _Draft, port: QuantInput, amplitude: int) -> AnyArray:
    rng = draft.rng
    shape = (draft.limits.samples, draft.steps, port.n)
    fires = rng.random(shape) < rng.uniform(0.1, 0.6)
    if port.payload_bits == 0:
        return fires.astype(np.int8)
    low = -amplitude if draft.chance(0.5) else 1
    return (fires * rng.integers(low, amplitude, shape, endpoint=True)).astype(np.int32)


def _population(draft: _Draft, name: str, spikes: dict[str, AnyArray]) -> QuantPopulation:
    rng, n = draft.rng, draft.size(name)
    model = str(rng.choice(draft.limits.models))
    params = _parameters(draft, n)
    if name in draft.multi:
        return _multi_level(draft, name, params, spikes)
    bias = np.abs(params["bias_mant"] << params["bias_exp"])
    drive = 64 * _typical_input(draft, name, spikes) + float(bias.mean())
    vth = (
        drive
        / 64
        * 2.0 ** rng.uniform(-2, 3, n if draft.chance(draft.limits.per_neuron) else 1)
    )
    params["vth"] = np.broadcast_to(np.clip(vth, 0, 131071), n).astype(np.int64)
    if draft.chance(0.05):
        params["vth"] = np.full(n, rng.choice([0, 131071]))
    if model == "soft_lif":
        amount = (params["vth"] << 6) if draft.chance(0.7) else rng.integers(0, 1 << 23, n)
        params["amount"] = np.minimum(amount, (1 << 23) - 1)
    if model == "refractory_lif":
        params["hold"] = np.full(n, rng.integers(0, 6))
    spiking = any(e.pre == name for e in draft.edges) or not draft.chance(
        draft.limits.readouts
    )
    if not spiking:
        params["vth"] = np.full(n, 131071)
    v0 = np.zeros(n, np.int64)
    if draft.chance(draft.limits.start_values):
        v0 = rng.integers(-(1 << 22), 1 << 22, n)
    one = np.ones(n)
    return QuantPopulation(
        name,
        draft.shape(name),
        model,
        params,
        v0,
        one,
        0 * one,
        draft.levels[name],
        spiking,
    )


def _multi_level(
    draft: _Draft, name: str, params: dict[str, IntArray], spikes: dict[str, AnyArray]
) -> QuantPopulation:
    levels, n = draft.multi[name], draft.size(name)
    typical = _typical_input(draft, name, spikes)
    params |= level_registers(draft.apart, levels, n, typical)
    v0 = np.zeros(n, np.int64)
    if draft.apart.random() < 0.4:
        v0 = params["theta"] // 2
    spiking = any(e.pre == name for e in draft.edges) or draft.apart.random() > 0.2
    one = np.ones(n)
    model = "floored_level" if "vmin" in params else "multi_level"
    return QuantPopulation(
        name, draft.shape(name), model, params, v0, one, 0 * one,
        draft.levels[name], bool(spiking), levels.payload_bits,
    )  # fmt: skip


def _parameters(draft: _Draft, n: int) -> dict[str, IntArray]:
    """Return decays and biases over their full ranges, one for all or one per neuron."""
    rng = draft.rng
    width = n if draft.chance(draft.limits.per_neuron) else 1
    du = rng.integers(0, 4095, width, endpoint=True)
    if draft.chance(0.5):
        du = np.full(width, rng.choice([0, 4095]))
    dv = rng.integers(0, 4095 if draft.chance(0.4) else 600, width, endpoint=True)
    mantissa, exponent = np.zeros(n, np.int64), np.zeros(n, np.int64)
    if draft.chance(0.6):
        span = int(2.0 ** rng.uniform(1, 12))
        mantissa = rng.integers(-span, span, n)
        exponent = rng.integers(0, 8 if draft.chance(0.3) else 4, n)
    drawn = {"du": du, "dv": dv, "bias_mant": mantissa, "bias_exp": exponent}
    return {k: np.array(np.broadcast_to(x, n), np.int64) for k, x in drawn.items()}


def _typical_input(draft: _Draft, name: str, spikes: dict[str, AnyArray]) -> float:
    """Return the root mean square of the summed input, populations taken to fire 1 step in
    5.
    """
    total = 0.0
    for e in draft.edges:
        if e.post == name:
            weight = matrix(e.map).astype(np.float64)
            power = 0.2
            if e.pre in draft.multi and e.payload_bits:
                power = 0.1 * draft.multi[e.pre].largest ** 2
            if e.pre in spikes:
                payload = spikes[e.pre] if e.payload_bits else spikes[e.pre] != 0
                power = float((payload.astype(np.float64) ** 2).mean())
            square = float((weight * weight).sum() / weight.shape[0])
            total += square * power * 4.0**e.weight_exp
    return float(np.sqrt(total))


def _draw_drive(draft: _Draft) -> tuple[tuple[Drive, ...], dict[str, IntArray]]:
    if not draft.chance(draft.limits.drives):
        return (), {}
    name = str(draft.rng.choice(list(draft.shapes)))
    n = draft.size(name)
    bias = draft.rng.integers(-2000, 2000, (draft.limits.samples, n))
    identity = Sparse(sp.csr_array(sp.eye_array(n)))
    drive = Drive("level", name, identity, np.zeros(n), np.ones(n), np.zeros(n, np.int64))
    return (drive,), {name: bias}


def _outputs(draft: _Draft) -> tuple[str, ...]:
    used: Iterable[str] = {e.pre for e in draft.edges if e.pre != e.post}
    sinks = [name for name in draft.shapes if name not in used] or [list(draft.shapes)[-1]]
    extra = [name for name in draft.shapes if name not in sinks and draft.chance(0.3)]
    return (*sinks, *extra)
