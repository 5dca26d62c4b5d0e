"""Inputs: which samples are fed in, and how what a file holds becomes values per step."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from snn_deploy.errors import InputError, option
from snn_deploy.names import (
    EncoderName,
    PixelsName,
    PolarityName,
    TimeStartName,
    TimeUnitName,
)
from snn_deploy.options.base import Count, Options, Positive, says

FOR_VALUES = ("encode", "encoder_seed", "gain", "delta_threshold")
FOR_EVENTS = (
    "bin_ms", "window_ms", "start", "time_unit", "polarity", "pixels", "sensor",
)  # fmt: skip


class InputOptions(Options, frozen=True, eq=False):
    """What is fed in; the same meaning for every verb that reads samples."""

    input: Annotated[
        Any,
        says(
            "Samples: .npz with x [N, T, ...] or [N, ...] and labels y [N], "
            ".npy with x alone; or events: a recording, a folder or a .list of them."
        ),
    ] = None
    steps: Annotated[
        Count | None,
        says("Model steps per sample; needed where the input has no time axis."),
    ] = None
    samples: Annotated[Count | None, says("Use the first samples of the input only.")] = (
        None
    )
    framework_trace: Annotated[
        Any, says("What the framework's own populations sent (.npz), to compare.")
    ] = None
    labels: Annotated[Path | None, says("Class numbers [N] (.npy).")] = None
    encode: Annotated[
        EncoderName | None, says("How values become spikes; direct feeds them as they are.")
    ] = None
    encoder_seed: Annotated[
        Annotated[int, Meta(ge=0)], says("Seed of the encoder `rate`.")
    ] = 0
    gain: Annotated[Positive, says("Factor on every value, first of all.")] = 1.0
    delta_threshold: Annotated[
        Positive, says("Smallest change that the encoder `delta` sends.")
    ] = 0.1
    bin_ms: Annotated[Positive | None, says("Milliseconds of events per model step.")] = (
        None
    )
    window_ms: Annotated[
        Positive | None,
        says(
            "Milliseconds of events per sample; all by default.",
            aliases=("window",),
        ),
    ] = None
    start: Annotated[TimeStartName, says("Time counts from the first event, or zero.")] = (
        "first"
    )
    time_unit: Annotated[TimeUnitName | None, says("Of the times of events.")] = None
    polarity: Annotated[
        PolarityName | None,
        says("Of events: two (OFF and ON channels), merged, signed, or on (ON alone)."),
    ] = None
    pixels: Annotated[
        PixelsName | None,
        says("Events that meet in one step and neuron: count (default) or or."),
    ] = None
    sensor: Annotated[
        str | None, says("WIDTHxHEIGHT of the sensor in pixels.", metavar="WIDTHxHEIGHT")
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = [] if self.sensor is None else self.sensor.lower().split("x")
        whole = all(s.isdecimal() and 0 < int(s) < 1 << 16 for s in sizes)
        if len(sizes) > 2 or not whole:
            raise InputError(
                f"{option('sensor', self.sensor)}: must be WIDTHxHEIGHT in pixels "
                f"(346x260), or the number of channels of a sensor without rows (700)"
            )

    @property
    def sensor_size(self) -> tuple[int, int] | None:
        """Width and height in pixels, as wished."""
        if self.sensor is None:
            return None
        width, _, height = self.sensor.lower().partition("x")
        return int(width), int(height or 1)

    def refuse(self, names: Collection[str], source: str, holds: str) -> None:
        """Refuse options that have no meaning for what `source` holds, e.g. "events".

        Raises:
            InputError: One of `names` was given.
        """
        given = [name for name in self.changed() if name in names]
        if given:
            raise InputError(
                f"{option(given[0])}: has no meaning for {source}, which holds {holds}; "
                f"leave it out"
            )


AS_IT_IS = InputOptions()
