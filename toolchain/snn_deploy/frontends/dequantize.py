"""The real numbers that an integer network stands for: QuantNetwork -> Network.

Membranes are in units of 64, so that an integer weight of exponent e is weight * 2**e and
the threshold register is the threshold: all exact in float64. Left out is what only
integers do: rounding decays toward zero, rounding sums down where an exponent is negative,
and wrapping.
"""

import numpy as np

from snn_deploy.arithmetic.loihi import DECAY_ONE, SHIFT
from snn_deploy.arrays import FloatArray, frozen
from snn_deploy.ir.maps import Chain, Connection, Scale
from snn_deploy.ir.network import Assumption, Input, Network, Population, Projection
from snn_deploy.ir.quant import Drive, QuantNetwork, QuantPopulation, QuantProjection
from snn_deploy.ir.twin import LEVEL_MODELS, twin
from snn_deploy.neurons import Lif

UNIT = float(1 << SHIFT)  # of the membrane
RESETS = {"lif": "zero", "refractory_lif": "zero", "soft_lif": "subtract"}


def dequantize(net: QuantNetwork) -> Network:
    """Return the network in real numbers; levels are dropped, model time stays."""
    drives = {d.post: d for d in net.drives}
    scales = {p.name: p.scale for p in net.inputs}
    return Network(
        inputs=tuple(Input(p.name, p.shape) for p in net.inputs),
        populations=tuple(_population(p, drives.get(p.name)) for p in net.populations),
        projections=(
            *(_projection(p, scales.get(p.pre, 1.0)) for p in net.projections),
            *(_driven(d) for d in net.drives),
        ),
        outputs=net.outputs,
        step_s=net.step_s,
        assumptions=(
            *net.assumptions,
            Assumption("unit", "membranes in units of 64", "from an integer network"),
        ),
    )


def _population(pop: QuantPopulation, drive: Drive | None) -> Population:
    if pop.model in LEVEL_MODELS:
        return Population(pop.name, pop.shape, twin(pop))
    p = pop.params
    bias = (p["bias_mant"] << p["bias_exp"]) / UNIT
    if drive is not None:
        bias = bias + drive.offset * drive.scale / UNIT
    threshold = p["vth"].astype(np.float64)
    neuron = Lif.of(
        pop.n,
        alpha=(DECAY_ONE - 1 - p["du"]) / DECAY_ONE,
        beta=(DECAY_ONE - p["dv"]) / DECAY_ONE,
        bias=bias,
        threshold=threshold if pop.spiking else np.inf,
        amount=p["amount"] / UNIT if pop.model == "soft_lif" else threshold,
        v0=pop.v0 / UNIT,
        reset=RESETS[pop.model],
        hold=int(p["hold"].max()) if pop.model == "refractory_lif" else 0,
        spiking=pop.spiking,
    )
    return Population(pop.name, pop.shape, neuron)


def _projection(p: QuantProjection, scale: float) -> Projection:
    """Return the synapses; `scale` is the payload per unit of what is fed."""
    m = times(p.map, 2.0**p.weight_exp)
    first = () if scale == 1.0 else (Scale(frozen(np.full(m.n_pre, scale))),)
    return Projection(p.pre, p.post, Chain((*first, m), m.n_pre), p.delay)


def _driven(drive: Drive) -> Projection:
    scale = Scale(frozen(drive.scale / UNIT))
    return Projection(
        drive.input, drive.post, Chain((drive.map, scale), drive.map.n_pre), 0
    )


def times(m: Connection, factor: float) -> Connection:
    """Return the map with float64 weights, times a factor."""
    return m.with_stored(_float(m.stored) * factor)


def _float(weight: FloatArray) -> FloatArray:
    return weight.astype(np.float64)
