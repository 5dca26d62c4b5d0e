"""Digits that mean something: a value is written as far as its uncertainty allows."""

from math import floor, log10

from snn_deploy.report import Estimate
from snn_deploy.reporting.numbers import PREFIXES, quantity, share, significant

MOST_DIGITS = 3  # where nothing is uncertain: no coefficient in use is known better


def estimated(e: Estimate) -> str:
    """Return e.g. "7.16 µJ (7.10 to 7.21)", or "99.3 % (98.1 to 99.8)"."""
    if e.unit == "share":
        low, high = (f"{100 * v:.1f}" for v in (e.low, e.high))
        return f"{share(e.value)} ({low} to {high})"
    return interval(e.value, e.low, e.high, e.unit)


def interval(value: float, low: float, high: float, unit: str) -> str:
    """Return `value` and its interval, all to the digit that the interval's half width
    allows (two of it if it starts with 1, else one)."""
    half = (high - low) / 2
    if half <= 0 or value == 0:
        return quantity(value, unit)
    power = _prefix(value)
    digits = decimals(half / 10.0**power)
    texts = [f"{v / 10.0**power:.{digits}f}" for v in (value, low, high)]
    return f"{texts[0]} {PREFIXES[power]}{unit} ({texts[1]} to {texts[2]})"


def decimals(half_width: float) -> int:
    """Return how many decimals a value of this uncertainty deserves."""
    first = floor(log10(half_width))
    leading = half_width / 10.0**first
    return max(0, -first + (1 if leading < 2 else 0))


def count(value: float) -> str:
    """Return an operation count: whole from 1000 on, else three digits."""
    return significant(round(value) if value >= 1000 else value)


def _prefix(value: float) -> int:
    rounded = float(f"{value:.{MOST_DIGITS - 1}e}")
    return min(max(3 * floor(log10(abs(rounded)) / 3), min(PREFIXES)), max(PREFIXES))
