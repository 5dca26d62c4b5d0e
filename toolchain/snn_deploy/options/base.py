"""What an option is: a field of a frozen Struct with its type, range, default and help.

A group of options is a subclass of `Options`. Whoever makes one, the command line, a YAML
file or a call from Python, gets the same checks, so that a group that exists is right.
"""

import math
import operator
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import inspect

from snn_deploy.errors import InputError, option

Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


def says(help: str, *, metavar: str = "", aliases: tuple[str, ...] = ()) -> msgspec.Meta:
    """Return what an option says of itself.

    Args:
        help: One text for help, documents and editors.
        metavar: What stands for a value in help; "" if the name says it.
        aliases: Other names on the command line, with dashes.
    """
    extra = {"metavar": metavar, "aliases": aliases}
    return msgspec.Meta(description=help, extra=extra)


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all groups of options; values are checked whoever gives them.

    Raises:
        InputError: A value is of another type than its option, or out of its range.
    """

    def __post_init__(self) -> None:
        for field in fields_of(type(self)):
            given = getattr(self, field.name)
            checked = field.checked(given)
            if checked is not given:  # a NumPy integer, or a path as text
                msgspec.structs.force_setattr(self, field.name, checked)

    def changed(self) -> dict[str, Any]:
        """Return the options that are not at their defaults, by name."""
        values = {f.name: (getattr(self, f.name), f.default) for f in fields_of(type(self))}
        return {n: v for n, (v, usual) in values.items() if not same(v, usual)}


@dataclass(frozen=True)
class Field:
    """One option, as its group states it.

    Attributes:
        name: As a keyword; with dashes on the command line.
        kind: bool, int, float, str or Path; object for samples: a file, or arrays.
        choices: The only values, of an option that has names; else empty.
        default: Where nothing is given; None means that something else decides.
        low: Least value, None if there is none.
        above: Every value is above this one, None if there is no such.
        high: Largest value, None if there is none.
        help: One text for help, documents and editors.
        metavar: What stands for a value in help; "" if the name says it.
        aliases: Other names on the command line, with dashes.
    """

    name: str
    kind: type
    choices: tuple[str, ...]
    default: Any
    low: float | None
    above: float | None
    high: float | None
    help: str
    metavar: str
    aliases: tuple[str, ...] = ()

    def checked(self, value: Any) -> Any:
        """Return `value` as a plain int, float, str, bool or Path.

        Raises:
            InputError: It is of another type, out of range or none of the choices.
        """
        if value is None and self.default is None:
            return None
        try:
            plain = PLAIN[self.kind][0](value)
        except (TypeError, ValueError, OverflowError):
            raise self.refusal(value) from None
        if not self._is_in_range(plain):
            raise self.refusal(plain)
        return plain

    def of_text(self, text: str) -> Any:
        """Return what `text` stands for, a number where one is wanted.

        Raises:
            InputError: It stands for nothing that can be.
        """
        if self.kind not in (int, float):
            return self.checked(text)
        try:
            return self.checked(self.kind(text))
        except ValueError:
            raise self.refusal(text) from None

    def refusal(self, value: Any) -> InputError:
        """Return the error for a value that cannot be: what it must be, in a sentence."""
        shown = value if isinstance(value, int | float) else str(value)
        close = get_close_matches(str(shown), self.choices, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        return InputError(f"{option(self.name, shown)}: must be {self.range}{hint}")

    @property
    def range(self) -> str:
        """What a value must be, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        what = PLAIN[self.kind][1]
        if self.above is not None:
            return f"{what} above {self.above:g}"
        if self.low is not None and self.high is not None:
            return f"{what} from {self.low:g} to {self.high:g}"
        return what if self.low is None else f"{what}, at least {self.low:g}"

    def _is_in_range(self, plain: Any) -> bool:
        if self.choices:
            return plain in self.choices
        if self.kind not in (int, float):
            return True
        return (
            math.isfinite(plain)
            and (self.low is None or plain >= self.low)
            and (self.above is None or plain > self.above)
            and (self.high is None or plain <= self.high)
        )


@cache
def fields_of(group: type[Options]) -> tuple[Field, ...]:
    """Return the options of a group, in the order in which it states them."""
    stated = inspect.type_info(group)
    if not isinstance(stated, inspect.StructType):
        raise TypeError(f"{group}: no Struct")
    hints = get_type_hints(group, include_extras=True)
    return tuple(_field(f, hints[f.name]) for f in stated.fields)


def _field(stated: inspect.Field, hint: Any) -> Field:
    meta = stated.type
    if not isinstance(meta, inspect.Metadata):
        raise TypeError(f"{stated.name}: say what it is with Annotated and Meta")
    inner = meta.type
    kinds = inner.types if isinstance(inner, inspect.UnionType) else (inner,)
    (kind,) = (k for k in kinds if not isinstance(k, inspect.NoneType))
    union = get_args(hint)[0]  # inside Annotated; msgspec would sort its names
    literals = [t for t in (union, *get_args(union)) if get_origin(t) is Literal]
    choices = get_args(literals[0]) if literals else ()
    return Field(
        name=stated.name,
        kind=_KINDS.get(type(kind), Path),
        choices=choices,
        default=stated.default,
        low=getattr(kind, "ge", None),
        above=getattr(kind, "gt", None),
        high=getattr(kind, "le", None),
        help=(meta.extra_json_schema or {})["description"],
        metavar=(meta.extra or {}).get("metavar", ""),
        aliases=(meta.extra or {}).get("aliases", ()),
    )


_KINDS: Mapping[type, type] = {
    inspect.BoolType: bool,
    inspect.IntType: int,
    inspect.FloatType: float,
    inspect.StrType: str,
    inspect.LiteralType: str,
    inspect.AnyType: object,
}


def _whole(value: Any) -> int:
    return operator.index(_no_truth(value))


def _real(value: Any) -> float:
    if isinstance(value, str | bytes):
        raise TypeError
    return float(_no_truth(value))


def _no_truth(value: Any) -> Any:
    if type(value).__name__ in ("bool", "bool_"):  # Python's and NumPy's
        raise TypeError
    return value


def _truth(value: Any) -> bool:
    if type(value).__name__ not in ("bool", "bool_"):
        raise TypeError
    return bool(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return str(value)


def _path(value: Any) -> Path:
    if not os.fspath(value):
        raise ValueError
    return Path(value)


def _samples(value: Any) -> Any:
    return _path(value) if isinstance(value, str | os.PathLike) else value


# By kind: what makes a plain value of one that is given, and what that is called.
PLAIN: Mapping[type, tuple[Callable[[Any], Any], str]] = {
    int: (_whole, "a whole number"),
    float: (_real, "a number"),
    bool: (_truth, "true or false"),
    str: (_text, "a text"),
    Path: (_path, "a path"),
    object: (_samples, "a file, or arrays"),
}


def same(a: Any, b: Any) -> bool:
    """Return whether two values of an option are equal; arrays are if they are one."""
    return a is b or (
        type(a) is type(b) and isinstance(a, str | int | float | Path) and bool(a == b)
    )
