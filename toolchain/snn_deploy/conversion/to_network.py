"""QuantAnn -> Network: each quantizer becomes a spiking neuron.

With a tracer (`st-bif`, `graded`) a neuron sends the changes of its level, so that all it
has sent is the level of what has arrived; bias and half a theta are there from the start,
as its first membrane. `group` does the same in a single step and needs no tracer. These
are exact (Su et al., arXiv:2408.09403; SpikeZIP-TF, ICML 2024; Group Neurons,
arXiv:2402.19061; the recurrent form is our reading of RNN-Morph, whose text we had not).
`multi-bit` and `rate` send levels of `spike_bits` bits, or spikes, in every step and only
approach the ANN as steps grow.
"""

import numpy as np

from snn_deploy.arrays import FloatArray
from snn_deploy.conversion.integers.ann import (
    AnnLayer,
    QuantAnn,
    check_ann,
)
from snn_deploy.conversion.methods import DOUBLED, ConversionMethod
from snn_deploy.errors import InputError
from snn_deploy.ir.maps import Connection
from snn_deploy.ir.network import Assumption, Input, Network, Population, Projection
from snn_deploy.neurons import Lif, MultiLevel, Neuron


def to_network(
    ann: QuantAnn, method: ConversionMethod, *, spike_bits: int = 2, window: int = 1
) -> Network:
    """Return the spiking network of `ann`, in model time and whole numbers.

    spike_bits: payload of a spike of `multi-bit`. window: steps per step of a sequence.

    Raises:
        InputError: The method cannot express the network; all reasons are named.
        DoesNotFitError: A sum could leave 24 bits.
    """
    check_ann(ann)
    _check_method(ann, method)
    bits = 1 if method.name == "rate" else spike_bits
    worth = {
        layer.name: _worth(layer, method, bits)
        for layer in ann.layers
        if layer.theta is not None
    } | {ann.port.name: 1.0}
    unit = 1.0 if method.repeats else float(DOUBLED)
    return Network(
        inputs=(Input(ann.port.name, ann.port.shape),),
        populations=tuple(
            Population(layer.name, layer.shape, _neuron(layer, method, bits, worth))
            for layer in ann.layers
        ),
        projections=tuple(
            Projection(
                s.pre, layer.name, _scaled(s.map, unit * worth[s.pre]), s.delay * window
            )
            for layer in ann.layers
            for s in layer.sources
        ),
        outputs=(ann.output,),
        decoder="final",
        source=ann.source,
        assumptions=(Assumption("conversion", method.name, method.summary),),
    )


def _check_method(ann: QuantAnn, method: ConversionMethod) -> None:
    found = []
    if ann.recurrent and method.name != "graded":
        found.append(
            f"method {method.name!r} cannot keep a recurrent network exact: levels that "
            "come back over several steps mix with those of the next step of the "
            "sequence; use graded, which needs one step"
        )
    signed = [layer.name for layer in ann.layers if layer.low < 0]
    if method.name == "rate" and signed:
        found.append(
            f"method 'rate' sends no negative spikes, but {', '.join(map(repr, signed))} "
            "has negative levels; use QuantReLU there, or another method"
        )
    if found:
        raise InputError("; ".join(found))


def _worth(layer: AnnLayer, method: ConversionMethod, bits: int) -> float:
    """Return how many levels a spike of payload 1 stands for, per step.

    A neuron that sends 2**bits - 1 in every step stands for the highest level.
    """
    if not method.repeats:
        return 1.0
    return max(-layer.low, layer.high) / float((1 << bits) - 1)


def _scaled(m: Connection, factor: float) -> Connection:
    return m.with_stored(m.stored * factor)


def _neuron(
    layer: AnnLayer, method: ConversionMethod, bits: int, worth: dict[str, float]
) -> Neuron:
    bias = layer.bias.astype(np.float64)
    if layer.theta is None:
        return _readout(layer, method, bias)
    theta = layer.theta.astype(np.float64)
    if method.repeats:
        high = float((1 << bits) - 1)
        threshold = theta * worth[layer.name]
        return MultiLevel.of(
            layer.n, threshold=threshold, bias=bias, v0=threshold / 2,
            low=-high if layer.low < 0 else 0.0, high=high,
        )  # fmt: skip
    return MultiLevel.of(
        layer.n, threshold=DOUBLED * theta, v0=theta + DOUBLED * bias,
        **_bounds(layer, method),
    )  # fmt: skip


def _bounds(layer: AnnLayer, method: ConversionMethod) -> dict[str, float | FloatArray]:
    """Return how much a neuron may send in one step, and in all."""
    span = float(layer.high - layer.low)
    if not method.tracer:
        return {"low": layer.low, "high": layer.high}
    step = 1.0 if method.ternary else span
    return {"low": -step, "high": step, "floor": layer.low, "ceiling": layer.high}


def _readout(layer: AnnLayer, method: ConversionMethod, bias: FloatArray) -> Lif:
    """Return neurons that only sum up: their membrane is the answer."""
    timing = {"bias": bias} if method.repeats else {"v0": DOUBLED * bias}
    return Lif.of(layer.n, threshold=np.inf, amount=0.0, spiking=False, **timing)
