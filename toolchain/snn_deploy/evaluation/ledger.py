"""Ledger: counts times coefficients, one line each, scopes kept apart.

Counts come from the chip simulator, coefficients from the board file; this is the only
place where they meet. A board may carry several coefficient sets, published by different
people and exclusive of each other: each is worked out, and the interval they span is
reported. Nothing that is not published is left out in silence or counted as zero: its line
says so.

All counts and joules are per inference: one sample, from its first step to the next
sample's.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from snn_deploy.arrays import FloatArray
from snn_deploy.board.board import Board, EnergySet
from snn_deploy.board.evidence import Coefficient, StaticPower
from snn_deploy.ir.activity import CHIP_COUNTERS, CORE_COUNTERS, Activity
from snn_deploy.ir.program import Program

PICO = 1e-12
DYNAMIC = ("core", "noc")  # the scopes of events inside the chip, which may be added up


class Stat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A quantity per inference: measured over samples, or bounded where no input was given.

    Attributes:
        mean: Over the samples; null if bounded.
        std: Standard deviation over the samples (n - 1); null for one sample, and if
            bounded.
        low: The smallest of a sample; if bounded, the value while every source is silent.
        high: The largest of a sample; if bounded, the value while every source fires in
            every step, which is less than `low` for the counter "inactive".
    """

    mean: float | None
    std: float | None
    low: float
    high: float


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One kind of event, or one static power: joules = count x price.

    Attributes:
        name: Of the coefficient or static power in the board file.
        scope: "core", "noc" or "io"; of static power "static-core", "static-chip" or
            "static-management".
        counter: What is counted; of static power "seconds x cores" or "seconds x chips".
        count: Events per inference; of static power, seconds times units powered.
        price: Energy of one event or power of one unit, in `unit`; null if it is not
            published.
        unit: "pJ" for events, "W" for static power.
        joules: Energy per inference, J; null if `price` is.
        kind: Kind of evidence for the price, see board/evidence.py.
        voltage: Supply at which the price holds, V; null if unknown, and for static
            power.
        source: Where the price was published.
        confidence: How far to trust it, see board/evidence.py.
        note: What the board file adds, "" if nothing.
        parts: Mean joules per inference (bounded: while all fires) by population; empty
            where no population causes them, or without a price.
    """

    name: str
    scope: str
    counter: str
    count: Stat
    price: float | None
    unit: str
    joules: Stat | None
    kind: str
    voltage: float | None
    source: str
    confidence: str
    note: str
    parts: dict[str, float]


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One coefficient set worked out.

    Attributes:
        name: Key of the set in the board file.
        title: Of the set, in words.
        source: Who published it.
        note: What the board file adds, "" if nothing.
        lines: One for each coefficient, with a price or without.
        totals: Joules per inference by scope, of the lines with a price.
        dynamic: Joules per inference of the scopes core and noc together.
        unpublished: Names of the lines without a price, which no total holds.
    """

    name: str
    title: str
    source: str
    note: str
    lines: tuple[Line, ...]
    totals: dict[str, Stat]
    dynamic: Stat
    unpublished: tuple[str, ...]


class Interval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Joules per inference of the scopes core and noc, over the coefficient sets.

    Attributes:
        low: Joules, the smallest mean of a set; of bounds, the smallest lower one.
        low_set: Name of that set.
        high: Joules, the largest mean of a set; of bounds, the largest upper one.
        high_set: Name of that set.
    """

    low: float
    low_set: str
    high: float
    high_set: str


class Ledger(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Energy per inference.

    Attributes:
        basis: "measured" over `samples`, or "bounds" (no input was given).
        samples: That were simulated, 0 for bounds.
        steps: Model steps of an inference.
        accounts: One for each coefficient set of the board; they exclude each other.
        static: Lines that no coefficient set owns, each a scope of its own, never added
            up.
        interval: Smallest and largest energy over the accounts.
    """

    basis: str
    samples: int
    steps: int
    accounts: tuple[Account, ...]
    static: tuple[Line, ...]
    interval: Interval


@dataclass(frozen=True, eq=False)
class Counted:
    """What happened, ready to be priced, of K samples; of bounds K = 2, silent and firing.

    Attributes:
        counters: Events per sample by counter name, [K] each.
        parts: Mean events per sample (of bounds: while all fires) by core counter and
            population.
        seconds: Modelled time of each sample, [K], s.
        cores: In use; one per piece.
        chips: With a core in use.
        summary: From values [K] to their Stat.
    """

    counters: Mapping[str, FloatArray]
    parts: Mapping[str, Mapping[str, float]]
    seconds: FloatArray
    cores: int
    chips: int
    summary: Callable[[FloatArray], Stat]


def ledger(activity: Activity, program: Program) -> Ledger:
    """Return the energy per inference of what was simulated."""
    counted = _counted([activity], program, measured)
    return _ledger(counted, program.board, "measured", activity.samples, activity.steps)


def bounds(silent: Activity, firing: Activity, program: Program) -> Ledger:
    """Return the energy per inference between two extremes (see `extremes.py`), one sample
    each."""
    counted = _counted([silent, firing], program, bounded)
    return _ledger(counted, program.board, "bounds", 0, firing.steps)


def dynamic_joules(activity: Activity, program: Program) -> dict[str, FloatArray]:
    """Return the joules of the scopes core and noc of each sample [N], by coefficient
    set."""
    counted = _counted([activity], program, measured)
    return {
        name: _joules(
            [c for c in found.coefficients if c.value is not None], DYNAMIC, counted
        )
        for name, found in program.board.energy.sets.items()
    }


def measured(values: FloatArray) -> Stat:
    """Summarize one value per sample [N]."""
    low, high = float(values.min()), float(values.max())
    if len(values) == 1:
        return Stat(low, None, low, high)
    std = float(values.std(ddof=1)) if low < high else 0.0  # no rounding noise
    return Stat(float(values.mean()), std, low, high)


def bounded(values: FloatArray) -> Stat:
    """Summarize [2], silent and firing."""
    return Stat(None, None, float(values[0]), float(values[1]))


def _counted(
    runs: list[Activity], program: Program, summary: Callable[[FloatArray], Stat]
) -> Counted:
    used = program.placement.core
    return Counted(
        counters=_with_sums(
            {
                name: np.concatenate([r.per_sample[name] for r in runs]).astype(np.float64)
                for name in (*CORE_COUNTERS, *CHIP_COUNTERS)
            }
        ),
        parts=_parts(runs[-1], program),
        seconds=np.concatenate([r.step_s.sum(axis=1) for r in runs]),
        cores=len(used),
        chips=len(np.unique(used // program.board.cores_per_chip)),
        summary=summary,
    )


def _with_sums(counts: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
    """Return `counts` with the counters that follow from others."""
    synops = counts["synops_dense"] + counts["synops_sparse"] + counts["synops_conv"]
    return {**counts, "synops": synops, "inactive": counts["updates"] - counts["active"]}


def _parts(run: Activity, program: Program) -> Mapping[str, Mapping[str, float]]:
    """Return mean events per sample by core counter and population."""
    counts = _with_sums(
        {
            name: getattr(run.counts, name).sum(axis=0) / run.samples  # [P]
            for name in CORE_COUNTERS
        }
    )
    pieces = {p.name: list(program.partition.of(p.name)) for p in program.net.populations}
    return {
        name: {pop: float(of_piece[at].sum()) for pop, at in pieces.items()}
        for name, of_piece in counts.items()
    }


def _ledger(counted: Counted, board: Board, basis: str, samples: int, steps: int) -> Ledger:
    accounts = tuple(_account(n, s, counted) for n, s in board.energy.sets.items())
    return Ledger(
        basis=basis,
        samples=samples,
        steps=steps,
        accounts=accounts,
        static=tuple(_static_line(s, counted) for s in board.energy.static),
        interval=_interval(accounts),
    )


def _account(name: str, coefficients: EnergySet, counted: Counted) -> Account:
    priced = [c for c in coefficients.coefficients if c.value is not None]
    scopes = {c.scope: None for c in priced}
    return Account(
        name=name,
        title=coefficients.title,
        source=coefficients.source,
        note=coefficients.note,
        lines=tuple(_line(c, counted) for c in coefficients.coefficients),
        totals={s: counted.summary(_joules(priced, (s,), counted)) for s in scopes},
        dynamic=counted.summary(_joules(priced, DYNAMIC, counted)),
        unpublished=tuple(c.name for c in coefficients.coefficients if c.value is None),
    )


def _joules(
    coefficients: Iterable[Coefficient], scopes: tuple[str, ...], counted: Counted
) -> FloatArray:
    """Return the joules [K] of the events in `scopes`."""
    total = np.zeros(len(counted.seconds))
    for c in coefficients:
        if c.scope in scopes and c.value is not None:
            total += counted.counters[c.counter] * (c.value * PICO)
    return total


def _line(c: Coefficient, counted: Counted) -> Line:
    count = counted.counters[c.counter]
    parts = counted.parts.get(c.counter, {})
    return Line(
        name=c.name,
        scope=c.scope,
        counter=c.counter,
        count=counted.summary(count),
        price=c.value,
        unit=c.unit,
        joules=None if c.value is None else counted.summary(count * (c.value * PICO)),
        kind=c.kind,
        voltage=c.voltage,
        source=c.source,
        confidence=c.confidence,
        note=c.note,
        parts={} if c.value is None else {p: n * c.value * PICO for p, n in parts.items()},
    )


def _static_line(power: StaticPower, counted: Counted) -> Line:
    units = counted.cores if power.scope == "core" else counted.chips
    count = counted.seconds * units
    return Line(
        name=power.name,
        scope=f"static-{power.scope}",
        counter="seconds x cores" if power.scope == "core" else "seconds x chips",
        count=counted.summary(count),
        price=power.value,
        unit=power.unit,
        joules=None if power.value is None else counted.summary(count * power.value),
        kind=power.kind,
        voltage=None,
        source=power.source,
        confidence=power.confidence,
        note=power.note,
        parts={},
    )


def _interval(accounts: tuple[Account, ...]) -> Interval:
    def low(account: Account) -> float:
        mean = account.dynamic.mean
        return account.dynamic.low if mean is None else mean

    def high(account: Account) -> float:
        mean = account.dynamic.mean
        return account.dynamic.high if mean is None else mean

    least, most = min(accounts, key=low), max(accounts, key=high)
    return Interval(low(least), least.name, high(most), most.name)
