"""Choosing the scale of a population: how many integer units of v one float unit becomes.

Threshold, bias and all incoming weights of a population share one scale S (v_int = S *
v_float), so choosing S moves the grid on which everything is rounded and nothing else. The
largest S is limited by what the registers hold; within a factor of two below that (or below
COMFORT, beyond which nothing is gained) the one is taken that rounds the weights best while
the threshold is a whole number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import FloatArray
from snn_deploy.quantization.registers import store_weights

COMFORT = 8192.0  # threshold register value beyond which finer thresholds gain nothing
GRID = 64.0  # v units per unit of summed input and per unit of the threshold register
CANDIDATES = 64  # scales tried within the last factor of two
SAMPLE = 1 << 16  # weights per projection on which scales are compared
ROUNDING = 1e-14  # relative; of a weight times and over a payload's scale, with a margin
MARGIN = 2.0  # headroom over what calibration data showed


@dataclass(frozen=True)
class Bounds:
    """How far a population's float quantities go.

    Attributes:
        bound: Magnitude that can never be exceeded, inf if there is no such number.
        measured: Largest magnitude seen on calibration data, None without data.
    """

    bound: float
    measured: float | None

    @property
    def wanted(self) -> float:
        """The magnitude that must be representable."""
        if self.measured is None:
            return self.bound
        return min(self.bound, MARGIN * self.measured)


@dataclass(frozen=True, eq=False)
class Limits:
    """Largest integer magnitudes that registers hold.

    Attributes:
        state: Of v (and u).
        threshold: Of the threshold register; a unit of it is 64 of v.
        bias: Of a bias, its mantissa shifted by the largest exponent.
    """

    state: int
    threshold: int
    bias: int


def largest_scale(
    limits: Limits, state: float, threshold: float | None, bias: float
) -> float:
    """Return the largest scale at which states, threshold and bias all fit.

    state, bias: float magnitudes; threshold: the largest, None for readouts.
    """
    caps = [limits.state / state if state > 0 else np.inf]
    if threshold is not None:
        caps += [GRID * limits.threshold / threshold, GRID * COMFORT / threshold]
    if bias > 0:
        caps.append(limits.bias / bias)
    cap = min(caps)
    return float(cap) if np.isfinite(cap) else GRID


def best_scale(
    cap: float,
    threshold: float | None,
    weights: Sequence[FloatArray],
    bits: int,
    exponents: range,
    *,
    finest: bool = False,
) -> float:
    """Return the scale at most `cap` that rounds `weights` best.

    weights: float weights of each projection, per unit of v (gain and payload included).
    A scale at which weights and threshold are whole numbers already wins (the one nearest
    to the numbers as they are), so integer networks pass unchanged; the largest such one if
    `finest`, which leaves most room for what a leak divides. Without weights there is only
    a bias to round, so the finest scale wins.
    """
    if not weights:
        return next(_grid(cap, threshold))
    some = [_sample(w) for w in weights]
    upward = range(max(exponents[0], 0), exponents[-1] + 1)  # others drop bits of the sum
    powers = sorted(range(-8, 15), key=lambda k: -k if finest else (2 * abs(k) + (k > 0)))
    for power in powers:
        scale = GRID * 2.0**power
        whole = threshold is None or float(threshold * 2.0**power).is_integer()
        allowed = exponents if scale > cap / 2 else upward  # else no scale drops fewer
        exact = scale <= cap and whole and _is_exact(scale, some, bits, allowed)
        if exact and _is_exact(scale, weights, bits, allowed):
            return scale
    return min(_grid(cap, threshold), key=lambda s: _error(s, some, bits, exponents))


def _sample(weight: FloatArray) -> FloatArray:
    """Return at most about SAMPLE weights, evenly spread, the extreme ones among them."""
    flat = weight.ravel()
    if flat.size <= SAMPLE:
        return flat
    return np.concatenate([flat[:: -(-flat.size // SAMPLE)], [flat.min(), flat.max()]])


def _grid(cap: float, threshold: float | None) -> Iterator[float]:
    """Yield scales in (cap / 2, cap], largest first, whose threshold is a whole register
    value."""
    for fraction in np.linspace(1.0, 0.5, CANDIDATES, endpoint=False):
        if threshold is None:
            yield cap * float(fraction)
        else:
            register = np.floor(cap * float(fraction) * threshold / GRID)
            yield max(float(register), 1.0) * GRID / threshold


def _is_exact(
    scale: float, weights: Sequence[FloatArray], bits: int, exponents: range
) -> bool:
    """Whether all weights are whole numbers, but for the rounding of float64."""
    size = sum(float(np.sum(w**2)) for w in weights)
    return _error(scale, weights, bits, exponents) <= ROUNDING**2 * size


def _error(
    scale: float, weights: Sequence[FloatArray], bits: int, exponents: range
) -> float:
    """Return the summed squared rounding error of all weights, per squared float unit."""
    total = 0.0
    for weight in weights:
        target = weight * (scale / GRID)
        stored = store_weights(target, bits, exponents)
        error = stored.integer * 2.0**stored.exponent - target
        total += float(np.sum(error**2)) / scale**2
    return total
