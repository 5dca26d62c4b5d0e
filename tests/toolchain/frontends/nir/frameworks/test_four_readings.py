"""One file of sinabs, read in the four ways it may be meant: layer by layer against a loop in
NumPy that shares no code with the reader, and against sinabs itself.

The network has the shapes of the NIR paper's CNN (Pedersen et al. 2024, paper/02_cnn); weights are
drawn with the means and spreads of that file, in multiples of 2^-10, so that no order of
summing can hide a difference. The recordings have the size and rates of N-MNIST's.
"""

from functools import cache
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

from snn_deploy.arrays import AnyArray, FloatArray
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy_simulators.reference import run
from support.frameworks import nir, torch
from support.said import said

SAMPLES, STEPS = 3, 120
RATE = 0.0065  # 4,500 events of 300 ms, on 2 x 34 x 34 pixels, in bins of 1 ms
READINGS: dict[str, dict[str, Any]] = {
    "several with floor": {"floor": "threshold"},
    "several without": {},
    "one, subtract": {"spikes_per_step": "one"},
    "one, zero": {"reset": "zero", "spikes_per_step": "one"},
}
# Weight shape, mean, spread and stride of each layer; pooled: whether a SumPool2d comes first.
LAYERS = (
    ("0", (16, 2, 5, 5), -0.013, 0.237, (2, 1), False),
    ("2", (16, 16, 3, 3), -0.007, 0.213, (1, 1), False),
    ("5", (8, 16, 3, 3), -0.010, 0.177, (1, 1), True),
    ("9", (256, 128), -0.025, 0.170, (1, 0), True),
    ("11", (10, 256), -0.029, 0.154, (1, 0), False),
)
NEURONS = ("1", "3", "6", "10", "12")

pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own


@cache
def weights() -> tuple[FloatArray, ...]:
    rng = np.random.default_rng(1)
    drawn = (rng.normal(mean, std, shape) for _, shape, mean, std, *_ in LAYERS)
    return tuple(np.rint(w * 1024) / 1024 for w in drawn)


@cache
def recordings() -> AnyArray:
    """Return spikes [N, T, 2, 34, 34], in a blob that moves, as digits do."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:34, :34]
    t = np.arange(STEPS)
    centre = 17 + 6 * np.sin(t / 40 + rng.uniform(0, 6, (SAMPLES, 1)))
    near = np.exp(-((y - 17) ** 2 + (x - centre[..., None, None]) ** 2) / 60.0)
    rate = RATE * near / near.mean() * 2  # two thirds of the steps are between saccades
    fires: AnyArray = rng.random((SAMPLES, STEPS, 2, 34, 34)) < rate[:, :, None]
    return fires.astype(np.float64)


def neurons(shape: tuple[int, ...]) -> nir.IF:
    return nir.IF(r=np.ones(shape), v_threshold=np.ones(shape), v_reset=np.zeros(shape))


@cache
def graph() -> nir.NIRGraph:
    """Return the network as sinabs writes it."""
    w = weights()
    pool = {"kernel_size": np.array([2, 2]), "stride": np.array([2, 2])}
    convs = {
        name: nir.Conv2d(None, weight, stride, padding, 1, 1, np.zeros(weight.shape[0]))
        for (name, *_), weight, stride, padding in zip(
            LAYERS[:3], w[:3], (2, 1, 1), (1, 1, 1), strict=True
        )
    }
    nodes = {
        "input": nir.Input(np.array([2, 34, 34])),
        "0": convs["0"],
        "1": neurons((16, 16, 16)),
        "2": convs["2"],
        "3": neurons((16, 16, 16)),
        "4": nir.SumPool2d(**pool, padding=np.array([0, 0])),
        "5": convs["5"],
        "6": neurons((8, 8, 8)),
        "7": nir.SumPool2d(**pool, padding=np.array([0, 0])),
        "8": nir.Flatten(None, 0, -1),
        "9": nir.Affine(w[3], np.zeros(256)),
        "10": neurons((256,)),
        "11": nir.Affine(w[4], np.zeros(10)),
        "12": neurons((10,)),
        "output": nir.Output(np.array([10])),
    }
    return nir.NIRGraph(nodes, list(pairwise(nodes)), type_check=False)


@cache
def ours(reading: str) -> dict[str, AnyArray]:
    net = read_nir(graph(), **said("sinabs", **READINGS[reading]))
    sent = run(net, recordings()).outputs
    return {name: sent[name].reshape(SAMPLES, STEPS, -1) for name in NEURONS}


def convolved(x: FloatArray, w: FloatArray, stride: int) -> FloatArray:
    """Return the convolution of images [N, C, H, W], one zero around them."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], axis=(2, 3))
    made: FloatArray = np.einsum("ncyxij,ocij->noyx", windows[:, :, ::stride, ::stride], w)
    return made


def arriving(x: FloatArray, layer: int) -> FloatArray:
    """Return what the neurons of a layer get of the spikes of the layer before."""
    _, shape, *_, (stride, _), pooled = LAYERS[layer]
    if pooled:
        n, c, h, w = x.shape
        x = x.reshape(n, c, h // 2, 2, w // 2, 2).sum(axis=(3, 5))
    if len(shape) == 4:
        return convolved(x, weights()[layer], stride)
    return x.reshape(len(x), -1) @ weights()[layer].T


def fired(v: FloatArray, reading: str) -> tuple[FloatArray, FloatArray]:
    """Return spikes, and the membrane after them; thresholds are 1."""
    several = np.where(v > 0, np.trunc(v), 0.0)
    if reading == "several with floor":
        return several, np.maximum(v - several, -1.0)
    if reading == "several without":
        return several, v - several
    one = (v >= 1).astype(np.float64)
    return one, np.where(one > 0, 0.0, v) if reading == "one, zero" else v - one


@cache
def by_hand(reading: str) -> dict[str, AnyArray]:
    """Return what each layer sends [N, T, n], by the loop."""
    sent: dict[str, list[AnyArray]] = {name: [] for name in NEURONS}
    membranes = [np.zeros(1)] * len(LAYERS)
    for t in range(STEPS):
        x = recordings()[:, t]
        for i, name in enumerate(NEURONS):
            x, membranes[i] = fired(membranes[i] + arriving(x, i), reading)
            sent[name].append(x.reshape(SAMPLES, -1))
    return {name: np.stack(steps, axis=1) for name, steps in sent.items()}


@cache
def of_sinabs(reading: str) -> dict[str, AnyArray]:
    """Return the same by sinabs' own modules."""
    import sinabs.activation as sa
    import sinabs.layers as sl

    kind = {
        "spike_fn": sa.MultiSpike if "several" in reading else sa.SingleSpike,
        "reset_fn": sa.MembraneReset() if "zero" in reading else sa.MembraneSubtract(),
        "min_v_mem": -1.0 if "with floor" in reading else None,
    }
    x, sent = torch.tensor(recordings()).flatten(0, 1), {}
    for i, name in enumerate(NEURONS):
        layer = sl.IAFSqueeze(batch_size=SAMPLES, **kind).double()
        with torch.no_grad():
            x = layer(torch.tensor(arriving(x.numpy(), i))).double()
        sent[name] = x.numpy().reshape(SAMPLES, STEPS, -1)
    return sent


@pytest.mark.parametrize("reading", READINGS)
def test_every_layer_equals_the_loop(reading: str) -> None:
    for name, spikes in by_hand(reading).items():
        assert (ours(reading)[name] == spikes).all(), name
        assert 0.001 < (spikes != 0).mean() < 0.9, name
        assert (spikes.max() > 1) == ("several" in reading), name


@pytest.mark.parametrize("reading", READINGS)
def test_every_layer_equals_sinabs_itself(reading: str) -> None:
    for name, spikes in of_sinabs(reading).items():
        assert (ours(reading)[name] == spikes).all(), name


@pytest.mark.parametrize(("one", "other"), [*combinations(READINGS, 2)])
def test_no_two_readings_are_the_same(one: str, other: str) -> None:
    assert (ours(one)["12"] != ours(other)["12"]).any()
