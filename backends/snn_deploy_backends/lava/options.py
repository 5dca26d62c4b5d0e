"""The options of the Lava backend; light, since every --help shows them."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from snn_deploy.options.base import Options


class LavaOptions(Options, frozen=True):
    """How an emitted Lava program is run."""

    lava_python: Annotated[
        Path | None,
        Meta(description="Python 3.10 with lava-nc; found by itself if there is one."),
    ] = None


own_options = LavaOptions
