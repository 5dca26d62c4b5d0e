"""Read HDF5 files, trusting nothing in them.

Sizes, types and links are looked at before anything is read, texts without libhdf5
(`hdf5_heaps`). HDF5 fails in many ways; this module turns them into an InputError. What the
datasets mean is the business of whoever reads them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError
from snn_deploy.files.hdf5_heaps import TEXT, Heaps

Value: TypeAlias = AnyArray | str  # of a dataset

MAX_BYTES = 2 * 1024**3  # of all parameters together, uncompressed; ours
MAX_TEXTS = 2**20  # texts in one dataset, that is ends of edges; ours

LFS_POINTER = b"version https://git-lfs"  # the text that Git LFS leaves in place of a file

# Everything that h5py 3 was seen to raise on files that were cut, flipped or forged.
BROKEN = (OSError, LookupError, RuntimeError, ValueError, TypeError, AttributeError,
          SystemError, ArithmeticError, MemoryError)  # fmt: skip


def check_file(path: Path) -> None:
    """Raise InputError unless there is a regular, non-empty HDF5 file at `path`."""
    if path.is_dir():
        raise InputError(
            f"{path}: a folder, not a NIR file; give the path of the .nir file"
        )
    if not path.exists():
        raise InputError(f"{path}: no such file; check the path of the model")
    if not path.is_file():
        raise InputError(f"{path}: not a regular file; give the path of the .nir file")
    try:
        with path.open("rb") as file:
            head = file.read(len(LFS_POINTER))
    except OSError as error:
        raise InputError(
            f"{path}: cannot be opened ({error.strerror}); check it"
        ) from error
    if not head:
        raise InputError(f"{path}: empty (0 bytes); export the model again")
    if head == LFS_POINTER:
        raise InputError(
            f"{path}: a Git LFS pointer, not the model itself; fetch it with 'git lfs pull'"
        )
    if not h5py.is_hdf5(path):
        raise InputError(
            f"{path}: not an HDF5 file, so not a NIR model; export it with nir.write"
        )


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn whatever h5py raises inside into an InputError about `where`."""
    try:
        yield
    except BROKEN as error:
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(
            f"{where}: cannot be read, the file is damaged or cut short ({why}); "
            f"copy or export it again"
        ) from error


@dataclass
class Budget:
    """What may still be read from this file; it shrinks as it is read.

    Attributes:
        bytes_left: Of datasets, uncompressed.
        nodes_left: Nodes of the model, where the reader counts them.
    """

    bytes_left: int
    nodes_left: int


@dataclass(frozen=True)
class DatasetReader:
    """Reads datasets of one file, within one budget.

    Attributes:
        path: Of the file.
        budget: What may still be read of it; shared by all that read the file.
    """

    path: Path
    budget: Budget

    @cached_property
    def heaps(self) -> Heaps:
        """Where the texts of the file are."""
        return Heaps(self.path)

    def parameters(self, group: Any, where: str) -> Iterator[tuple[str, Value]]:
        """Yield each parameter; groups (metadata) are left alone."""
        for key, item in self.items(group, where):
            if key != "type" and isinstance(item, h5py.Dataset):
                yield key, self.value(item, f"{where}: parameter {key!r}")

    def items(self, group: Any, where: str) -> Iterator[tuple[str, Any]]:
        """Yield the members of a group; links to elsewhere are refused."""
        for key in group:
            if not isinstance(key, str) or not isinstance(
                group.get(key, getlink=True), h5py.HardLink
            ):
                raise InputError(
                    f"{where}: member {key!r} is a link or has no readable name; "
                    f"write the model into one file with nir.write"
                )
            yield key, group[key]

    def value(self, item: Any, where: str) -> Value:
        """Return a parameter: a text, or an array of whatever dtype the file has."""
        array = self.array(item, where)
        if array.ndim == 0 and array.dtype.kind in "OSU":
            return decode(array.item())
        return array

    def text(self, item: Any, where: str) -> str:
        """Return a dataset that has to be one text."""
        with reading(where):
            value = self.value(item, where) if isinstance(item, h5py.Dataset) else None
        if not isinstance(value, str):
            raise InputError(f"{where} is not a text; export the model again")
        return value

    def array(self, item: Any, where: str) -> AnyArray:
        """Return the content of a dataset, after a look at its size."""
        if item.shape is None:
            raise InputError(f"{where} is empty; export the model again")
        if item.is_virtual or item.external:
            raise InputError(f"{where} is kept in another file; write it into this one")
        size = item.size * item.dtype.itemsize
        if size > self.budget.bytes_left:
            raise InputError(
                f"{where} {list(item.shape)} takes {size / 2**30:.3g} GiB, but only "
                f"{self.budget.bytes_left / 2**30:.3g} GiB are left for this file; "
                f"split the model"
            )
        self.budget.bytes_left -= size
        return self.texts(item, where) if item.dtype.kind == "O" else np.asarray(item[()])

    def texts(self, item: Any, where: str) -> AnyArray:
        """Return a dataset of objects, which have to be texts."""
        if h5py.check_string_dtype(item.dtype) is None or item.size > MAX_TEXTS:
            raise InputError(
                f"{where} {list(item.shape)} holds objects instead of numbers or up to "
                f"{MAX_TEXTS} texts; export the model again"
            )
        offset = item.id.get_offset()
        if offset is None or item.id.get_storage_size() != item.size * TEXT.size:
            self.heaps.check_all()  # compressed: libhdf5 has to read them
            return np.asarray(item[()])
        texts = self.heaps.texts(offset, item.size)
        return np.array(texts, dtype=object).reshape(item.shape)


def decode(text: Any) -> str:
    """Return a name or text of the file as str; ValueError if it is none."""
    result = text.decode("utf-8") if isinstance(text, bytes) else text
    if not isinstance(result, str):
        raise ValueError(f"a text was expected, not {type(result).__name__}")
    return result
