"""Where biases are written: in the layer in front of a population, else as its leak.

A bias adds to the membrane in every step; a population that does nothing but spike in
every step (as `ir.constants` makes one) adds to the synaptic current of its targets. NIR
has both as the bias of an Affine or a convolution, before the Delay of its projection.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from snn_deploy.arrays import FloatArray
from snn_deploy.ir.linear import apply
from snn_deploy.ir.maps import Chain, Conv, Dense, Map, Sparse
from snn_deploy.ir.network import Network, Population, Projection
from snn_deploy.neurons import MultiLevel


@dataclass(frozen=True, eq=False)
class Biased:
    """A network without sources of constants.

    Attributes:
        net: The network without populations that spike in every step; it may have gained
            projections of weight 0, which carry a bias.
        biases: [n_post], by index in `net.projections` of the projection whose last map
            gets it; added to what arrives in every step.
        leaks: [n], by name of the population: what of its bias is left for itself to add to
            the membrane in every step, in units of v.
    """

    net: Network
    biases: Mapping[int, FloatArray]
    leaks: Mapping[str, FloatArray]


def split_constants(net: Network) -> Biased:
    """Return `net` with its constants moved into layers; what it computes stays."""
    sources = {p.name for p in net.populations if is_constant(net, p)}
    kept = [p for p in net.projections if p.pre not in sources]
    biases: dict[int, FloatArray] = {}
    for p in net.projections:
        if p.pre in sources:
            value = apply(p.map, np.ones((1, p.map.n_pre)))[0]
            _attach(net, kept, biases, p, value)
    populations = tuple(p for p in net.populations if p.name not in sources)
    leaks = {p.name: _leak(p, kept, biases) for p in populations}
    bare = replace(net, populations=populations, projections=tuple(kept))
    return Biased(bare, biases, leaks)


def is_constant(net: Network, pop: Population) -> bool:
    """Whether it fires in every step, whatever happens, and is not read out."""
    n = pop.neuron
    levels = isinstance(n, MultiLevel)  # may send more than 1, or stop
    if net.into(pop.name) or pop.name in net.outputs or levels or not n.spiking:
        return False
    forgets = not n.beta.any() and n.reset != "subtract_late" and not n.hold
    fires = n.bias >= n.threshold if n.inclusive else n.bias > n.threshold
    return forgets and bool(fires.all())


def _attach(
    net: Network,
    kept: list[Projection],
    biases: dict[int, FloatArray],
    constant: Projection,
    value: FloatArray,
) -> None:
    """Give the value to a layer of the same delay; make one of weight 0 if need be."""
    index = _layer(kept, constant.post, constant.delay, value)
    if index is None:
        first = net.inputs[0]
        zero = Dense(np.zeros((value.size, int(np.prod(first.shape)))))
        kept.append(Projection(first.name, constant.post, zero, constant.delay))
        index = len(kept) - 1
    biases[index] = biases.get(index, 0.0) + value


def _layer(kept: list[Projection], post: str, delay: int, value: FloatArray) -> int | None:
    """Return the first projection whose last map can add `value` to its output."""
    for i, p in enumerate(kept):
        if p.post == post and p.delay == delay and can_add(p.map, value):
            return i
    return None


def can_add(m: Map, value: FloatArray) -> bool:
    """Whether the last of the maps is a layer that NIR gives such a bias."""
    last = m.maps[-1] if isinstance(m, Chain) and m.maps else m
    if isinstance(last, Conv):
        table = value.reshape(last.out_shape[0], -1)
        return bool((table == table[:, :1]).all())
    return isinstance(last, Dense | Sparse)


def _leak(
    pop: Population, kept: list[Projection], biases: dict[int, FloatArray]
) -> FloatArray:
    """Return what of the bias no layer takes; a current would filter it."""
    n = pop.neuron
    if not n.bias.any() or n.alpha.any() or not n.gain.all():
        return n.bias
    value = n.bias / n.gain
    index = _layer(kept, pop.name, 0, value)
    if index is None:
        return n.bias
    biases[index] = biases.get(index, 0.0) + value
    return 0.0 * n.bias
