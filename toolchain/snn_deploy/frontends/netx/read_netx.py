"""Read a lava-dl network (`.net`, HDF5): integers already, so it skips quantization.

Receives a path, returns a QuantNetwork with the meaning that lava-dl's `netx` gives the
file (lava-dl 0.6, lib/dl/netx/hdf5.py and blocks/process.py): dense, conv, dense_rec,
flatten and input layers of CUBA (LOIHI) neurons with biases and delays. What netx does not
read and SLAYER exports, transposed convolutions and pooling, means what SLAYER computes.
Spikes take no step more than the hop, recurrent ones come back a step later. Weights are
stored as Intel's tools store them: as few bits as they need. Sigma-delta and
resonate-and-fire networks are refused.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import IntArray, frozen
from snn_deploy.errors import InputError
from snn_deploy.frontends.netx.delays import channel_delays, relayed, synapse_delays
from snn_deploy.frontends.netx.images import KINDS, read_image_layer
from snn_deploy.frontends.netx.input_shape import input_shape
from snn_deploy.frontends.netx.net_file import (
    NetxLayer,
    matrix,
    number,
    read_layers,
    shape_of,
    size,
)
from snn_deploy.frontends.netx.neurons import (
    BIAS_EXPONENT,
    neurons_of,
    population,
    registers_of,
)
from snn_deploy.frontends.netx.stored_weights import Stored, split_by_delay
from snn_deploy.frontends.nir.graph.nodes import MAX_TOTAL
from snn_deploy.ir.maps import Connection, Dense, Sparse
from snn_deploy.ir.network import Assumption
from snn_deploy.ir.quant import (
    Drive,
    Loss,
    QuantInput,
    QuantNetwork,
    QuantPopulation,
    QuantProjection,
)

INPUT = "input"
INPUT_WEIGHT = 64  # netx/hdf5.py, create_input, where the file says nothing
MAX_UNROLLED = 2**24  # synapses; ours: a Loihi 2 chip holds fewer than 2**23
READ = ("input", "dense", "dense_rec", *KINDS, "flatten")


@dataclass
class _Draft:
    """The network while its layers are read; end: name and shape of what comes next."""

    inputs: list[QuantInput]
    end: str
    shape: tuple[int, ...]
    assumptions: list[Assumption]
    drives: list[Drive] = field(default_factory=list)
    populations: list[QuantPopulation] = field(default_factory=list)
    projections: list[QuantProjection] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    lag: int = 0
    neurons: int = 0
    unrolled: int = 0

    def room_for(self, layer: NetxLayer, neurons: int, unrolled: int = 0) -> None:
        """Raise InputError if so many more neurons and unrolled synapses are too many."""
        self.neurons += neurons
        self.unrolled += unrolled
        if self.neurons > MAX_TOTAL or self.unrolled > MAX_UNROLLED:
            raise InputError(
                f"{layer.where}: with it the network has {self.neurons} neurons and "
                f"{self.unrolled} synapses to write out one by one, but {MAX_TOTAL} and "
                f"{MAX_UNROLLED} are read at most; make the network smaller"
            )


def read_netx(path: Path | str, shape: tuple[int, ...] | None = None) -> QuantNetwork:
    """Return the integer network in a lava-dl `.net` file.

    Args:
        path: Of the file.
        shape: Of the input, channels first, where the file leaves it open.

    Raises:
        InputError: Not such a file, or something in it that this reader does not know.
    """
    file = Path(path)
    layers = read_layers(file)
    draft = _start(layers, shape)
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
        losses=tuple(draft.losses),
        assumptions=tuple(draft.assumptions),
    )


def _start(layers: Sequence[NetxLayer], said: tuple[int, ...] | None) -> _Draft:
    """Return a draft with the input port; a file may begin without an input layer."""
    shape, assumptions = input_shape(layers[0], said)
    return _Draft([QuantInput(INPUT, shape, 0, 1.0)], INPUT, shape, list(assumptions))


def _add(draft: _Draft, layer: NetxLayer) -> None:
    """Append one layer to the network."""
    if layer.kind == "input":
        if layer.neuron is not None:
            _add_input(draft, layer)
    elif layer.kind == "flatten":
        draft.shape = (math.prod(draft.shape),)
    elif layer.kind in ("dense", "dense_rec"):
        _add_dense(draft, layer)
    elif layer.kind in KINDS:
        _add_image_layer(draft, layer)
    elif layer.kind == "average":
        groups = math.prod(shape_of(layer))
        note = f"left out: the {math.prod(draft.shape)} outputs are {groups} groups"
        draft.assumptions.append(Assumption("average layer", note, layer.where))
    else:
        raise InputError(
            f"{layer.where}: a layer {layer.kind!r} cannot be read; only "
            f"{', '.join(READ[:-1])} and {READ[-1]} can, so build it of these"
        )


def _add_input(draft: _Draft, layer: NetxLayer) -> None:
    """Add neurons that are driven by a bias per sample: weight * x + bias, as the host
    feeds it.
    """
    weight = number(layer.fields, "weight", layer.where, INPUT_WEIGHT)
    bias = number(layer.fields, "bias", layer.where, 0)
    name, n = f"layer {layer.index}", math.prod(draft.shape)
    if weight == 0:
        raise InputError(f"{layer.where}: input weight 0 lets nothing in; train it again")
    draft.room_for(layer, n, n)
    zero = np.zeros(n, np.int64)
    draft.populations.append(population(name, draft.shape, registers_of(layer), zero, 0))
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
    if weight.shape[1] != math.prod(draft.shape):
        raise InputError(
            f"{layer.where}: takes {weight.shape[1]} inputs, but "
            f"{math.prod(draft.shape)} come; export the network again"
        )
    parts = [weight]
    if layer.kind == "dense_rec":
        parts.append(matrix(layer, "weight_rec", n))
        if parts[1].shape != (n, n):
            raise InputError(
                f"{layer.where}: recurrent weights {list(parts[1].shape)} for {n} neurons; "
                "export the network again"
            )
    stored = Stored.of(np.concatenate(parts, axis=1), layer.where)
    delay = synapse_delays(layer, weight.shape)
    if layer.kind == "dense_rec" and bool(delay.any()):
        raise InputError(
            f"{layer.where}: a recurrent layer with delays cannot be read; lava-dl does "
            "not say what they mean for its recurrent weights, so train it without"
        )
    forward, back = np.split(stored.weight, [weight.shape[1]], axis=1)
    draft.room_for(layer, n, weight.size if np.ptp(delay) else 0)
    _connect(draft, layer, (n,), Dense(frozen(forward.copy())), delay, stored)
    if layer.kind == "dense_rec":
        loop = Dense(frozen(back.copy()))
        draft.projections.append(stored.projection(name, name, loop, 1))


def _add_image_layer(draft: _Draft, layer: NetxLayer) -> None:
    image_layer = read_image_layer(layer)
    image, shape = image_layer.check(draft.shape), image_layer.shape
    delay = channel_delays(layer, shape[0])
    several, n = bool(np.ptp(delay)), math.prod(shape)
    one_by_one = n * image_layer.taps if several else 0
    draft.room_for(layer, n, max(image_layer.unrolled(image), one_by_one))
    stored = Stored.of(image_layer.weight, layer.where)
    if image_layer.mixes(image):
        value = f"layer {layer.index} slides over all channels, one below the other"
        why = "as SLAYER pools; here its windows do not end with a channel"
        draft.assumptions.append(Assumption("pooling", value, why))
    m = image_layer.map_from(image, stored)
    of_neuron = np.repeat(delay, n // shape[0])[:, None]
    _connect(draft, layer, shape, m, of_neuron if several else delay[:1], stored)


def _connect(
    draft: _Draft,
    layer: NetxLayer,
    shape: tuple[int, ...],
    m: Connection,
    delay: IntArray,
    stored: Stored,
) -> None:
    """Add the neurons of a layer and what reaches them, and make it the end of the chain.

    delay: of each synapse, in a shape that broadcasts to [n_post, n_pre].
    """
    draft.lag += 1
    name = f"layer {layer.index}"
    direct = list(split_by_delay(draft.end, name, m, delay, stored))
    way = relayed(direct, draft.shape, draft.lag)
    draft.room_for(layer, sum(p.n for p in way.relays))
    made = neurons_of(layer, name, shape, draft.lag)
    draft.populations += [*way.relays, made.population]
    draft.projections += way.projections
    draft.losses += made.losses
    draft.assumptions += [*made.assumptions, *way.assumptions]
    draft.end, draft.shape = name, shape
