"""Look at the global heaps of an HDF5 file before libhdf5 does.

Texts of variable length (in a NIR file: all types and edges) are kept in global heaps. libhdf5, up to
2.0.0 at least, never returns from a heap in which the size of an object is damaged to zero. One
file in 300 with random damage has such a heap, so they are walked here first.

The format is "Disk Format: Level 1E - Global Heap" of the HDF5 file format specification.
"""

import mmap
import struct
from pathlib import Path

from snn_deploy.errors import InputError

SIGNATURE = b"GCOL\x01\0\0\0"  # signature, version 1, reserved
HEADER = struct.Struct("<8sQ")  # signature and version; size of the heap with this header
OBJECT = struct.Struct("<HHIQ")  # index, references, reserved; size of the content


def check_heaps(path: Path) -> None:
    """Raise InputError if a global heap in the file at `path` cannot be walked to its end."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(SIGNATURE)
        while at >= 0:
            if not _is_sound(data, at):
                raise InputError(
                    f"{path}: the heap of texts at byte {at} is damaged; copy or export it again"
                )
            at = data.find(SIGNATURE, at + len(SIGNATURE))


def _is_sound(data: mmap.mmap, at: int) -> bool:
    """Whether the objects of the heap at byte `at` end where the heap ends."""
    if at + HEADER.size > len(data):
        return False
    end = at + HEADER.unpack_from(data, at)[1]
    if end > len(data):
        return False
    position = at + HEADER.size
    while position + OBJECT.size <= end:
        index, _, _, size = OBJECT.unpack_from(data, position)
        # index 0 is the free space, whose size counts its own header; contents fill 8 bytes
        taken = size if index == 0 else OBJECT.size + (size + 7) // 8 * 8
        if taken < OBJECT.size:
            return False
        position += taken
    return position <= end
