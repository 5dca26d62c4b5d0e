"""Random quantized ANNs of whole numbers, and the spiking networks that equal them.

Every layer computes clip(floor((W x + b) / theta + 1/2), 0, top). The spiking network has
the same weights, thresholds theta, initial membranes b + theta / 2 and a tracer 0..top;
signed spikes take back what was sent too much.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.ir.maps import Connection, Conv, Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import MultiLevel
from snn_deploy.passes.normalize import normalize
from snn_deploy.passes.retime import retime
from support.integer_oracle import convolution

SAMPLES = 5
STEPS = 90  # ternary spikes of up to 15 levels through three layers, delays included
ENDS_BEFORE = 5  # silent steps at the end


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: what feeds it, its bias [n] and its threshold."""

    name: str
    shape: tuple[int, ...]
    sources: Mapping[str, Connection]
    bias: IntArray
    theta: int


@dataclass(frozen=True, eq=False)
class Ann:
    """A quantized ANN with activations 0..top; x: its input [samples, *shape]."""

    x: IntArray
    layers: tuple[Layer, ...]
    top: int

    def activations(self) -> dict[str, IntArray]:
        """Return the activations [samples, n] of every layer, in Python's integers."""
        known = {"in": self.x.reshape(len(self.x), -1)}
        for layer in self.layers:
            total = layer.bias[None] + sum(
                known[name] @ _weights(m).T for name, m in layer.sources.items()
            )
            halves = (2 * total + layer.theta) // (2 * layer.theta)
            known[layer.name] = np.clip(halves, 0, self.top)
        return known


def random_ann(seed: int) -> Ann:
    """Return an ANN of two or three layers, with a skip at times; image inputs get a
    convolution first."""
    rng = np.random.default_rng([31, seed])
    image = bool(rng.random() < 0.4)
    shape: tuple[int, ...] = (2, 5, 5) if image else (int(rng.integers(6, 14)),)
    top = int(rng.choice([3, 7, 15]))
    x = rng.integers(0, top, (SAMPLES, *shape), endpoint=True)
    ends, layers = {"in": shape}, list[Layer]()
    for k in range(int(rng.integers(2, 4))):
        pre = list(ends)[-1]
        target = (3, 3, 3) if image and k == 0 else (int(rng.integers(4, 10)),)
        sources = {pre: _connection(rng, ends[pre], target)}
        if k == 2 and rng.random() < 0.9:
            skip = list(ends)[1]
            sources[skip] = _connection(rng, ends[skip], target)
        n = int(np.prod(target))
        theta = int(rng.integers(15, 60))
        bias = rng.integers(-40, 40, n)
        layers.append(Layer(f"layer {k}", target, sources, bias, theta))
        ends[f"layer {k}"] = target
    return Ann(x, tuple(layers), top)


def _weights(m: Connection) -> IntArray:
    """Return [n_post, n_pre], a convolution unrolled by its definition."""
    full = np.zeros((m.n_post, m.n_pre), np.int64)
    if isinstance(m, Conv):
        for i, row in enumerate(convolution(m)):
            for j, w in row:
                full[i, j] = w
    elif isinstance(m, Dense):
        full += m.weight.astype(np.int64)
    return full


def _connection(
    rng: np.random.Generator, pre: tuple[int, ...], post: tuple[int, ...]
) -> Connection:
    if len(pre) == 3 and len(post) == 3:
        kernel = rng.integers(-20, 21, (post[0], pre[0], 3, 3)).astype(np.float64)
        return Conv(kernel, (pre[0], pre[1], pre[2]), (post[0], post[1], post[2]))
    shape = (int(np.prod(post)), int(np.prod(pre)))
    return Dense(rng.integers(-20, 21, shape).astype(np.float64))


def spiking(
    ann: Ann, *, ternary: bool, tracer: bool = True, delays: int | None = None
) -> Network:
    """Return the spiking network, retimed.

    ternary: spikes of -1, 0 and 1, else as many levels as there are. delays: the seed of
    random delays of the projections; none if None.
    """
    rng = np.random.default_rng(delays)
    step = 1.0 if ternary else float(ann.top)
    bounds = {"low": -step, "high": step}
    bounds |= {"floor": 0.0, "ceiling": float(ann.top)} if tracer else {}
    populations, projections = [], []
    for layer in ann.layers:
        neuron = MultiLevel.of(
            layer.bias.size,
            threshold=layer.theta,
            v0=layer.theta / 2 + layer.bias,
            **bounds,
        )
        populations.append(Population(layer.name, layer.shape, neuron))
        for pre, m in layer.sources.items():
            delay = 0 if delays is None else int(rng.integers(0, 5))
            projections.append(Projection(pre, layer.name, m, delay))
    port = Input("in", ann.x.shape[1:])
    out = (ann.layers[-1].name,)
    net = Network((port,), tuple(populations), tuple(projections), out)
    return retime(normalize(net))


def fed(ann: Ann, *, spread: int = 1, seed: int = 0) -> AnyArray:
    """Return the input [samples, STEPS, *shape]: all of x in the first step, or in parts
    spread over the first steps."""
    x = np.zeros((SAMPLES, STEPS, *ann.x.shape[1:]))
    rng = np.random.default_rng(seed)
    rest = ann.x.copy()
    for t in range(spread - 1):
        x[:, t] = rng.integers(0, rest, endpoint=True)
        rest = rest - x[:, t].astype(np.int64)
    x[:, spread - 1] += rest
    return x
