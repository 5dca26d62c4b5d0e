"""Recordings of event cameras in their makers' formats, read by Faery.

Faery (LGPL-3) is an extra, `pip install snn-deploy[events]`, and is imported only here.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from snn_deploy.errors import InputError
from snn_deploy.inputs.events import Events, make_events
from snn_deploy.inputs.intake import Intake

UNKNOWN_SIZE = (1 << 14, 1 << 14)  # told to Faery, which else takes 1280x720 for granted
HEADERS = {".raw": b"%", ".dat": b"%"}  # what such a file starts with


def read_camera(file: Path, intake: Intake, limit: int | None) -> Iterator[Events]:
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
        if not stream.read(len(start)) == start:
            raise InputError(
                f"{file.name}: has no header, so neither its version nor its sensor is "
                f"known; copy or record it again"
            )
    sensor, packets = _decoded(file)
    columns = {name: np.concatenate([p[name] for p in packets]) for name in "txyp"}
    yield make_events(
        columns, file.name, unit=intake.time_unit or "us", said=True, sensor=sensor
    )


def _decoded(file: Path) -> tuple[tuple[int, int] | None, list[np.ndarray]]:
    from faery.file_decoder import Decoder

    try:
        decoder = Decoder(file, dimensions_fallback=UNKNOWN_SIZE)
        packets = [np.array(p) for p in decoder]
        size = decoder.dimensions()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of its Rust code is no Exception
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(
            f"{file.name}: not a readable {file.suffix} file ({why}); copy or record it "
            f"again"
        ) from error
    if not packets:
        raise InputError(f"{file.name}: holds no events; leave this recording out")
    return (None if size == UNKNOWN_SIZE else (int(size[0]), int(size[1]))), packets
