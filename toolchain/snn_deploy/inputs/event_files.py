"""Event files that NumPy can read: arrays with fields, text, and N-MNIST's own format."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError
from snn_deploy.files.limits import BROKEN, check_memory, reason
from snn_deploy.inputs.events import (
    ALIASES,
    Events,
    columns_of,
    columns_of_table,
    is_event_table,
    make_events,
)
from snn_deploy.options.inputs import InputOptions

TEXT_COLUMNS = ("t", "x", "y", "p")  # where no header says otherwise; rpg's events.txt
BIN_EVENT = 5  # bytes of one event in N-MNIST and N-Caltech101
BIN_OVERFLOW_ROW = 240  # this row is no pixel: the clock has run over (read_Ndataset.m)
BIN_OVERFLOW_US = 1 << 13


def read_arrays(file: Path, options: InputOptions, limit: int | None) -> Iterator[Events]:
    """Yield the one recording of an .npy with fields t, x, y, p (as tonic has them) or of
    four columns without names, or of an .npz of such an array or of one array per column.

    limit: as for all readers, how many recordings are wanted at most.

    Raises:
        InputError: It cannot be read, or its content cannot be events.
    """
    check_memory(file.name, file.stat().st_size)
    try:
        with file.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            arrays = loaded if isinstance(loaded, np.ndarray) else dict(loaded)
    except BROKEN as error:
        raise _unreadable(file, error) from error
    columns = columns_of(_fields(arrays, file.name))
    yield make_events(columns, file.name, unit=options.time_unit, said=True)


def _fields(arrays: AnyArray | Mapping[str, AnyArray], source: str) -> dict[str, AnyArray]:
    """Return the columns of an array with fields or of a table, or of a file of arrays."""
    if isinstance(arrays, np.ndarray):
        if arrays.dtype.names is None:
            return columns_of_table(arrays, source)
        return {name: arrays[name] for name in arrays.dtype.names}
    for array in arrays.values():
        if array.dtype.names:
            return _fields(array, source)
    return dict(arrays)


def read_text(file: Path, options: InputOptions, limit: int | None) -> Iterator[Events]:
    """Yield the one recording of a text file: a line per event, columns t x y p or as a
    first line names them, parted by blanks, commas, semicolons or tabs.

    Raises:
        InputError: A line is not of numbers, or its content cannot be events.
    """
    check_memory(file.name, 4 * file.stat().st_size)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except BROKEN as error:
        raise _unreadable(file, error) from error
    lines = [line.replace(",", " ").replace(";", " ") for line in lines]
    names = _header(lines)
    body = lines[1:] if names else lines
    rows = [line for line in body if line.strip() and not line.lstrip().startswith("#")]
    if not rows:
        raise InputError(f"{file.name}: holds no events; leave this recording out")
    try:
        table = np.loadtxt(rows, dtype=np.float64, ndmin=2, comments=None)
    except BROKEN as error:
        raise _unreadable(file, error) from error
    width = table.shape[1]
    if names is None and width not in (2, 4):
        raise InputError(
            f"{file.name}: has {width} columns and no line that names them; put a first "
            f"line like 't x y p' there"
        )
    by_name = dict(zip(names or TEXT_COLUMNS, table.T, strict=False))
    yield make_events(columns_of(by_name), file.name, unit=options.time_unit, said=True)


def _header(lines: list[str]) -> tuple[str, ...] | None:
    """Return the names in the first line, None if it is not of names."""
    words = lines[0].lstrip("# ").split() if lines else []
    known = {a for aliases in ALIASES.values() for a in aliases}
    named = bool(words) and any(w.lower() in known for w in words)
    return tuple(words) if named else None


def read_bin(file: Path, options: InputOptions, limit: int | None) -> Iterator[Events]:
    """Yield the one recording of a .bin of N-MNIST or N-Caltech101 (Orchard et al. 2015):
    40 bits per event, x (8), y (8), polarity (1), microseconds (23), high bits first.

    Raises:
        InputError: The file is no whole number of events.
    """
    size = file.stat().st_size
    check_memory(file.name, 8 * size)
    if size % BIN_EVENT:
        raise InputError(
            f"{file.name}: {size} bytes are no whole number of events of {BIN_EVENT} bytes "
            f"(N-MNIST), the file is cut short or of another kind; copy it again"
        )
    raw = np.fromfile(file, np.uint8).reshape(-1, BIN_EVENT).astype(np.int64)
    t = ((raw[:, 2] & 0x7F) << 16) | (raw[:, 3] << 8) | raw[:, 4]
    marks = raw[:, 1] == BIN_OVERFLOW_ROW
    t = t + BIN_OVERFLOW_US * np.cumsum(marks)
    columns = {"t": t, "x": raw[:, 0], "y": raw[:, 1], "p": raw[:, 2] >> 7}
    pixels = {letter: values[~marks] for letter, values in columns.items()}
    yield make_events(pixels, file.name, unit=options.time_unit or "us", said=True)


def _unreadable(file: Path, error: Exception) -> InputError:
    return InputError(
        f"{file.name}: not a readable file of events ({reason(error)}); save the "
        f"columns t, x, y, p with numpy.savez(file, t=..., x=..., y=..., p=...)"
    )


def array_headers(file: Path) -> dict[str, Any]:
    """Return the shape and type of each array in an .npy or .npz (by name, "" for .npy)
    without reading it; nothing if it is none."""
    try:
        if not zipfile.is_zipfile(file):
            with file.open("rb") as stream:
                return {"": _header_of(stream)}
        with zipfile.ZipFile(file) as archive:
            found = {}
            for name in archive.namelist():
                with archive.open(name) as stream:
                    found[name.removesuffix(".npy")] = _header_of(stream)
            return found
    except BROKEN:
        return {}


def holds_table(file: Path) -> bool:
    """Whether an .npy holds a table of events without names: four columns of numbers, one
    of time, one of polarity."""
    shape, dtype = array_headers(file).get("", ((), np.dtype(object)))
    if len(shape) != 2 or shape[1] != 4 or dtype.kind not in "iuf" or not shape[0]:
        return False
    try:
        return is_event_table(np.load(file, mmap_mode="r", allow_pickle=False))
    except BROKEN:
        return False


def _header_of(stream: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read(stream)
    return shape, dtype
