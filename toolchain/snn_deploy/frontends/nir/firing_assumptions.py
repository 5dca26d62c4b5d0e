"""How neurons reset, fire and start, as it is noted among the assumptions of a network."""

from snn_deploy.frontends.nir.given import Given
from snn_deploy.frontends.nir.graph.graph import (
    RESETTING,
    TIMED,
    Graph,
    above_threshold,
)
from snn_deploy.frontends.nir.settled import Settings
from snn_deploy.ir.network import Assumption

ONE, MANY = "at most one", "as many as thresholds fit"  # spikes per step


def firing_assumptions(graph: Graph, said: Given, settings: Settings) -> list[Assumption]:
    """Return how neurons reset, fire and start, as far as the file has such neurons."""
    profile, given = settings.profile, said.options
    noted: list[Assumption] = []
    if graph.of_kind(*RESETTING):
        reset = settings.reset
        if reset == "subtract":
            reset += " the threshold" + (", one step later" if profile.late else "")
        why = f"convention of {profile.title}"
        noted.append(Assumption("reset", reset, said.why("reset") if given.reset else why))
    if graph.of_kind(*RESETTING) and given.spikes_per_step:
        value = MANY if settings.many else ONE
        noted.append(Assumption("spikes per step", value, said.why("spikes_per_step")))
    if graph.of_kind(*RESETTING) and given.floor is not None:
        lowest = {"threshold": "minus the threshold"}.get(given.floor, given.floor)
        noted.append(Assumption("lowest membrane", lowest, said.why("floor")))
    if given.norm_input is not None and graph.of_kind("LIF"):
        scaled = "LIF scales it by 1 - exp(-1/tau)"
        taken = scaled if given.norm_input == "yes" else "LIF takes it whole"
        noted.append(Assumption("input", taken, said.why("norm_input")))
    if graph.of_kind(*RESETTING, "Threshold"):
        rule = "fires at v >= threshold" if settings.inclusive else "fires at v > threshold"
        convention = f"convention of {profile.title}"
        why = said.why("threshold") if given.threshold else convention
        noted.append(Assumption("threshold", rule, why))
    if graph.of_kind(*TIMED):
        start = "0" if profile.starts_at == "zero" else profile.starts_at
        if start == "0" and any(map(above_threshold, graph.of_kind(*RESETTING))):
            start = "0, at rest (v_leak, or v_reset) where 0 is not below the threshold"
        why = "NIR states none; " + f"convention of {profile.title}"
        noted.append(Assumption("initial membrane", start, why))
    if graph.of_kind("CubaLI", "CubaLIF"):
        which = "of the same step" if profile.current_first else "of the step before"
        why = f"convention of {profile.title}"
        noted.append(
            Assumption("order", f"the membrane is charged by the current {which}", why)
        )
    return noted
