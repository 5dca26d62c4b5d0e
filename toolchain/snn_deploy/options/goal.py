"""Goal: what the chip has to reach, and what may be done for it."""

from typing import Annotated, Any

from msgspec import Meta

from snn_deploy.options.base import Count, Options, says


class GoalOptions(Options, frozen=True, eq=False):
    """What a deployment must reach, and the training that may bring it there."""

    min_accuracy: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        says("Fail if the chip's accuracy (0..1) is below this."),
    ] = None
    max_drop: Annotated[
        Annotated[float, Meta(ge=0, le=100)] | None,
        says(
            "Fail if the chip loses more points of the float network's accuracy.",
            metavar="POINTS",
        ),
    ] = None
    finetune: Annotated[
        Any,
        says(
            "Labelled samples, none of them tested: train onto the integers "
            "where more than max_drop is lost.",
            metavar="TRAIN",
        ),
    ] = None
    finetune_epochs: Annotated[
        Count | None, says("Train for at most N epochs (30).", metavar="N")
    ] = None
