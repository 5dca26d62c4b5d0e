"""What each framework means by a NIR file: one Profile per framework, in one table.

A file states time constants and thresholds, but neither the time step, nor how a spike
resets, nor whether a membrane at the threshold fires, nor what is updated first. A Profile
states those. Every entry but Rockpool's was held against the framework itself, step by step
(tests/toolchain/frontends); Rockpool's against a loop written after its source.

To add a framework: its Profile here, the pattern its exporter leaves in `detect.py`, and
if its numbers do not mean what NIR says they mean, what they do mean in `corrections.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from snn_deploy.names import ProfileName, ResetName

STARTS = ("zero", "v_reset", "v_leak")


@dataclass(frozen=True)
class Profile:
    """How one framework reads and writes a NIR file.

    Attributes:
        name: As in `--profile`.
        title: For messages, with the version that was read.
        dt: Seconds per step where neither the user nor the file states it; None if there is
            no such convention.
        reset: What a spike does.
        inclusive: Whether v == threshold fires.
        late: Subtraction comes one step late, after the leak.
        zero_holds: With reset to zero, neurons with a synaptic current or a recurrent layer
            of their own lose the whole step after a spike.
        current_first: The synaptic current is updated before the membrane that it charges
            in that step.
        starts_at: Where the membrane starts, one of STARTS.
        rounding: Relative error of the parameters in its files; gains within it of 1 are 1.
        float32: Its decays are float32 numbers, which the file holds as time constants.
        reset_lost: Its exporter does not write how it resets.
        in_steps: Time constants in its files are in steps, so that no dt is needed.
        many_spikes: Unless it is told otherwise, a neuron sends as many spikes in a step as
            thresholds fit into its membrane.
    """

    name: ProfileName
    title: str
    dt: float | None
    reset: ResetName
    inclusive: bool
    late: bool = False
    zero_holds: bool = False
    current_first: bool = True
    starts_at: str = "zero"
    rounding: float = 1e-12
    float32: bool = False
    reset_lost: bool = False
    in_steps: bool = False
    many_spikes: bool = False


PROFILES: Mapping[ProfileName, Profile] = {
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
            rounding=1e-6, float32=True, reset_lost=True,
        ),
        Profile(
            # spikingjelly 2.0.0: activation_based/nir_exchange, functional/neuron.py
            "spikingjelly", "SpikingJelly 2.0",
            dt=1e-4, reset="v_reset", inclusive=True, starts_at="v_reset",
        ),
        Profile(
            # norse 1.1.0: torch/functional/{lif,lif_box,iaf}.py, torch/module for the start
            "norse", "Norse 1.1",
            dt=1e-3, reset="v_reset", inclusive=False, starts_at="v_leak", reset_lost=True,
        ),
        Profile(
            # sinabs 3.1.3 (2.0.3 alike): layers/functional/lif.py, activation
            "sinabs", "sinabs 3.1",
            dt=None, reset="subtract", inclusive=True, reset_lost=True, in_steps=True,
            many_spikes=True,
        ),
        Profile(
            # rockpool 3.0.3.dev: nn/modules/torch/{lif_torch,lif_neuron_torch}.py
            "rockpool", "Rockpool 3",
            dt=None, reset="subtract", inclusive=True, reset_lost=True, many_spikes=True,
        ),
    )
}  # fmt: skip
