"""Read a lava-dl network (`.net`, HDF5): integers already, so it skips quantization.

Receives a path, returns a QuantNetwork with the meaning that lava-dl's `netx` gives the
file (lava-dl 0.6, lib/dl/netx/hdf5.py and blocks/process.py): dense, conv, dense_rec,
flatten and input layers of CUBA (LOIHI) neurons with biases and delays. Spikes take no
step more than the hop, recurrent ones come back a step later. Weights are stored as
Intel's tools store them: as few bits as they need. Sigma-delta and resonate-and-fire
networks, pooling and transposed convolutions are refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray, IntArray, frozen
from snn_deploy.errors import InputError
from snn_deploy.frontends.graph import MAX_NODES
from snn_deploy.frontends.hdf5 import MAX_BYTES, Budget, Reader, check_file, reading
from snn_deploy.maps import Connection, Conv, Dense, Sparse
from snn_deploy.network import Assumption
from snn_deploy.quant import (
    Drive,
    QuantInput,
    QuantNetwork,
    QuantPopulation,
    QuantProjection,
    SignMode,
)

NEURONS = ("CUBA", "LOIHI")
BIAS_EXPONENT = 6  # netx/hdf5.py, get_neuron_params
THRESHOLD_MAX = 131071  # 17 bits; a layer with this threshold is a readout
MAX_DELAY = 62  # netx/hdf5.py clips there
INPUT = "input"
INPUT_WEIGHT = 64  # netx/hdf5.py, create_input, where the file says nothing
IGNORED = {"refDelay": 1, "wgtExp": 0}  # netx reads neither; these values change nothing

Fields = Mapping[str, Any]  # datasets of one layer: arrays, or the texts of `type`


@dataclass(frozen=True)
class _Layer:
    """One layer as it stands in the file; kind: its `type`, neuron: its group `neuron`."""

    index: int
    kind: str
    fields: Fields
    neuron: Fields | None
    where: str


@dataclass
class _Draft:
    """The network while its layers are read; end: name and shape of what comes next."""

    inputs: list[QuantInput]
    drives: list[Drive]
    populations: list[QuantPopulation]
    projections: list[QuantProjection]
    assumptions: list[Assumption]
    end: str
    shape: tuple[int, ...]
    level: int = 0


def read_netx(path: Path | str) -> QuantNetwork:
    """Return the integer network in a lava-dl `.net` file.

    Raises:
        InputError: Not such a file, or something in it that this reader does not know.
    """
    file = Path(path)
    layers = _read(file)
    draft = _start(file, layers)
    for layer in layers:
        _add(draft, layer)
    if not draft.populations:
        raise InputError(f"{file}: no layer with neurons; export the network again")
    return QuantNetwork(
        inputs=tuple(draft.inputs),
        drives=tuple(draft.drives),
        populations=tuple(draft.populations),
        projections=tuple(draft.projections),
        outputs=(draft.populations[-1].name,),
        arithmetic="loihi",
        assumptions=tuple(draft.assumptions),
    )


def _read(path: Path) -> list[_Layer]:
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
        reader = Reader(path, Budget(MAX_BYTES, MAX_NODES))
        keys = [str(i) for i in range(len(group))]
        missing = [key for key in keys if not isinstance(group.get(key), h5py.Group)]
        if missing:
            raise InputError(
                f"{path}: layer {missing[0]} is missing; export the network again"
            )
        return [
            _layer(reader, group[key], f"{path}: layer {key}", int(key)) for key in keys
        ]


def _layer(reader: Reader, group: Any, where: str, index: int) -> _Layer:
    fields = _fields(reader, group, where)
    inner = group.get("neuron")
    neuron = _fields(reader, inner, where) if isinstance(inner, h5py.Group) else None
    if isinstance(group.get("weight"), h5py.Group):
        raise InputError(f"{where}: complex weights; only CUBA layers can be read")
    return _Layer(index, str(fields.get("type", "")), fields, neuron, where)


def _fields(reader: Reader, group: Any, where: str) -> dict[str, Any]:
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


def _start(path: Path, layers: list[_Layer]) -> _Draft:
    """Return a draft with the input port; a file may begin with its first dense layer."""
    first = layers[0]
    if first.kind == "input":
        shape = _shape(first)
    elif first.kind.startswith("dense"):
        shape = (_matrix(first, "weight", _size(first)).shape[1],)
    else:
        raise InputError(
            f"{path}: begins with a layer {first.kind!r}, so the shape of the input is "
            "unknown; export it with an input layer"
        )
    port = QuantInput(INPUT, shape, 0, 1.0)
    return _Draft([port], [], [], [], [], INPUT, shape)


def _add(draft: _Draft, layer: _Layer) -> None:
    """Append one layer to the network."""
    match layer.kind:
        case "input":
            if layer.neuron is not None:
                _add_input(draft, layer)
        case "flatten":
            draft.shape = (int(np.prod(draft.shape)),)
        case "dense" | "dense_rec":
            _add_dense(draft, layer)
        case "conv":
            _add_conv(draft, layer)
        case "average":
            groups = int(np.prod(_shape(layer)))
            note = f"left out: the {int(np.prod(draft.shape))} outputs are {groups} groups"
            draft.assumptions.append(Assumption("average layer", note, layer.where))
        case _:
            raise InputError(
                f"{layer.where}: a layer {layer.kind!r} cannot be read; only input, dense, "
                f"dense_rec, conv and flatten can"
            )


def _add_input(draft: _Draft, layer: _Layer) -> None:
    """Add neurons that are driven by a bias per sample: weight * x + bias, as the host
    feeds it.
    """
    weight = float(_number(layer.fields, "weight", layer.where, INPUT_WEIGHT))
    bias = float(_number(layer.fields, "bias", layer.where, 0))
    name, n = f"layer {layer.index}", int(np.prod(draft.shape))
    if weight == 0:
        raise InputError(f"{layer.where}: input weight 0 lets nothing in; train it again")
    draft.populations.append(
        _population(layer, name, draft.shape, np.zeros(n, np.int64), 0)
    )
    draft.drives.append(
        Drive(
            input=INPUT,
            post=name,
            map=Sparse(sp.csr_array(sp.eye_array(n))),
            offset=frozen(np.full(n, bias / weight)),
            scale=frozen(np.full(n, weight * (1 << BIAS_EXPONENT))),
            bias_exp=frozen(np.full(n, BIAS_EXPONENT, np.int64)),
        )
    )
    draft.end = name


def _add_dense(draft: _Draft, layer: _Layer) -> None:
    n, name = _size(layer), f"layer {layer.index}"
    weight = _matrix(layer, "weight", n)
    if weight.shape[1] != int(np.prod(draft.shape)):
        raise InputError(
            f"{layer.where}: takes {weight.shape[1]} inputs, but "
            f"{int(np.prod(draft.shape))} come; export the network again"
        )
    parts = [weight]
    if layer.kind == "dense_rec":
        parts.append(_matrix(layer, "weight_rec", n))
    stored = Stored.of(np.concatenate(parts, axis=1), layer.where)
    delay = _delays(layer, weight.shape)
    if layer.kind == "dense_rec" and bool(delay.any()):
        raise InputError(
            f"{layer.where}: a recurrent layer with delays cannot be read; lava-dl does "
            "not say what they mean for its recurrent weights"
        )
    matrices = np.split(stored.weight, [weight.shape[1]], axis=1)
    draft.projections += _split_by_delay(draft.end, name, matrices[0], delay, stored)
    if layer.kind == "dense_rec":
        draft.projections.append(
            stored.projection(name, name, Dense(frozen(matrices[1])), 1)
        )
    _finish(draft, layer, name, (n,))


def _add_conv(draft: _Draft, layer: _Layer) -> None:
    shape, name = _shape(layer), f"layer {layer.index}"
    weight = _integers(layer.fields, "weight", layer.where)
    if weight.ndim not in (4, 5) or len(draft.shape) != 3 or len(shape) != 3:
        raise InputError(
            f"{layer.where}: a kernel {list(weight.shape)} on an input "
            f"{list(draft.shape)} is no 2-D convolution; export the network again"
        )
    stored = Stored.of(weight.reshape(weight.shape[:4]), layer.where)
    pair = {key: _pair(layer, key) for key in ("stride", "padding", "dilation")}
    conv = Conv(
        weight=frozen(stored.weight),
        in_shape=(draft.shape[0], draft.shape[1], draft.shape[2]),
        out_shape=(shape[0], shape[1], shape[2]),
        groups=int(_number(layer.fields, "groups", layer.where, 1)),
        **pair,
    )
    _check_conv(conv, layer.where)
    if bool(_delays(layer, (1, 1)).any()):
        raise InputError(f"{layer.where}: a convolution with delays cannot be read")
    draft.projections.append(stored.projection(draft.end, name, conv, 0))
    _finish(draft, layer, name, shape)


def _finish(draft: _Draft, layer: _Layer, name: str, shape: tuple[int, ...]) -> None:
    """Add the neurons of a layer and make it the end of the chain."""
    draft.level += 1
    bias = _bias(layer, shape)
    neuron = layer.neuron
    if neuron is None:
        reason = "no neuron in the file: sums its input for ever, as lava-dl's default"
        draft.assumptions.append(Assumption("readout", name, reason))
    for key, harmless in IGNORED.items():
        if (
            neuron is not None
            and int(_number(neuron, key, layer.where, harmless)) != harmless
        ):
            said = f"{key} of {layer.where} is not used, as in lava-dl"
            draft.assumptions.append(Assumption(key, str(harmless), said))
    draft.populations.append(_population(layer, name, shape, bias, draft.level))
    draft.end, draft.shape = name, shape


def _population(
    layer: _Layer, name: str, shape: tuple[int, ...], bias: IntArray, level: int
) -> QuantPopulation:
    n = int(np.prod(shape))
    params = {k: frozen(np.full(n, v, np.int64)) for k, v in _registers(layer).items()}
    params["bias_mant"] = frozen(bias)
    one = np.ones(n)
    return QuantPopulation(
        name=name,
        shape=shape,
        model="lif",
        params=params,
        v0=frozen(np.zeros(n, np.int64)),
        scale=frozen(one),
        offset=frozen(0 * one),
        level=level,
        spiking=int(params["vth"][0]) < THRESHOLD_MAX,
    )


def _registers(layer: _Layer) -> dict[str, int]:
    """Return du, dv, vth and bias_exp of a layer.

    A layer without a neuron has, in lava-dl, a current that never decays and a membrane
    that copies it. A chip cannot hold such a current (du = -1), but a membrane without
    leak sums the same input to the same value.
    """
    if layer.neuron is None:
        return {"du": 4095, "dv": 0, "vth": THRESHOLD_MAX, "bias_exp": 0}
    kind = str(layer.neuron.get("type", ""))
    if kind not in NEURONS:
        raise InputError(
            f"{layer.where}: neurons {kind!r} cannot be read; only "
            f"{' and '.join(NEURONS)} can"
        )
    if bool(np.any(layer.neuron.get("gradedSpike", False))):
        raise InputError(f"{layer.where}: graded spikes of CUBA neurons cannot be read")
    i_decay = int(_number(layer.neuron, "iDecay", layer.where))
    registers = {
        "du": i_decay - 1,
        "dv": int(_number(layer.neuron, "vDecay", layer.where)),
        "vth": int(_number(layer.neuron, "vThMant", layer.where)),
        "bias_exp": BIAS_EXPONENT,
    }
    for key, (low, high) in {
        "du": (0, 4095),
        "dv": (0, 4095),
        "vth": (0, THRESHOLD_MAX),
    }.items():
        if not low <= registers[key] <= high:
            raise InputError(
                f"{layer.where}: register {key} would be {registers[key]}, but holds "
                f"{low}..{high}; train it with other time constants or thresholds"
            )
    return registers


@dataclass(frozen=True, eq=False)
class Stored:
    """Integer weights as Intel's tools store them: shifted left as far as 8 bits allow,
    with the exponent that takes this back, in as few bits as they need.

    netx/utils.py, optimize_weight_bits. The product of weight and 2**exponent is what the
    file says.
    """

    weight: AnyArray
    bits: int
    exponent: int
    sign_mode: SignMode

    @staticmethod
    def of(weight: IntArray, where: str) -> "Stored":
        """Return how `weight` is stored.

        Raises:
            InputError: It does not fit 8 bits.
        """
        low, high = int(weight.min(initial=0)), int(weight.max(initial=0))
        mode = SignMode.EXCITATORY if low >= 0 else SignMode.MIXED
        if int(weight.max(initial=-1)) < 0:
            mode = SignMode.INHIBITORY
        signed = int(mode is SignMode.MIXED)
        least, most = {1: (-256, 254), 2: (0, 255), 3: (-255, 0)}[mode.value]
        if low < least or high > most or (signed and bool((weight % 2).any())):
            odd = ", even numbers only" if signed else ""
            raise InputError(
                f"{where}: weights {low}..{high} do not fit 8 bits {mode.name.lower()} "
                f"({least}..{most}{odd}); train it for Loihi's weights"
            )
        if low == high == 0:
            return Stored(weight.astype(np.int16), 1, 0, mode)
        shift = 0
        while least <= low << shift + 1 and high << shift + 1 <= most:
            shift += 1
        trailing = next(n for n in range(9, -1, -1) if not (weight % (1 << n)).any())
        bits = 8 - shift - trailing + signed
        return Stored((weight << shift).astype(np.int16), bits, -shift, mode)

    def projection(self, pre: str, post: str, m: Connection, delay: int) -> QuantProjection:
        """Return a projection with these weights."""
        return QuantProjection(
            pre, post, m, self.sign_mode, self.bits, self.exponent, delay, payload_bits=0
        )


def _split_by_delay(
    pre: str, post: str, weight: AnyArray, delay: IntArray, stored: Stored
) -> Iterator[QuantProjection]:
    """Yield one projection for each delay; without delays, one dense projection."""
    values = np.unique(delay)
    if values.size == 1:
        yield stored.projection(pre, post, Dense(frozen(weight.copy())), int(values[0]))
        return
    for value in values:
        rows, columns = np.nonzero((delay == value) & (weight != 0))
        entries = (weight[rows, columns], (rows, columns))
        matrix = sp.csr_array(sp.coo_array(entries, shape=weight.shape))
        matrix.sort_indices()
        if matrix.nnz:
            yield stored.projection(pre, post, Sparse(matrix), int(value))


def _delays(layer: _Layer, shape: tuple[int, ...]) -> IntArray:
    """Return the delay of each synapse; the file has one for all, or per output or input
    neuron.
    """
    if "delay" not in layer.fields:
        return np.zeros(shape, np.int64)
    delay = _integers(layer.fields, "delay", layer.where).squeeze()
    if delay.min(initial=0) < 0 or delay.max(initial=0) > MAX_DELAY:
        raise InputError(
            f"{layer.where}: delays {delay.min()}..{delay.max()} are outside "
            f"0..{MAX_DELAY}; clip them and train again"
        )
    if delay.ndim == 1 and delay.size == shape[0]:
        delay = delay[:, None]
    if delay.ndim <= 2 and all(
        d in (1, s) for d, s in zip(delay.shape[::-1], shape[::-1], strict=False)
    ):
        return np.array(np.broadcast_to(delay, shape), np.int64)
    raise InputError(
        f"{layer.where}: delays {list(delay.shape)} for weights {list(shape)}; give one "
        "for all, or one for each input or output"
    )


def _bias(layer: _Layer, shape: tuple[int, ...]) -> IntArray:
    """Return the bias mantissa of each neuron; images have one per channel."""
    n = int(np.prod(shape))
    if "bias" not in layer.fields:
        return np.zeros(n, np.int64)
    bias = _integers(layer.fields, "bias", layer.where).ravel()
    if bias.size not in (1, shape[0], n):
        raise InputError(
            f"{layer.where}: {bias.size} biases for {n} neurons; export the network again"
        )
    if bias.min() < -4096 or bias.max() > 4095:
        raise InputError(
            f"{layer.where}: biases {bias.min()}..{bias.max()} do not fit 13 bits; train "
            "it again"
        )
    return np.repeat(bias, n // bias.size)


def _check_conv(conv: Conv, where: str) -> None:
    """Raise InputError unless the geometry of `conv` holds together."""
    channels, per_group = conv.in_shape[0], conv.weight.shape[1]
    out = tuple(
        (size + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
        for size, kernel, stride, pad, dilation in zip(
            conv.in_shape[1:],
            conv.weight.shape[2:],
            conv.stride,
            conv.padding,
            conv.dilation,
            strict=True,
        )
    )
    expected = (conv.weight.shape[0], *out)
    if per_group * conv.groups != channels or expected != conv.out_shape:
        raise InputError(
            f"{where}: kernel {list(conv.weight.shape)} in {conv.groups} groups makes "
            f"{list(expected)} of {list(conv.in_shape)}, but the file says "
            f"{list(conv.out_shape)}; export the network again"
        )


def _size(layer: _Layer) -> int:
    return int(np.prod(_shape(layer)))


def _shape(layer: _Layer) -> tuple[int, ...]:
    values = _integers(layer.fields, "shape", layer.where).ravel()
    if values.size not in (1, 2, 3) or int(values.min()) < 1:
        raise InputError(
            f"{layer.where}: shape {values.tolist()}; export the network again"
        )
    return tuple(int(v) for v in values)


def _matrix(layer: _Layer, key: str, n: int) -> IntArray:
    """Return weights as [n, inputs]; a single neuron's may be a vector."""
    weight = _integers(layer.fields, key, layer.where)
    if weight.size == 0 or weight.size % n or (weight.ndim == 2 and weight.shape[0] != n):
        raise InputError(
            f"{layer.where}: {key} {list(weight.shape)} for {n} neurons; export the "
            "network again"
        )
    return weight.reshape(n, -1)


def _pair(layer: _Layer, key: str) -> tuple[int, int]:
    """Return a (y, x) setting of a convolution; one number stands for both."""
    values = _integers(layer.fields, key, layer.where).ravel()
    if values.size not in (1, 2) or int(values.min()) < (0 if key == "padding" else 1):
        raise InputError(
            f"{layer.where}: {key} {values.tolist()}; export the network again"
        )
    return int(values[0]), int(values[-1])


def _number(fields: Fields, key: str, where: str, default: float | None = None) -> float:
    if key not in fields:
        if default is None:
            raise InputError(f"{where}: no {key!r}; export the network again")
        return default
    values = np.asarray(fields[key])
    if values.size != 1 or values.dtype.kind not in "biuf":
        raise InputError(f"{where}: {key!r} must be one number, not {list(values.shape)}")
    return float(values.ravel()[0])


def _integers(fields: Fields, key: str, where: str) -> IntArray:
    """Return a field that holds whole numbers, whatever its type in the file."""
    if key not in fields:
        raise InputError(f"{where}: no {key!r}; export the network again")
    values = np.asarray(fields[key])
    if values.dtype.kind not in "biuf" or values.size == 0:
        raise InputError(f"{where}: {key!r} holds no numbers; export the network again")
    if not bool((values == np.rint(values)).all()):
        raise InputError(
            f"{where}: {key!r} holds numbers that are not whole, so this network was not "
            f"quantized; export it with lava-dl's quantization"
        )
    return np.asarray(values, np.int64)
