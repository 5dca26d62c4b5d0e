"""Origins: for every number in report.json, the counter or the source it comes from.

Each file of facts states those of its own numbers; `summary` joins them. A key is the path
of a number or of a part that holds numbers; "[]" stands for any index; the longest that
fits counts. A text starts with its kind::

    given        by the user: model, input, options
    count        events or neurons counted in a simulator or a mapped network
    coefficient  a board's or a price list's number; its evidence stands at the path in
                 brackets
    derived      worked out from other numbers, as said
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]


def numbers(value: Any, path: Path = ()) -> Iterator[tuple[Path, float]]:
    """Yield every number in decoded JSON with its path, e.g. ("layers", 0, "rate")."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from numbers(part, (*path, name))
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from numbers(part, (*path, i))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


def origin(path: Path, origins: dict[str, str]) -> tuple[str, str] | None:
    """Return the key in `origins` that fits the path of a number best, and its text."""
    fitting = [key for key in origins if _fits(key, path)]
    if not fitting:
        return None
    best = max(fitting, key=lambda key: len(segments(key)))
    return best, origins[best]


def segments(key: str) -> Sequence[str]:
    """Return the parts of a key: names, and "[]" for any index."""
    return key.replace("[]", ".[]").split(".")


def evidence(path: Path, text: str) -> Path | None:
    """Return where the evidence stands that an origin's text names in brackets: its
    indices are those of the number; None if it names none."""
    if not text.endswith("]") or "[" not in text:
        return None
    indices = iter([part for part in path if isinstance(part, int)])
    named = text[text.index(" [") + 2 : -1]
    return tuple(next(indices) if s == "[]" else s for s in segments(named))


def _fits(key: str, path: Path) -> bool:
    wanted = segments(key)
    if len(wanted) > len(path):
        return False
    return all(
        isinstance(part, int) if want == "[]" else part == want
        for want, part in zip(wanted, path, strict=False)
    )
