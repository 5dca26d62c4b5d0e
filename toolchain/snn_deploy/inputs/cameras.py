"""Recordings of event cameras in their makers' formats, read by Faery.

Faery (LGPL-3) is an extra, `pip install snn-deploy[events]`, and is only ever run in a
process of its own (`camera_child`), a quarter of a second per file.
"""

import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError
from snn_deploy.files.limits import reason
from snn_deploy.inputs.events import Events, make_events
from snn_deploy.options.inputs import InputOptions

HEADERS = {".raw": b"%", ".dat": b"%"}  # what such a file starts with


def read_camera(file: Path, options: InputOptions, limit: int | None) -> Iterator[Events]:
    """Yield the one recording of an .aedat4 (iniVation), .raw (Prophesee EVT 2, 2.1, 3),
    .dat (Prophesee) or .es file.

    Raises:
        InputError: Faery is not installed, or cannot read the file.
    """
    if importlib.util.find_spec("faery") is None:
        raise InputError(
            f"{file.name}: {file.suffix} files are read by the package faery; pip install "
            f"snn-deploy[events]"
        )
    start = HEADERS.get(file.suffix.lower(), b"")
    with file.open("rb") as stream:
        if stream.read(len(start)) != start:
            raise InputError(
                f"{file.name}: has no header, so neither its version nor its sensor is "
                f"known; copy or record it again"
            )
    sensor, table = _decoded(file)
    columns = {name: table[name] for name in "txyp"}
    yield make_events(
        columns, file.name, unit=options.time_unit or "us", said=True, sensor=sensor
    )


def _decoded(file: Path) -> tuple[tuple[int, int] | None, AnyArray]:
    command = [sys.executable, "-m", "snn_deploy.inputs.camera_child", str(file)]
    done = subprocess.run(command, capture_output=True, check=False)
    head, _, rest = done.stdout.partition(b"\n")
    if not head:
        raise _unreadable(file, "its decoder ended without a word")
    said = json.loads(head)
    if "error" in said:
        raise _unreadable(file, reason(ValueError(said["error"])))
    table = np.load(io.BytesIO(rest), allow_pickle=False)
    return (None if said["sensor"] is None else (*said["sensor"],)), table


def _unreadable(file: Path, why: str) -> InputError:
    return InputError(
        f"{file.name}: not a readable {file.suffix} file ({why}); copy or record it again"
    )
