"""Settle what the file leaves open: profile, time step, reset, threshold.

What the user says wins, then what the numbers in the file show, then the convention of the
profile. Whatever is picked is an Assumption. Where nothing settles a choice that changes
spikes, refuse, and show the flags that do.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.corrections import CLOSE, CORRECTIONS
from snn_deploy.frontends.nir.detect import Reading, detect
from snn_deploy.frontends.nir.graph import NEURONS, RESETTING, Graph
from snn_deploy.frontends.nir.profiles import (
    PROFILES,
    RESETS,
    SPIKES_PER_STEP,
    THRESHOLDS,
    Profile,
    find_profile,
)
from snn_deploy.ir.network import Assumption

ONE, MANY = "at most one", "as many as thresholds fit"  # spikes per step
TIMED = NEURONS - {"Threshold"}  # neurons whose parameters are in seconds


@dataclass(frozen=True)
class Wishes:
    """What the user stated; None where the file and the profile shall decide.

    dt: seconds. reset: one of RESETS. threshold: one of THRESHOLDS. spikes: per step, one
    of SPIKES_PER_STEP.
    """

    profile: str | None = None
    dt: float | None = None
    reset: str | None = None
    threshold: str | None = None
    spikes: str | None = None


@dataclass(frozen=True)
class Settings:
    """What was settled.

    dt: one step in the unit of the time constants; None only if no neuron depends on it.
    step_s: seconds per step; None also where time constants are in steps (dt is 1 then).
    many: whether a neuron sends as many spikes in a step as thresholds fit.
    """

    profile: Profile
    dt: float | None
    step_s: float | None
    reset: str
    inclusive: bool
    assumptions: tuple[Assumption, ...]
    many: bool = False


def settle(graph: Graph, wishes: Wishes) -> Settings:
    """Choose how to read the file.

    Raises:
        InputError: A wish is none of the choices, or the file leaves open something that
            changes spikes and no wish settles it.
    """
    check_wishes(wishes)
    readings = detect(graph)
    profile, why = choose_profile(graph, wishes, readings)
    dt, dt_why = choose_dt(graph, wishes, profile, readings)
    wished = wishes.threshold
    inclusive = profile.inclusive if wished is None else wished == "ge"
    reset = wishes.reset or profile.reset
    in_steps = profile.in_steps and wishes.dt is None
    step_s = None if in_steps else dt
    many = choose_many(graph, wishes, profile, reset)
    settings = Settings(profile, dt, step_s, reset, inclusive, (), many)
    noted = [Assumption("profile", profile.name, why)] if graph.of_kind(*NEURONS) else []
    if dt is not None:
        noted.append(Assumption("dt", "1 step" if in_steps else f"{dt:g} s", dt_why))
    noted += _firing_assumptions(graph, wishes, settings)
    return replace(settings, assumptions=tuple(noted))


def check_wishes(wishes: Wishes) -> None:
    """Raise InputError for a wish that is none of the choices."""
    if wishes.profile is not None:
        find_profile(wishes.profile)
    if wishes.dt is not None and not (math.isfinite(wishes.dt) and wishes.dt > 0):
        raise InputError(f"dt {wishes.dt!r} s: a time step is a positive number of seconds")
    for name, value, known in (
        ("reset", wishes.reset, RESETS),
        ("threshold", wishes.threshold, THRESHOLDS),
        ("spikes per step", wishes.spikes, SPIKES_PER_STEP),
    ):
        if value is not None and value not in known:
            raise InputError(f"unknown {name} {value!r}; choose one of {', '.join(known)}")


def choose_profile(
    graph: Graph, wishes: Wishes, readings: tuple[Reading, ...]
) -> tuple[Profile, str]:
    """Return the profile and why it was chosen; `readings` as `detect` gives them."""
    if wishes.profile is not None:
        return find_profile(wishes.profile), "given by the user"
    if not graph.of_kind(*TIMED):
        return PROFILES["nir"], "no neuron in the file has dynamics to disagree on"
    frameworks = [r for r in readings if r.profile != "nir"]
    if len(frameworks) == 1 and frameworks[0].settles:
        reading = frameworks[0]
        check_dt(graph, wishes.dt, reading)
        return PROFILES[reading.profile], reading.evidence
    if wishes.dt is not None and not frameworks:
        return PROFILES["nir"], "dt was given and no framework's pattern is in the file"
    raise InputError(unsettled(graph, readings))


def check_dt(graph: Graph, dt: float | None, reading: Reading) -> None:
    """Raise InputError if the user's dt is another one than a reading shows."""
    if dt is None or reading.dt is None or math.isclose(dt, reading.dt, rel_tol=CLOSE):
        return
    raise InputError(
        f"{graph.source}: dt {dt:g} s contradicts the file, where {reading.evidence}; "
        f"drop --dt, or give --profile {'|'.join(PROFILES)} as well"
    )


def unsettled(graph: Graph, readings: tuple[Reading, ...]) -> str:
    """Return the sentence that says what is open and which flags settle it."""
    frameworks = [r for r in readings if r.profile != "nir"]
    if frameworks:
        fits = " and ".join(PROFILES[r.profile].title for r in frameworks)
        differ = " and each other" if len(frameworks) > 1 else ""
        names = "|".join([*(r.profile for r in frameworks), "nir"])
        return (
            f"{graph.source}: the numbers fit an export of {fits}, which would spike "
            f"differently from the NIR specification{differ}; "
            f"choose with --profile {names}"
        )
    known = [p.name for p in PROFILES.values() if p.dt is not None or p.in_steps]
    steps = [r.dt for r in readings if r.dt is not None]
    if steps:
        return (
            f"{graph.source}: its numbers show a step of {steps[0]:g} s, but no "
            f"framework's pattern; choose with --profile nir, which reads it by the NIR "
            f"specification, or --profile {'|'.join(known)}"
        )
    return (
        f"{graph.source}: the time step is not in the file, and no framework's pattern is "
        f"either; give --dt SECONDS to read it by the NIR specification, "
        f"or --profile {'|'.join(known)}"
    )


def choose_dt(
    graph: Graph, wishes: Wishes, profile: Profile, readings: tuple[Reading, ...]
) -> tuple[float | None, str]:
    """Return the time step in seconds and where it comes from."""
    if wishes.dt is not None:
        return wishes.dt, "given by the user"
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
            f"convention for it; give --dt SECONDS"
        )
    return None, ""


def check_convention(graph: Graph, dt: float, profile: Profile) -> None:
    """Raise InputError if an IF would not count its input with a conventional time step."""
    for node in graph.of_kind("IF") if profile.name not in CORRECTIONS else ():
        r = node.real("r")
        if not np.allclose(r * dt, 1.0, rtol=CLOSE, atol=0.0):
            raise node.fail(
                f"r is {r.ravel()[0]:g}, but {profile.title} writes 1/dt, which is "
                f"{1 / dt:g} for its usual dt {dt:g} s; give the --dt that is meant"
            )


def choose_many(graph: Graph, wishes: Wishes, profile: Profile, reset: str) -> bool:
    """Return whether neurons send several spikes per step.

    Each of them takes off the threshold at once; what resets otherwise sends one.
    """
    able = reset == "subtract" and not profile.late
    if wishes.spikes == "many" and not able:
        late = ", one step later" if profile.late and reset == "subtract" else ""
        raise InputError(
            f"{graph.source}: several spikes per step need a reset that subtracts the "
            f"threshold at once, but here it is {reset!r}{late}; give --reset subtract "
            f"and --profile nir|sinabs|rockpool, or --spikes-per-step one"
        )
    wished = profile.many_spikes if wishes.spikes is None else wishes.spikes == "many"
    return wished and able


def _spike_assumption(wishes: Wishes, settings: Settings) -> Assumption:
    """Return how many spikes a neuron sends in a step, and why that was chosen."""
    value = MANY if settings.many else ONE
    why = (
        f"default of {settings.profile.title}, which the file cannot tell; with one, "
        f"spikes differ where a membrane reaches twice its threshold"
    )
    if not settings.many:
        why = f"several need reset 'subtract', which is {settings.profile.title}'s default"
    why = "given by the user" if wishes.spikes else why
    return Assumption("spikes per step", value, why)


def _firing_assumptions(
    graph: Graph, wishes: Wishes, settings: Settings
) -> list[Assumption]:
    """Return how neurons reset, fire and start, as far as the file has such neurons."""
    profile, noted = settings.profile, []
    if graph.of_kind(*RESETTING):
        reset = settings.reset
        if reset == "subtract":
            reset += " the threshold" + (", one step later" if profile.late else "")
        cannot_tell = ", which the file cannot tell" if profile.reset_lost else ""
        why = f"default of {profile.title}{cannot_tell}"
        noted.append(
            Assumption("reset", reset, "given by the user" if wishes.reset else why)
        )
    if graph.of_kind(*RESETTING) and (profile.many_spikes or wishes.spikes):
        noted.append(_spike_assumption(wishes, settings))
    if graph.of_kind(*RESETTING, "Threshold"):
        rule = "fires at v >= threshold" if settings.inclusive else "fires at v > threshold"
        why = "given by the user" if wishes.threshold else f"convention of {profile.title}"
        noted.append(Assumption("threshold", rule, why))
    if graph.of_kind(*TIMED):
        start = "0" if profile.starts_at == "zero" else profile.starts_at
        why = "NIR states none; " + f"convention of {profile.title}"
        noted.append(Assumption("initial membrane", start, why))
    if graph.of_kind("CubaLI", "CubaLIF"):
        which = "of the same step" if profile.current_first else "of the step before"
        why = f"convention of {profile.title}"
        noted.append(
            Assumption("order", f"the membrane is charged by the current {which}", why)
        )
    return noted
