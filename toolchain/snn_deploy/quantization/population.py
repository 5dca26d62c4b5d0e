"""Round one population: scale, registers and incoming weights."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, frozen
from snn_deploy.board.board import Board
from snn_deploy.errors import DoesNotFitError, option
from snn_deploy.ir.linear import apply, compose, fold
from snn_deploy.ir.maps import Connection, Scale
from snn_deploy.ir.network import Network, Population, Projection
from snn_deploy.ir.quant import Drive, Loss, QuantPopulation, QuantProjection, Range
from snn_deploy.neurons import Lif
from snn_deploy.quantization import bounds, registers, scale
from snn_deploy.quantization.neuron import (
    leaks,
    limits_of,
    neuron_registers,
    rounding_loss,
)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What was seen on data: N samples of T model steps.

    Attributes:
        values: What each input is fed, [N, T, *shape].
        peaks: Largest magnitudes of the reference simulator's run on it, by population
            and then state (`Recording.peaks`), in float units.
        rates: Spikes per model step of every input and population, all its neurons
            together, mean over samples; what rounding down a negative weight exponent
            costs is made up for where it is known.
    """

    values: Mapping[str, AnyArray]
    peaks: Mapping[str, Mapping[str, float]]
    rates: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class SourceRange:
    """What a projection's source sends.

    Attributes:
        scale: Payload per float unit: payload = value * scale.
        high: Largest value in one step, in float units.
        low: Smallest value in one step, in float units; 0 or below.
        payload_bits: Of the payload, sign included; 0 if spikes are binary.
    """

    scale: float
    high: float
    low: float
    payload_bits: int


@dataclass(frozen=True, eq=False)
class Result:
    """One integer population, what ends in it, and what that cost.

    Attributes:
        population: Its registers.
        projections: The synapses that end in it, in the order of the network; two in a
            row, coarse and fine, for a wide one.
        drive: The input that is fed as a bias per sample, None if there is none.
        losses: What rounding weights, decays, threshold and bias cost.
        ranges: How far summed input, current and membrane can go, and went.
    """

    population: QuantPopulation
    projections: tuple[QuantProjection, ...]
    drive: Drive | None
    losses: tuple[Loss, ...]
    ranges: tuple[Range, ...]


@dataclass(frozen=True, eq=False)
class Context:
    """What a population needs to know of the rest.

    Attributes:
        net: The whole network, normalized and retimed.
        board: The target.
        calibration: What was seen on data, None without data.
        sources: What each input and population sends, by name.
        driven: Names of the inputs that are fed as a bias per sample.
        weight_bits: Of a stored weight, 1..8, sign included.
        wide: Indices into net.projections, of those whose weights take two arrays.
    """

    net: Network
    board: Board
    calibration: Calibration | None
    sources: Mapping[str, SourceRange]
    driven: frozenset[str]
    weight_bits: int
    wide: frozenset[int] = frozenset()

    def is_wide(self, projection: Projection) -> bool:
        """Whether this projection's weights are stored in two arrays, coarse and fine."""
        return any(self.net.projections[i] is projection for i in self.wide)

    @property
    def exponents(self) -> range:
        synapse = self.board.synapse
        return range(
            int(synapse.weight_exp_min.value), int(synapse.weight_exp_max.value) + 1
        )


def rest_of(neuron: Lif) -> FloatArray:
    """Return what a hard reset resets to; 0 for other resets."""
    return (
        neuron.v_reset
        if neuron.reset == "zero" and neuron.spiking
        else 0.0 * neuron.v_reset
    )


def from_rest(pop: Population) -> Population:
    """Return `pop` with its membrane measured from the reset value, which thus becomes
    0."""
    n, rest = pop.neuron, rest_of(pop.neuron)
    shifted = replace(
        n,
        bias=n.bias + (n.beta - 1.0) * rest,
        threshold=n.threshold - rest,
        v0=n.v0 - rest,
        v_reset=rest,  # kept: it is the offset of the integer membrane
    )
    return replace(pop, neuron=shifted)


def one_threshold(pop: Population, groups: int) -> tuple[Population, FloatArray]:
    """Return `pop` with one threshold for all, and the factors [n] that did it.

    A core holds few parameter sets, so where there are more thresholds than `groups` each
    membrane is measured in units of its own threshold: weights, bias and reset are scaled
    with it, spikes stay.
    """
    n = pop.neuron
    if not n.spiking or len(np.unique(n.threshold)) <= groups:
        return pop, np.ones(n.n)
    k = n.threshold.max() / n.threshold
    scaled = replace(
        n,
        gain=n.gain * k,
        bias=n.bias * k,
        threshold=np.full(n.n, n.threshold.max()),
        amount=n.amount * k,
        v0=n.v0 * k,
    )
    return replace(pop, neuron=scaled), k


def quantize_population(source: Population, context: Context) -> Result:
    """Return the integers of one population of the network of `context`.

    Raises:
        DoesNotFitError: Its threshold rounds to zero, or it cannot be expressed.
    """
    groups = int(context.board.pool.neuron_groups.value)
    pop, factor = one_threshold(from_rest(source), groups)
    into = [p for p in context.net.into(pop.name) if p.pre not in context.driven]
    fed = [p for p in context.net.into(pop.name) if p.pre in context.driven]
    neuron = pop.neuron
    maps = [map_per_v(p, neuron, context.sources[p.pre]) for p in into]
    ranges, s = _choose_scale(pop, maps, into, fed, context)
    projections: list[QuantProjection] = []
    weight_losses = []
    for p, m in zip(into, maps, strict=True):
        stored, loss = quantize_projection(p, m, s, context)
        projections += stored
        weight_losses.append(loss)
    made_up = _rounded_down(projections, pop.neuron, s, context)
    leveled = replace(pop, neuron=replace(pop.neuron, bias=pop.neuron.bias + made_up))
    exact = not made_up.any() and not any(loss.max_error for loss in weight_losses)
    population, losses = neuron_registers(leveled, s, bool(fed), context.board, exact=exact)
    drive = _drive(leveled, fed, s, context) if fed else None
    population = replace(population, scale=frozen(population.scale * factor))
    return Result(population, tuple(projections), drive, (*weight_losses, *losses), ranges)


def map_per_v(p: Projection, neuron: Lif, source: SourceRange) -> Connection:
    """Return the map from payloads to the membrane: weights times gain, over the payload
    scale."""
    factor = neuron.gain / source.scale
    return (
        fold(p.map) if bool((factor == 1.0).all()) else fold(compose(p.map, Scale(factor)))
    )


def _choose_scale(
    pop: Population,
    maps: list[Connection],
    into: list[Projection],
    fed: list[Projection],
    context: Context,
) -> tuple[tuple[Range, ...], float]:
    neuron, limits = pop.neuron, limits_of(context.board)
    up, down = _bounds(pop, into, fed, context)
    bound_u, bound_v = bounds.state_bounds(neuron, up, down)
    bound_a = float(np.abs(neuron.gain * np.stack([up, down])).max(initial=0.0))
    peaks = None if context.calibration is None else context.calibration.peaks.get(pop.name)
    gain, rest = (
        float(np.abs(neuron.gain).max(initial=0)),
        float(np.abs(neuron.v_reset).max(initial=0)),
    )
    seen_v = bounds.measured(peaks, "v", 1.0)
    quantities = {
        "a_in": scale.Bounds(bound_a, bounds.measured(peaks, "a_in", gain)),
        "u": scale.Bounds(bound_u, bounds.measured(peaks, "u", gain)),
        "v": scale.Bounds(bound_v, None if seen_v is None else seen_v + rest),
    }
    threshold = float(neuron.threshold.max()) if neuron.spiking else None
    state = max(r.wanted for r in quantities.values())
    if not np.isfinite(
        state
    ):  # an integrator without leak, and no data: eight thresholds of room
        state = 8.0 * (threshold or 1.0)
    bias = float(np.abs(_whole_bias(pop, fed, context)).max(initial=0.0))
    cap = scale.largest_scale(limits, state, threshold, bias)
    if threshold is not None and cap * float(neuron.threshold.min()) < scale.GRID:
        raise DoesNotFitError(
            f"population {pop.name!r}: its threshold {neuron.threshold.min():g} rounds to "
            f"0, because its membrane reaches {state:.3g} and must fit {limits.state}; "
            f"scale down its weights or give calibration data ({option('input')}) so that "
            "its real range is known"
        )
    weights = [m.stored for m in maps]
    s = scale.best_scale(
        cap, threshold, weights, context.weight_bits, context.exponents,
        finest=neuron.spiking and neuron.inclusive and leaks(neuron),
    )  # fmt: skip
    return tuple(_range(pop.name, k, r, s, context) for k, r in quantities.items()), s


def _bounds(
    pop: Population, into: list[Projection], fed: list[Projection], context: Context
) -> tuple[FloatArray, FloatArray]:
    sources = [context.sources[p.pre] for p in (*into, *fed)]
    maps = [p.map for p in (*into, *fed)]
    high, low = [s.high for s in sources], [s.low for s in sources]
    return bounds.input_bounds(maps, high, low, pop.neuron.n)


def _range(where: str, what: str, r: scale.Bounds, s: float, context: Context) -> Range:
    unit = s / scale.GRID if what == "a_in" else s
    limit = int(context.board.synapse.accumulator.value)
    bound = None if not np.isfinite(r.bound) else round(r.bound * unit)
    seen = None if r.measured is None else round(r.measured * unit)
    return Range(
        where,
        what,
        limit if what == "a_in" else limits_of(context.board).state,
        bound,
        seen,
    )


def quantize_projection(
    p: Projection, m: Connection, s: float, context: Context, grid: float = scale.GRID
) -> tuple[list[QuantProjection], Loss]:
    """Return one array of synapses, or two (coarse, and fine for what is left) if wide.

    m: as `map_per_v` returns it. s: v units per float unit; grid: v units per unit of the
    summed input.
    """
    target = m.stored * (s / grid)
    arrays: list[registers.Weights] = []
    rest = target
    for _ in range(2 if context.is_wide(p) else 1):
        if arrays and not rest.any():
            break
        arrays.append(registers.store_weights(rest, context.weight_bits, context.exponents))
        rest = rest - arrays[-1].integer * 2.0 ** arrays[-1].exponent
    quantized = [
        QuantProjection(
            pre=p.pre,
            post=p.post,
            map=m.with_stored(a.integer),
            sign_mode=a.mode,
            weight_bits=a.bits,
            weight_exp=a.exponent,
            delay=p.delay,
            payload_bits=context.sources[p.pre].payload_bits,
        )
        for a in arrays
    ]
    top = float(np.abs(target).max(initial=0.0)) or 1.0
    note = " + ".join(
        f"{a.mode.name.lower()}, {a.bits} bit, exponent {a.exponent}" for a in arrays
    )
    where = f"{p.pre} -> {p.post}"
    return quantized, rounding_loss(
        where, "weights", rest / top, "of the largest weight", note
    )


def _rounded_down(
    projections: list[QuantProjection], neuron: Lif, s: float, context: Context
) -> FloatArray:
    """Return the bias [n] that makes up, on average, for sums that are rounded down.

    With exponent -e a sum loses (2**e - 1) / 2**(e + 1) on average in every step that has a
    spike; that is taken to be 1 - exp(-rate) of the steps. A current keeps it 1 / (1 -
    alpha) steps.
    """
    rates = {} if context.calibration is None else context.calibration.rates
    lost = 0.0
    for p in projections:
        if p.weight_exp < 0:
            lost += (0.5 - 0.5 * 2.0**p.weight_exp) * -math.expm1(-rates.get(p.pre, 0.0))
    kept = np.minimum(neuron.alpha, 1 - 1 / registers.DECAY_ONE)
    result: FloatArray = lost * scale.GRID / s / (1.0 - kept)
    return result


# --- inputs fed as a bias -------------------------------------------------------------


def _whole_bias(pop: Population, fed: list[Projection], context: Context) -> FloatArray:
    """Return the bias [N, n] (or [1, n]) with everything that is fed through it."""
    total = pop.neuron.bias[None]
    if context.calibration is None:
        return total  # inputs become a bias only where their data is known to be static
    for p in fed:
        first = context.calibration.values[p.pre][:, 0]
        flat = np.asarray(first, np.float64).reshape(len(first), -1)
        total = total + pop.neuron.gain * apply(p.map, flat)
    return total


def _drive(pop: Population, fed: list[Projection], s: float, context: Context) -> Drive:
    if len(fed) > 1:
        raise DoesNotFitError(
            f"population {pop.name!r}: {len(fed)} projections of static inputs end in it, "
            "and only one can be fed as a bias; merge them in the model or use a target "
            "with graded spikes"
        )
    top = np.abs(_whole_bias(pop, fed, context)).max(axis=0) * s
    _, exponent = registers.bias_registers(
        top, int(context.board.neuron.bias_exp_max.value)
    )
    return Drive(
        input=fed[0].pre,
        post=pop.name,
        map=map_per_v(fed[0], pop.neuron, SourceRange(1.0, 1.0, 0.0, 0)),
        offset=pop.neuron.bias,
        scale=frozen(np.full(pop.neuron.n, s)),
        bias_exp=frozen(exponent),
    )
