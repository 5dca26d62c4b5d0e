"""Reading: how a model file is meant where it does not say so itself."""

from typing import Annotated

from snn_deploy.names import ProfileName, ResetName, SpikesPerStepName, ThresholdName
from snn_deploy.options.base import Options, Positive, says


class ReadingOptions(Options, frozen=True):
    """How a model file is meant; None leaves it to what its numbers show."""

    profile: Annotated[
        ProfileName | None,
        says("Framework that wrote the file; nir reads it by the specification."),
    ] = None
    dt: Annotated[Positive | None, says("Seconds per model step.", metavar="SECONDS")] = (
        None
    )
    reset: Annotated[ResetName | None, says("What a spike does to the membrane.")] = None
    threshold: Annotated[
        ThresholdName | None, says("A neuron fires above (gt) or at (ge) its threshold.")
    ] = None
    spikes_per_step: Annotated[
        SpikesPerStepName | None,
        says("A neuron sends at most one, or as many as thresholds fit (many)."),
    ] = None
