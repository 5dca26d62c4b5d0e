"""Numbers with a history: every figure of a board says where it is from and how good it is.

Each record has a value with its unit, the kind of evidence it is, its source and how far to
trust it. A report shows them beside the result, so that an inherited or assumed number can
never pass for a measured one.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal[
    "limit",  # a size stated by the vendor or the vendor's software
    "simulated",  # before silicon
    "measured-min",  # best case of a microbenchmark
    "measured",
    "fitted",  # by regression on silicon
    "all-in",  # total power / events, static power included
    "incremental",  # slope of power against rate
    "vendor-ratio",  # a ratio to another chip, as the vendor states it
    "inherited",  # another chip's number, unchanged
    "derived",  # calculated from published data
    "scaled",  # another chip's number times a vendor ratio
    "assumed",  # ours, without evidence
    "none",  # not published; the value is null
]
Confidence: TypeAlias = Literal[
    "primary",  # read in the vendor's or authors' own text or code
    "secondary",  # quoted by somebody else
    "derived",  # our arithmetic on primary data
    "verified",  # we ran it
    "unconfirmed",  # sources conflict, or there is none
]
CounterName: TypeAlias = Literal[
    "synops", "synops_dense", "synops_sparse", "synops_conv", "words", "updates", "active",
    "inactive", "spikes", "messages_in", "messages_out", "hops_x", "hops_y", "hops_chip",
    "input_messages",
]  # fmt: skip

SmallCount = Annotated[int, msgspec.Meta(gt=0, le=1 << 16)]
Natural = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
Small = Annotated[int, msgspec.Meta(ge=-64, le=64)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every record says of its number.

    Attributes:
        kind: Kind of evidence, see `Kind`.
        source: Where the number is from.
        confidence: How far to trust it, see `Confidence`.
        note: What else to know; may be empty.
    """

    kind: Kind
    source: str
    confidence: Confidence
    note: str = ""


class Limit(Evidence, frozen=True, kw_only=True):
    """A size: how much there is of something, or the largest value that is allowed.

    Attributes:
        value: The size, 0..2**40, in `unit`.
        unit: E.g. "bit", "64-bit words", "steps".
    """

    value: Natural
    unit: str


class Exponent(Evidence, frozen=True, kw_only=True):
    """A limit that may be negative.

    Attributes:
        value: The exponent of a power of two, -64..64.
        unit: "bit": places that something is shifted by.
    """

    value: Small
    unit: str


class Widths(Evidence, frozen=True, kw_only=True):
    """The sizes something can have.

    Attributes:
        values: At least one, rising, in `unit`.
        unit: E.g. "bit".
    """

    values: tuple[Natural, ...]
    unit: str

    def __post_init__(self) -> None:
        if not self.values or list(self.values) != sorted(set(self.values)):
            raise ValueError("`values` must rise and not be empty")


class Flag(Evidence, frozen=True, kw_only=True):
    """A yes or no; true in a condition if the value is.

    Attributes:
        value: The answer.
    """

    value: bool

    def __bool__(self) -> bool:
        return self.value


class Figure(Evidence, frozen=True, kw_only=True):
    """A quantity.

    Attributes:
        value: 0..1e12, in `unit`; None exactly if the kind is "none".
        unit: E.g. "s".
    """

    value: Amount | None
    unit: str

    def __post_init__(self) -> None:
        _check_none(self.value, self.kind)


class Barrier(Evidence, frozen=True, kw_only=True):
    """Time the end of a step takes, one row of a table.

    Attributes:
        tiles: Least number of routers with a core in use for which the row holds.
        value: The time, in s.
        unit: Always "s".
    """

    tiles: SmallCount
    value: Amount
    unit: Literal["s"]


class Coefficient(Evidence, frozen=True, kw_only=True):
    """Energy per event.

    Attributes:
        name: Of the line in a report.
        counter: Which events are counted, see `CounterName`.
        value: Energy of one event, in pJ; None exactly if the kind is "none".
        unit: Always "pJ".
        scope: Where it is spent: in the cores, on the network on chip, or at the chip's
            ports. Only the first two are added up.
        voltage: Supply in volts at which it holds; None if unknown.
    """

    name: str
    counter: CounterName
    value: Amount | None
    unit: Literal["pJ"]
    scope: Literal["core", "noc", "io"]
    voltage: Amount | None

    def __post_init__(self) -> None:
        _check_none(self.value, self.kind)


class StaticPower(Evidence, frozen=True, kw_only=True):
    """Power that flows whatever happens.

    Attributes:
        name: Of the line in a report.
        value: Power of one unit, in W; None exactly if the kind is "none".
        unit: Always "W".
        scope: What one unit of it covers: a core in use, a chip in use, or the management
            CPUs of one.
    """

    name: str
    value: Amount | None
    unit: Literal["W"]
    scope: Literal["core", "chip", "management"]

    def __post_init__(self) -> None:
        _check_none(self.value, self.kind)


class Measurement(Evidence, frozen=True, kw_only=True):
    """What somebody measured on the real thing: to compare with, never a coefficient.

    Attributes:
        workload: What ran, and on how many cores or chips.
        quantity: What was measured, e.g. "time per step".
        value: In `unit`.
        unit: E.g. "s", "J", "W", "1/s".
    """

    workload: str
    quantity: str
    value: Amount
    unit: str


def leaves(item: Any, path: str = "") -> Iterator[tuple[str, Evidence]]:
    """Yield every record inside a board, or a part of one, with its path in field order."""
    if isinstance(item, Evidence):
        yield path, item
    elif isinstance(item, msgspec.Struct):
        for name in item.__struct_fields__:
            yield from leaves(getattr(item, name), f"{path}.{name}" if path else name)
    elif isinstance(item, Mapping):
        for name, value in item.items():
            yield from leaves(value, f"{path}.{name}")
    elif isinstance(item, tuple):
        for i, value in enumerate(item):
            yield from leaves(value, f"{path}[{i}]")


def _check_none(value: float | None, kind: str) -> None:
    if (value is None) != (kind == "none"):
        raise ValueError("the value must be null if the kind is `none`, and only then")
