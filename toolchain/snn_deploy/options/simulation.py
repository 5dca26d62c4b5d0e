"""Simulation: how samples are run, timed, ended and read."""

from typing import Annotated

from snn_deploy.names import DecoderName, StageName, TimeModelName
from snn_deploy.options.base import Count, Options, says


class SimulationOptions(Options, frozen=True):
    """How samples are run on the simulated chip, and how far the line goes."""

    decode: Annotated[
        DecoderName | None,
        says("How a class is read: mean, final, max from membranes, others from spikes."),
    ] = None
    head: Annotated[
        str | None,
        says(
            "The output that is read, of several; what others alone need is left out.",
            metavar="NAME",
            aliases=("output",),
        ),
    ] = None
    time_model: Annotated[TimeModelName, says("How long a chip step takes.")] = "bound"
    until_quiet: Annotated[bool, says("A sample ends when all is at rest.")] = False
    exit_when_stable: Annotated[
        Count | None, says("Report an exit once a class stood for K steps.", metavar="K")
    ] = None
    batch: Annotated[
        Count | None,
        says("Samples that are simulated at once; bounds the memory, changes no result."),
    ] = None
    stop_after: Annotated[StageName | None, says("Last stage that is done.")] = None
