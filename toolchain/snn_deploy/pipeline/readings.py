"""Side by side: what each reading of a model would give, where the file cannot tell which.

Every profile that the file is consistent with is deployed on the same samples; where its
exporter loses how neurons reset, with both usual resets; where several spikes per step are
its framework's default, with one at most as well.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from snn_deploy.errors import DeployError, InputError, option
from snn_deploy.frontends.nir.frameworks.profile import Profile, Reading
from snn_deploy.frontends.nir.profiles import PROFILES
from snn_deploy.frontends.nir.settings import ONE
from snn_deploy.names import ProfileName
from snn_deploy.options.reading import ReadingOptions
from snn_deploy.options.request import Request
from snn_deploy.pipeline.deploy import carry_out
from snn_deploy.report.report import Report


class ReadingOutcome(msgspec.Struct, frozen=True):
    """What one reading gives.

    Attributes:
        profile: Whose reading it is.
        reset: What a spike does, None if nothing in the file resets.
        step_s: Seconds per model step.
        spikes: On the chip, mean per inference, all populations.
        reference: Accuracy 0..1 in float, None without labels.
        chip: Accuracy 0..1 on the chip, None without labels.
        energy_low: Joules per inference of cores and network on chip, the least over the
            coefficient sets.
        energy_high: The most.
        refused: Why there is no result, else empty.
        spikes_per_step: "one" or "many", None where the framework only knows one.
    """

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


def side_by_side(
    model: Path, target: str, found: Iterable[Reading], request: Request
) -> tuple[ReadingOutcome, ...]:
    """Return the outcome of each reading in `found`, or of the requested profile alone.

    Args:
        model: The file.
        target: Board name or file.
        found: What the file is consistent with.
        request: What all readings have in common; a reset or number of spikes per step
            that it states is the only one tried.

    Raises:
        InputError: There are no samples, no reading gives a result, or a backend is named.
    """
    if not request.simulated:
        raise InputError(
            f"{option('compare_readings')}: nothing is simulated without samples; give "
            f"{option('input')}"
        )
    backend = request.output.backend
    if backend is not None:
        raise InputError(
            f"{option('backend', backend)}: readings are compared by what they give on the "
            f"chip; leave it out, or check one reading"
        )
    said = request.reading
    names = [r.profile for r in found] if said.profile is None else [said.profile]
    results = tuple(
        made for name in names for made in _outcomes(model, target, PROFILES[name], request)
    )
    if all(x.refused for x in results):
        raise InputError(f"no reading gives a result; {names[0]}: {results[0].refused}")
    return results


def _tried(profile: Profile, said: ReadingOptions) -> Iterator[ReadingOptions]:
    """Yield what is tried of one profile; the first is its default."""
    usual, spikes = said.reset or profile.reset, said.spikes_per_step
    first = msgspec.structs.replace(said, profile=profile.name, reset=usual)
    yield first
    if profile.many_spikes and spikes is None and usual == profile.reset:
        yield msgspec.structs.replace(first, spikes_per_step="one")
    if said.reset is None and profile.reset_lost:
        other = "zero" if profile.reset == "subtract" else "subtract"
        if (spikes, other) != ("many", "zero"):
            yield msgspec.structs.replace(first, reset=other)


def _outcomes(
    model: Path, target: str, profile: Profile, request: Request
) -> Iterator[ReadingOutcome]:
    """Yield the outcomes of one profile, but no second one of a file in which nothing
    resets."""
    for i, reading in enumerate(_tried(profile, request.reading)):
        made = outcome(model, target, profile.name, replace(request, reading=reading))
        if made.reset is not None or made.refused or i == 0:
            yield made


def outcome(
    model: Path, target: str, profile: ProfileName, request: Request
) -> ReadingOutcome:
    """Return what the reading of `request` gives; a refusal is an outcome, too."""
    reset, spikes = request.reading.reset, request.reading.spikes_per_step
    try:
        report = carry_out(request, model, target)
    except DeployError as error:
        return ReadingOutcome(profile, reset, refused=str(error), spikes_per_step=spikes)
    resets = any(a.name == "reset" for a in report.assumptions)
    accuracy = {a.stage: a.value for a in report.accuracy}
    energy = report.energy
    return ReadingOutcome(
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
