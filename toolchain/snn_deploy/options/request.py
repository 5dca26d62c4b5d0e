"""Request: everything that was asked of one deployment, one group of options each.

`gathered` makes one of groups and plain keywords, whoever gives them: `deploy(...)` of
Python, the command line, deploy.yaml.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from snn_deploy.errors import InputError, option
from snn_deploy.options.base import Options, fields_of, same
from snn_deploy.options.goal import GoalOptions
from snn_deploy.options.inputs import InputOptions
from snn_deploy.options.mapping import MappingOptions
from snn_deploy.options.output import OutputOptions
from snn_deploy.options.reading import ReadingOptions
from snn_deploy.options.simulation import SimulationOptions

GROUPS: Mapping[str, type[Options]] = MappingProxyType(
    {
        "reading": ReadingOptions,
        "inputs": InputOptions,
        "mapping": MappingOptions,
        "simulation": SimulationOptions,
        "goal": GoalOptions,
        "output": OutputOptions,
    }
)
LAST_STAGE = "simulate"

G = TypeVar("G", bound=Options)


@dataclass(frozen=True, eq=False)
class Request:
    """All groups of one deployment.

    Attributes:
        reading: How the model file is meant.
        inputs: What is fed in.
        mapping: How it becomes integers on cores.
        simulation: How samples are run, timed and read.
        goal: What must be reached.
        output: What is written.
        backends: The backends' own options, by the backend's name.
    """

    reading: ReadingOptions = field(default_factory=ReadingOptions)
    inputs: InputOptions = field(default_factory=InputOptions)
    mapping: MappingOptions = field(default_factory=MappingOptions)
    simulation: SimulationOptions = field(default_factory=SimulationOptions)
    goal: GoalOptions = field(default_factory=GoalOptions)
    output: OutputOptions = field(default_factory=OutputOptions)
    backends: Mapping[str, Options] = field(default_factory=dict)

    @property
    def simulated(self) -> bool:
        """Whether samples are simulated."""
        stop = self.simulation.stop_after
        return self.inputs.input is not None and stop in (None, LAST_STAGE)


def gathered(
    fields: Mapping[str, Any],
    groups: Mapping[str, Options | None] = MappingProxyType({}),
    backends: Mapping[str, type[Options]] = MappingProxyType({}),
) -> Request:
    """Return the request that groups and plain keywords make together.

    Args:
        fields: Options by name, of any group.
        groups: Whole groups, by their names in GROUPS; None is not given.
        backends: The groups of the backends whose options may be among `fields`.

    Raises:
        InputError: A keyword is unknown, contradicts the group that it belongs to, or has a
            value that cannot be.
    """
    known = {
        name for group in (*GROUPS.values(), *backends.values()) for name in _of(group)
    }
    for name in fields:
        if name not in known:
            raise InputError(f"{option(name)}: no such option{_hint(name, known)}")
    made = {
        name: chosen(kind, groups.get(name), _part(kind, fields))
        for name, kind in GROUPS.items()
    }
    return Request(
        **made,  # type: ignore[arg-type]
        backends={name: kind(**_part(kind, fields)) for name, kind in backends.items()},
    )


def chosen(kind: type[G], whole: G | None, fields: Mapping[str, Any]) -> G:
    """Return one group, given as a whole or by plain keywords.

    Args:
        kind: The group.
        whole: None if it was not given.
        fields: Its options by name.

    Raises:
        InputError: A keyword is unknown, contradicts `whole`, or has a value that cannot
            be.
    """
    known = set(_of(kind))
    for name in fields:
        if name not in known:
            raise InputError(f"{option(name)}: no such option{_hint(name, known)}")
    if whole is None:
        return kind(**fields)
    if not isinstance(whole, kind):
        raise InputError(
            f"{type(whole).__name__}: is no {kind.__name__}; give its options by name, or "
            f"one of these"
        )
    for key, value in _different(whole, kind(**fields), fields):
        given, grouped = (_shown(v) for v in (value, getattr(whole, key)))
        raise InputError(
            f"{option(key, given)}: {kind.__name__} says {grouped}; say it once"
        )
    return whole


def _different(whole: G, alone: G, own: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the keywords whose values are others than those of the group."""
    for key in own:
        given = getattr(alone, key)
        if not same(given, getattr(whole, key)):
            yield key, given


def _shown(value: Any) -> Any:
    """Return a value as a message shows it: of arrays, what they are."""
    plain = value is None or isinstance(value, str | int | float | Path)
    return value if plain else f"({type(value).__name__})"


def _of(group: type[Options]) -> tuple[str, ...]:
    return tuple(f.name for f in fields_of(group))


def _part(group: type[Options], fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in _of(group) if name in fields}


def _hint(name: str, known: set[str]) -> str:
    close = get_close_matches(name.replace("-", "_"), sorted(known), n=1)
    return f"; did you mean {option(close[0])}?" if close else ""
