"""How far a multi-level population goes: in floats, to choose its scale; in integers, for
the report.

The bounds are interval analysis: no input within the range of the calibration data (or of
binary spikes, without data) exceeds them. Those of the integers are of the stored weights,
rounded as they are; a membrane within them never saturates, neither before what is sent
has been taken off nor after.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import FloatArray
from snn_deploy.ir.linear import apply, compose, fold
from snn_deploy.ir.maps import Connection, Map, Scale
from snn_deploy.ir.network import Population
from snn_deploy.ir.quant import QuantPopulation, QuantProjection, Range
from snn_deploy.ir.twin import twin
from snn_deploy.neurons import MultiLevel
from snn_deploy.quantization import bounds, scale
from snn_deploy.quantization.neuron import limits_of
from snn_deploy.quantization.population import Context


@dataclass(frozen=True, eq=False)
class Arriving:
    """What arrives over one projection, in floats or in units of the summed input.

    Attributes:
        map: From what the source sends to the summed input.
        high: The largest that one neuron of the source sends in one step.
        low: The smallest that it sends in one step, 0 or below.
        total: Largest |sum| of all that each neuron of the source sends, [n_pre]; None if
            there is no bound.
        lost: What rounding the sum down takes off at most in a step.
    """

    map: Map
    high: float
    low: float
    total: FloatArray | None
    lost: float = 0.0


def float_bounds(
    pop: Population, neuron: MultiLevel, context: Context
) -> dict[str, scale.Bounds]:
    """Return how far the summed input (times gain), u and v go, by "a_in", "u" and "v"."""
    links = [
        Arriving(
            p.map, context.sources[p.pre].high, context.sources[p.pre].low,
            _total(p.pre, context),
        )
        for p in context.net.into(pop.name)
    ]  # fmt: skip
    seen = _measured(pop.name, neuron, context)
    return {k: scale.Bounds(b, seen[k]) for k, b in _bounds(neuron, links).items()}


def integer_ranges(
    neuron: MultiLevel,
    made: QuantPopulation,
    into: Sequence[QuantProjection],
    s: float,
    context: Context,
) -> tuple[Range, ...]:
    """Return the ranges of `made`, which `neuron` became; s: v units per float unit.

    What was measured is the float network's, times s.
    """
    state, shift = limits_of(context.board).state, int(made.params["shift"].max())
    bounds = _bounds(twin(made), [_integer_link(q, context) for q in into])
    seen = _measured(made.name, neuron, context)
    found = []
    for what, bound in bounds.items():
        unit = 2.0**shift if what == "a_in" else 1.0
        measured = seen[what]
        found.append(
            Range(
                made.name,
                what,
                state >> (shift if what == "a_in" else 0),
                None if not np.isfinite(bound) else int(np.ceil(bound / unit)),
                None if measured is None else round(measured * s / unit),
            )
        )
    return tuple(found)


def _integer_link(q: QuantProjection, context: Context) -> Arriving:
    """Return what arrives in units of the summed input: payloads times stored weights."""
    source = context.sources[q.pre]
    high, low = source.high * source.scale, source.low * source.scale
    total = _total(q.pre, context)
    rounds = q.weight_exp < 0  # in every step, so that no sum of all steps is known
    kept = None if total is None or rounds else total * source.scale
    return Arriving(_times(q.map, 2.0**q.weight_exp), high, low, kept, float(rounds))


def _times(m: Connection, factor: float) -> Map:
    floats = Scale(np.full(m.n_post, factor))
    return fold(compose(m, floats))


def _bounds(neuron: MultiLevel, links: Sequence[Arriving]) -> dict[str, float]:
    """Return the magnitudes that gain * input, u and v cannot exceed; inf if unbounded."""
    maps = [link.map for link in links]
    highs, lows = [link.high for link in links], [link.low for link in links]
    up, down = bounds.input_bounds(maps, highs, lows, neuron.n)
    down = down - sum(link.lost for link in links)
    bound_u, bound_v = bounds.state_bounds(neuron, up, down)
    if neuron.least < 0:  # what is taken back lifts the membrane to a threshold at most
        drive = np.maximum(bound_u + neuron.bias, 0.0)
        lifted = np.maximum(neuron.threshold, neuron.beta * neuron.threshold + drive)
        bound_v = max(bound_v, float(lifted.max(initial=0.0)))
    return {
        "a_in": float(np.abs(neuron.gain * np.stack([up, down])).max(initial=0.0)),
        "u": bound_u,
        "v": min(bound_v, _traced_bound(neuron, links)),
    }


def _traced_bound(neuron: MultiLevel, links: Sequence[Arriving]) -> float:
    """Return what |v| can never exceed, inf if there is no such number.

    What a source with tracer has sent in all stays within its floor and ceiling (an input:
    what the calibration data sums to), so a membrane without leak never holds more than
    their weighted sum, its own start and what it can owe.
    """
    lossless = bool((neuron.beta == 1).all()) and not neuron.alpha.any()
    if not (lossless and neuron.traced) or neuron.bias.any():
        return float("inf")
    reached = np.abs(neuron.v0)
    reached = reached + neuron.threshold * np.maximum(-neuron.floor, neuron.ceiling)
    for link in links:
        if link.total is None:
            return float("inf")
        summed = apply(bounds.magnitudes(link.map), link.total[None])[0]
        reached = reached + np.abs(neuron.gain) * summed
    return float(reached.max(initial=0.0))


def _measured(name: str, neuron: MultiLevel, context: Context) -> dict[str, float | None]:
    """Return what the float network reached, before what was sent has been taken off."""
    peaks = None if context.calibration is None else context.calibration.peaks.get(name)
    gain = float(np.abs(neuron.gain).max(initial=0))
    sent = 0.0 if peaks is None else peaks["sent"]
    if neuron.sliced:  # all of the level is taken off, whatever is sent of it
        sent = max(neuron.most, -neuron.least)
    seen = bounds.measured(peaks, "v", 1.0)
    return {
        "a_in": bounds.measured(peaks, "a_in", gain),
        "u": bounds.measured(peaks, "u", gain),
        "v": None if seen is None else seen + sent * float(neuron.threshold.max()),
    }


def _total(name: str, context: Context) -> FloatArray | None:
    """Return the largest |sum of all that was sent| per neuron [n], None if unbounded."""
    for pop in context.net.populations:
        if pop.name == name:
            n = pop.neuron
            if isinstance(n, MultiLevel) and n.traced and not n.sliced:
                return np.maximum(-n.floor, n.ceiling)
            return None
    if context.calibration is None:
        return None
    fed = np.asarray(context.calibration.values[name], np.float64)
    summed = np.abs(np.cumsum(fed, axis=1)).max(axis=(0, 1), initial=0.0)
    return np.asarray(summed.ravel(), np.float64)
