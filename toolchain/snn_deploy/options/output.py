"""Output: what is written, and which program is emitted and run."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from snn_deploy.names import FormName, names
from snn_deploy.options.base import Options


class OutputOptions(Options, frozen=True):
    """What a deployment leaves behind."""

    out: Annotated[
        Path | None,
        Meta(
            description="Folder for the report in all forms, and the program.",
            extra={"metavar": "DIR"},
        ),
    ] = None
    formats: Annotated[
        str | None,
        Meta(
            description=f"Of the report in the folder: any of {','.join(names(FormName))}.",
            extra={"metavar": "A,B,..."},
        ),
    ] = None
    trace: Annotated[
        Path | None,
        Meta(
            description="Save every population's output in every simulator (.npz).",
            extra={"metavar": "FILE"},
        ),
    ] = None
    backend: Annotated[
        str | None,
        Meta(
            description="Write a program for a chip into the folder, too: lava.",
            extra={"metavar": "NAME"},
        ),
    ] = None
    verify: Annotated[
        bool, Meta(description="Run the emitted program and compare every bit.")
    ] = False
