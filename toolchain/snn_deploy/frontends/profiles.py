"""What each framework means by a NIR file: one Profile per framework, in one table.

A file states time constants and thresholds, but neither the time step, nor how a spike
resets, nor whether a membrane at the threshold fires, nor what is updated first. A Profile
states those. Every entry was held against the framework itself, step by step
(tests/toolchain/frontends).

To add a framework: its Profile here, and the pattern its exporter leaves in `evidence.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from snn_deploy.errors import InputError

RESETS = ("zero", "v_reset", "subtract")
THRESHOLDS = ("gt", "ge")


@dataclass(frozen=True)
class Profile:
    """How one framework reads and writes a NIR file.

    dt: seconds per step where neither the user nor the file states it; None if there is no
    such convention. reset: one of RESETS. inclusive: whether v == threshold fires. late:
    subtraction comes one step late, after the leak. zero_holds: with reset to zero, neurons
    with a synaptic current or a recurrent layer of their own lose the whole step after a
    spike. current_first: the synaptic current is updated before the membrane that it
    charges in that step. starts_at_reset: the membrane starts at v_reset instead of 0.
    rounding: relative error of the parameters in its files; gains within it of 1 are 1.
    float32: its decays are float32 numbers, which the file holds as time constants.
    """

    name: str
    title: str
    dt: float | None
    reset: str
    inclusive: bool
    late: bool = False
    zero_holds: bool = False
    current_first: bool = True
    starts_at_reset: bool = False
    rounding: float = 1e-12
    float32: bool = False


PROFILES: Mapping[str, Profile] = {
    p.name: p
    for p in (
        Profile(
            "nir", "the NIR specification",
            dt=None, reset="v_reset", inclusive=False, current_first=False,
        ),
        Profile(
            # snntorch 1.0.0: export_nir.py for dt, _neurons/*.py for the step
            "snntorch", "snnTorch 1.0",
            dt=1e-4, reset="subtract", inclusive=False, late=True, zero_holds=True,
            rounding=1e-6, float32=True,
        ),
        Profile(
            # spikingjelly 2.0.0: activation_based/nir_exchange, functional/neuron.py
            "spikingjelly", "SpikingJelly 2.0",
            dt=1e-4, reset="v_reset", inclusive=True, starts_at_reset=True,
        ),
    )
}  # fmt: skip


def find_profile(name: str) -> Profile:
    """Return the profile called `name`; InputError if there is none."""
    if name not in PROFILES:
        raise InputError(f"unknown profile {name!r}; known profiles: {', '.join(PROFILES)}")
    return PROFILES[name]
