"""QuantAnn: a quantized ANN in integers alone, and what it computes.

Every layer sums integer levels with integer weights and returns a level again::

    level = clip(floor((sum + bias) / theta + 1/2), low, high)

theta, one per neuron, is an odd whole number: a sum then never lies half way between two
levels, so rounding half up (a spiking neuron that starts at theta / 2) and rounding half to
even (PyTorch) give the same. The last layer is a readout: its answer is sum + bias. What
`evaluate` returns is what a converted network has to equal, value for value.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, IntArray
from snn_deploy.errors import DoesNotFitError, InputError
from snn_deploy.ir.linear import apply
from snn_deploy.ir.maps import Connection

# Twice a sum has to fit the signed 24 bits of a Loihi membrane, see `to_network`.
SUM_LIMIT = 1 << 22


@dataclass(frozen=True)
class Port:
    """The input: integer levels of one sample, or of one step of a sequence.

    Attributes:
        name: As sources of layers call it.
        shape: Of one sample, [*shape]; of a sequence, of one step.
        low: Lowest level, a whole number.
        high: Highest level, a whole number.
        scale: What a level is worth, a real number above 0.
    """

    name: str
    shape: tuple[int, ...]
    low: int
    high: int
    scale: float


@dataclass(frozen=True, eq=False)
class AnnSource:
    """Integer weights from the levels of one source to the sums of a layer.

    Attributes:
        pre: Name of the port or layer.
        map: Weights [n, n_pre], whole numbers.
        delay: Steps of a sequence ago; 0 is the same step.
    """

    pre: str
    map: Connection
    delay: int = 0


@dataclass(frozen=True, eq=False)
class AnnLayer:
    """One layer of n = prod(shape) neurons.

    Attributes:
        name: Unique in the network.
        shape: Of its levels, for one sample or one step of a sequence.
        sources: What its sums add up.
        bias: [n], whole numbers in the unit of the sum.
        theta: [n], odd and above 0: the sum that is one level; None for a readout.
        low: Lowest level, 0 or below; a readout does not use it.
        high: Highest level, 0 or above; a readout does not use it.
        scale: [n], what a level, of a readout what one unit of the sum, is worth.
    """

    name: str
    shape: tuple[int, ...]
    sources: tuple[AnnSource, ...]
    bias: IntArray
    theta: IntArray | None
    low: int
    high: int
    scale: FloatArray

    @property
    def n(self) -> int:
        return int(np.prod(self.shape))


@dataclass(frozen=True, eq=False)
class QuantAnn:
    """A quantized ANN in integers.

    Attributes:
        port: The input.
        layers: In the order in which they are computed.
        output: Name of the layer that is the readout.
        source: Where it came from, for messages and reports; "" if that is unknown.
    """

    port: Port
    layers: tuple[AnnLayer, ...]
    output: str
    source: str = ""

    def layer(self, name: str) -> AnnLayer:
        """Return the layer called `name`; KeyError if there is none."""
        return {layer.name: layer for layer in self.layers}[name]

    @property
    def recurrent(self) -> bool:
        """Whether a layer hears of an earlier step, so that samples are sequences."""
        return any(s.delay for layer in self.layers for s in layer.sources)


def check_ann(ann: QuantAnn) -> None:
    """Raise unless `ann` is what its types promise.

    Raises:
        InputError: Non-integers, even thetas, or layers that are not in order.
        DoesNotFitError: A sum could leave SUM_LIMIT; all such layers are named.
    """
    ranges = {ann.port.name: (ann.port.low, ann.port.high)}
    known = {ann.port.name}
    ranges |= {layer.name: (layer.low, layer.high) for layer in ann.layers}
    for layer in ann.layers:
        _check_layer(layer, known)
        known.add(layer.name)
    if ann.output not in known or ann.layer(ann.output).theta is not None:
        raise InputError(f"output {ann.output!r} is no readout among the layers")
    reach = {layer.name: bound(layer, ranges) for layer in ann.layers}
    wide = [
        f"layer {name!r}: sums reach {b}, beyond the {SUM_LIMIT} that a 24-bit membrane "
        "holds; use fewer bits for its weights or its input, or fewer inputs"
        for name, b in reach.items()
        if b >= SUM_LIMIT
    ]
    if wide:
        raise DoesNotFitError(*wide)


def _check_layer(layer: AnnLayer, known: set[str]) -> None:
    who = f"layer {layer.name!r}"
    for s in layer.sources:
        if s.pre not in known and not (s.delay and s.pre == layer.name):
            raise InputError(f"{who}: {s.pre!r} is not computed before it")
        weight = s.map.stored
        if not bool((weight == np.rint(weight)).all()):
            raise InputError(f"{who}: weights from {s.pre!r} are not whole numbers")
    if not layer.low <= 0 <= layer.high:
        raise InputError(f"{who}: levels {layer.low}..{layer.high} leave out 0")
    if layer.theta is not None and not bool(((layer.theta > 0) & (layer.theta % 2)).all()):
        raise InputError(f"{who}: theta has to be odd and positive, so that nothing ties")


def bound(layer: AnnLayer, ranges: Mapping[str, tuple[int, int]]) -> int:
    """Return what the membrane of any neuron of the layer can reach: sum, bias, and the
    theta and the level that are subtracted from it. ranges: levels by source."""
    total = np.abs(layer.bias).astype(np.float64)
    for s in layer.sources:
        most = float(max(-ranges[s.pre][0], ranges[s.pre][1]))
        heavy = s.map.with_stored(np.abs(s.map.stored).astype(np.float64))
        total += apply(heavy, np.full((1, s.map.n_pre), most))[0]
    if layer.theta is not None:
        total += layer.theta * (max(-layer.low, layer.high) + 1)
    return int(total.max(initial=0.0))


# --- evaluation -----------------------------------------------------------------------


def encode(port: Port, x: AnyArray) -> IntArray:
    """Return real samples x as levels, rounded half to even and clipped, as Brevitas
    does."""
    return np.clip(np.rint(np.asarray(x) / port.scale), port.low, port.high).astype(
        np.int64
    )


def evaluate(ann: QuantAnn, x: AnyArray) -> dict[str, IntArray]:
    """Return what every layer computes for levels x [N, *shape]: [N, *layer shape].

    Of a recurrent network x is [N, L, *shape] and results are [N, L, *layer shape]; before
    a sequence all levels are 0. Sums are computed in float64, which is exact here.

    Raises:
        InputError: x has another shape, is not whole, or leaves the levels of the input.
    """
    _check_levels(ann, x)
    if not ann.recurrent:
        return {k: v[:, 0] for k, v in _evaluate(ann, x[:, None]).items()}
    return _evaluate(ann, x)


def _check_levels(ann: QuantAnn, x: AnyArray) -> None:
    port, extra = ann.port, 2 if ann.recurrent else 1
    if x.ndim != extra + len(port.shape) or x.shape[extra:] != port.shape:
        lead = "[N, L, ...]" if ann.recurrent else "[N, ...]"
        raise InputError(
            f"input {port.name!r}: levels of shape {list(x.shape)} do not fit {lead} of "
            f"{list(port.shape)}"
        )
    if x.size and (x.min() < port.low or x.max() > port.high or (x != np.rint(x)).any()):
        raise InputError(
            f"input {port.name!r}: takes whole numbers {port.low}..{port.high}, but gets "
            f"{x.min():g}..{x.max():g}; encode the samples first"
        )


def _evaluate(ann: QuantAnn, x: AnyArray) -> dict[str, IntArray]:
    samples, length = x.shape[:2]
    flat = x.reshape(samples, length, -1).astype(np.float64)
    parts = {
        layer.name: [
            (s, s.map.with_stored(s.map.stored.astype(np.float64))) for s in layer.sources
        ]
        for layer in ann.layers
    }
    done: list[dict[str, FloatArray]] = []
    for t in range(length):
        now = {ann.port.name: flat[:, t]}
        done.append(now)
        for layer in ann.layers:
            total = np.zeros((samples, layer.n)) + layer.bias
            for s, m in parts[layer.name]:
                if t >= s.delay:
                    total += apply(m, done[t - s.delay][s.pre])
            now[layer.name] = activation(layer, total)
    return {
        layer.name: np.stack([now[layer.name] for now in done], axis=1)
        .astype(np.int64)
        .reshape(samples, length, *layer.shape)
        for layer in ann.layers
    }


def activation(layer: AnnLayer, total: FloatArray) -> FloatArray:
    """Return the levels [N, n] of sums that hold the bias already; a readout's own sums."""
    if layer.theta is None:
        return total
    # Whole numbers throughout: floor(total / theta + 1/2).
    rounded = np.floor_divide(2 * total + layer.theta, 2 * layer.theta)
    return np.clip(rounded, layer.low, layer.high)
