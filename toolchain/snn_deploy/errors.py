"""Everything that can go wrong, as one tree; each leaf names its exit code.

::

    DeployError
    |-- InputError          2  a model, data file or option that cannot be read or that
    |   |                      means two things
    |   `-- BoardError      2  no such board, or a file that does not describe one
    |-- DoesNotFitError     3  understood, but the target cannot hold or express it
    |-- MismatchError       1  an emitted program was run and gives other values: a bug
    `-- BudgetError         4  a required accuracy, energy or latency is not met

A message is one line: who, what with numbers, why, what to do. The command line prints it
without a traceback; anything that is not a DeployError is a bug of ours and exits with 1.

A message names an option in the words of whoever gave it: `option("weight_bits", 4)` is
`weight_bits=4` for a caller from Python, `--weight-bits 4` on the command line and the path
of the key in a YAML file, as the caller says by `speaking`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final, TypeAlias


class DeployError(Exception):
    """Base of every error a user can cause."""

    exit_code = 2


class InputError(DeployError):
    """A model, a data file or an option that cannot be read, or that means two things."""

    exit_code = 2


class BoardError(InputError):
    """No such board, or a file that does not describe one."""


class DoesNotFitError(DeployError):
    """The target cannot hold or express this network.

    Attributes:
        violations: One sentence each; all are shown at once.
    """

    exit_code = 3

    def __init__(self, *violations: str) -> None:
        super().__init__("\n".join(violations))
        self.violations = violations


class MismatchError(DeployError):
    """An emitted program was run and gives other values than our integers: a bug."""

    exit_code = 1


class BudgetError(DeployError):
    """A required accuracy, energy or latency is not met."""

    exit_code = 4


# How a caller writes an option: its name, and a value or None.
Words: TypeAlias = Callable[[str, object], str]


def python_words(name: str, value: object) -> str:
    """Return e.g. `weight_bits=4`, `profile='nir' or 'norse'`, `dt=SECONDS` or the name."""
    if value is None:
        return name
    if isinstance(value, Path):
        return f"{name}={str(value)!r}"
    text = written(value)
    plain = text.isupper() or not any(c.isalpha() for c in text.replace("e", ""))
    if plain or not isinstance(value, str):
        return f"{name}={text}"
    return f"{name}={' or '.join(map(repr, text.split('|')))}"


def command_line_words(name: str, value: object) -> str:
    """Return e.g. `--weight-bits 4`, or `--weight-bits`."""
    flag = "--" + name.replace("_", "-")
    return flag if value is None else f"{flag} {written(value)}"


def written(value: object) -> str:
    """Return a value as people write it: 3, not 3.0."""
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


_SPOKEN: Final[ContextVar[Words]] = ContextVar("words", default=python_words)


@contextmanager
def speaking(words: Words) -> Iterator[None]:
    """Let messages that are made inside name options in these words."""
    token = _SPOKEN.set(words)
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def option(name: str, value: object = None) -> str:
    """Return how the caller writes the option `name`, with `value` if there is one.

    Args:
        name: Of the field, e.g. "weight_bits".
        value: Given or advised; several that would do are one text, "snntorch|nir"; in
            capitals it stands for any.
    """
    return _SPOKEN.get()(name, value)
