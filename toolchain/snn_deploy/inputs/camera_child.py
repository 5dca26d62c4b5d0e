"""Decode one recording of an event camera, in a process of its own::

    python -m snn_deploy.inputs.camera_child FILE

writes a line of JSON to stdout, {"sensor": [width, height] or null} or {"error": text}, and
after the former the events as an .npy array with fields t (microseconds), x, y, p. Faery's
Rust code ends the whole process on some damaged files, and prints where it panicked; here
that harms nobody.
"""

import json
import os
import sys
import tempfile
from typing import Any, BinaryIO

import numpy as np

UNKNOWN_SIZE = (1 << 14, 1 << 14)  # told to Faery, which else takes 1280x720 for granted
# Type and bytes of an event, which stand between header and events.
OLD_TYPE, NEW_TYPE = b"\x00\x08", b"\x0c\x08"
FIELDS = np.dtype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("p", "?")])


def decode(path: str) -> tuple[list[int] | None, Any]:
    """Return the sensor's size, None if the file does not say, and the events."""
    from faery.file_decoder import Decoder

    with tempfile.TemporaryDirectory() as folder:
        decoder = Decoder(_as_known(path, folder), dimensions_fallback=UNKNOWN_SIZE)
        packets = [np.array(p).astype(FIELDS) for p in decoder]
        size = decoder.dimensions()
    events = np.concatenate([np.zeros(0, FIELDS), *packets])
    return (None if size == UNKNOWN_SIZE else [int(n) for n in size]), events


def _as_known(path: str, folder: str) -> str:
    """Return a file that Faery can read: `path`, or a copy of a .dat of events of type 0 as
    one of type 12, whose bytes are the same (Prophesee's DAT format; N-CARS)."""
    if not path.lower().endswith(".dat"):
        return path
    with open(path, "rb") as file:
        content = file.read()
    start = 0
    while content[start : start + 1] == b"%":
        start = content.find(b"\n", start) + 1
        if start == 0:
            return path
    if content[start : start + 2] != OLD_TYPE:
        return path
    copy = os.path.join(folder, "events.dat")
    with open(copy, "wb") as file:
        file.write(content[:start] + NEW_TYPE + content[start + 2 :])
    return copy


def write(path: str, out: BinaryIO) -> None:
    """Write what stands in the file, or why it cannot be read."""
    try:
        sensor, events = decode(path)
    except Exception as error:
        out.write(json.dumps({"error": str(error)}).encode() + b"\n")
        return
    out.write(json.dumps({"sensor": sensor}).encode() + b"\n")
    np.save(out, events)


if __name__ == "__main__":
    write(sys.argv[1], sys.stdout.buffer)
