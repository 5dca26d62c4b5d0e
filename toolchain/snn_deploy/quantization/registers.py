"""Loihi's registers: the nearest integer a decay, threshold, bias or weight can be stored
as.

Formats: research behind boards/*.yaml; Lava 0.10 proc/lif/process.py (widths) and
proc/dense/models.py (sign modes, truncation to num_weight_bits).
"""

from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, IntArray
from snn_deploy.ir.quant import SignMode

DECAY_ONE = 4096  # decays are 12-bit fractions
BIAS_LOW, BIAS_HIGH = -4096, 4095  # 13-bit signed mantissa
WEIGHT_LIMITS = {
    SignMode.MIXED: (-256, 254),  # 8 bits and the lowest bit dropped: even numbers
    SignMode.EXCITATORY: (0, 255),
    SignMode.INHIBITORY: (-255, 0),
}


def membrane_decay(beta: FloatArray) -> IntArray:
    """Return dv in 0..4096 for the factor beta in [0, 1]: v keeps (4096 - dv) / 4096."""
    register = np.clip(np.rint((1.0 - beta) * DECAY_ONE), 0, DECAY_ONE)
    return np.asarray(register, np.int64)


def current_decay(alpha: FloatArray) -> IntArray:
    """Return du in 0..4095 for the factor alpha in [0, 1]: u keeps (4095 - du) / 4096."""
    register = np.clip(np.rint((1.0 - alpha) * DECAY_ONE) - 1, 0, DECAY_ONE - 1)
    return np.asarray(register, np.int64)


def few_groups(values: IntArray, limit: int) -> IntArray:
    """Return `values` rounded to ever coarser powers of two until at most `limit` distinct
    are left.

    Values 0, 4095 and 4096 (no decay, full decay) stay themselves.
    """
    special = (values == 0) | (values >= DECAY_ONE - 1)
    for bits in range(13):
        step = 1 << bits
        coarse = np.maximum((values + step // 2) // step * step, 1)
        result = np.where(special, values, np.minimum(coarse, DECAY_ONE - 2))
        if len(np.unique(result)) <= limit:
            return result
    return values


def bias_registers(bias: FloatArray, exponent_max: int) -> tuple[IntArray, IntArray]:
    """Return (mantissa, exponent) with the smallest exponents that hold `bias` [n]."""
    exponent = np.zeros(bias.shape, np.int64)
    for _ in range(exponent_max):
        mantissa = np.rint(bias / 2.0**exponent)
        exponent += (mantissa < BIAS_LOW) | (mantissa > BIAS_HIGH)
    mantissa = np.rint(bias / 2.0**exponent)
    return np.clip(mantissa, BIAS_LOW, BIAS_HIGH).astype(np.int64), exponent


def sign_mode(weight: AnyArray) -> SignMode:
    """Return the mode of these weights, as Lava's determine_sign_mode does."""
    if weight.size == 0 or weight.min() >= 0:
        return SignMode.EXCITATORY
    return SignMode.INHIBITORY if weight.max() <= 0 else SignMode.MIXED


@dataclass(frozen=True, eq=False)
class Weights:
    """Stored weights: integer * 2**exponent approximates what was asked for.

    Attributes:
        integer: As stored, of any shape, int16 in -256..255; even in mixed sign mode.
        mode: Which signs they have.
        bits: The fewest that keep them, 1..8, as Lava truncates them.
        exponent: The summed input is shifted by it, left if positive.
    """

    integer: AnyArray
    mode: SignMode
    bits: int
    exponent: int


def store_weights(weight: FloatArray, bits: int, exponents: range) -> Weights:
    """Return the nearest weights of at most `bits` bits, with the smallest exponent that
    holds them; zero bits they all end in are dropped while the exponent is negative.

    weight: any shape, in units of the summed input (v / 64). exponents: those of the board.
    """
    mode = sign_mode(weight)
    low, high = WEIGHT_LIMITS[mode]
    step = 1 << (8 - bits + (mode is SignMode.MIXED))
    low, high = -(-low // step) * step, high // step * step
    exponent = exponents[0]
    for exponent in exponents:
        grid = np.rint(weight / 2.0**exponent / step) * step
        if grid.min(initial=0) >= low and grid.max(initial=0) <= high:
            break
    integer = np.clip(np.rint(weight / 2.0**exponent / step) * step, low, high)
    drop = min(zero_bits(integer // step), max(-exponent, 0))
    stored = (integer.astype(np.int64) >> drop).astype(np.int16)
    return Weights(stored, mode, needed_bits(stored, mode), exponent + drop)


def zero_bits(weight: AnyArray) -> int:
    """Return how many zero bits all these whole numbers end in; 8 if all are zero."""
    common = int(np.bitwise_or.reduce(np.abs(weight.astype(np.int64)).ravel(), initial=0))
    return (common & -common).bit_length() - 1 if common else 8


def needed_bits(weight: AnyArray, mode: SignMode) -> int:
    """Return the fewest bits (1..8) that keep these stored weights, as Lava truncates
    them."""
    return max(1, min(8, 8 - zero_bits(weight) + (mode is SignMode.MIXED)))
