"""Round one multi-level population: whole numbers stay as they are, else one scale.

A network that is integer already (a converted ANN) takes the smallest power of two as scale
that lets thresholds, initial membranes and weights be stored unchanged; its input is not
shifted, so that membranes have all 24 bits. Other networks are scaled like any LIF.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snn_deploy.arithmetic.loihi import STATE_LIMIT
from snn_deploy.arrays import FloatArray, IntArray, frozen
from snn_deploy.errors import DoesNotFitError, option
from snn_deploy.ir.maps import Connection
from snn_deploy.ir.network import Population
from snn_deploy.ir.quant import Loss, QuantPopulation
from snn_deploy.neurons import MultiLevel
from snn_deploy.neurons.multi_level import OFF
from snn_deploy.quantization import registers, scale
from snn_deploy.quantization.input_coding import PAYLOAD_BITS
from snn_deploy.quantization.level_ranges import float_bounds, integer_ranges
from snn_deploy.quantization.neuron import limits_of, rounding_loss
from snn_deploy.quantization.population import (
    Calibration,
    Context,
    Result,
    map_per_v,
    quantize_projection,
)

POWERS = range(12)  # scales tried for networks of whole numbers: 2**0 .. 2**11
SHIFT = 6  # of the input of networks that are scaled, as stock Loihi neurons do


@dataclass(frozen=True)
class Scaling:
    """How the numbers of a population become integers.

    Attributes:
        scale: Units of v per float unit: v_int = scale * v_float.
        shift: Bits by which the summed input is shifted left before it is added to the
            current: 0 or 6.
    """

    scale: float
    shift: int

    @property
    def grid(self) -> float:
        return float(1 << self.shift)


def quantize_multi_level(pop: Population, neuron: MultiLevel, context: Context) -> Result:
    """Return the integers of `pop`, whose neurons are `neuron`.

    Raises:
        DoesNotFitError: An input of it can only be fed as a bias, or its threshold rounds
            to nothing.
    """
    into = context.net.into(pop.name)
    driven = sorted({p.pre for p in into if p.pre in context.driven})
    if driven:
        raise DoesNotFitError(
            f"population {pop.name!r}: its input {driven[0]!r} is graded, but spikes of "
            f"{context.board.name} are binary; use a target with graded spikes (loihi2)"
        )
    if neuron.floored and (neuron.sliced or neuron.traced or neuron.least < 0):
        raise DoesNotFitError(
            f"population {pop.name!r}: has a lowest membrane, which neurons cannot have "
            f"that send slices ({option('lower')}) or levels below 0, or keep count of all "
            "they sent; leave the floor or those out"
        )
    maps = [map_per_v(p, neuron, context.sources[p.pre]) for p in into]
    chosen = _whole(neuron, maps, context) or _scaled(pop, neuron, maps, context)
    s = chosen.scale
    stored = [
        quantize_projection(p, m, s, context, chosen.grid)
        for p, m in zip(into, maps, strict=True)
    ]
    projections = tuple(q for made, _ in stored for q in made)
    population, losses = _registers(pop, neuron, maps, chosen, context)
    return Result(
        population,
        projections,
        None,
        (*(loss for _, loss in stored), *losses),
        integer_ranges(neuron, population, projections, s, context),
    )


def levels_of(
    neuron: MultiLevel, calibration: Calibration | None, name: str
) -> tuple[float, float]:
    """Return (least, most) of the neurons' levels in one step: as they are bounded, else as
    far as spikes of a width reach that holds what was seen, or of 8 bits without data.

    What is more stays in the membrane and goes out in the next step. `sent_of` says what of
    the levels is sent.
    """
    least, most = neuron.least, neuron.most
    if np.isfinite([least, most]).all():
        return least, most
    widest = float((1 << PAYLOAD_BITS) - 1)
    if calibration is not None and name in calibration.peaks:
        seen = int(calibration.peaks[name]["sent"])
        widest = float((1 << max(seen, 1).bit_length()) - 1)
    return max(least, -widest), min(most, widest)


def sent_of(
    neuron: MultiLevel, calibration: Calibration | None, name: str
) -> tuple[float, float]:
    """Return (least, most) of what the neurons send in one step: levels, or slices."""
    return (0.0, 1.0) if neuron.sliced else levels_of(neuron, calibration, name)


def payload_width(least: float, most: float) -> int:
    """Return the bits of spikes within least..most: 0 if they are 0 or 1, else with a sign
    if one is needed."""
    if (least, most) == (0.0, 1.0):
        return 0
    return int(max(most, -least)).bit_length() + (least < 0)


def _whole(
    neuron: MultiLevel, maps: Sequence[Connection], context: Context
) -> Scaling | None:
    """Return the smallest scale at which everything is a whole number and fits, if any."""
    upward = range(max(context.exponents[0], 0), context.exponents[-1] + 1)
    lowest = neuron.v_min[np.isfinite(neuron.v_min)]
    values = np.concatenate([neuron.threshold, neuron.v0, neuron.bias, lowest])
    for power in POWERS:
        s = 2.0**power
        if float(np.abs(values * s).max(initial=0)) >= OFF // 2:
            return None
        if not (values * s == np.rint(values * s)).all():
            continue
        weights = (m.stored * s for m in maps)
        if all(_is_stored(w, context.weight_bits, upward) for w in weights):
            return Scaling(s, 0)
    return None


def _is_stored(weight: FloatArray, bits: int, exponents: range) -> bool:
    if not (weight == np.rint(weight)).all():
        return False
    made = registers.store_weights(weight, bits, exponents)
    return bool((made.integer * 2.0**made.exponent == weight).all())


def _scaled(
    pop: Population, neuron: MultiLevel, maps: Sequence[Connection], context: Context
) -> Scaling:
    limits, threshold = limits_of(context.board), float(neuron.threshold.max())
    quantities = float_bounds(pop, neuron, context).values()
    bounds = [r for r in quantities if np.isfinite(r.wanted)]
    state = max([8.0 * threshold, *(r.wanted for r in bounds)])
    cap = scale.largest_scale(
        limits, state, threshold, float(np.abs(neuron.bias).max(initial=0))
    )
    if cap * float(neuron.threshold.min()) < scale.GRID:
        raise DoesNotFitError(
            f"population {pop.name!r}: its threshold {neuron.threshold.min():g} rounds to "
            f"0, because its membrane reaches {state:.3g} and must fit {limits.state}; "
            "scale down its weights"
        )
    weights = [m.stored for m in maps]
    s = scale.best_scale(cap, threshold, weights, context.weight_bits, context.exponents)
    return Scaling(s, SHIFT)


def _registers(
    pop: Population,
    neuron: MultiLevel,
    maps: Sequence[Connection],
    chosen: Scaling,
    context: Context,
) -> tuple[QuantPopulation, tuple[Loss, ...]]:
    board, s = context.board, chosen.scale
    groups = int(board.pool.neuron_groups.value)
    least, most = levels_of(neuron, context.calibration, pop.name)
    mantissa, exponent = registers.bias_registers(
        neuron.bias * s, int(board.neuron.bias_exp_max.value)
    )
    decay_v = registers.few_groups(registers.membrane_decay(neuron.beta), groups)
    params = {
        "du": registers.few_groups(registers.current_decay(neuron.alpha), groups),
        "dv": np.minimum(decay_v, int(board.neuron.decay_v_max.value)),
        "bias_mant": mantissa,
        "bias_exp": exponent,
        "theta": np.maximum(np.rint(neuron.threshold * s), 1).astype(np.int64),
        "shift": np.full(neuron.n, chosen.shift, np.int64),
    }
    start = _start(neuron, chosen, maps)
    bounds = {
        "low": np.maximum(neuron.low, least),
        "high": np.minimum(neuron.high, most),
    }
    lowest = np.rint(neuron.v_min * s) + start - np.rint(neuron.v0 * s)
    bounds |= (
        {"vmin": np.maximum(lowest, 1 - STATE_LIMIT)}
        if neuron.floored
        else {k: getattr(neuron, k) for k in ("floor", "ceiling", "member", "plane")}
    )
    params |= {k: np.clip(v, -OFF, OFF).astype(np.int64) for k, v in bounds.items()}
    made = QuantPopulation(
        name=pop.name,
        shape=pop.shape,
        model="floored_level" if neuron.floored else "multi_level",
        params={k: frozen(v) for k, v in params.items()},
        v0=frozen(start),
        scale=frozen(np.full(neuron.n, s)),
        offset=frozen(np.zeros(neuron.n)),
        lag=pop.lag,
        payload_bits=payload_width(*sent_of(neuron, context.calibration, pop.name)),
    )
    return made, _losses(neuron, made, s)


def _start(neuron: MultiLevel, chosen: Scaling, maps: Sequence[Connection]) -> IntArray:
    """Return the membrane [n] before the first step.

    A core finds v >= k theta. Where only v > k theta is meant the membrane starts one unit
    lower, unless it moves in steps that never reach a multiple of theta.
    """
    start = np.rint(neuron.v0 * chosen.scale).astype(np.int64)
    if neuron.inclusive:
        return start
    theta = np.rint(neuron.threshold * chosen.scale).astype(np.int64)
    bias = np.rint(neuron.bias * chosen.scale).astype(np.int64)
    weights = [np.rint(m.stored * chosen.scale).ravel() for m in maps]
    moves = np.concatenate([theta, bias, *(w.astype(np.int64) for w in weights)])
    grid = 1 << registers.zero_bits(moves) if chosen.shift == 0 else 1
    ties = (start % grid == 0) | (neuron.beta != 1.0)
    return np.where(ties, start - 1, start)


def _losses(neuron: MultiLevel, made: QuantPopulation, s: float) -> tuple[Loss, ...]:
    p, where = made.params, made.name
    keep = 1.0 - p["dv"] / registers.DECAY_ONE
    theta = (p["theta"] / s - neuron.threshold) / neuron.threshold
    bias = (p["bias_mant"] << p["bias_exp"]) / s - neuron.bias
    start = (made.v0 / s - neuron.v0) / neuron.threshold
    lowest = np.where(np.isfinite(neuron.v_min), neuron.v_min, 0.0)
    floor = (p.get("vmin", 0) / s - lowest) * np.isfinite(neuron.v_min) / neuron.threshold
    note = f"scale {s:g} per unit, spikes of {made.payload_bits or 1} bit"
    return (
        rounding_loss(where, "membrane decay", keep - neuron.beta, "per step"),
        rounding_loss(where, "threshold", theta, "of the threshold", note),
        rounding_loss(where, "bias", bias / neuron.threshold, "of the threshold"),
        rounding_loss(where, "initial membrane", start, "of the threshold"),
        *(
            [rounding_loss(where, "lowest membrane", floor, "of the threshold")]
            if neuron.floored
            else []
        ),
    )
