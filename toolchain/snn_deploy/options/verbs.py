"""Which verb takes which options: all of them, but for the exceptions listed here."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from snn_deploy.options.base import Field, Options, fields_of
from snn_deploy.options.request import GROUPS

ALL = "*"

# (verb, group, options of it) that the verb does not take, and why. At most 15 lines.
WITHOUT: Mapping[tuple[str, str, str], str] = MappingProxyType(
    {
        ("check", "goal", ALL): "it simulates nothing that could reach or miss a goal",
        ("check", "output", "out formats trace verify"): "it writes nothing",
        ("check", "simulation", "stop_after"): "it ends where the integers stand",
        ("check", "inputs", "framework_trace"): "it compares no layers",
        ("compare", "goal", ALL): "it shows what each variant reaches, and judges none",
        ("compare", "output", ALL): "its output is a picture; deploy writes the one chosen",
        ("compare", "simulation", "stop_after"): "variants are weighed at the end",
        ("compare", "inputs", "framework_trace"): "variants are compared with each other",
        ("gate", "simulation", "stop_after"): "budgets are of whole runs",
        ("convert", ALL, ALL): "its model is no file: options of its own",
        ("run", ALL, ALL): "the build has its network and samples: options of its own",
        ("boards", ALL, ALL): "it deploys nothing",
        ("doctor", ALL, ALL): "it deploys nothing",
    }
)
WITH_BACKENDS = ("deploy", "gate", "run")  # take the backends' own options
VERBS = ("deploy", "check", "compare", "gate", "convert", "run", "boards", "doctor")


def options_of(verb: str) -> dict[str, tuple[Field, ...]]:
    """Return the options that a verb takes, by the name of their group."""
    left = set(_left_out(verb))
    return {
        group: tuple(f for f in fields_of(kind) if (group, f.name) not in left)
        for group, kind in GROUPS.items()
    }


def _left_out(verb: str) -> Iterator[tuple[str, str]]:
    for (who, group, names), _ in WITHOUT.items():
        if who != verb:
            continue
        for name, kind in GROUPS.items():
            if group in (name, ALL):
                yield from ((name, n) for n in _named(kind, names))


def _named(kind: type[Options], names: str) -> tuple[str, ...]:
    return tuple(f.name for f in fields_of(kind)) if names == ALL else tuple(names.split())
