"""Read a lava-dl network (`.net`, HDF5): integers already, so it skips quantization.

Receives a path, returns a QuantNetwork with the meaning that lava-dl's `netx` gives the
file (lava-dl 0.6, lib/dl/netx/hdf5.py and blocks/process.py): dense, conv, dense_rec,
flatten and input layers of CUBA (LOIHI) neurons with biases and delays. Spikes take no
step more than the hop, recurrent ones come back a step later. Weights are stored as
Intel's tools store them: as few bits as they need. Sigma-delta and resonate-and-fire
networks, pooling and transposed convolutions are refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import IntArray, frozen
from snn_deploy.errors import InputError
from snn_deploy.frontends.netx.net_file import (
    NetxLayer,
    integers,
    matrix,
    number,
    pair,
    read_layers,
    shape_of,
    size,
)
from snn_deploy.frontends.netx.stored_weights import Stored, split_by_delay
from snn_deploy.ir.maps import Conv, Dense, Sparse
from snn_deploy.ir.network import Assumption
from snn_deploy.ir.quant import (
    Drive,
    QuantInput,
    QuantNetwork,
    QuantPopulation,
    QuantProjection,
)

NEURONS = ("CUBA", "LOIHI")
BIAS_EXPONENT = 6  # netx/hdf5.py, get_neuron_params
THRESHOLD_MAX = 131071  # 17 bits; a layer with this threshold is a readout
MAX_DELAY = 62  # netx/hdf5.py clips there
INPUT = "input"
INPUT_WEIGHT = 64  # netx/hdf5.py, create_input, where the file says nothing
IGNORED = {"refDelay": 1, "wgtExp": 0}  # netx reads neither; these values change nothing


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
    lag: int = 0


def read_netx(path: Path | str) -> QuantNetwork:
    """Return the integer network in a lava-dl `.net` file.

    Raises:
        InputError: Not such a file, or something in it that this reader does not know.
    """
    file = Path(path)
    layers = read_layers(file)
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


def _start(path: Path, layers: Sequence[NetxLayer]) -> _Draft:
    """Return a draft with the input port; a file may begin with its first dense layer."""
    first = layers[0]
    if first.kind == "input":
        shape = shape_of(first)
    elif first.kind.startswith("dense"):
        shape = (matrix(first, "weight", size(first)).shape[1],)
    else:
        raise InputError(
            f"{path}: begins with a layer {first.kind!r}, so the shape of the input is "
            "unknown; export it with an input layer"
        )
    port = QuantInput(INPUT, shape, 0, 1.0)
    return _Draft([port], [], [], [], [], INPUT, shape)


def _add(draft: _Draft, layer: NetxLayer) -> None:
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
            groups = int(np.prod(shape_of(layer)))
            note = f"left out: the {int(np.prod(draft.shape))} outputs are {groups} groups"
            draft.assumptions.append(Assumption("average layer", note, layer.where))
        case _:
            raise InputError(
                f"{layer.where}: a layer {layer.kind!r} cannot be read; only input, dense, "
                f"dense_rec, conv and flatten can"
            )


def _add_input(draft: _Draft, layer: NetxLayer) -> None:
    """Add neurons that are driven by a bias per sample: weight * x + bias, as the host
    feeds it.
    """
    weight = float(number(layer.fields, "weight", layer.where, INPUT_WEIGHT))
    bias = float(number(layer.fields, "bias", layer.where, 0))
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


def _add_dense(draft: _Draft, layer: NetxLayer) -> None:
    n, name = size(layer), f"layer {layer.index}"
    weight = matrix(layer, "weight", n)
    if weight.shape[1] != int(np.prod(draft.shape)):
        raise InputError(
            f"{layer.where}: takes {weight.shape[1]} inputs, but "
            f"{int(np.prod(draft.shape))} come; export the network again"
        )
    parts = [weight]
    if layer.kind == "dense_rec":
        parts.append(matrix(layer, "weight_rec", n))
    stored = Stored.of(np.concatenate(parts, axis=1), layer.where)
    delay = _delays(layer, weight.shape)
    if layer.kind == "dense_rec" and bool(delay.any()):
        raise InputError(
            f"{layer.where}: a recurrent layer with delays cannot be read; lava-dl does "
            "not say what they mean for its recurrent weights"
        )
    halves = np.split(stored.weight, [weight.shape[1]], axis=1)
    draft.projections += split_by_delay(draft.end, name, halves[0], delay, stored)
    if layer.kind == "dense_rec":
        draft.projections.append(stored.projection(name, name, Dense(frozen(halves[1])), 1))
    _finish(draft, layer, name, (n,))


def _add_conv(draft: _Draft, layer: NetxLayer) -> None:
    shape, name = shape_of(layer), f"layer {layer.index}"
    weight = integers(layer.fields, "weight", layer.where)
    if weight.ndim not in (4, 5) or len(draft.shape) != 3 or len(shape) != 3:
        raise InputError(
            f"{layer.where}: a kernel {list(weight.shape)} on an input "
            f"{list(draft.shape)} is no 2-D convolution; export the network again"
        )
    stored = Stored.of(weight.reshape(weight.shape[:4]), layer.where)
    geometry = {key: pair(layer, key) for key in ("stride", "padding", "dilation")}
    conv = Conv(
        weight=frozen(stored.weight),
        in_shape=(draft.shape[0], draft.shape[1], draft.shape[2]),
        out_shape=(shape[0], shape[1], shape[2]),
        groups=int(number(layer.fields, "groups", layer.where, 1)),
        **geometry,
    )
    _check_conv(conv, layer.where)
    if bool(_delays(layer, (1, 1)).any()):
        raise InputError(f"{layer.where}: a convolution with delays cannot be read")
    draft.projections.append(stored.projection(draft.end, name, conv, 0))
    _finish(draft, layer, name, shape)


def _finish(draft: _Draft, layer: NetxLayer, name: str, shape: tuple[int, ...]) -> None:
    """Add the neurons of a layer and make it the end of the chain."""
    draft.lag += 1
    bias = _bias(layer, shape)
    neuron = layer.neuron
    if neuron is None:
        reason = "no neuron in the file: sums its input for ever, as lava-dl's default"
        draft.assumptions.append(Assumption("readout", name, reason))
    for key, harmless in IGNORED.items():
        if (
            neuron is not None
            and int(number(neuron, key, layer.where, harmless)) != harmless
        ):
            said = f"{key} of {layer.where} is not used, as in lava-dl"
            draft.assumptions.append(Assumption(key, str(harmless), said))
    draft.populations.append(_population(layer, name, shape, bias, draft.lag))
    draft.end, draft.shape = name, shape


def _population(
    layer: NetxLayer, name: str, shape: tuple[int, ...], bias: IntArray, lag: int
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
        lag=lag,
        spiking=int(params["vth"][0]) < THRESHOLD_MAX,
    )


def _registers(layer: NetxLayer) -> dict[str, int]:
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
    i_decay = int(number(layer.neuron, "iDecay", layer.where))
    registers = {
        "du": i_decay - 1,
        "dv": int(number(layer.neuron, "vDecay", layer.where)),
        "vth": int(number(layer.neuron, "vThMant", layer.where)),
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


def _delays(layer: NetxLayer, shape: tuple[int, ...]) -> IntArray:
    """Return the delay of each synapse; the file has one for all, or per output or input
    neuron.
    """
    if "delay" not in layer.fields:
        return np.zeros(shape, np.int64)
    delay = integers(layer.fields, "delay", layer.where).squeeze()
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


def _bias(layer: NetxLayer, shape: tuple[int, ...]) -> IntArray:
    """Return the bias mantissa of each neuron; images have one per channel."""
    n = int(np.prod(shape))
    if "bias" not in layer.fields:
        return np.zeros(n, np.int64)
    bias = integers(layer.fields, "bias", layer.where).ravel()
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
    expected = (conv.weight.shape[0], *conv.evenly)
    if per_group * conv.groups != channels or expected != conv.out_shape:
        raise InputError(
            f"{where}: kernel {list(conv.weight.shape)} in {conv.groups} groups makes "
            f"{list(expected)} of {list(conv.in_shape)}, but the file says "
            f"{list(conv.out_shape)}; export the network again"
        )
