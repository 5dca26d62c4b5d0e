"""NIRData: what the nodes of a network were fed or sent, in an HDF5 file of nir 1.0.8.

A file (`nir.write_data`) has a group per node, in it one per observable ("spikes",
"membrane"), and in that values on a grid (TimeGriddedData [N, T, n], a step `dt`) or
events (EventData and ValuedEventData: `idx`, `time` and `value` [N, E] until `t_max`).
`nir` itself is not used: sizes are looked at before anything is read, and damage ends in a
sentence.
"""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np

from snn_deploy.arrays import AnyArray, IntArray, Shape, frozen
from snn_deploy.errors import InputError, option
from snn_deploy.files.hdf5 import BROKEN, decode, reading
from snn_deploy.files.hdf5_heaps import MAX_TEXT, Heaps
from snn_deploy.files.limits import check_memory
from snn_deploy.ir.network import Assumption, Input, Network

SUFFIXES = (".nird", ".h5", ".hdf5")  # of files that are written as NIRData
TYPE = "__type__"  # attribute with the name of a class of nir
GRAPH, NODE, GRID = "NIRGraphData", "NIRNodeData", "TimeGriddedData"
EVENTS, VALUED = "EventData", "ValuedEventData"
NO_EVENT = -1  # in `idx`, where a sample has fewer than others
SPIKES = "spikes"  # the observable that is fed, where there are several
SAME_STEP = 1e-5  # ours: relative difference of steps that float32 explains
EDGE = 1e-3  # ours: share of a step before its start in which an event belongs to it


@dataclass(frozen=True, eq=False)
class NirRecording:
    """What a file of NIRData feeds into a network.

    Attributes:
        values: By name of an input, [N, T, *shape]; bool, integer or float.
        notes: What was decided that could be otherwise.
    """

    values: Mapping[str, AnyArray]
    notes: tuple[Assumption, ...]


def is_nir_data(file: Path) -> bool:
    """Whether `file` is an HDF5 file of NIRData, by its content."""
    if not file.is_file() or not h5py.is_hdf5(file):
        return False
    try:
        with h5py.File(file, "r") as opened:
            return TYPE in opened.attrs and isinstance(opened.get("nodes"), h5py.Group)
    except BROKEN:
        return False


def read_nir_data(file: Path, net: Network, samples: int | None = None) -> NirRecording:
    """Return the values of the nodes that are called like the inputs of `net`.

    Events are put into steps of the network, as nir's `to_time_gridded` does: several of
    one neuron in one step are one.

    Args:
        file: The file.
        net: The network that is fed; its step is that of the values.
        samples: How many are read, from the first on; None: all.

    Raises:
        InputError: It cannot be read, lacks an input, has another step or other neurons.
    """
    check_memory(file.name, file.stat().st_size)
    with reading(file.name), h5py.File(file, "r") as opened:
        Heaps(file).check_all()  # texts of attributes stand there, and libhdf5 reads them
        kind = _text(opened, file.name)
        if kind != GRAPH:
            raise InputError(
                f"{file.name}: is {kind!r} instead of the data of a graph ({GRAPH}); write "
                f"it with nir.write_data"
            )
        nodes = _member(opened, "nodes", h5py.Group, file.name)
        ports = [_Port(file.name, port, net.step_s, samples) for port in net.inputs]
        read = {p.port.name: p.read(nodes) for p in ports}
    values = {name: frozen(found) for name, (found, _) in read.items()}
    return NirRecording(values, tuple(n for _, notes in read.values() for n in notes))


def write_nir_data(nodes: Mapping[str, Mapping[str, AnyArray]], step_s: float) -> bytes:
    """Return a file of NIRData, as `nir.read_data` reads it; the same values give the same
    bytes.

    Args:
        nodes: By name of a node and observable, values on the grid, [N, T, *shape].
        step_s: Seconds per step.

    Raises:
        InputError: A name cannot stand in such a file.
    """
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs[TYPE] = GRAPH
        for name, observables in nodes.items():
            node = file.create_group(f"nodes/{_in_hdf5(name)}")
            node.attrs[TYPE] = NODE
            for observable, values in observables.items():
                grid = node.create_group(f"observables/{_in_hdf5(observable)}")
                grid.attrs[TYPE], grid.attrs["dt"] = GRID, step_s
                flat = values.reshape(*values.shape[:2], -1)
                grid.create_dataset("data", data=flat, compression="gzip")
    return stream.getvalue()


def _in_hdf5(name: str) -> str:
    if "/" in name or name in ("", "."):
        raise InputError(
            f"population {name!r}: has no place under this name in an HDF5 file; save the "
            f"trace as .npz"
        )
    return name


# --- one input ------------------------------------------------------------------------

Found: TypeAlias = tuple[AnyArray, tuple[Assumption, ...]]  # [N, T, *shape], and notes


@dataclass(frozen=True)
class _Port:
    """Reads what one input is fed; samples: how many, None for all."""

    source: str
    port: Input
    step_s: float | None
    samples: int | None

    @property
    def where(self) -> str:
        return f"{self.source}: node {self.port.name!r}"

    def read(self, nodes: Any) -> Found:
        """Return the values of the node that is called like the input."""
        if self.port.name not in nodes:
            found = ", ".join(map(repr, islice(nodes, 5))) or "none"
            raise InputError(
                f"{self.source}: has no node called like the input {self.port.name!r} "
                f"(found {found}); write what is fed under that name"
            )
        node = _member(nodes, self.port.name, h5py.Group, self.source)
        observables = _member(node, "observables", h5py.Group, self.where)
        name, note = self.chosen(list(islice(observables, 20)))
        group = _member(observables, name, h5py.Group, self.where)
        kind = _text(group, f"{self.where}: {name!r}")
        if kind not in (GRID, EVENTS, VALUED):
            raise InputError(
                f"{self.where}: {name!r} is of type {kind!r}, which is not known here; "
                f"write {GRID} or {EVENTS}"
            )
        values, notes = self.grid(group) if kind == GRID else self.events(group, kind)
        return values.reshape(*values.shape[:2], *self.port.shape), (*note, *notes)

    def chosen(self, names: list[str]) -> tuple[str, tuple[Assumption, ...]]:
        """Return which observable is fed."""
        if len(names) != 1 and SPIKES not in names:
            found = ", ".join(map(repr, names)) or "none"
            raise InputError(
                f"{self.where}: has no observable {SPIKES!r} (found {found}); write what "
                f"is fed under that name"
            )
        if len(names) == 1:
            return names[0], ()
        others = ", ".join(n for n in names if n != SPIKES)
        what = f"observable of node {self.port.name!r}"
        return SPIKES, (Assumption(what, SPIKES, f"the file has {others} as well"),)

    def grid(self, group: Any) -> Found:
        """Return values [N, T, n], or [T, n] of one sample, and check their step."""
        item = _member(group, "data", h5py.Dataset, self.where)
        if len(item.shape or ()) not in (2, 3):
            raise InputError(
                f"{self.where}: values are {list(item.shape or ())}, but must be [samples, "
                f"steps, neurons]"
            )
        one = len(item.shape) == 2
        self.check_size(item.shape[-1])
        step = _number(group, "dt", self.where)
        notes = self.check_step(step)
        values = _values(item, None if one else self.samples, self.where)
        return values[None] if one else values, notes

    def check_step(self, step: float) -> tuple[Assumption, ...]:
        if self.step_s is None:
            why = "of the data, since nothing says how long a step of the model is"
            return (Assumption("step", f"{step:g} s", why),)
        if abs(step - self.step_s) > SAME_STEP * self.step_s:
            raise InputError(
                f"{self.where}: its steps are {step:g} s, but a step of the model is "
                f"{self.step_s:g} s; record it with that step, or give "
                f"{option('dt', step)} if that is the step of the model"
            )
        return ()

    def check_size(self, neurons: float) -> None:
        if neurons != math.prod(self.port.shape):
            raise InputError(
                f"{self.where}: has {neurons:g} neurons, but the input takes "
                f"{math.prod(self.port.shape)} {list(self.port.shape)}; write one for each"
            )

    def events(self, group: Any, kind: str) -> Found:
        """Return events [N, E], or [E] of one sample, on the grid of the model."""
        self.check_size(_number(group, "n_neurons", self.where))
        if self.step_s is None:
            raise InputError(
                f"{self.where}: holds events, and nothing says how long a step of the "
                f"model is; write them on a grid, events.to_time_gridded(dt)"
            )
        names = ("idx", "time", "value") if kind == VALUED else ("idx", "time")
        items = {n: _member(group, n, h5py.Dataset, self.where) for n in names}
        shapes = {item.shape for item in items.values()}
        if len(shapes) > 1 or len(items["idx"].shape or ()) not in (1, 2):
            each = ", ".join(f"{n} {list(i.shape or ())}" for n, i in items.items())
            raise InputError(f"{self.where}: {each}, but all must be [samples, events]")
        rows = self.samples if len(items["idx"].shape) == 2 else None
        columns = {n: _values(item, rows, self.where) for n, item in items.items()}
        columns = {n: np.atleast_2d(values) for n, values in columns.items()}
        return self.gridded(columns, _number(group, "t_max", self.where), self.step_s)

    def gridded(self, columns: Mapping[str, AnyArray], end: float, step: float) -> Found:
        """Return columns [N, E] as values [N, T, n], T steps until `end` seconds."""
        index, size = columns["idx"], math.prod(self.port.shape)
        steps = max(1, math.ceil(end / step - EDGE))
        kind = columns["value"].dtype if "value" in columns else np.dtype(bool)
        check_memory(
            self.source, len(index) * steps * size * kind.itemsize, "in steps of the model"
        )
        there = index != NO_EVENT
        with np.errstate(over="ignore", invalid="ignore"):
            when = np.floor(columns["time"].astype(np.float64) / step + EDGE)
        known = (index >= 0) & (index < size) & (when >= 0) & (when < steps)
        strange, count = int((there & ~known).sum()), int(there.sum())
        if strange or index.dtype.kind not in "iu":
            raise InputError(
                f"{self.where}: {strange} of {count} events are of no neuron (0 to "
                f"{size - 1}, here of type {index.dtype}) or not from 0 to {end:g} s; "
                f"correct idx, time or t_max"
            )
        sample = np.nonzero(there)[0]
        places = (sample, when[there].astype(np.int64), index[there].astype(np.int64))
        values = np.zeros((len(index), steps, size), kind)
        values[places] = columns["value"][there] if "value" in columns else True
        return values, (self.note(places, values.shape, step),)

    def note(self, places: tuple[IntArray, ...], shape: Shape, step: float) -> Assumption:
        count = len(places[0])
        lost = count - len(np.unique(np.ravel_multi_index(places, shape)))
        more = (
            f"; {lost} of {count} fall on others and count once, the last" if lost else ""
        )
        what = f"events of input {self.port.name!r}"
        return Assumption(what, f"{shape[1]} steps of {step:g} s", f"until t_max{more}")


# --- members --------------------------------------------------------------------------


def _member(group: Any, name: str, kind: type, where: str) -> Any:
    """Return a group or dataset of `group`; links to elsewhere are none."""
    link = group.get(name, getlink=True)
    item = group[name] if isinstance(link, h5py.HardLink) else None
    if not isinstance(item, kind):
        raise InputError(
            f"{where}: has no {kind.__name__.lower()} {name!r} of its own; write the file "
            f"with nir.write_data"
        )
    return item


def _values(item: Any, rows: int | None, where: str) -> AnyArray:
    """Return the first rows of a dataset of plain numbers, after a look at its size."""
    if item.is_virtual or item.external or item.dtype.kind not in "biuf":
        raise InputError(
            f"{where}: {item.name} is of type {item.dtype} or kept in another file; write "
            f"plain numbers into this one"
        )
    count = len(item) if rows is None else min(rows, len(item))
    shape = (count, *item.shape[1:])
    chunk = math.prod(item.chunks or ())
    check_memory(where, max(math.prod(shape), chunk) * item.dtype.itemsize)
    return np.asarray(item[:count])


def _number(group: Any, name: str, where: str) -> float:
    """Return an attribute that is one number above 0."""
    found = group.attrs.get_id(name) if name in group.attrs else None
    if found is None or found.shape not in ((), (1,)) or found.dtype.kind not in "iuf":
        raise InputError(f"{where}: has no number {name!r}; write it with nir.write_data")
    number = float(np.ravel(group.attrs[name])[0])
    if not 0 < number < math.inf:
        raise InputError(f"{where}: {name!r} is {number:g}, but must be above 0")
    return number


def _text(group: Any, where: str) -> str:
    """Return the attribute with the name of a class."""
    found = group.attrs.get_id(TYPE) if TYPE in group.attrs else None
    kind = h5py.check_string_dtype(found.dtype) if found and found.shape == () else None
    if kind is None or (kind.length or 0) > MAX_TEXT:
        raise InputError(f"{where}: does not say its type; write it with nir.write_data")
    return decode(group.attrs[TYPE])
