"""The options of the Lava backend; light, since every --help shows them."""

from pathlib import Path
from typing import Annotated

from snn_deploy.options.base import Options, says


class LavaOptions(Options, frozen=True):
    """How an emitted Lava program is run."""

    lava_python: Annotated[
        Path | None, says("Python 3.10 with lava-nc; found by itself if there is one.")
    ] = None


own_options = LavaOptions
