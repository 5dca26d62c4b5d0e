"""Side by side: what each reading of a model would give, where the file cannot tell which.

Every profile that the file is consistent with is deployed on the same samples; where its
exporter loses how neurons reset, with both usual resets; where several spikes per step are
its framework's default, with one at most as well.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from snn_deploy.errors import DeployError, InputError
from snn_deploy.frontends.nir.detect import Reading
from snn_deploy.frontends.nir.profiles import Profile, find_profile
from snn_deploy.frontends.nir.settings import ONE, Wishes, check_wishes
from snn_deploy.options.intake import AS_IT_IS, Intake
from snn_deploy.pipeline.deploy import deploy
from snn_deploy.report.report import Report


class Outcome(msgspec.Struct, frozen=True):
    """What one reading gives. reset: None if nothing in the file resets. spikes_per_step:
    "one" or "many", None where the framework only knows one. step_s: seconds
    per model step. spikes: on the chip, mean per inference, all populations. reference,
    chip: accuracy 0..1 in float and on the chip, None without labels. energy_low,
    energy_high: joules per inference of cores and network on chip, over the coefficient
    sets. refused: why there is no result, else empty."""

    profile: str
    reset: str | None
    step_s: float | None = None
    spikes: float | None = None
    reference: float | None = None
    chip: float | None = None
    energy_low: float | None = None
    energy_high: float | None = None
    refused: str = ""
    spikes_per_step: str | None = None


@dataclass(frozen=True)
class Setup:
    """What all readings have in common; as the options of `deploy`."""

    target: str
    input: Path | None
    dt: float | None = None
    threshold: str | None = None
    steps: int | None = None
    samples: int | None = None
    seed: int = 0
    intake: Intake = AS_IT_IS


def side_by_side(
    model: Path,
    found: Iterable[Reading],
    setup: Setup,
    *,
    profile: str | None = None,
    reset: str | None = None,
    spikes: str | None = None,
) -> tuple[Outcome, ...]:
    """Return the outcome of each reading in `found`, or of `profile` alone.

    reset, spikes (per step): the only one to be tried.

    Raises:
        InputError: There are no samples, no such profile, or no reading gives a result.
    """
    if setup.input is None:
        raise InputError(
            "--compare-readings: nothing is simulated without samples; give --input"
        )
    check_wishes(Wishes(profile, setup.dt, reset, setup.threshold, spikes))
    names = [reading.profile for reading in found] if profile is None else [profile]
    tried = [
        wishes for name in names for wishes in _tried(find_profile(name), reset, spikes)
    ]
    results = tuple(x for w in tried for x in _outcomes(model, setup, w))
    if all(x.refused for x in results):
        raise InputError(f"no reading gives a result; {names[0]}: {results[0].refused}")
    return results


def _tried(profile: Profile, reset: str | None, spikes: str | None) -> Iterator[Wishes]:
    """Yield what is tried of one profile; the first is its default."""
    usual = reset or profile.reset
    yield Wishes(profile.name, reset=usual, spikes=spikes)
    if profile.many_spikes and spikes is None and usual == profile.reset:
        yield Wishes(profile.name, reset=usual, spikes="one")
    if reset is None and profile.reset_lost:
        other = "zero" if profile.reset == "subtract" else "subtract"
        if (spikes, other) != ("many", "zero"):
            yield Wishes(profile.name, reset=other, spikes=spikes)


def _outcomes(model: Path, setup: Setup, wishes: Wishes) -> Iterator[Outcome]:
    """Yield the outcome, unless it is a second one of a file in which nothing resets."""
    made = outcome(model, setup, wishes)
    profile = find_profile(wishes.profile or "")
    first = next(_tried(profile, wishes.reset, wishes.spikes))
    if made.reset is not None or made.refused or wishes == first:
        yield made


def outcome(model: Path, setup: Setup, wishes: Wishes) -> Outcome:
    """Return what one reading gives; a refusal is one, too. wishes: as of `_tried`."""
    profile, reset = wishes.profile or "", wishes.reset
    try:
        report = deploy(
            model,
            setup.target,
            input=setup.input,
            intake=setup.intake,
            profile=profile,
            dt=setup.dt,
            reset=reset,
            threshold=setup.threshold,
            spikes_per_step=wishes.spikes,
            steps=setup.steps,
            samples=setup.samples,
            seed=setup.seed,
        )
    except DeployError as error:
        return Outcome(profile, reset, refused=str(error), spikes_per_step=wishes.spikes)
    resets = any(a.name == "reset" for a in report.assumptions)
    accuracy = {a.stage: a.value for a in report.accuracy}
    energy = report.energy
    return Outcome(
        profile,
        reset if resets else None,
        report.model.step_s,
        _spikes(report),
        accuracy.get("reference"),
        accuracy.get("chip"),
        None if energy is None else energy.interval.low,
        None if energy is None else energy.interval.high,
        spikes_per_step=_spikes_per_step(report),
    )


def _spikes_per_step(report: Report) -> str | None:
    found = {a.name: a.value for a in report.assumptions}.get("spikes per step")
    if found is None:
        return None
    return "one" if found == ONE else "many"


def _spikes(report: Report) -> float:
    return sum(layer.spikes.mean or 0.0 for layer in report.layers if layer.spikes)
