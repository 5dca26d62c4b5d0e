"""Read the HDF5 file of a NIR model, trusting nothing in it.

Receives a path, returns a RawGraph. `nir.read` is not used: it refuses many published files
(graphs within graphs, parameters without dimensions, old formats) and ends in a traceback
on broken ones. Sizes are checked before anything is read. HDF5 fails in many ways; this
module alone turns them into an InputError. What the nodes mean is checked later.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError
from snn_deploy.frontends.graph import MAX_DEPTH, MAX_NODES, RawGraph, RawNode, Value, label
from snn_deploy.frontends.heaps import TEXT, Heaps

MAX_BYTES = 2 * 1024**3  # of all parameters together, uncompressed; ours
MAX_TEXTS = 2**20  # texts in one dataset, that is ends of edges; ours

LFS_POINTER = b"version https://git-lfs"  # the text that Git LFS leaves in place of a file

# Everything that h5py 3 was seen to raise on files that were cut, flipped or forged.
BROKEN = (OSError, LookupError, RuntimeError, ValueError, TypeError, AttributeError,
          SystemError, ArithmeticError, MemoryError)  # fmt: skip


def read_file(path: Path, *, max_bytes: int = MAX_BYTES) -> RawGraph:
    """Return the graph in the file at `path`.

    max_bytes: refuse a file whose parameters would take more, uncompressed.

    Raises:
        InputError: No such file, not HDF5, or not a readable NIR graph.
    """
    check_file(path)
    with reading(f"{path}"), h5py.File(path, "r") as file:
        if not isinstance(file.get("node"), h5py.Group):
            found = ", ".join(sorted(map(repr, file))[:5]) or "nothing"
            raise InputError(
                f"{path}: no group 'node' (found {found}), so this is not a NIR model; "
                f"write one with nir.write"
            )
        return Reader(path, Budget(max_bytes, MAX_NODES)).graph(file["node"], "", 0)


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
    """What may still be read from this file."""

    bytes_left: int
    nodes_left: int


@dataclass(frozen=True)
class Reader:
    """Reads groups of one file, within one budget."""

    path: Path
    budget: Budget

    @cached_property
    def heaps(self) -> Heaps:
        """Where the texts of the file are."""
        return Heaps(self.path)

    def graph(self, group: Any, name: str, depth: int) -> RawGraph:
        """Return the graph in `group`; `name` is '' for the outermost."""
        where = f"{self.path}: graph {name!r}" if name else f"{self.path}"
        kind = self.text(group.get("type"), f"{where}: 'type'") if "type" in group else None
        if "nodes" not in group and kind not in (None, "NIRGraph"):
            raise InputError(
                f"{where}: holds one node, not a graph; wrap it in a nir.NIRGraph"
            )
        if depth >= MAX_DEPTH:
            raise InputError(
                f"{where}: graphs within graphs more than {MAX_DEPTH} deep; flatten them"
            )
        members = group.get("nodes")
        if not isinstance(members, h5py.Group):
            raise InputError(f"{where}: no group 'nodes'; export the model again")
        nodes = {
            str(key): self.node(item, f"{name}.{key}" if name else str(key), depth)
            for key, item in self.items(members, where)
        }
        return RawGraph(nodes, self.edges(group, where))

    def node(self, group: Any, name: str, depth: int) -> RawNode | RawGraph:
        """Return one node, or the graph that stands in its place."""
        where = f"{self.path}: node {name!r}"
        self.budget.nodes_left -= 1
        if self.budget.nodes_left < 0:
            raise InputError(f"{where}: more than {MAX_NODES} nodes; merge layers")
        if not isinstance(group, h5py.Group) or "type" not in group:
            raise InputError(
                f"{where}: no 'type', so the file is incomplete (its writer may have "
                f"stopped half way); export the model again"
            )
        kind = self.text(group["type"], f"{where}: 'type'")
        if kind == "NIRGraph":
            return self.graph(group, name, depth + 1)
        where = f"{where} ({label(kind)})"
        with reading(where):
            return RawNode(kind, dict(self.parameters(group, where)))

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

    def edges(self, group: Any, where: str) -> tuple[tuple[str, str], ...]:
        """Return the edges of a graph."""
        item = group.get("edges")
        if not isinstance(item, h5py.Dataset):
            raise InputError(
                f"{where}: no dataset 'edges', so the file is incomplete; "
                f"export the model again"
            )
        with reading(f"{where}: edges"):
            array = self.array(item, f"{where}: edges")
            if array.size == 0:
                return ()
            if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "OSU":
                raise InputError(
                    f"{where}: edges are {array.dtype} {list(array.shape)} instead of "
                    f"pairs of names; export the model again"
                )
            return tuple((decode(a), decode(b)) for a, b in array.tolist())

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
