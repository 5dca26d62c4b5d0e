"""Event files in HDF5: Heidelberg's spiking data sets, DSEC and its relatives, v2e,
Prophesee.

HDF5 fails in many ways; `files.hdf5.reading` turns them into sentences. Lists of
variable length are read without libhdf5, which does not return from damaged ones.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError
from snn_deploy.files.hdf5 import reading
from snn_deploy.files.hdf5_heaps import Heaps
from snn_deploy.files.limits import check_memory
from snn_deploy.inputs.events import Events, columns_of, columns_of_table, make_events
from snn_deploy.options.inputs import InputOptions

PLACES = ("events", "CD/events", "/")  # DSEC and rpg; Prophesee; columns at the root


def read_hdf5(file: Path, options: InputOptions, limit: int | None) -> Iterator[Events]:
    """Yield the recordings of an .h5 file: many (spikes/times, spikes/units, labels: SHD,
    SSC) or one (columns x, y, t, p, or an array with such fields).

    Raises:
        InputError: It cannot be read, has none of these layouts, or no events.
    """
    if importlib.util.find_spec("hdf5plugin"):  # Blosc, Zstandard: DSEC's compression
        importlib.import_module("hdf5plugin")
    if not h5py.is_hdf5(file):
        raise InputError(f"{file.name}: not an HDF5 file; copy or export it again")
    with reading(file.name), h5py.File(file, "r") as opened:
        spikes = opened.get("spikes")
        if isinstance(spikes, h5py.Group) and {"times", "units"} <= set(spikes):
            yield from _many(file, opened, options, limit)
        else:
            yield _one(file, opened, options)


def _many(
    file: Path, opened: Any, options: InputOptions, limit: int | None
) -> Iterator[Events]:
    """Yield recording after recording of spikes/times [N] and spikes/units [N], with the
    classes in labels [N] if there are any."""
    check_memory(file.name, file.stat().st_size)
    times, units, labels = opened["spikes/times"], opened["spikes/units"], None
    if isinstance(opened.get("labels"), h5py.Dataset):
        labels = _array(opened["labels"], file)
    sizes = {"times": times.shape, "units": units.shape}
    if labels is not None:
        sizes["labels"] = labels.shape
    if len(set(sizes.values())) > 1 or len(times.shape) != 1:
        each = ", ".join(f"{name} {list(shape)}" for name, shape in sizes.items())
        raise InputError(
            f"{file.name}: {each}, but there must be one of each per recording; copy the "
            f"file again"
        )
    if labels is not None and labels.dtype.kind not in "iu":
        raise InputError(
            f"{file.name}: labels are of type {labels.dtype}; save class numbers"
        )
    heaps, count = Heaps(file), len(times) if limit is None else min(limit, len(times))
    lists = zip(_lists(times, heaps, count), _lists(units, heaps, count), strict=True)
    for i, (t, x) in enumerate(lists):
        yield make_events(
            {"t": t, "x": x},
            f"{file.name}: recording {i}",
            unit=options.time_unit,
            said=True,
            label=None if labels is None else int(labels[i]),
        )


def _lists(item: Any, heaps: Heaps, count: int) -> Iterator[AnyArray]:
    """Yield the first `count` lists of a dataset of lists of numbers [N]."""
    kind = h5py.check_vlen_dtype(item.dtype)
    if kind is None or np.dtype(kind).kind not in "biuf":
        raise ValueError(f"{item.name} is of type {item.dtype}, not lists of numbers")
    if item.id.get_create_plist().get_nfilters():
        heaps.check_all()  # compressed: libhdf5 has to read them
        yield from (np.atleast_1d(item[i]) for i in range(count))
        return
    kind, left = np.dtype(kind), count
    for start, size in _pieces(item):
        for content in heaps.lists(start, min(size, left), kind.itemsize):
            yield np.frombuffer(content, kind)
        left -= min(size, left)
    if left:
        raise ValueError(f"{item.name} ends {left} lists too early")


def _pieces(item: Any) -> Iterator[tuple[int, int]]:
    """Yield where in the file the references of a dataset [N] stand: byte and number."""
    if item.chunks is None:
        offset = item.id.get_offset()
        if offset is not None:
            yield offset, len(item)
        return
    first = {}
    for i in range(item.id.get_num_chunks()):
        chunk = item.id.get_chunk_info(i)
        first[chunk.chunk_offset[0]] = chunk.byte_offset
    for start in sorted(first):
        yield first[start], min(item.chunks[0], len(item) - start)


def _one(file: Path, opened: Any, options: InputOptions) -> Events:
    for place in PLACES:
        item = opened.get(place)
        if _is_table(item):
            columns = columns_of_table(_array(item, file), file.name)
        elif isinstance(item, h5py.Dataset) and item.dtype.names:
            table = _array(item, file)
            columns = columns_of({name: table[name] for name in item.dtype.names})
        elif isinstance(item, h5py.Group):
            sets = {n: d for n, d in item.items() if isinstance(d, h5py.Dataset)}
            columns = {n: _array(d, file) for n, d in columns_of(sets).items()}
        else:
            continue
        if columns:
            unit = options.time_unit
            return make_events(columns, file.name, unit=unit, said=True)
    found = ", ".join(sorted(map(repr, opened))[:5]) or "nothing"
    raise InputError(
        f"{file.name}: holds no events that are known (found {found}); known are groups "
        f"'events' with x, y, t, p, 'CD/events', and 'spikes' with times and units"
    )


def _is_table(item: Any) -> bool:
    """Whether it is v2e's events: numbers [E, 4] without names."""
    plain = isinstance(item, h5py.Dataset) and item.dtype.kind in "iuf"
    return bool(plain and item.shape and len(item.shape) == 2 and item.shape[1] == 4)


def _array(item: Any, file: Path) -> AnyArray:
    """Return the content of a dataset of plain numbers, after a look at its size."""
    if item.shape is None or item.is_virtual or item.external:
        raise InputError(
            f"{file.name}: {item.name} is empty or kept in another file; write it into this"
        )
    if item.dtype.kind == "O":
        raise InputError(f"{file.name}: {item.name} holds objects; save plain numbers")
    check_memory(file.name, item.size * item.dtype.itemsize)
    try:
        return np.asarray(item[()])
    except OSError as error:
        if item.chunks and "filter" in str(error):
            raise InputError(
                f"{file.name}: {item.name} is compressed in a way that needs a plug-in; "
                f"pip install hdf5plugin, or save the file uncompressed"
            ) from error
        raise
