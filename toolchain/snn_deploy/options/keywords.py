"""Options as keywords, for editors and type checkers: **fields: Unpack[...].

Made from the groups by `pytest tests/toolchain/options --update-golden`; do not edit.
"""

from pathlib import Path
from typing import Any, TypedDict

from snn_deploy.names import (
    ConversionName,
    DecoderName,
    EncoderName,
    LoweringName,
    NormInputName,
    PartitionName,
    PixelsName,
    PlacementName,
    PolarityName,
    ProfileName,
    ResetName,
    SpikesPerStepName,
    StageName,
    StoreTwiceName,
    ThresholdName,
    TimeModelName,
    TimeStartName,
    TimeUnitName,
)


class DeployFields(TypedDict, total=False):
    """Keywords of deploy."""

    profile: ProfileName | None
    dt: float | None
    reset: ResetName | None
    threshold: ThresholdName | None
    spikes_per_step: SpikesPerStepName | None
    floor: str | None
    norm_input: NormInputName | None
    input_shape: str | None
    input: Any
    steps: int | None
    samples: int | None
    framework_trace: Any
    labels: str | Path | None
    encode: EncoderName | None
    encoder_seed: int
    gain: float
    delta_threshold: float
    bin_ms: float | None
    window_ms: float | None
    start: TimeStartName
    time_unit: TimeUnitName | None
    polarity: PolarityName | None
    pixels: PixelsName | None
    sensor: str | None
    weight_bits: int
    spike_bits: int | None
    lower: LoweringName | None
    store_twice: StoreTwiceName
    partition: PartitionName
    placement: PlacementName
    seed: int
    decode: DecoderName | None
    head: str | None
    time_model: TimeModelName
    until_quiet: bool
    exit_when_stable: int | None
    batch: int | None
    stop_after: StageName | None
    min_accuracy: float | None
    max_drop: float | None
    finetune: Any
    finetune_epochs: int | None
    out: str | Path | None
    formats: str | None
    trace: str | Path | None
    backend: str | None
    verify: bool
    lava_python: str | Path | None


class ReadingFields(TypedDict, total=False):
    """Keywords of a reading of a model file."""

    profile: ProfileName | None
    dt: float | None
    reset: ResetName | None
    threshold: ThresholdName | None
    spikes_per_step: SpikesPerStepName | None
    floor: str | None
    norm_input: NormInputName | None
    input_shape: str | None


class ConversionFields(TypedDict, total=False):
    """Keywords of a conversion."""

    method: ConversionName
    weight_bits: int
    activation_bits: int
    input_bits: int
    spike_bits: int
    steps: int | None
