"""Running: how much of an emitted program is run."""

from typing import Annotated

from snn_deploy.options.base import Count, Options, says


class RunningOptions(Options, frozen=True):
    """What of an emitted program is run; without any, every recorded state is compared."""

    samples: Annotated[
        Count | None, says("Run the first samples that are recorded only.")
    ] = None
    steps: Annotated[Count | None, says("Run so many steps of each.")] = None
    floating: Annotated[
        bool, says("Run it without rounding, where it has such a form.")
    ] = False
