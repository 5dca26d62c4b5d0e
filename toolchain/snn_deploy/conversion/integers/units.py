"""Choose the integers of one layer: a common unit for its sums, its thetas and its biases.

A layer sums terms of real units and quantizes with a real scale. On integers, all terms
share one unit per neuron, and a level is an odd number theta of it. So one of the two has
to give way: where all neurons share a unit, the scale of the level moves to theta * unit
and later layers use the moved one, so that nothing adds up; where each channel has a unit
of its own (BatchNorm, scales per channel), the gain of the channel moves. Whatever moved is
listed. Weights multiplied by a whole number, `finer`, make the grid finer; where several
terms are summed, one is chosen that brings all their units near whole numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import FloatArray, IntArray
from snn_deploy.conversion.integers.ann import (
    SUM_LIMIT,
    AnnLayer,
    AnnSource,
    bound,
)
from snn_deploy.ir.linear import compose, fold
from snn_deploy.ir.maps import Connection, Scale

FINE = 0.0002  # relative; the grid is made finer until nothing moves by more. Ours.
CLOSE = 0.0125  # relative; a gain that eight bits miss by more takes more. Ours.
MAX_SHIFT = 12  # bits; ours
MANTISSA = 127  # a weight is 8 bits times a power of two on Loihi 2
HEAVIEST = MANTISSA << 7  # with the largest exponent that Lava takes (boards: exponents)


@dataclass(frozen=True, eq=False)
class Term:
    """One of the real sums that a layer adds up.

    Attributes:
        pre: Name of the port or layer whose levels are summed.
        map: Weights [n, n_pre], whole numbers.
        unit: [n], what one unit of the sums of `map` is worth, a real number; below 0 where
            a gain is, 0 where one is.
        delay: Steps of a sequence ago; 0 is the same step.
    """

    pre: str
    map: Connection
    unit: FloatArray
    delay: int = 0


@dataclass(frozen=True, eq=False)
class Wanted:
    """A layer of n = prod(shape) neurons as trained, in real numbers.

    Attributes:
        name: Unique in the network.
        shape: Of its levels, for one sample or one step of a sequence.
        terms: What it sums, beside its bias.
        bias: [n], what the trained layer adds to its sum, real numbers.
        scale: [n], what a level is worth, above 0; None for a readout.
        low: Lowest level, 0 or below; 0 for a readout.
        high: Highest level, 0 or above; 0 for a readout.
        rectifies: Whether a level is one unit of the sum, whatever that is worth.
    """

    name: str
    shape: tuple[int, ...]
    terms: tuple[Term, ...]
    bias: FloatArray
    scale: FloatArray | None
    low: int
    high: int
    rectifies: bool = False


@dataclass(frozen=True)
class Moved:
    """How far one layer's numbers are from those it was trained with.

    Attributes:
        layer: Its name.
        finer: By what whole number the largest weights were multiplied, 1 to 2**MAX_SHIFT.
        theta: Smallest and largest of the neurons; None for a readout.
        scale: Of a level, relative change, signed; 0 where the gain moves instead, and for
            a readout or a rectifier.
        gain: Of the weights of any channel or term, largest relative change.
        bias: Largest change, in levels (of a readout: in its largest weight).
    """

    layer: str
    finer: int
    theta: tuple[int, int] | None
    scale: float
    gain: float
    bias: float


def snap(wanted: Wanted, ranges: dict[str, tuple[int, int]]) -> tuple[AnnLayer, Moved]:
    """Return the layer in integers, and what moved; the coarsest grid on which nothing
    moves by more than FINE, or the best that keeps sums within SUM_LIMIT.

    ranges: lowest and highest level of each source.
    """
    known = ranges | {wanted.name: (wanted.low, wanted.high)}
    best = _finest(wanted, known, wide=False)
    return best if best[1].gain <= CLOSE else _finest(wanted, known, wide=True)


def _finest(
    wanted: Wanted, known: dict[str, tuple[int, int]], *, wide: bool
) -> tuple[AnnLayer, Moved]:
    """Return what `snap` does; wide: weights may take more than eight bits."""
    best = _on_grid(wanted, 1, wide)
    for finer in _grids(wanted):
        if _off_by(best[1]) <= FINE:
            break
        made = _on_grid(wanted, finer, wide)
        heaviest = max((_peak(s.map) for s in made[0].sources), default=0.0)
        if bound(made[0], known) >= SUM_LIMIT or heaviest > HEAVIEST:
            break
        if _off_by(made[1]) < _off_by(best[1]):
            best = made
    return best


def _off_by(moved: Moved) -> float:
    return abs(moved.scale) + moved.gain + moved.bias


def _grids(wanted: Wanted) -> list[int]:
    """Return by what the largest weights may be multiplied, beside 1, in order."""
    multiples = {1, _multiple(wanted.terms, _unit(wanted, 1))}
    grids = {m << shift for m in multiples for shift in range(MAX_SHIFT + 1)}
    return sorted(g for g in grids if 1 < g <= 1 << MAX_SHIFT)


def _multiple(terms: Sequence[Term], unit: FloatArray) -> int:
    """Return by what whole number to divide the unit, so that those of all terms are near
    multiples of it, with weights that stay on eight bits."""
    if len(terms) < 2:
        return 1
    ratios = np.unique(np.stack([t.unit / unit for t in terms]), axis=1)
    peaks = [_peak(t.map) for t in terms]

    def miss(m: int) -> float:
        scaled = ratios * (m << MAX_SHIFT)
        pairs = zip(scaled, peaks, strict=True)
        return max(_off(_nearest(r, _most(peak)), r) for r, peak in pairs)

    return min(range(1, _most(max(peaks)) + 1), key=miss)


def _most(peak: float) -> int:
    """Return the largest factor with which weights up to `peak` stay on eight bits."""
    return max(1, int(MANTISSA // max(peak, 1.0)))


def _on_grid(wanted: Wanted, finer: int, wide: bool) -> tuple[AnnLayer, Moved]:
    unit = _unit(wanted, finer)
    factors = _factors(wanted.terms, unit, wide)
    bias = np.rint(wanted.bias / unit).astype(np.int64)
    theta, scale, stretch = _levels(wanted, unit)
    sources = tuple(
        AnnSource(t.pre, times(t.map, f), t.delay)
        for t, f in zip(wanted.terms, factors, strict=True)
    )
    layer = AnnLayer(
        wanted.name, wanted.shape, sources, bias, theta, wanted.low, wanted.high, scale
    )
    first = 1.0 if wanted.scale is None else float(wanted.scale[0])
    moved = Moved(
        layer=wanted.name,
        finer=finer,
        theta=None if theta is None else (int(theta.min()), int(theta.max())),
        scale=0.0 if theta is None or wanted.rectifies else float(scale[0]) / first - 1.0,
        gain=_gain(wanted.terms, factors, unit * stretch),
        bias=_rounded(wanted, bias - wanted.bias / unit, theta, finer),
    )
    return layer, moved


def _rounded(wanted: Wanted, off: FloatArray, theta: IntArray | None, finer: int) -> float:
    """Return the largest rounding of a bias, in levels or in largest weights."""
    if theta is not None:
        return float(np.abs(off / theta).max(initial=0.0))
    heaviest = max((_peak(t.map) for t in wanted.terms), default=0.0)
    return float(np.abs(off).max(initial=0.0)) / max(1.0, heaviest * finer)


def _unit(wanted: Wanted, finer: int) -> FloatArray:
    """Return the real number [n] that one unit of a sum is worth.

    It is the unit of the term with the largest weights, whose factor then is `finer`; a
    neuron to which all gains are 0 takes an arbitrary one.
    """
    heavy = sorted(wanted.terms, key=lambda t: -_peak(t.map))
    unit = np.zeros(int(np.prod(wanted.shape)))
    for t in heavy:
        unit = np.where(unit == 0.0, np.abs(t.unit), unit)
    spare = 1.0 if wanted.scale is None else wanted.scale / MANTISSA
    return np.asarray(np.where(unit == 0.0, spare, unit) / finer, np.float64)


def _peak(m: Connection) -> float:
    return float(np.abs(m.stored).max(initial=0.0))


def _factors(terms: Sequence[Term], unit: FloatArray, wide: bool) -> list[IntArray]:
    """Return by what whole number [n] the weights of each term are multiplied.

    Weights of w bits times a factor stay on 8 bits and a power of two; if wide, factors
    take what they need, and their weights are stored in more.
    """
    most = [MANTISSA if wide else _most(_peak(t.map)) for t in terms]
    return [_nearest(t.unit / unit, m) for t, m in zip(terms, most, strict=True)]


def _nearest(ratio: FloatArray, most: int) -> IntArray:
    """Return the whole number nearest to each ratio that is 0..most times a power of
    two."""
    size = np.abs(ratio)
    exponent = np.maximum(np.ceil(np.log2(np.maximum(size, 1e-300) / most)), 0.0)
    # Just above the largest number of one exponent, that one is the nearest.
    tries = [np.maximum(exponent + d, 0.0) for d in (-1, 0)]
    values = [np.minimum(np.rint(size / 2.0**e), most) * 2.0**e for e in tries]
    errors = [np.abs(v - size) for v in values]
    near = np.where(errors[0] <= errors[1], values[0], values[1])
    signed: FloatArray = np.sign(ratio) * near
    return signed.astype(np.int64)


def _off(factor: FloatArray | IntArray, ratio: FloatArray) -> float:
    live = ratio != 0.0
    return float(np.abs(factor[live] / ratio[live] - 1.0).max(initial=0.0))


def _levels(
    wanted: Wanted, unit: FloatArray
) -> tuple[IntArray | None, FloatArray, FloatArray]:
    """Return theta [n], the scale [n] of a level, and by what each neuron's unit grew."""
    if wanted.scale is None:
        return None, unit, np.ones_like(unit)
    if wanted.rectifies:
        return np.ones(unit.size, np.int64), unit, np.ones_like(unit)
    theta = (2 * np.floor(wanted.scale / unit / 2) + 1).astype(np.int64)
    if bool((unit == unit[0]).all() and (wanted.scale == wanted.scale[0]).all()):
        return theta, theta * unit, np.ones_like(unit)
    return theta, wanted.scale, wanted.scale / (theta * unit)


def _gain(terms: Sequence[Term], factors: Sequence[IntArray], unit: FloatArray) -> float:
    """Return the largest relative change of what a term's weights are worth."""
    return max(
        (_off(f * unit, t.unit) for t, f in zip(terms, factors, strict=True)), default=0.0
    )


def times(m: Connection, factor: IntArray) -> Connection:
    """Return the map with every output multiplied by a whole number [n_post]."""
    scaled = fold(compose(m, Scale(factor.astype(np.float64))))
    return scaled.with_stored(np.rint(scaled.stored).astype(np.int64))


def on_eight_bits(layer: AnnLayer) -> bool:
    """Whether the weights of each source are eight bits times one power of two, so that
    the chip stores them as they are."""
    for s in layer.sources:
        stored = s.map.stored.astype(np.int64)
        union = int(np.bitwise_or.reduce(stored, axis=None))
        unit = min(union & -union, 1 << 7)
        low, high = int(stored.min(initial=0)), int(stored.max(initial=0))
        if not -(MANTISSA + 1) * unit <= low <= high <= MANTISSA * unit:
            return False
    return True
