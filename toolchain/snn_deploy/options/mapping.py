"""Mapping: how a network is rounded, cut and put on cores."""

from typing import Annotated

from msgspec import Meta

from snn_deploy.names import (
    LoweringName,
    PartitionName,
    PlacementName,
    StoreTwiceName,
)
from snn_deploy.options.base import Options, says


class MappingOptions(Options, frozen=True):
    """How a network becomes integers on cores; what the board allows is checked there."""

    weight_bits: Annotated[
        Annotated[int, Meta(ge=1, le=8)], says("Of a stored weight, 1 to 8.")
    ] = 8
    spike_bits: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        says("Most bits of a spike's payload; 0 for binary spikes."),
    ] = None
    lower: Annotated[LoweringName | None, says("Make spikes binary, in this way.")] = None
    store_twice: Annotated[
        StoreTwiceName,
        says(
            "Weights as two arrays, coarse and fine: where rounding surely changes more "
            "than 1 % of the answers (auto), all of them, or none."
        ),
    ] = "auto"
    partition: Annotated[
        PartitionName, says("How layers are cut into pieces of one core.")
    ] = "intel"
    placement: Annotated[PlacementName, says("Which cores the pieces are put on.")] = (
        "local"
    )
    seed: Annotated[
        Annotated[int, Meta(ge=0)], says("Seed of everything that is drawn at random.")
    ] = 0
