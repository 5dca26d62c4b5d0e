"""Reading: how a model file is meant where it does not say so itself."""

import math
from typing import Annotated

import msgspec

from snn_deploy.errors import InputError, option
from snn_deploy.names import (
    NormInputName,
    ProfileName,
    ResetName,
    SpikesPerStepName,
    ThresholdName,
)
from snn_deploy.options.base import Options, Positive, says

MOST_VALUES = 2**24  # of one step of an input; ours


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
    floor: Annotated[
        str | None,
        says(
            "Membranes fall no lower: none, minus the threshold, or a value at most 0.",
            metavar="none|threshold|VALUE",
        ),
    ] = None
    norm_input: Annotated[
        NormInputName | None,
        says("LIF of sinabs scales its input by 1 - exp(-1/tau)."),
    ] = None
    input_shape: Annotated[
        str | None,
        says("Of a lava-dl file (.net) that does not say it.", metavar="CxHxW"),
    ] = None

    def __post_init__(self) -> None:
        if isinstance(self.floor, int | float) and not isinstance(self.floor, bool):
            msgspec.structs.force_setattr(self, "floor", f"{self.floor}")
        super().__post_init__()
        if self.floor is not None:
            floor_of(self.floor)
        if self.input_shape is not None:
            shape_of_input(self.input_shape)


def shape_of_input(text: str) -> tuple[int, ...]:
    """Return the shape that an option `input_shape` names, channels first.

    Raises:
        InputError: It is no shape of up to 2^24 values.
    """
    sides = text.split("x")
    whole = len(sides) <= 3 and all(s.isdecimal() and len(s) <= 8 for s in sides)
    shape = tuple(int(s) for s in sides) if whole else (0,)
    if not 1 <= math.prod(shape) <= MOST_VALUES:
        raise InputError(
            f"{option('input_shape', text)}: must be CxHxW (2x34x34), or a number of "
            f"inputs, {MOST_VALUES} values at most"
        )
    return shape


def floor_of(text: str) -> float | None:
    """Return the lowest membrane that an option `floor` names: -inf for "none", None for
    minus the threshold.

    Raises:
        InputError: It is neither, nor a number at most 0.
    """
    if text == "threshold":
        return None
    try:
        value = -math.inf if text == "none" else float(text)
    except ValueError:
        value = math.nan
    if text != "none" and not (math.isfinite(value) and value <= 0):
        raise InputError(
            f"{option('floor', text)}: must be none, threshold or a number at most 0"
        )
    return value
