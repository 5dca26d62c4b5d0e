"""Side by side: what each reading of a model would give, where the file cannot tell which.

Every profile that the file is consistent with is deployed on the same samples, with every
combination of what its exporter does not write: reset, spikes per step, floor.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import msgspec

from snn_deploy.errors import DeployError, InputError, option
from snn_deploy.frontends.nir.firing_assumptions import ONE
from snn_deploy.frontends.nir.frameworks.profile import Profile, Reading
from snn_deploy.frontends.nir.graph.graph import RESETTING, Graph
from snn_deploy.frontends.nir.lost import lost
from snn_deploy.frontends.nir.profiles import PROFILES
from snn_deploy.frontends.nir.read_nir import load
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
        floor: Lowest membrane as in the option, None where the framework has none.
        norm_input: "yes" or "no" as in the option, None where nothing asks for it.
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
    floor: str | None = None
    norm_input: str | None = None


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
    said, graph = request.reading, load(model)[0]
    names = [r.profile for r in found] if said.profile is None else [said.profile]
    results = tuple(
        outcome(model, target, replace(request, reading=reading), _resets(graph))
        for name in names
        for reading in _tried(graph, PROFILES[name], said)
    )
    if all(x.refused for x in results):
        raise InputError(f"no reading gives a result; {names[0]}: {results[0].refused}")
    return results


def _tried(
    graph: Graph, profile: Profile, said: ReadingOptions
) -> Iterator[ReadingOptions]:
    """Yield what is tried of one profile; the first is its default."""
    for choices in lost(graph, profile, said) or ({},):
        known = [[v for v in values if not v.isupper()] for values in choices.values()]
        for values in product(*known):
            chosen = dict(zip(choices, values, strict=True))
            yield msgspec.structs.replace(said, profile=profile.name, **chosen)


def _resets(graph: Graph) -> bool:
    return bool(graph.of_kind(*RESETTING))


def outcome(model: Path, target: str, request: Request, resets: bool) -> ReadingOutcome:
    """Return what the reading of `request` gives; a refusal is an outcome, too.

    resets: whether anything in the file does.
    """
    said = request.reading
    name = said.profile or "nir"
    reset = (said.reset or PROFILES[name].reset) if resets else None
    made = ReadingOutcome(name, reset, floor=said.floor, norm_input=said.norm_input)
    try:
        report = carry_out(request, model, target)
    except DeployError as error:
        spikes = said.spikes_per_step
        return msgspec.structs.replace(made, refused=str(error), spikes_per_step=spikes)
    accuracy = {a.stage: a.value for a in report.accuracy}
    energy = report.energy
    return msgspec.structs.replace(
        made,
        step_s=report.model.step_s,
        spikes=_spikes(report),
        reference=accuracy.get("reference"),
        chip=accuracy.get("chip"),
        energy_low=None if energy is None else energy.interval.low,
        energy_high=None if energy is None else energy.interval.high,
        spikes_per_step=_spikes_per_step(report),
    )


def _spikes_per_step(report: Report) -> str | None:
    found = {a.name: a.value for a in report.assumptions}.get("spikes per step")
    if found is None:
        return None
    return "one" if found == ONE else "many"


def _spikes(report: Report) -> float:
    return sum(layer.spikes.mean or 0.0 for layer in report.layers if layer.spikes)
