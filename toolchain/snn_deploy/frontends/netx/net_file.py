"""The layers of a lava-dl `.net` file as they stand there, and their fields, checked one
by one.

Trusts nothing in the file: sizes, types and links are looked at first (`files.hdf5`). What
a layer means is `read_netx`'s business.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, IntArray
from snn_deploy.errors import InputError
from snn_deploy.files.hdf5 import MAX_BYTES, Budget, DatasetReader, check_file, reading
from snn_deploy.frontends.nir.graph.graph import MAX_NODES
from snn_deploy.frontends.nir.graph.nodes import MAX_SIZE

LARGEST = 2.0**31  # of a number; ours, far above what any register holds
MAX_VALUES = 2**27  # of one field; ours: a gigabyte once they are 64 bits wide
MAX_STRIDE = 2**12  # of a stride, padding or dilation; ours, as wide as an image gets
# SLAYER exports w = round(w * scale / 2) * (2 / scale) * scale in float32 (lava-dl 0.6,
# slayer/neuron/base.py, quantize_8bit): where scale is no power of two, up to 256 * 2**-22
# beside the whole number that is meant.
NOISE = 1e-4

Fields = Mapping[str, Any]  # datasets of one group: arrays, or the text of `type`


@dataclass(frozen=True)
class NetxLayer:
    """One layer as it stands in the file.

    Attributes:
        index: Its place in the file, from 0, which names its group.
        kind: Its `type`; "" if it has none.
        fields: The datasets of its group, by name.
        neuron: The datasets of its group `neuron`, by name; None if there is no such group.
        where: File and layer, for messages.
    """

    index: int
    kind: str
    fields: Fields
    neuron: Fields | None
    where: str


def read_layers(path: Path) -> list[NetxLayer]:
    """Return all layers of the file, in order."""
    check_file(path)
    with reading(f"{path}"), h5py.File(path, "r") as file:
        group = file.get("layer")
        if not isinstance(group, h5py.Group) or not len(group):
            raise InputError(
                f"{path}: no group 'layer', so this is not a lava-dl network; "
                f"write one with export_hdf5"
            )
        if len(group) > MAX_NODES:
            raise InputError(
                f"{path}: more than {MAX_NODES} layers; this is no real network"
            )
        reader = DatasetReader(path, Budget(MAX_BYTES, MAX_NODES))
        keys = [str(i) for i in range(len(group))]
        missing = [key for key in keys if not isinstance(group.get(key), h5py.Group)]
        if missing:
            raise InputError(
                f"{path}: layer {missing[0]} is missing; export the network again"
            )
        return [
            _layer(reader, group[key], f"{path}: layer {key}", int(key)) for key in keys
        ]


def _layer(reader: DatasetReader, group: Any, where: str, index: int) -> NetxLayer:
    fields = _fields(reader, group, where)
    inner = group.get("neuron")
    neuron = _fields(reader, inner, where) if isinstance(inner, h5py.Group) else None
    if isinstance(group.get("weight"), h5py.Group):
        raise InputError(f"{where}: complex weights; only CUBA layers can be read")
    return NetxLayer(index, str(fields.get("type", "")), fields, neuron, where)


def _fields(reader: DatasetReader, group: Any, where: str) -> dict[str, Any]:
    """Return every dataset of a group; `type` as text, numbers as arrays."""
    result: dict[str, Any] = {}
    for key, item in reader.items(group, where):
        if isinstance(item, h5py.Dataset):
            values = reader.array(item, f"{where}: {key!r}")
            result[key] = _text(values, where) if key == "type" else values
    return result


def _text(values: AnyArray, where: str) -> str:
    first = values.ravel()[0] if values.size else ""
    text = first.decode("ascii", "replace") if isinstance(first, bytes) else first
    if not isinstance(text, str):
        raise InputError(f"{where}: its 'type' is not a text; export the network again")
    return text


def size(layer: NetxLayer) -> int:
    """Return the number of neurons of a layer."""
    return math.prod(shape_of(layer))


def shape_of(layer: NetxLayer) -> tuple[int, ...]:
    """Return the shape of a layer's output, channels first."""
    values = integers(layer.fields, "shape", layer.where).ravel()
    if values.size not in (1, 2, 3) or int(values.min()) < 1:
        raise InputError(
            f"{layer.where}: shape {values.tolist()}; export the network again"
        )
    shape = tuple(int(v) for v in values)
    check_size(math.prod(shape), layer.where)
    return shape


def check_size(n: int, where: str) -> None:
    """Raise InputError if a layer of n neurons is none of a real network."""
    if n > MAX_SIZE:
        raise InputError(
            f"{where}: {n} neurons, more than the {MAX_SIZE} that one layer may have here; "
            "export the network again"
        )


def matrix(layer: NetxLayer, key: str, n: int) -> IntArray:
    """Return weights as [n, inputs]; a single neuron's may be a vector."""
    weight = integers(layer.fields, key, layer.where)
    if weight.size % n or (weight.ndim == 2 and weight.shape[0] != n):
        raise InputError(
            f"{layer.where}: {key} {list(weight.shape)} for {n} neurons; export the "
            "network again"
        )
    return weight.reshape(n, -1)


def pair(layer: NetxLayer, key: str) -> tuple[int, int]:
    """Return a (y, x) setting of an image layer; one number stands for both."""
    values = integers(layer.fields, key, layer.where).ravel()
    low = 0 if key == "padding" else 1
    if values.size not in (1, 2) or values.min() < low or values.max() > MAX_STRIDE:
        raise InputError(
            f"{layer.where}: {key} {values.tolist()} instead of one or two numbers in "
            f"{low}..{MAX_STRIDE}; export the network again"
        )
    return int(values[0]), int(values[-1])


def number(fields: Fields, key: str, where: str, default: float | None = None) -> float:
    """Return a field that holds one number; `default` if it is missing."""
    if key not in fields and default is not None:
        return default
    values = numbers(fields, key, where)
    if values.size != 1:
        raise InputError(f"{where}: {key!r} must be one number, not {list(values.shape)}")
    return float(values.ravel()[0])


def integers(fields: Fields, key: str, where: str) -> IntArray:
    """Return a field that holds whole numbers, whatever its type in the file."""
    values = numbers(fields, key, where)
    whole = np.rint(values)
    if bool((np.abs(values - whole) > NOISE).any()):
        raise InputError(
            f"{where}: {key!r} holds numbers that are not whole, so this network was not "
            f"quantized; export it with lava-dl's quantization"
        )
    return whole.astype(np.int64)


def numbers(fields: Fields, key: str, where: str) -> FloatArray:
    """Return a field that holds numbers, in the shape of the file.

    Raises:
        InputError: It is missing, empty, no numbers, or has some beyond LARGEST or more
            than MAX_VALUES.
    """
    if key not in fields:
        raise InputError(f"{where}: no {key!r}; export the network again")
    values = np.asarray(fields[key])
    if values.dtype.kind not in "biuf" or values.size == 0:
        raise InputError(f"{where}: {key!r} holds no numbers; export the network again")
    if values.size > MAX_VALUES:
        raise InputError(
            f"{where}: {key!r} holds {values.size} numbers, more than the {MAX_VALUES} "
            "that are read; split the layer"
        )
    with np.errstate(over="ignore"):  # of numbers wider than 64 bits
        real = values.astype(np.float64)
    if not bool((np.abs(real) <= LARGEST).all()):
        raise InputError(
            f"{where}: {key!r} holds numbers that are not finite or beyond {LARGEST:.0f}; "
            "train the network again"
        )
    return real
