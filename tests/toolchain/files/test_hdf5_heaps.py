import struct
from pathlib import Path

import h5py
import pytest

from snn_deploy.files.hdf5_heaps import HEADER, OBJECT, SIGNATURE, TEXT, Heaps


def heap_of(*contents: bytes) -> bytes:
    """Return a global heap with one object per content, numbered from 1, and free space."""
    body = b""
    for index, content in enumerate(contents, 1):
        body += (
            OBJECT.pack(index, 1, 0, len(content)) + content + b"\0" * (-len(content) % 8)
        )
    body += OBJECT.pack(0, 0, 0, 64) + b"\0" * 48
    return HEADER.pack(SIGNATURE, HEADER.size + len(body)) + body


def file_of(
    tmp_path: Path, heap: bytes, *references: tuple[int, int, int]
) -> tuple[Heaps, int]:
    """Write a heap at byte 0 and references behind it; return both."""
    path = tmp_path / "texts"
    path.write_bytes(heap + b"".join(TEXT.pack(*each) for each in references))
    return Heaps(path), len(heap)


def test_texts_are_found_by_heap_and_index(tmp_path: Path) -> None:
    heap = heap_of(b"lif", b"a name of 16 by.", b"")
    heaps, at = file_of(tmp_path, heap, (16, 0, 2), (3, 0, 1), (0, 999, 7))
    assert heaps.texts(at, 3) == [b"a name of 16 by.", b"lif", b""]


def test_texts_equal_those_of_libhdf5(tmp_path: Path) -> None:
    path = tmp_path / "file.h5"
    texts = [f"node {i} " * (i % 9) for i in range(500)]
    with h5py.File(path, "w") as file:
        file.create_dataset("texts", data=texts, dtype=h5py.string_dtype())
    with h5py.File(path) as file:
        offset = file["texts"].id.get_offset()
        assert Heaps(path).texts(offset, 500) == list(file["texts"][()])
    Heaps(path).check_all()


ZERO = struct.pack("<Q", 0)


@pytest.mark.parametrize(
    ("heap", "reference", "message"),
    [
        (heap_of(b"lif"), (4, 0, 1), "a text of 4 bytes is not in its heap"),
        (heap_of(b"x" * 2000), (2000, 0, 1), "a text of 2000 bytes is not in its heap"),
        (heap_of(b"lif"), (2**32 - 1, 0, 1), "a text of 4294967295 bytes"),
        (heap_of(b"lif"), (3, 0, 2), "is not in its heap"),
        (heap_of(b"lif"), (3, 8, 1), "no heap of texts at byte 8"),
        (heap_of(b"lif"), (3, 2**60, 1), "lie outside the file"),
        (heap_of(b"lif").replace(struct.pack("<Q", 64), ZERO), (3, 0, 1), "at byte 0 is damaged"),
        (heap_of(b"lif").replace(struct.pack("<Q", 3), struct.pack("<Q", 2**63)), (3, 0, 1),
         "at byte 0 is damaged"),
        (HEADER.pack(SIGNATURE, 2**40), (3, 0, 1), "lie outside the file"),
    ],
)  # fmt: skip
def test_damage_is_found(
    tmp_path: Path, heap: bytes, reference: tuple[int, int, int], message: str
) -> None:
    heaps, at = file_of(tmp_path, heap, reference)
    with pytest.raises(ValueError, match=message):
        heaps.texts(at, 1)


def test_free_space_of_size_zero_is_found_before_libhdf5_hangs_on_it(
    tmp_path: Path,
) -> None:
    damaged = heap_of(b"lif").replace(struct.pack("<Q", 64), ZERO)
    heaps, _ = file_of(tmp_path, damaged)
    with pytest.raises(ValueError, match="damaged"):
        heaps.check_all()
