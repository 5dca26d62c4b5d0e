"""Side by side: what each reading of a model would give, where the file cannot tell which.

Every profile that the file is consistent with is deployed on the same samples; where its
exporter loses how neurons reset, with both usual resets.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from snn_deploy.errors import DeployError, InputError
from snn_deploy.frontends.evidence import Reading
from snn_deploy.frontends.profiles import find_profile
from snn_deploy.frontends.settings import Wishes, check_wishes
from snn_deploy.inputs.intake import AS_IT_IS, Intake
from snn_deploy.pipeline import deploy
from snn_deploy.report import Report


class Outcome(msgspec.Struct, frozen=True):
    """What one reading gives. reset: None if nothing in the file resets. step_s: seconds
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
) -> tuple[Outcome, ...]:
    """Return the outcome of each reading in `found`, or of `profile` alone.

    reset: the only one to be tried.

    Raises:
        InputError: There are no samples, no such profile, or no reading gives a result.
    """
    if setup.input is None:
        raise InputError(
            "--compare-readings: nothing is simulated without samples; give --input"
        )
    check_wishes(Wishes(profile, setup.dt, reset, setup.threshold))
    names = [reading.profile for reading in found] if profile is None else [profile]
    results = tuple(x for name in names for x in _outcomes(model, setup, name, reset))
    if all(x.refused for x in results):
        raise InputError(f"no reading gives a result; {names[0]}: {results[0].refused}")
    return results


def _outcomes(model: Path, setup: Setup, name: str, reset: str | None) -> Iterator[Outcome]:
    profile = find_profile(name)
    first = outcome(model, setup, name, reset or profile.reset)
    yield first
    if reset is None and profile.reset_lost and first.reset is not None:
        other = "zero" if profile.reset == "subtract" else "subtract"
        yield outcome(model, setup, name, other)


def outcome(model: Path, setup: Setup, profile: str, reset: str) -> Outcome:
    """Return what one reading gives; a refusal is one, too."""
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
            steps=setup.steps,
            samples=setup.samples,
            seed=setup.seed,
        )
    except DeployError as error:
        return Outcome(profile, reset, refused=str(error))
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
    )


def _spikes(report: Report) -> float:
    return sum(layer.spikes.mean or 0.0 for layer in report.layers if layer.spikes)
