"""What a file cannot tell although it changes spikes: asked for, never assumed.

`Profile.lost` names the choices that a framework's users have and its exporter does not
write. Only those are asked for that matter with the numbers of this file: a reset needs a
membrane that is kept from step to step.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from snn_deploy.arrays import FloatArray
from snn_deploy.errors import InputError, option
from snn_deploy.frontends.nir.corrections import correct
from snn_deploy.frontends.nir.frameworks.exported import CLOSE
from snn_deploy.frontends.nir.frameworks.profile import Profile
from snn_deploy.frontends.nir.graph.graph import (
    RESETTING,
    Graph,
    Node,
    above_threshold,
)
from snn_deploy.options.reading import ReadingOptions

Choices: TypeAlias = Mapping[str, tuple[str, ...]]

ASKED: Mapping[str, str] = {
    "reset": "how its neurons reset",
    "spikes_per_step": "how many spikes they send in a step",
    "floor": "how far their membranes can fall",
    "norm_input": "whether LIF scales its input by 1 - exp(-1/tau)",
}


def lost(graph: Graph, profile: Profile, said: ReadingOptions) -> tuple[Choices, ...]:
    """Return what is open if `graph` is read as `profile`: alternatives, each with values
    by the name of an option, the framework's default first; none if nothing is open."""
    found = {
        name: values
        for name, values in profile.lost.items()
        if getattr(said, name) is None and _MATTERS[name](graph, profile, said)
    }
    if not found:
        return ()
    resets = found.get("reset", (said.reset or profile.reset,))
    if "reset" in found and any(map(above_threshold, graph.of_kind(*RESETTING))):
        resets = tuple(r for r in resets if r == "v_reset") or resets
        found["reset"] = resets
    soft = tuple(r for r in resets if r == "subtract")
    hard = tuple(r for r in resets if r != "subtract")
    if found.keys().isdisjoint(_ONLY) or not (soft and hard):
        return (found if soft or not hard else _narrowed(found),)
    return {**found, "reset": soft}, _narrowed({**found, "reset": hard})


def check_said(graph: Graph, profile: Profile, said: ReadingOptions) -> None:
    """Raise InputError if something is open, with the flags that settle all of it, or if
    something is said that the framework does not have."""
    if said.norm_input is not None and "norm_input" not in profile.lost:
        raise InputError(
            f"{option('norm_input')}: is for files of sinabs, but this is read as "
            f"{profile.title}; leave it out"
        )
    found = lost(graph, profile, said)
    if not found:
        return
    *first, last = (ASKED[name] for name in found[0])
    what = f"{', '.join(first)} and {last}" if first else last
    several = any(len(values) > 1 for choices in found for values in choices.values())
    hint = " (the framework's default stands first)" if several else ""
    raise InputError(
        f"{graph.source}: {profile.title} does not write {what}, and other readings give "
        f"other spikes; give {flags(found)}{hint}"
    )


def flags(found: tuple[Choices, ...]) -> str:
    """Return the options that settle what `lost` found, in words."""
    return ", or ".join(
        " and ".join(option(name, "|".join(values)) for name, values in choices.items())
        for choices in found
    )


def _narrowed(found: Choices) -> Choices:
    """Return what can be chosen where a spike does not subtract the threshold."""
    return {name: _ONLY.get(name, values) for name, values in found.items()}


def _fires(graph: Graph, profile: Profile, said: ReadingOptions) -> bool:
    return bool(graph.of_kind(*RESETTING))


def _keeps(graph: Graph, profile: Profile, said: ReadingOptions) -> bool:
    """Whether a membrane outlasts its step, so that what a spike leaves of it matters."""
    dt = said.dt or (1.0 if profile.in_steps else profile.dt)
    if profile.late or dt is None:
        return _fires(graph, profile, said)
    try:
        corrected = correct(graph, profile, dt, said)
    except InputError:  # said where it is read
        return True
    return any(
        node.kind == "IF" or bool((_tau(node) > dt * (1 + CLOSE)).any())
        for node in corrected.of_kind(*RESETTING)
    )


def _tau(node: Node) -> FloatArray:
    return node.real("tau_mem" if node.has("tau_mem") else "tau")


def _scales(graph: Graph, profile: Profile, said: ReadingOptions) -> bool:
    return bool(graph.of_kind("LIF"))


_ONLY: Choices = {"spikes_per_step": ("one",), "floor": ("none",)}
_MATTERS: Mapping[str, Callable[[Graph, Profile, ReadingOptions], bool]] = {
    "reset": _keeps,
    "spikes_per_step": _fires,
    "floor": _keeps,
    "norm_input": _scales,
}
