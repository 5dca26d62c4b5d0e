"""Numbers as people read them: three significant digits, prefixes, shares."""

from math import floor, isfinite, log10

from snn_deploy.ledger import Stat

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


def spread(stat: Stat | None, unit: str = "") -> str:
    """Return "mean ± std" of a measured quantity, "low to high" of a bounded one."""
    if stat is None:
        return "-"
    write = (lambda v: quantity(v, unit)) if unit else significant
    if stat.mean is None:
        low, high = write(stat.low), write(stat.high)
        return low if low == high else f"{low} to {high}"
    return write(stat.mean) + (f" ± {write(stat.std)}" if stat.std else "")
