"""Random float networks, normalized and retimed: what quantization and mapping are tested
on."""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray
from snn_deploy.maps import Chain, Conv, Dense, Map, Sparse
from snn_deploy.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif
from snn_deploy.passes.normalize import normalize
from snn_deploy.passes.quantize import Calibration
from snn_deploy.passes.retime import retime
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
