"""Settings: how one file is read, settled."""

import math
from dataclasses import dataclass

from snn_deploy.frontends.nir.frameworks.profile import Profile
from snn_deploy.ir.network import Assumption


@dataclass(frozen=True)
class Settings:
    """What was settled.

    Attributes:
        profile: How the framework means its files; its own dt, reset and comparison are the
            defaults for those below.
        dt: One step in the unit of the time constants; None only if no neuron depends on
            it.
        step_s: Seconds per model step; None also where time constants are in steps (dt is 1
            then).
        reset: What a spike does to the membrane: "zero", "v_reset", "subtract" (one step
            later if `profile.late`) or "none".
        inclusive: Whether v == threshold fires.
        assumptions: What was chosen, with the evidence, as far as the file has such nodes.
        many: Whether a neuron sends as many spikes in a step as thresholds fit; only with
            reset "subtract" at once.
        floor: Lowest membrane, at most 0 in units of v; -inf for none, None for minus the
            threshold of each neuron. Only with reset "subtract" at once.
    """

    profile: Profile
    dt: float | None
    step_s: float | None
    reset: str
    inclusive: bool
    assumptions: tuple[Assumption, ...]
    many: bool = False
    floor: float | None = -math.inf
