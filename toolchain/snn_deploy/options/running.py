"""Running: how much of an emitted program is run."""

from typing import Annotated

from msgspec import Meta

from snn_deploy.options.base import Count, Options


class RunningOptions(Options, frozen=True):
    """What of an emitted program is run; without any, every recorded state is compared."""

    samples: Annotated[
        Count | None,
        Meta(description="Run the first samples that are recorded only."),
    ] = None
    steps: Annotated[
        Count | None,
        Meta(description="Run so many steps of each."),
    ] = None
    floating: Annotated[
        bool, Meta(description="Run it without rounding, where it has such a form.")
    ] = False
