"""Profile: what one framework means by a NIR file, and how its files are known.

A file states time constants and thresholds, but neither the time step, nor how a spike
resets, nor whether a membrane at the threshold fires, nor what is updated first. A Profile
states those.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from snn_deploy.arrays import FloatArray
from snn_deploy.frontends.nir.graph.graph import Graph, Node
from snn_deploy.ir.network import Assumption
from snn_deploy.names import ProfileName, ResetName
from snn_deploy.options.reading import ReadingOptions

STARTS = ("zero", "v_reset", "v_leak")

Values: TypeAlias = Mapping[str, FloatArray]


@dataclass(frozen=True)
class Reading:
    """A profile that the numbers in a file are consistent with.

    Attributes:
        profile: Its name.
        dt: Seconds per step that follow from the numbers; None if they leave it open.
        evidence: What was seen, in words.
        settles: Whether it is enough to choose this profile, if no other framework fits;
            False for the specification.
    """

    profile: ProfileName
    dt: float | None
    evidence: str
    settles: bool


@dataclass(frozen=True)
class Correction:
    """How to read the neurons of one framework; dt is as in `Settings`.

    Attributes:
        misfit: From a neuron and dt to why the framework cannot have written it, or None;
            dt None leaves out what depends on it.
        correct: From the graph, a neuron, dt and what was said to the parameters that
            change, by name.
        assumed: From the graph and what was said to what reading it so assumes.
    """

    misfit: Callable[[Node, float | None], str | None]
    correct: Callable[[Graph, Node, float, ReadingOptions], Values]
    assumed: Callable[[Graph, ReadingOptions], tuple[Assumption, ...]]


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
        lost: What its exporter does not write although users choose it: values by the name
            of the option that says it, the framework's own default first.
        in_steps: Time constants in its files are in steps, so that no dt is needed.
        pattern: From a graph with neurons to what its exporter left in the numbers, None if
            it cannot have written them; None for the specification.
        misfit: From a neuron and the time step to why its exporter cannot have written it,
            or None; None where `correction` says so.
        correction: What its numbers mean, where that is not what NIR says; else None.
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
    in_steps: bool = False
    lost: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pattern: Callable[[Graph], Reading | None] | None = None
    misfit: Callable[[Node, float], str | None] | None = None
    correction: Correction | None = None
