"""Options as flags: what a verb takes on the command line, made from the options' groups.

A verb says by its annotations what it wants: a parameter `request: Request` brings all
options that `options.verbs` lets the verb have, a group of its own brings that group, and
`lists: Lists` those that are given as lists of values to try. The verb is called with the
finished objects.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from snn_deploy.cli.frame import reported
from snn_deploy.names import board_names
from snn_deploy.options.base import Field, Options, fields_of
from snn_deploy.options.request import Request, gathered
from snn_deploy.options.verbs import WITH_BACKENDS, options_of

PANELS = {
    "reading": "Reading the model",
    "inputs": "Input",
    "mapping": "Mapping",
    "simulation": "Simulation",
    "goal": "Goal",
    "output": "Output",
}
WIDEST = 24  # characters of names that stand in the place of a value
OWN = "Program"  # panel of the backends' options
LISTED = ("weight_bits", "spike_bits", "lower", "partition", "placement", "time_model")

Lists = Mapping[str, tuple[Any, ...]]  # values to try, by option


def boards_completed(incomplete: str) -> list[str]:
    """Return the boards whose names begin as what is typed."""
    return [name for name in board_names() if name.startswith(incomplete)]


ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="NIR file (.nir).")]
TargetFlag = Annotated[
    str,
    typer.Option(
        help=f"Board: {', '.join(board_names())}, or a board file (.yaml).",
        metavar="BOARD",
        autocompletion=boards_completed,
    ),
]
JsonFlag = Annotated[
    bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")
]
DebugFlag = Annotated[bool, typer.Option("--debug", help="Show where an error came from.")]


@dataclass(frozen=True)
class OptionFlag:
    """One flag of a verb.

    Attributes:
        field: The option.
        panel: Where help shows it.
        several: Whether it takes a list of values, separated by commas.
    """

    field: Field
    panel: str
    several: bool = False

    def parameter(self) -> inspect.Parameter:
        """Return the parameter of a verb that Typer makes the flag from."""
        field = self.field
        flags = [f"--{name.replace('_', '-')}" for name in (field.name, *field.aliases)]
        if field.kind is bool:
            info = typer.Option(*flags, help=field.help, rich_help_panel=self.panel)
        else:
            info = typer.Option(
                *flags,
                help=_help(field),
                rich_help_panel=self.panel,
                metavar=_metavar(field, self.several),
                parser=self.value,
                autocompletion=self.completed,
            )
        return inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None if self.several else field.default,
            annotation=Annotated[bool if field.kind is bool else Any, info],
        )

    def value(self, given: Any) -> Any:
        """Return what the option takes for a text, a tuple of it for a list.

        Raises:
            InputError: It takes no such value.
        """
        if not isinstance(given, str):  # a default
            return given
        if not self.several:
            return self.field.of_text(given)
        words = (word.strip() for word in given.split(","))
        return tuple(self.field.of_text(word) for word in words if word)

    def completed(self, incomplete: str) -> list[str]:
        """Return the names that begin as what is typed."""
        return [name for name in self.field.choices if name.startswith(incomplete)]


def takes_options(
    name: str, backends: Mapping[str, type[Options]]
) -> Callable[[Callable[..., None]], Callable[..., int]]:
    """Return a decorator that gives the verb `name` its options as flags, and `--debug`; it
    then returns the exit code.

    Args:
        name: Of the verb.
        backends: The backends whose own options it may have, by their names.
    """

    def decorate(verb: Callable[..., None]) -> Callable[..., int]:
        own = inspect.signature(verb, eval_str=True)
        wants = {p.name: p.annotation for p in own.parameters.values()}
        flags = {f.field.name: f for f in _flags(name, wants, backends)}

        @wraps(verb)
        def with_flags(*, debug: bool = False, **given: Any) -> int:
            values = {n: given.pop(n) for n in flags if n in given}
            with reported(debug) as outcome:
                verb(**given, **_made(wants, flags, values, backends))
            return outcome.code

        made = ("request", "options", "lists", "backend_options")
        kept = [p for p in own.parameters.values() if p.name not in made]
        kept.append(
            inspect.Parameter(
                "debug", kept[0].KEYWORD_ONLY, default=False, annotation=DebugFlag
            )
        )
        added = [flag.parameter() for flag in flags.values()]
        signature = own.replace(parameters=[*kept, *added])
        with_flags.__signature__ = signature  # type: ignore[attr-defined]
        with_flags.__annotations__ = {
            p.name: p.annotation for p in signature.parameters.values()
        }
        return with_flags

    return decorate


def _flags(
    name: str, wants: Mapping[str, Any], backends: Mapping[str, type[Options]]
) -> Iterator[OptionFlag]:
    """Yield the flags of a verb, in the order of the groups."""
    if "request" in wants:
        for group, fields in options_of(name).items():
            for f in fields:
                yield OptionFlag(f, PANELS[group], "lists" in wants and f.name in LISTED)
    if "options" in wants:
        yield from (OptionFlag(f, "Options") for f in fields_of(wants["options"]))
    for group_ in backends.values() if name in WITH_BACKENDS else ():
        yield from (OptionFlag(f, OWN) for f in fields_of(group_))


def _made(
    wants: Mapping[str, Any],
    flags: Mapping[str, OptionFlag],
    values: Mapping[str, Any],
    backends: Mapping[str, type[Options]],
) -> dict[str, Any]:
    """Return what a verb is called with, made of the values of its flags."""
    made: dict[str, Any] = {}
    plain = {n: v for n, v in values.items() if not flags[n].several}
    if "lists" in wants:
        made["lists"] = {
            n: v for n, v in values.items() if flags[n].several and v is not None
        }
    if "options" in wants:
        made["options"] = _group(wants["options"], plain)
    if "backend_options" in wants:
        made["backend_options"] = {n: _group(k, plain) for n, k in backends.items()}
    if "request" in wants:
        made["request"] = gathered(plain, backends=backends)
    return made


def _group(kind: type[Options], values: Mapping[str, Any]) -> Options:
    return kind(**{f.name: values[f.name] for f in fields_of(kind)})


def _help(field: Field) -> str:
    """Return the help of an option, with its names where no metavar shows them."""
    names = f" One of {', '.join(field.choices)}." if _is_long(field) else ""
    return field.help + names


def _is_long(field: Field) -> bool:
    return len("|".join(field.choices)) > WIDEST


def _metavar(field: Field, several: bool) -> str:
    if several:
        return "A,B,..."
    if field.metavar:
        return field.metavar
    if field.choices:
        return "NAME" if _is_long(field) else "|".join(field.choices)
    return {int: "INTEGER", float: "NUMBER", Path: "FILE", object: "FILE"}.get(
        field.kind, "TEXT"
    )


__all__ = [
    "JsonFlag",
    "Lists",
    "ModelArgument",
    "Request",
    "TargetFlag",
    "takes_options",
]
