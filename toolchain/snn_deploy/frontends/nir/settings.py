"""Settle what the file leaves open: profile, time step, reset, threshold.

What the user says wins, then what the numbers in the file show, then the convention of the
profile. Whatever is picked is an Assumption. Where nothing settles a choice that changes
spikes, refuse, and show the flags that do.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from snn_deploy.errors import InputError, option
from snn_deploy.frontends.nir.corrections import correct
from snn_deploy.frontends.nir.detect import detect
from snn_deploy.frontends.nir.firing_assumptions import firing_assumptions
from snn_deploy.frontends.nir.frameworks.exported import CLOSE, implied_dt, taus
from snn_deploy.frontends.nir.frameworks.profile import Profile, Reading
from snn_deploy.frontends.nir.given import Given
from snn_deploy.frontends.nir.graph.graph import NEURONS, TIMED, Graph
from snn_deploy.frontends.nir.lost import check_said, flags, lost
from snn_deploy.frontends.nir.profiles import PROFILES
from snn_deploy.frontends.nir.settled import Settings
from snn_deploy.ir.network import Assumption
from snn_deploy.names import ProfileName
from snn_deploy.options.reading import ReadingOptions, floor_of


def settle(graph: Graph, said: Given) -> Settings:
    """Choose how to read the file; said: by the user and by the file itself.

    Raises:
        InputError: The file leaves open something that changes spikes, and no option
            settles it.
    """
    readings, given = detect(graph), said.options
    profile, why = choose_profile(graph, said, readings)
    dt, dt_why = choose_dt(graph, said, profile, readings)
    check_numbers(graph, profile, dt)
    check_said(graph, profile, given)
    wished = given.threshold
    inclusive = profile.inclusive if wished is None else wished == "ge"
    reset = given.reset or profile.reset
    in_steps = profile.in_steps and given.dt is None
    step_s = None if in_steps else dt
    many = choose_many(graph, given, profile, reset)
    floor = choose_floor(graph, given, profile, reset)
    settings = Settings(profile, dt, step_s, reset, inclusive, (), many, floor)
    noted = [*said.assumptions]
    noted += [Assumption("profile", profile.name, why)] if graph.of_kind(*NEURONS) else []
    if dt is not None:
        noted.append(Assumption("dt", "1 step" if in_steps else f"{dt:g} s", dt_why))
    noted += firing_assumptions(graph, said, settings)
    return replace(settings, assumptions=tuple(noted))


def choose_profile(
    graph: Graph, said: Given, readings: tuple[Reading, ...]
) -> tuple[Profile, str]:
    """Return the profile and why it was chosen; `readings` as `detect` gives them."""
    given = said.options
    if given.profile is not None:
        return PROFILES[given.profile], said.why("profile")
    if not graph.of_kind(*TIMED):
        return PROFILES["nir"], "no neuron in the file has dynamics to disagree on"
    frameworks = [r for r in readings if r.profile != "nir"]
    if len(frameworks) == 1 and frameworks[0].settles:
        reading = frameworks[0]
        check_dt(graph, given.dt, reading)
        return PROFILES[reading.profile], reading.evidence
    if given.dt is not None and not frameworks:
        return PROFILES["nir"], "dt was given and no framework's pattern is in the file"
    raise InputError(unsettled(graph, readings, given))


def check_dt(graph: Graph, dt: float | None, reading: Reading) -> None:
    """Raise InputError if the user's dt is another one than a reading shows."""
    if dt is None or reading.dt is None or math.isclose(dt, reading.dt, rel_tol=CLOSE):
        return
    raise InputError(
        f"{graph.source}: {option('dt', f'{dt:g}')} contradicts the file, where "
        f"{reading.evidence}; leave it out, or give "
        f"{option('profile', 'nir')} as well"
    )


def unsettled(graph: Graph, readings: tuple[Reading, ...], said: ReadingOptions) -> str:
    """Return the sentence that says what is open and which flags settle it."""
    frameworks = [r for r in readings if r.profile != "nir"]
    if frameworks:
        fits = " and ".join(PROFILES[r.profile].title for r in frameworks)
        differ = " and each other" if len(frameworks) > 1 else ""
        names = "|".join([*(r.profile for r in frameworks), "nir"])
        dt = "" if readings[-1].dt or said.dt else option("dt", "SECONDS")
        also = _needs(graph, [r.profile for r in frameworks], said, dt)
        return (
            f"{graph.source}: the numbers fit an export of {fits}, which would spike "
            f"differently from the NIR specification{differ}; "
            f"choose with {option('profile', names)}{also}"
        )
    steps = [r.dt for r in readings if r.dt is not None]
    offered = [p.name for p in PROFILES.values() if can_read(graph, p)]
    others = f", or {option('profile', '|'.join(offered))}" if offered else ""
    shown = None if said.dt is not None else implied_dt(graph)
    more = [
        p.name
        for p in PROFILES.values()
        if shown and p.name not in offered and p.correction is None and p.current_first
        if can_read(graph, p, shown)
    ]
    if more:
        with_step = f"{option('profile', '|'.join(more))} and {option('dt', f'{shown:g}')}"
        others += f", or {with_step}"
    others += _needs(graph, [*offered, *more], said)
    if steps:
        return (
            f"{graph.source}: its numbers show a step of {steps[0]:g} s, but no "
            f"framework's pattern; choose with {option('profile', 'nir')}, which reads it "
            f"by the NIR specification{others}"
        )
    return (
        f"{graph.source}: the time step is not in the file, and no framework's pattern is "
        f"either; give {option('dt', 'SECONDS')} to read it by the NIR specification"
        f"{others}"
    )


def _needs(
    graph: Graph, profiles: Iterable[ProfileName], said: ReadingOptions, dt: str = ""
) -> str:
    """Return which other options each profile needs; dt: what `nir` does, if anything."""
    needed = {p: flags(lost(graph, PROFILES[p], said)) for p in profiles} | {"nir": dt}
    return "".join(f"; {p} needs {text} as well" for p, text in needed.items() if text)


def can_read(graph: Graph, profile: Profile, step: float | None = None) -> bool:
    """Whether a framework could have written all nodes, with this time step or one of its
    own."""
    dt = step or (1.0 if profile.in_steps else profile.dt)
    if dt is None:
        return False
    try:
        check_convention(graph, dt, profile)
        check_numbers(graph, profile, dt)
        found = taus(correct(graph, profile, dt, ReadingOptions()))
    except InputError:
        return False
    return not found.size or float(found.min()) >= dt


def choose_dt(
    graph: Graph, said: Given, profile: Profile, readings: tuple[Reading, ...]
) -> tuple[float | None, str]:
    """Return the time step in seconds and where it comes from."""
    if said.options.dt is not None:
        return said.options.dt, said.why("dt")
    for reading in readings:
        if reading.profile == profile.name and reading.dt is not None:
            return reading.dt, reading.evidence
    if profile.in_steps and graph.of_kind(*TIMED):
        return 1.0, "time constants are in steps; --dt says how long one is"
    if profile.dt is not None and graph.of_kind(*TIMED, "Delay"):
        check_convention(graph, profile.dt, profile)
        return profile.dt, f"convention of {profile.title}"
    if graph.of_kind(*TIMED):
        raise InputError(
            f"{graph.source}: the time step is not in the file and {profile.title} has no "
            f"convention for it; give {option('dt', 'SECONDS')}"
        )
    return None, ""


def check_numbers(graph: Graph, profile: Profile, dt: float | None) -> None:
    """Raise InputError where the numbers of the file contradict its profile."""
    if profile.misfit is None or dt is None:
        return
    for node in graph.of_kind(*TIMED):
        why = profile.misfit(node, dt)
        if why is not None:
            shown = implied_dt(graph)
            step = "" if shown is None else f"; its numbers show a step of {shown:g} s"
            raise node.fail(
                f"{why}{step}; give the {option('dt')} that is meant, or "
                f"{option('profile', 'nir')} to read it by the NIR specification"
            )


def check_convention(graph: Graph, dt: float, profile: Profile) -> None:
    """Raise InputError if an IF would not count its input with a conventional time step."""
    for node in graph.of_kind("IF") if profile.correction is None else ():
        r = node.real("r")
        if not np.allclose(r * dt, 1.0, rtol=CLOSE, atol=0.0):
            raise node.fail(
                f"r is {r.ravel()[0]:g}, but {profile.title} writes 1/dt, which is "
                f"{1 / dt:g} for its usual dt {dt:g} s; give the {option('dt')} that is "
                "meant"
            )


def choose_many(graph: Graph, given: ReadingOptions, profile: Profile, reset: str) -> bool:
    """Return whether neurons send several spikes per step.

    Each of them takes off the threshold at once; what resets otherwise sends one.
    """
    able = reset == "subtract" and not profile.late
    if given.spikes_per_step == "many" and not able:
        late = ", one step later" if profile.late and reset == "subtract" else ""
        names = ["nir", *(p.name for p in PROFILES.values() if "spikes_per_step" in p.lost)]
        raise InputError(
            f"{graph.source}: several spikes per step need a reset that subtracts the "
            f"threshold at once, but here it is {reset!r}{late}; give "
            f"{option('reset', 'subtract')} and "
            f"{option('profile', '|'.join(names))}, or "
            f"{option('spikes_per_step', 'one')}"
        )
    return given.spikes_per_step == "many"


def choose_floor(
    graph: Graph, given: ReadingOptions, profile: Profile, reset: str
) -> float | None:
    """Return the lowest membrane as `Settings.floor` has it.

    Raises:
        InputError: What a spike does is nothing that a neuron with a floor does.
    """
    floor = -math.inf if given.floor is None else floor_of(given.floor)
    able = reset == "subtract" and not profile.late
    if able or floor == -math.inf:
        return floor
    late = ", one step later" if profile.late and reset == "subtract" else ""
    names = [p.name for p in PROFILES.values() if not p.late]
    raise InputError(
        f"{graph.source}: {option('floor', given.floor)} needs a reset that subtracts the "
        f"threshold at once, but here it is {reset!r}{late}; give "
        f"{option('reset', 'subtract')} and {option('profile', '|'.join(names))}, or "
        f"{option('floor', 'none')}"
    )
