"""Delays of a lava-dl layer: of which synapse, and relays where one is too long.

SLAYER delays what a layer sends (lava-dl 0.6, slayer/block/base.py: forward); its netx puts
the same delay on the synapses that end in the layer (netx/hdf5.py, create_dense), which
shifts the same spikes. netx cuts delays to 62 steps, which is what a synapse holds; here
relays carry longer ones: neurons that send every spike on, 62 steps later.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import IntArray
from snn_deploy.errors import InputError
from snn_deploy.frontends.netx.net_file import NetxLayer, integers
from snn_deploy.frontends.netx.neurons import population
from snn_deploy.frontends.netx.stored_weights import Stored
from snn_deploy.ir.maps import Sparse
from snn_deploy.ir.network import Assumption
from snn_deploy.ir.quant import QuantPopulation, QuantProjection

MAX_DELAY = 62  # netx/hdf5.py clips there
LONGEST = 16 * MAX_DELAY  # steps; ours, so that a wrong unit is not taken for a long delay
# A relay fires on one spike of its weight and forgets it: current and membrane are 0 then.
RELAY_WEIGHT = 2
RELAY = {"du": 4095, "dv": 0, "vth": 1, "bias_exp": 0}


@dataclass(frozen=True, eq=False)
class Relayed:
    """What brings spikes to one layer.

    Attributes:
        relays: Populations on the way, first to last; empty if no delay is too long.
        projections: To the relays and to the layer; no delay above MAX_DELAY.
        assumptions: That there are relays, if so.
    """

    relays: tuple[QuantPopulation, ...]
    projections: tuple[QuantProjection, ...]
    assumptions: tuple[Assumption, ...]


def synapse_delays(layer: NetxLayer, shape: tuple[int, ...]) -> IntArray:
    """Return the delays of a dense layer, in a shape that broadcasts to its weights' [n,
    inputs]; the file has one for all, or per output or input neuron."""
    delay = _delays(layer)
    if delay.ndim == 1 and delay.size == shape[0]:
        delay = delay[:, None]
    if delay.ndim <= 2 and all(
        d in (1, s) for d, s in zip(delay.shape[::-1], shape[::-1], strict=False)
    ):
        return delay
    raise InputError(
        f"{layer.where}: delays {list(delay.shape)} for weights {list(shape)}; give one "
        "for all, or one for each input or output"
    )


def channel_delays(layer: NetxLayer, channels: int) -> IntArray:
    """Return the delay of each channel [channels] of an image layer; the file has one for
    each, or for all."""
    delay = _delays(layer).ravel()
    if delay.size not in (1, channels):
        raise InputError(
            f"{layer.where}: {delay.size} delays for {channels} channels; give one for "
            "all, or one for each"
        )
    return np.array(np.broadcast_to(delay, channels), np.int64)


def relayed(
    projections: Sequence[QuantProjection], shape: tuple[int, ...], lag: int
) -> Relayed:
    """Return the projections from one source to one layer, long ones over relays.

    Args:
        projections: At least one; delays up to LONGEST.
        shape: Of the source.
        lag: Of the layer, in chip steps; relays have the same.
    """
    longest = max(p.delay for p in projections)
    hops = _hops(longest)
    if hops == 0:
        return Relayed((), tuple(projections), ())
    pre, post, n = projections[0].pre, projections[0].post, math.prod(shape)
    names = [pre, *(f"{post} relay {i + 1}" for i in range(hops))]
    zero = np.zeros(n, np.int64)
    relays = tuple(population(name, shape, RELAY, zero, lag) for name in names[1:])
    stored = Stored.of(np.full(n, RELAY_WEIGHT), post)
    one_to_one = Sparse(sp.csr_array(sp.diags_array(stored.weight, dtype=np.int16)))
    between = [stored.projection(a, b, one_to_one, MAX_DELAY) for a, b in pairwise(names)]
    ends = [
        replace(p, pre=names[_hops(p.delay)], delay=p.delay - MAX_DELAY * _hops(p.delay))
        for p in projections
    ]
    value = f"{hops} x {n} neurons in between, for delays of {post} up to {longest} steps"
    why = f"a synapse holds {MAX_DELAY}; lava-dl's netx would cut longer delays to that"
    return Relayed(relays, (*between, *ends), (Assumption("relays", value, why),))


def _hops(delay: int) -> int:
    """Return how many relays a delay takes; the last synapse takes 1..MAX_DELAY of it."""
    return max(delay - 1, 0) // MAX_DELAY


def _delays(layer: NetxLayer) -> IntArray:
    """Return the delays as they stand in the file, squeezed; 0 if there are none."""
    if "delay" not in layer.fields:
        return np.zeros((), np.int64)
    delay = integers(layer.fields, "delay", layer.where).squeeze()
    if delay.min() < 0 or delay.max() > LONGEST:
        raise InputError(
            f"{layer.where}: delays {delay.min()}..{delay.max()} are outside "
            f"0..{LONGEST} steps; shorten them and train again"
        )
    return delay
