"""Numbers as people read them: prefixes, shares, no more digits than mean something.

A value with an interval is written as far as that allows, any other with three digits.
"""

from math import floor, isfinite, log10

from snn_deploy.evaluation.ledger import Stat
from snn_deploy.report.parts import Accuracy, Estimate

DIGITS = 3  # no coefficient in use is known better
SMALLEST_PLAIN = 1e-4
PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}


def quantity(value: float | None, unit: str) -> str:
    """Return e.g. "1.53 µJ" for 1.5261e-06 and "J"; "-" for None."""
    if value is None:
        return "-"
    if value == 0 or not isfinite(value):
        return f"{value:g} {unit}"
    rounded = float(f"{value:.{DIGITS - 1}e}")  # first: 999.9 n is 1.00 µ
    power = min(max(3 * floor(log10(abs(rounded)) / 3), min(PREFIXES)), max(PREFIXES))
    return f"{significant(rounded / 10.0**power)} {PREFIXES[power]}{unit}"


def significant(value: float | None) -> str:
    """Return e.g. "0.0123", "12.3", "1234", "1.20e-07"; whole numbers keep all digits."""
    if value is None:
        return "-"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{value:.0f}"
    if abs(value) < SMALLEST_PLAIN:
        return f"{value:.{DIGITS - 1}e}"
    digits = max(0, DIGITS - 1 - floor(log10(abs(float(f"{value:.{DIGITS - 1}e}")))))
    return f"{value:.{digits}f}"


def share(part: float | None) -> str:
    """Return e.g. "97.8 %" for 0.97778."""
    return "-" if part is None else f"{100 * part:.1f} %"


def tie_range(a: Accuracy) -> str:
    """Return e.g. "93.3 % .. 97.8 %": what is right if all ties are wrong, or right."""
    low, high = (None if n is None else n / a.samples for n in (a.low, a.high))
    return f"{share(low)} .. {share(high)}"


def undecided(a: Accuracy) -> str:
    """Return e.g. ", 3 silent, 2 tied (93.3 % .. 97.8 %)"; empty if all are decided."""
    silent = f", {a.silent} silent" if a.silent else ""
    return silent + (f", {a.tied} tied ({tie_range(a)})" if a.tied else "")


def spread(stat: Stat | None, unit: str = "") -> str:
    """Return "mean ± std" of a measured quantity, "low to high" of a bounded one."""
    if stat is None:
        return "-"
    write = (lambda v: quantity(v, unit)) if unit else significant
    if stat.mean is None:
        low, high = write(stat.low), write(stat.high)
        return low if low == high else f"{low} to {high}"
    return write(stat.mean) + (f" ± {write(stat.std)}" if stat.std else "")


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
    rounded = float(f"{value:.{DIGITS - 1}e}")
    return min(max(3 * floor(log10(abs(rounded)) / 3), min(PREFIXES)), max(PREFIXES))
