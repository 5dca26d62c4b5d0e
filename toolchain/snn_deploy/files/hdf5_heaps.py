"""Read texts and lists of variable length out of an HDF5 file without libhdf5.

In a NIR file all types and edges are such texts, kept in "global heaps". libhdf5 (up to
2.0.0 at least) never returns from a heap whose object sizes are damaged, and allocates
whatever length a damaged text claims: one file in 300 with random damage hung it. So the
heaps are walked here.

The format is "Disk Format: Level 1E - Global Heap" of the HDF5 file format specification,
for files with addresses and lengths of 8 bytes, as all common writers make them.
"""

import mmap
import struct
from dataclasses import dataclass, field
from pathlib import Path

SIGNATURE = b"GCOL\x01\0\0\0"  # signature, version 1, reserved
HEADER = struct.Struct("<8sQ")  # signature and version; size of the heap with this header
OBJECT = struct.Struct("<HHIQ")  # index, references, reserved; size of the content
TEXT = struct.Struct("<IQI")  # length, address of the heap, index of the object

MAX_TEXT = 1024  # bytes of one text; ours, names of nodes are far shorter


@dataclass(frozen=True)
class Heaps:
    """The global heaps of a file; those that were looked at are kept.

    Attributes:
        path: Of the file.
        walked: Content of each object of a heap by its index, by the heap's address in
            the file, bytes.
    """

    path: Path
    walked: dict[int, dict[int, bytes]] = field(default_factory=dict)

    def texts(self, offset: int, count: int) -> list[bytes]:
        """Return `count` texts whose references stand at byte `offset`.

        Raises:
            ValueError: A reference or a heap is damaged.
        """
        references = self._bytes(offset, count * TEXT.size)
        return [self._text(*each) for each in TEXT.iter_unpack(references)]

    def lists(self, offset: int, count: int, item_size: int) -> list[bytes]:
        """Return the bytes of `count` lists of items of `item_size` bytes, whose references
        stand at byte `offset`.

        Raises:
            ValueError: A reference or a heap is damaged.
        """
        references = self._bytes(offset, count * TEXT.size)
        return [
            self._content(length * item_size, heap, index, "list")
            for length, heap, index in TEXT.iter_unpack(references)
        ]

    def check_all(self) -> None:
        """Walk every heap, so that libhdf5 can too; ValueError if one is damaged."""
        with (
            self.path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            at = data.find(SIGNATURE)
            while at >= 0:
                self._objects(at)
                at = data.find(SIGNATURE, at + len(SIGNATURE))

    def _bytes(self, start: int, size: int) -> bytes:
        if start + size > self.path.stat().st_size:
            raise ValueError(f"bytes {start} to {start + size} lie outside the file")
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(size)

    def _text(self, length: int, heap: int, index: int) -> bytes:
        if length > MAX_TEXT:
            raise ValueError(f"a text of {length} bytes is not in its heap")
        return self._content(length, heap, index)

    def _content(self, size: int, heap: int, index: int, what: str = "text") -> bytes:
        if size == 0:
            return b""
        content = self._objects(heap).get(index, b"")
        if size > len(content):
            raise ValueError(f"a {what} of {size} bytes is not in its heap")
        return content[:size]

    def _objects(self, at: int) -> dict[int, bytes]:
        """Return the content of each object in the heap at byte `at`, by index."""
        if at not in self.walked:
            signature, length = HEADER.unpack(self._bytes(at, HEADER.size))
            if signature != SIGNATURE:
                raise ValueError(f"there is no heap of texts at byte {at}")
            self.walked[at] = _walk(self._bytes(at, length), at)
        return self.walked[at]


def _walk(heap: bytes, at: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    position = HEADER.size
    while position + OBJECT.size <= len(heap):
        index, _, _, size = OBJECT.unpack_from(heap, position)
        start = position + OBJECT.size
        found[index] = heap[start : start + size]
        # index 0 is the free space, whose size counts its header; contents fill 8 bytes
        taken = size if index == 0 else OBJECT.size + (size + 7) // 8 * 8
        position += taken
        if taken < OBJECT.size or position > len(heap):
            raise ValueError(f"the heap of texts at byte {at} is damaged")
    return found
