"""Loihi arithmetic, bit for bit as Lava 0.10 `fixed_pt` (proc/lif/models.py,
proc/dense/models.py).

The intrinsics below are all the operations a neuron's integer step may use beside + - * <<
>> and comparisons. As they stand they work on NumPy arrays (the golden model); `overload`
gives each a scalar form for Numba, so that one step function serves both.
"""

import math
from typing import Any

import numpy as np
from numba.extending import overload

STATE_LIMIT = 1 << 23  # u and v are 24 bit signed
DECAY_ONE = 1 << 12  # decays are fractions of 4096
SHIFT = 6  # inputs and thresholds are shifted by this against the states


def where(condition: Any, yes: Any, no: Any) -> Any:
    """Return `yes` where `condition` holds, else `no`."""
    return np.where(condition, yes, no)


def decay(x: Any, d: Any) -> Any:
    """Return x * (4096 - d) / 4096, rounded toward zero; d in 0..4096."""
    return np.sign(x) * ((np.abs(x) * (4096 - d)) >> 12)


def wrap24(x: Any) -> Any:
    """Wrap once into (-2**23, 2**23], as Lava's LIF does with the current."""
    return np.where(x > 8388608, x - 16777216, np.where(x <= -8388608, x + 16777216, x))


def sat24(x: Any) -> Any:
    """Clip to -2**23 + 1 .. 2**23 - 1."""
    return np.clip(x, -8388607, 8388607)


def clip(x: Any, low: Any, high: Any) -> Any:
    """Return x where it is within low..high, else the nearer of the two."""
    return np.clip(x, low, high)


def levels(v: Any, theta: Any) -> Any:
    """Return v / theta rounded down; |v| and theta below 2**24, theta above 0.

    A core without divider compares and subtracts theta * 2**j, once per bit of the result.
    """
    return v // theta


def part(s: Any, member: Any, plane: Any) -> Any:
    """Return what is sent of the levels s: all of them where member and plane are 0.

    Elsewhere 1 or 0. member k: whether s is k or more (s is k or less, for k below 0).
    plane 2**j: whether bit j of s is set, for s above 0 (-2**j: of -s, for s below 0).
    """
    size = np.maximum(np.where(member + plane < 0, -s, s), 0)
    bit = size // np.maximum(np.abs(plane), 1) % 2 == 1
    sent = np.where(plane != 0, bit, size >= np.abs(member))
    return np.where((member != 0) | (plane != 0), sent, s)


# Numba compares the annotations of an overload with those of what it returns: none on
# either.
@overload(where)
def _where(condition, yes, no):  # type: ignore[no-untyped-def]
    return lambda condition, yes, no: yes if condition else no


@overload(decay)
def _decay(x, d):  # type: ignore[no-untyped-def]
    def scalar(x, d):  # type: ignore[no-untyped-def]
        magnitude = (abs(x) * (4096 - d)) >> 12
        return magnitude if x >= 0 else -magnitude

    return scalar


@overload(wrap24)
def _wrap24(x):  # type: ignore[no-untyped-def]
    return lambda x: x - 16777216 if x > 8388608 else (x + 16777216 if x <= -8388608 else x)


@overload(sat24)
def _sat24(x):  # type: ignore[no-untyped-def]
    return lambda x: min(max(x, -8388607), 8388607)


@overload(clip)
def _clip(x, low, high):  # type: ignore[no-untyped-def]
    return lambda x, low, high: min(max(x, low), high)


@overload(levels)
def _levels(v, theta):  # type: ignore[no-untyped-def]
    # Exact: a quotient of two 24-bit numbers is either whole or 2**-24 off, far above the
    # rounding of float64; and unlike // it runs on many neurons at once.
    return lambda v, theta: np.int64(math.floor(v / theta))


@overload(part)
def _part(s, member, plane):  # type: ignore[no-untyped-def]
    def scalar(s, member, plane):  # type: ignore[no-untyped-def]
        size = max(-s if member + plane < 0 else s, 0)
        bit = (size & abs(plane)) != 0
        sent = bit if plane != 0 else size >= abs(member)
        return np.int64(sent) if (member | plane) != 0 else s

    return scalar
