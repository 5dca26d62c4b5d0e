"""Networks that SANA-FE and we can both run exactly, small and as large as its benchmarks."""

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray
from snn_deploy.ir import quant
from snn_deploy.ir.maps import Connection, Conv, Dense, Sparse

Layer = tuple[str, tuple[int, ...], int, int]  # name, shape, threshold, dv


def population(
    name: str, shape: tuple[int, ...], vth: int, dv: int
) -> quant.QuantPopulation:
    """Return hard-reset neurons whose current lasts one step."""
    n = int(np.prod(shape))
    values = {"du": 4095, "dv": dv, "bias_mant": 0, "bias_exp": 0, "vth": vth}
    params = {key: np.full(n, value, np.int64) for key, value in values.items()}
    zero, one = np.zeros(n, np.int64), np.ones(n)
    return quant.QuantPopulation(name, shape, "lif", params, zero, one, 0 * one, 0)


def projection(pre: str, post: str, connection: Connection) -> quant.QuantProjection:
    """Return binary synapses of one step's delay."""
    return quant.QuantProjection(pre, post, connection, quant.SignMode.MIXED, 8, 0, 1, 0)


def network(
    n_in: tuple[int, ...], layers: list[Layer], maps: list[tuple[str, str, Connection]]
) -> quant.QuantNetwork:
    """Return a network with the input "in" and the given layers, all at level 0."""
    return quant.QuantNetwork(
        inputs=(quant.QuantInput("in", n_in, 0, 1.0),),
        drives=(),
        populations=tuple(population(*layer) for layer in layers),
        projections=tuple(projection(*m) for m in maps),
        outputs=(layers[-1][0],),
        arithmetic="loihi",
    )


def even(rng: np.random.Generator, low: int, high: int, shape: tuple[int, ...]) -> AnyArray:
    """Return even weights: what mixed sign mode can store."""
    return (2 * rng.integers(low // 2, high // 2, shape)).astype(np.int16)


def raster(n: int, steps: int, rate: float, seed: int) -> quant.Stimulus:
    """Return one sample of independent spikes for the input "in"."""
    spikes = np.random.default_rng(seed).random((1, steps, n)) < rate
    return quant.Stimulus(1, steps, {"in": spikes.astype(np.int8)}, {})


def perceptron(sizes: tuple[int, ...], vth: int, seed: int = 0) -> quant.QuantNetwork:
    """Return dense layers: sizes (in, hidden..., out)."""
    rng = np.random.default_rng(seed)
    names = ["in", *(f"layer {i}" for i in range(1, len(sizes)))]
    layers = [(n, (s,), vth, 410) for n, s in zip(names[1:], sizes[1:], strict=True)]
    maps: list[tuple[str, str, Connection]] = [
        (pre, post, Dense(even(rng, -64, 72, (n_post, n_pre))))
        for pre, post, n_pre, n_post in zip(
            names, names[1:], sizes, sizes[1:], strict=False
        )
    ]
    return network((sizes[0],), list(layers), maps)


def gesture(
    side: int = 32, vth: tuple[int, ...] = (60, 675, 1012, 1500, 2000), seed: int = 0
) -> quant.QuantNetwork:
    """Return SANA-FE's DVS gesture shape: 32x32 -> 16c3s2 -> 32c3 -> 64c3 -> 11c3 -> 11."""
    rng = np.random.default_rng(seed)
    shape, name = (1, side, side), "in"
    layers: list[Layer] = []
    maps: list[tuple[str, str, Connection]] = []
    for i, (channels, stride) in enumerate(((16, 2), (32, 1), (64, 1), (11, 1))):
        out = (channels, (shape[1] - 3) // stride + 1, (shape[2] - 3) // stride + 1)
        weight = even(rng, -24, 40, (channels, shape[0], 3, 3))
        conv: Connection = Conv(weight, shape, out, stride=(stride, stride))
        layers.append((f"conv {i}", out, vth[i], 410))
        maps.append((name, f"conv {i}", conv))
        shape, name = out, f"conv {i}"
    layers.append(("out", (11,), vth[-1], 410))
    maps.append((name, "out", Dense(even(rng, -64, 72, (11, int(np.prod(shape)))))))
    return network((1, side, side), layers, maps)


def recurrent(
    n: int, fan_in: int, n_in: int, vth: int, seed: int = 0
) -> quant.QuantNetwork:
    """Return one population with random recurrent synapses, and sparse input synapses."""
    rng = np.random.default_rng(seed)
    return network(
        (n_in,),
        [("pool", (n,), vth, 410)],
        [
            ("in", "pool", random_sparse(rng, n, n_in, min(fan_in, n_in) // 4 or 1)),
            ("pool", "pool", random_sparse(rng, n, n, fan_in)),
        ],
    )


def random_sparse(rng: np.random.Generator, n_post: int, n_pre: int, fan_in: int) -> Sparse:
    """Return synapses: `fan_in` different sources for each target, some weights zero."""
    columns = np.stack([rng.choice(n_pre, fan_in, replace=False) for _ in range(n_post)])
    rows = np.repeat(np.arange(n_post), fan_in)
    weight = even(rng, -60, 64, (n_post * fan_in,))
    entries = (weight, (rows, np.sort(columns, axis=1).ravel()))
    return Sparse(sp.csr_array(sp.coo_array(entries, shape=(n_post, n_pre))))
