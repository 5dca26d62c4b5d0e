"""Random float networks, normalized and retimed: what quantization and mapping are tested
on."""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray
from snn_deploy.ir.maps import Chain, Conv, Dense, Map, Sparse
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif, MultiLevel
from snn_deploy.passes.normalize import normalize
from snn_deploy.passes.retime import retime
from snn_deploy.quantization.quantize import Calibration
from snn_deploy_simulators import reference


def random_model(
    seed: int, *, graded: bool = False, samples: int = 3
) -> tuple[Network, AnyArray]:
    """Return a random network and its input [samples, T, *shape]; every spiking population
    fires.

    Feed-forward with skips, delays, recurrence, convolutions, biases, random leaks and all
    resets.
    graded: whether the input may be graded (values k/16) instead of spikes.
    """
    for attempt in range(50):
        rng = np.random.default_rng([seed, attempt])
        net = retime(normalize(_draw(rng)))
        shape = (samples, int(rng.integers(12, 30)), *net.inputs[0].shape)
        x = (rng.random(shape) < rng.uniform(0.1, 0.5)).astype(np.float64)
        if graded and rng.random() < 0.5:
            x *= rng.integers(1, 17, shape) / 16
        events = reference.run(net, x).events
        if all(events[p.name].sum() > 0 for p in net.populations if p.neuron.spiking):
            return net, x
    raise AssertionError(f"seed {seed}: no network that fires in 50 attempts")


def calibration(net: Network, x: AnyArray) -> Calibration:
    """Return what the quantizer learns from running `net` on x."""
    seen = reference.run(net, x)
    rates = {name: float(n.mean()) / x.shape[1] for name, n in seen.events.items()}
    return Calibration({net.inputs[0].name: x}, seen.peaks, rates)


def _draw(rng: np.random.Generator) -> Network:
    image = rng.random() < 0.4
    port = Input(
        "in", (int(rng.integers(1, 3)), 6, 6) if image else (int(rng.integers(3, 20)),)
    )
    sizes: dict[str, tuple[int, ...]] = {"in": port.shape}
    projections: list[Projection] = []
    pre = "in"
    for k in range(int(rng.integers(1, 5))):
        name = f"layer {k}"
        m, shape = _connection(rng, sizes[pre])
        projections.append(Projection(pre, name, m, int(rng.random() < 0.3) * 2))
        sizes[name] = shape
        if k >= 2 and rng.random() < 0.5:
            skip = f"layer {k - 2}"
            projections.append(Projection(skip, name, _dense(rng, sizes[skip], shape)))
        if rng.random() < 0.35:
            delay = int(rng.integers(1, 5))
            projections.append(
                Projection(name, name, _dense(rng, shape, shape, 0.3), delay)
            )
        pre = name
    pops = tuple(_population(rng, n, s) for n, s in sizes.items() if n != "in")
    if rng.random() < 0.3:
        projections.append(Projection(pre, "readout", _dense(rng, sizes[pre], (3,))))
        neuron = Lif.of(3, beta=0.9, threshold=np.inf, spiking=False)
        return Network(
            (port,), (*pops, Population("readout", (3,), neuron)), tuple(projections),
            (pre, "readout"), 1e-3,
        )  # fmt: skip
    return Network((port,), pops, tuple(projections), (pre,), 1e-3)


def _connection(
    rng: np.random.Generator, shape: tuple[int, ...]
) -> tuple[Map, tuple[int, ...]]:
    if len(shape) == 3 and min(shape[1:]) >= 3 and rng.random() < 0.7:
        channels, stride = int(rng.integers(1, 5)), int(rng.integers(1, 3))
        padding = int(rng.integers(0, 2))
        out = tuple((s + 2 * padding - 3) // stride + 1 for s in shape[1:])
        target = (channels, out[0], out[1])
        weight = rng.normal(0.1, 0.4, (channels, shape[0], 3, 3))
        image = (shape[0], shape[1], shape[2])
        conv = Conv(weight, image, target, (stride, stride), (padding, padding))
        return Chain((conv,), conv.n_pre), target
    target_flat = (int(rng.integers(2, 24)),)
    return _dense(rng, shape, target_flat), target_flat


def _dense(
    rng: np.random.Generator, pre: tuple[int, ...], post: tuple[int, ...], size: float = 1.0
) -> Map:
    n_pre, n_post = int(np.prod(pre)), int(np.prod(post))
    weight = rng.normal(0.15, 1.0, (n_post, n_pre)) * size / np.sqrt(n_pre)
    kind = rng.random()
    if kind < 0.2:
        weight = np.abs(weight)
    if kind > 0.7:
        weight *= rng.random(weight.shape) < 0.3
        matrix = sp.csr_array(weight)
        matrix.sort_indices()
        return Sparse(matrix)
    return Dense(weight)


def _population(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Population:
    n = int(np.prod(shape))
    reset = str(rng.choice(["zero", "zero", "subtract", "subtract_late"]))
    neuron = Lif.of(
        n,
        alpha=float(rng.choice([0.0, 0.0, 0.5, 0.8])),
        beta=float(rng.choice([1.0, 0.9, 0.5, 0.75])),
        gain=float(rng.choice([1.0, 0.5, 2.0])),
        bias=rng.normal(0, 0.05, n) * (rng.random() < 0.5),
        threshold=float(rng.uniform(0.3, 1.2)),
        v_reset=float(rng.choice([0.0, 0.0, -0.1])) if reset == "zero" else 0.0,
        reset=reset,
        inclusive=bool(rng.random() < 0.5),
        hold=int(rng.random() < 0.15) * int(rng.integers(1, 4)) if reset == "zero" else 0,
    )
    start = neuron.v_reset if rng.random() < 0.5 else 0.0 * neuron.v_reset
    return Population(name, shape, replace(neuron, v0=start))


# --- levels -------------------------------------------------------------------------------


def random_levels_model(seed: int, *, members: bool = False) -> tuple[Network, AnyArray]:
    """Return a random network of multi-level neurons and its input [2, 8, *shape].

    Every number is a small multiple of a power of two, so that float64 is exact. Signed
    levels, tracers, leaks, currents, dense layers and convolutions, delays, recurrence, and
    a Lif at times. members: only what a bank of threshold neurons can do.
    """
    for attempt in range(50):
        rng = np.random.default_rng([47, seed, attempt])
        net = normalize(_draw_levels(rng, members))
        x = rng.integers(-2, 9, (2, 8, *net.inputs[0].shape)) / 2.0
        x *= rng.random(x.shape) < 0.5
        events = reference.run(net, x).events
        if all(events[p.name].sum() > 0 for p in net.populations):
            return net, x
    raise AssertionError(f"seed {seed}: no network that fires in 50 attempts")


def _draw_levels(rng: np.random.Generator, members: bool) -> Network:
    image = rng.random() < 0.4
    shape: tuple[int, ...] = (2, 4, 4) if image else (int(rng.integers(3, 8)),)
    port, pre, previous = Input("in", shape), "in", shape
    populations, projections = list[Population](), list[Projection]()
    for k in range(int(rng.integers(1, 3))):
        target = (2, 2, 2) if image and k == 0 else (int(rng.integers(2, 7)),)
        name, n = f"layer {k}", int(np.prod(target))
        projections.append(
            Projection(pre, name, _dyadic(rng, previous, target), int(rng.integers(0, 3)))
        )
        if rng.random() < 0.4:
            loop = _dyadic(rng, target, target, image=False)
            projections.append(Projection(name, name, loop, int(rng.integers(1, 4))))
        last_is_lif = k > 0 and rng.random() < 0.4
        neuron = Lif.of(n, threshold=3.0) if last_is_lif else _levels(rng, n, members)
        populations.append(Population(name, target, neuron))
        pre, previous = name, target
    return Network((port,), tuple(populations), tuple(projections), (pre,))


def _dyadic(
    rng: np.random.Generator,
    pre: tuple[int, ...],
    post: tuple[int, ...],
    *,
    image: bool = True,
) -> Map:
    if image and len(pre) == 3 and len(post) == 3:
        kernel = rng.integers(-3, 8, (post[0], pre[0], 3, 3)) / 4.0
        return Conv(kernel, (pre[0], pre[1], pre[2]), (post[0], post[1], post[2]))
    shape = (int(np.prod(post)), int(np.prod(pre)))
    weight = rng.integers(-4, 7, shape) / 4.0
    if rng.random() < 0.3:
        matrix = sp.csr_array(weight * (rng.random(shape) < 0.5))
        matrix.sort_indices()
        return Sparse(matrix)
    return Dense(weight)


def _levels(rng: np.random.Generator, n: int, members: bool) -> MultiLevel:
    high = int(rng.integers(1, 6))
    bounds: dict[str, object] = {"high": float(high)}
    if not members:
        bounds["low"] = -float(rng.choice([0, 1, high]))
        if rng.random() < 0.3:  # of their own for each neuron
            bounds["high"] = rng.integers(1, high, n, endpoint=True).astype(np.float64)
        if rng.random() < 0.5:
            bounds |= {"floor": -float(rng.integers(0, 4)), "ceiling": float(high + 2)}
    threshold = float(rng.choice([0.5, 1.0, 1.75]))
    return MultiLevel.of(
        n,
        alpha=0.0 if members else float(rng.choice([0.0, 0.0, 0.5])),
        beta=float(rng.choice([1.0, 1.0, 0.5])),
        gain=float(rng.choice([1.0, 1.0, 0.5, 2.0])),
        bias=rng.integers(-2, 3, n) / 8.0,
        threshold=threshold,
        v0=threshold / 2,
        **bounds,
    )
