"""Count operations of a float network as other tools define them.

What counts is the network as it stands in the file, before maps are folded, since the
tools look at a framework's layers: every dense, convolutional or sparse map is one; pooling
and gains are none. N samples, T model steps.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, prod

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray
from snn_deploy.ir.linear import apply, taps
from snn_deploy.ir.maps import Chain, Conv, Dense, Map, Pool, Scale, Sparse
from snn_deploy.ir.network import Network, Projection

BLOCK_VALUES = 1 << 24  # values of a map's input that are looked at together


@dataclass(frozen=True, eq=False)
class Watched:
    """A float network at work, on N samples of T model steps.

    Attributes:
        net: As read, maps not folded.
        values: What each input and population sent, [N, T, *shape].
        static: Whether the input is the same in all steps.
    """

    net: Network
    values: Mapping[str, AnyArray]
    static: bool

    @property
    def samples(self) -> int:
        return len(next(iter(self.values.values())))

    @property
    def steps(self) -> int:
        return int(next(iter(self.values.values())).shape[1])


@dataclass(frozen=True)
class MapCounts:
    """One map that has weights, and what went through it.

    Attributes:
        pre: The input or population it starts from.
        post: The population it ends in.
        kind: "Dense", "Conv" or "Sparse".
        binary: Whether its input only ever is 0 or 1.
        signed_binary: Whether its input only ever is -1, 0 or 1.
        steps: Model steps of an inference in which it has input.
        delay: Model steps from `pre` to `post`.
        events: Input values that are not zero, mean per inference.
        synops: Weights that the events meet, zero weights included, padding not, mean per
            inference.
        effective: Those of `synops` whose weight is not zero.
        synapses: Pairs of an input and an output that it joins, zero weights included,
            padding not.
        products: Multiplications of a dense pass in one step, padding included; of a
            Sparse its stored weights.
        spread: Targets of the events as Lemaire 2022 counts them for operations, mean per
            inference: of a convolution ceil(K / S) per axis, else as `synops`.
        kernel: The same as counted for memory: of a convolution K per axis, else as
            `synops`.
        inputs: Input values per step.
        outputs: Output values per step.
        weights: Stored weights, zeros among them.
        zero_weights: Those of them that are zero.
        biases: Stored biases of `post`, 0 if it has none or another map counts them.
        per_input: Weights that one input meets, padding included; C_out times the kernel
            of a convolution, `outputs` of any other map.
    """

    pre: str
    post: str
    kind: str
    binary: bool
    signed_binary: bool
    steps: int
    delay: int
    events: float
    synops: float
    effective: float
    synapses: int
    products: int
    spread: float
    kernel: float
    inputs: int
    outputs: int
    weights: int
    zero_weights: int
    biases: int
    per_input: int

    @property
    def convolution(self) -> bool:
        return self.kind == "Conv"

    @property
    def dense(self) -> int:
        """Synops per inference if no input were zero."""
        return self.synapses * self.steps


def layers(net: Network, values: Mapping[str, AnyArray]) -> tuple[MapCounts, ...]:
    """Return every map of `net` that has weights.

    values: of each input and population, what it sends, [N, T, *shape].
    """
    found: list[MapCounts] = []
    biased: set[str] = set()
    for p in net.projections:
        sent = _arriving(values[p.pre], p.delay)
        steps = values[p.pre].shape[1]
        has_bias = p.post not in biased and bool(np.any(net.population(p.post).neuron.bias))
        biased.add(p.post)
        found += _layers_of(p, sent, steps, has_bias)
    return tuple(found)


def fan_out(m: Map, *, nonzero: bool) -> FloatArray:
    """Return how many targets each input value of `m` has, [n_pre]; of weights that are not
    zero if `nonzero`."""
    match m:
        case Dense():
            return np.asarray(_marks(m.weight, nonzero).sum(axis=0))
        case Sparse():
            marks = _marks(m.matrix.data, nonzero)
            return np.bincount(m.matrix.indices, marks, minlength=m.n_pre).astype(float)
        case Conv():
            return _conv_fan_out(m, nonzero)
        case _:
            raise TypeError(f"a {type(m).__name__} has no synapses")


def _conv_fan_out(m: Conv, nonzero: bool) -> FloatArray:
    fan = np.zeros(m.in_shape)
    marks = _marks(m.weight, nonzero)  # [C_out, C_in / groups, K_y, K_x]
    grouped = marks.reshape(m.groups, -1, *marks.shape[1:]).sum(axis=1)
    of_channel = grouped.reshape(-1, *marks.shape[2:])  # [C_in, K_y, K_x]
    for ky, kx, _, _, y, x in taps(m):
        fan[:, y, x] += of_channel[:, ky, kx][:, None, None]
    return fan.ravel()


def _marks(weight: AnyArray, nonzero: bool) -> FloatArray:
    return (weight != 0 if nonzero else np.ones_like(weight)).astype(np.float64)


def _arriving(values: AnyArray, delay: int) -> AnyArray:
    """Return what of `values` [N, T, *shape] arrives within the T steps."""
    return values[:, : values.shape[1] - delay] if delay else values


@dataclass
class _Seen:
    """Non-zero inputs of one map, [n_pre], summed over samples and steps."""

    events: FloatArray
    binary: bool = True
    signed_binary: bool = True

    def add(self, values: AnyArray) -> None:
        flat = values.reshape(-1, self.events.size)
        self.events += np.count_nonzero(flat, axis=0)
        self.binary &= bool(((flat == 0) | (flat == 1)).all())
        self.signed_binary &= bool(((flat == 0) | (np.abs(flat) == 1)).all())


def _layers_of(
    p: Projection, sent: AnyArray, steps: int, biased: bool
) -> Iterator[MapCounts]:
    maps = list(_flat(p.map))
    seen = {i: _Seen(np.zeros(m.n_pre)) for i, m in enumerate(maps) if _counts(m)}
    if not seen:
        return
    for block in _blocks(sent):
        _pass(maps, seen, block)
    last = max(seen)
    for i, what in seen.items():
        yield _layer(p, maps[i], what, len(sent), steps, biased and i == last)


def _pass(maps: list[Map], seen: dict[int, _Seen], values: AnyArray) -> None:
    last = max(seen)
    for i, m in enumerate(maps[: last + 1]):
        if i in seen:
            seen[i].add(values)
        if i < last:
            values = apply(m, values.reshape(-1, m.n_pre))


def _blocks(values: AnyArray) -> Iterator[AnyArray]:
    per_sample = max(1, prod(values.shape[1:]))
    size = max(1, BLOCK_VALUES // per_sample)
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _flat(m: Map) -> Iterator[Map]:
    if isinstance(m, Chain):
        for part in m.maps:
            yield from _flat(part)
    else:
        yield m


def _counts(m: Map) -> bool:
    return not isinstance(m, Pool | Scale)


def _layer(
    p: Projection, m: Map, seen: _Seen, n: int, steps: int, biased: bool
) -> MapCounts:
    events = seen.events / n
    weight = _weights(m)
    total = float(events.sum())
    fan = fan_out(m, nonzero=False)
    spread, kernel = _lemaire_fans(m)
    return MapCounts(
        pre=p.pre,
        post=p.post,
        kind=type(m).__name__,
        binary=seen.binary,
        signed_binary=seen.signed_binary,
        steps=steps - p.delay,
        delay=p.delay,
        events=total,
        synops=float(events @ fan),
        effective=float(events @ fan_out(m, nonzero=True)),
        synapses=int(fan.sum()),
        products=_products(m),
        spread=float(events @ fan) if spread is None else total * spread,
        kernel=float(events @ fan) if kernel is None else total * kernel,
        inputs=m.n_pre,
        outputs=m.n_post,
        weights=int(weight.size),
        zero_weights=int(np.count_nonzero(weight == 0)),
        biases=_biases(m) if biased else 0,
        per_input=m.n_post if kernel is None else round(kernel) * _groups(m),
    )


def _weights(m: Map) -> AnyArray:
    if isinstance(m, Sparse):
        return np.asarray(m.matrix.data)
    return m.weight if isinstance(m, Dense | Conv) else np.zeros(0)


def _biases(m: Map) -> int:
    return m.out_shape[0] if isinstance(m, Conv) else m.n_post


def _products(m: Map) -> int:
    if isinstance(m, Sparse):
        return int(m.matrix.nnz)
    return m.n_post * prod(_weights(m).shape[1:])


def _groups(m: Map) -> int:
    return m.groups if isinstance(m, Conv) else 1


def _lemaire_fans(m: Map) -> tuple[float | None, float | None]:
    """Return targets per event of a convolution as the paper counts them; None where it
    counts what there is."""
    if not isinstance(m, Conv):
        return None, None
    channels, kernel = m.out_shape[0] // m.groups, m.weight.shape[2:]
    overlap = prod(ceil(k / s) for k, s in zip(kernel, m.stride, strict=True))
    return float(channels * overlap), float(channels * prod(kernel))
