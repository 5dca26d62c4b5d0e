"""Events: what one recording holds, in one form whatever the file was, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from snn_deploy.arrays import AnyArray, BoolArray, IntArray, frozen
from snn_deploy.errors import InputError, option
from snn_deploy.names import TimeUnitName

# Names under which files keep a column: tonic, rpg (xs), DSEC, SHD (times), Prophesee.
ALIASES = {
    "t": ("t", "ts", "time", "times", "timestamp", "timestamps"),
    "x": ("x", "xs", "unit", "units"),
    "y": ("y", "ys"),
    "p": ("p", "ps", "on", "pol", "polarity", "polarities"),
}
ORDERS = ("txyp", "xytp")  # of tables without names: v2e and rpg; tonic
TIME_UNITS_NS: Mapping[TimeUnitName, float] = {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0}
MAX_NS = 1 << 62  # of a time stamp; what int64 holds, with room to subtract
FEW = 0.01  # ours: share of events that may be out of order, if within a bin
MINUS_ONE = (1 << 32) - 1  # -1 that was written as 32 bits without sign: v2e's OFF
MAX_ADDRESS = 1 << 16  # pixels of a row; ours, far above any sensor

C = TypeVar("C")


@dataclass(frozen=True, eq=False)
class Events:
    """One recording of E events in order of time.

    Attributes:
        t: When each was, [E], nanoseconds from 0 to below 2**62.
        x: Column, or channel of a sensor without rows, [E], from 0 to 65535.
        y: Row, [E], from 0 to 65535; None if the sensor has no rows.
        on: Whether light or signal rose, [E]; None if the file does not say.
        sensor: Width and height in pixels, None if the file does not say.
        label: Class number, None if the file has none.
        source: Which recording it is, for messages.
        unit: Of the times in the file, a key of TIME_UNITS_NS.
        said: Whether file or user said the unit; else it was guessed.
        moved: Events that came after a later one in the file and were put in order.
        late_ns: By how much the latest of them came too late, nanoseconds; 0 if none did.
    """

    t: IntArray
    x: IntArray
    y: IntArray | None
    on: BoolArray | None
    sensor: tuple[int, int] | None
    label: int | None
    source: str
    unit: str
    said: bool
    moved: int = 0
    late_ns: int = 0


def columns_of(named: Mapping[str, C]) -> dict[str, C]:
    """Return what is called t, x, y or p by any usual name, under these letters."""
    lower = {name.lower(): column for name, column in named.items()}
    return {
        letter: next(lower[a] for a in aliases if a in lower)
        for letter, aliases in ALIASES.items()
        if any(a in lower for a in aliases)
    }


def make_events(
    columns: Mapping[str, AnyArray],
    source: str,
    *,
    unit: TimeUnitName | None = None,
    said: bool = False,
    sensor: tuple[int, int] | None = None,
    label: int | None = None,
) -> Events:
    """Return `columns` t, x and, if there are, y and p as Events.

    unit: of t; None: whole numbers are microseconds, others seconds. said: whether `unit`
    is more than our guess.

    Raises:
        InputError: A column is missing, holds what cannot be, or is far out of order.
    """
    _check_columns(columns, source)
    given: TimeUnitName = unit or ("us" if _is_whole(columns["t"]) else "s")
    t = _nanoseconds(columns["t"], given, source)
    behind = np.maximum.accumulate(t) - t
    moved = int(np.count_nonzero(behind))
    if moved > FEW * len(t):
        raise InputError(
            f"{source}: time goes backwards, {moved} of {len(t)} events are earlier than "
            "one before them; sort the events by time, or cut the recording where its "
            "clock was reset"
        )
    order = np.argsort(t, kind="stable") if moved else slice(None)
    return Events(
        t=frozen(t[order]),
        x=_addresses(columns["x"][order], "x", source),
        y=_addresses(columns["y"][order], "y", source) if "y" in columns else None,
        on=_polarity(columns["p"][order], source) if "p" in columns else None,
        sensor=sensor,
        label=label,
        source=source,
        unit=given,
        said=said and unit is not None,
        moved=moved,
        late_ns=int(behind.max()),
    )


def _check_columns(columns: Mapping[str, AnyArray], source: str) -> None:
    for letter in ("t", "x"):
        if letter not in columns:
            raise InputError(
                f"{source}: events have no column {letter!r} (they have "
                f"{', '.join(map(repr, columns)) or 'none that is known'}); name the "
                f"columns t, x, y, p"
            )
    shapes = {letter: list(values.shape) for letter, values in columns.items()}
    if any(len(s) != 1 for s in shapes.values()) or len({*map(tuple, shapes.values())}) > 1:
        each = ", ".join(f"{letter} {shape}" for letter, shape in shapes.items())
        raise InputError(
            f"{source}: the columns of its events are {each}, but each must have one value "
            f"per event; save them as arrays of one length"
        )
    for letter, values in columns.items():
        if values.dtype.kind not in "biuf":
            raise InputError(
                f"{source}: column {letter!r} is of type {values.dtype}; save numbers"
            )
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InputError(
                f"{source}: column {letter!r} holds NaN or infinite values; remove them"
            )
    if len(columns["t"]) == 0:
        raise InputError(f"{source}: holds no events; leave this recording out")


def _is_whole(values: AnyArray) -> bool:
    return values.dtype.kind != "f" or bool((values == np.floor(values)).all())


def _nanoseconds(t: AnyArray, unit: TimeUnitName, source: str) -> IntArray:
    """Return times as int64 nanoseconds, without loss where they are whole."""
    scale = TIME_UNITS_NS[unit]
    low, high = float(t.min()), float(t.max())
    if low < 0 or high * scale >= MAX_NS:
        raise InputError(
            f"{source}: times from {low:g} to {high:g} {unit}; a time must be at least 0 "
            f"and below {MAX_NS / scale:.3g} {unit}; say with {option('time_unit')} what "
            "they are"
        )
    if t.dtype.kind == "f":
        return np.rint(t.astype(np.float64) * scale).astype(np.int64)
    return t.astype(np.int64) * int(scale)


def _addresses(values: AnyArray, letter: str, source: str) -> IntArray:
    low, high = float(values.min()), float(values.max())
    if not _is_whole(values) or low < 0 or high >= MAX_ADDRESS:
        raise InputError(
            f"{source}: column {letter!r} runs from {low:g} to {high:g}, but an address is "
            f"a whole number from 0 to {MAX_ADDRESS - 1}; check which column is which"
        )
    return frozen(values.astype(np.int64))


def _polarity(values: AnyArray, source: str) -> BoolArray:
    odd = ~np.isin(values, (-1, 0, 1, MINUS_ONE))
    if odd.any():
        raise InputError(
            f"{source}: polarity {values[odd][0]:g} in column 'p', but an event is ON (1) "
            f"or OFF (0 or -1); check which column is which"
        )
    return frozen(values == 1)


def columns_of_table(table: AnyArray, source: str) -> dict[str, AnyArray]:
    """Return the columns t, x, y, p of a table [E, 4] without names: p is the one of -1, 0
    and 1 alone, t the one that never falls; x comes before y.

    Raises:
        InputError: The numbers fit neither [t, x, y, p] nor [x, y, t, p], or both.
    """
    fits = [order for order in ORDERS if _is_order(table, order)]
    if len(fits) != 1:
        orders = " or ".join(f"[{', '.join(order)}]" for order in ORDERS)
        why = "fit both" if fits else "fit neither"
        raise InputError(
            f"{source}: a table {list(table.shape)} of events without names, whose numbers "
            f"{why} {orders}; save the columns t, x, y, p with numpy.savez(file, t=..., "
            "x=..., y=..., p=...)"
        )
    return dict(zip(fits[0], table.T, strict=True))


def is_event_table(table: AnyArray) -> bool:
    """Whether numbers [E, 4] can be events: one column of time, one of polarity."""
    return any(_is_order(table, order) for order in ORDERS)


def _is_order(table: AnyArray, order: str) -> bool:
    t, p = table[:, order.index("t")], table[:, order.index("p")]
    places = np.delete(table, [order.index("t"), order.index("p")], axis=1)
    falls = np.count_nonzero(t[1:] < t[:-1])
    return bool(
        np.isin(p, (-1, 0, 1, MINUS_ONE)).all()
        and falls <= FEW * len(t)
        and t[-1] > t[0]
        and _is_whole(places)
        and places.min() >= 0
        and places.max() < MAX_ADDRESS
    )
