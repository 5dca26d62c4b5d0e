"""Decode one recording of an event camera, in a process of its own::

    python -m snn_deploy.inputs.camera_child FILE

writes a line of JSON to stdout, {"sensor": [width, height] or null} or {"error": text}, and
after the former the events as an .npy array with fields t (microseconds), x, y, p. Faery's
Rust code ends the whole process on some damaged files, and prints where it panicked; here
that harms nobody.
"""

import json
import sys
from typing import Any, BinaryIO

import numpy as np

UNKNOWN_SIZE = (1 << 14, 1 << 14)  # told to Faery, which else takes 1280x720 for granted
FIELDS = np.dtype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("p", "?")])


def decode(path: str) -> tuple[list[int] | None, Any]:
    """Return the sensor's size, None if the file does not say, and the events."""
    from faery.file_decoder import Decoder

    decoder = Decoder(path, dimensions_fallback=UNKNOWN_SIZE)
    packets = [np.array(p).astype(FIELDS) for p in decoder]
    size = decoder.dimensions()
    events = np.concatenate([np.zeros(0, FIELDS), *packets])
    return (None if size == UNKNOWN_SIZE else [int(n) for n in size]), events


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
