"""Output: what is written, and which program is emitted and run."""

from pathlib import Path
from typing import Annotated

from snn_deploy.names import FormName, names
from snn_deploy.options.base import Options, says


class OutputOptions(Options, frozen=True):
    """What a deployment leaves behind."""

    out: Annotated[
        Path | None,
        says("Folder for the report in all forms, and the program.", metavar="DIR"),
    ] = None
    formats: Annotated[
        str | None,
        says(
            f"Of the report in the folder: any of {','.join(names(FormName))}.",
            metavar="A,B,...",
        ),
    ] = None
    trace: Annotated[
        Path | None,
        says(
            "Save every population's output in every simulator: .npz, or .nird (NIRData).",
            metavar="FILE",
        ),
    ] = None
    backend: Annotated[
        str | None,
        says("Write a program for a chip into the folder, too: lava.", metavar="NAME"),
    ] = None
    verify: Annotated[bool, says("Run the emitted program and compare every bit.")] = False
