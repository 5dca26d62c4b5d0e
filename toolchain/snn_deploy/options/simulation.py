"""Simulation: how samples are run, timed, ended and read."""

from typing import Annotated

from msgspec import Meta

from snn_deploy.names import DecoderName, StageName, TimeModelName
from snn_deploy.options.base import Count, Options


class SimulationOptions(Options, frozen=True):
    """How samples are run on the simulated chip, and how far the line goes."""

    decode: Annotated[
        DecoderName | None,
        Meta(
            description="How a class is read: mean, final, max from membranes, others "
            "from spikes."
        ),
    ] = None
    time_model: Annotated[
        TimeModelName,
        Meta(description="How long a chip step takes."),
    ] = "bound"
    until_quiet: Annotated[bool, Meta(description="A sample ends when all is at rest.")] = (
        False
    )
    exit_when_stable: Annotated[
        Count | None,
        Meta(
            description="Report an exit once a class stood for K steps.",
            extra={"metavar": "K"},
        ),
    ] = None
    batch: Annotated[
        Count | None,
        Meta(
            description="Samples that are simulated at once; bounds the memory, changes "
            "no result."
        ),
    ] = None
    stop_after: Annotated[
        StageName | None,
        Meta(description="Last stage that is done."),
    ] = None
