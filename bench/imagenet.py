"""A network of the size of ResNet-18 on 224 x 224 inputs: mapped and simulated.

Shape of ResNet-18: 7x7 convolution, pooling, four stages of two blocks with identity
shortcuts, pooling, 1000 classes. Every layer is integrate-and-fire neurons; pooling is
average pooling (maximum is no linear map), shortcuts are synapses. Weights are random;
thresholds are chosen layer by layer so that a tenth of the neurons fire in a step. One
sample, 4 steps, time model `bound`. Wall seconds; kernels are compiled before (first use
of the machine: about half a minute). The simulator runs samples in parallel, so one sample
uses one core.
"""

import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from measuring.clock import report

from snn_deploy.arrays import AnyArray
from snn_deploy.board.board import load_board
from snn_deploy.ir import quant
from snn_deploy.ir.activity import Activity
from snn_deploy.ir.maps import Connection, Conv, Dense
from snn_deploy.ir.program import Program
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.place import place
from snn_deploy.mapping.route import route
from snn_deploy.neurons.lif import lif
from snn_deploy_simulators import chip, integer
from support.networks import mapped
from support.sanafe_networks import even, gesture, population, raster

STEPS, RATE = 4, 0.1
LEAST, MOST = 0.05, 0.15  # rates that every layer must have
SECONDS, BYTES = 60, 8 << 30  # asked
DECAY = 410  # of the membrane, in 4096ths
HIGHEST = (1 << 17) - 1  # threshold; nothing reaches it
SHAPE = (3, 224, 224)
STAGES = (64, 128, 256, 512)

Grid = tuple[int, int, int]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Layer:
    """A population and what it hears: (source, map) pairs. lag: chip steps behind."""

    name: str
    shape: tuple[int, ...]
    lag: int
    into: tuple[tuple[str, Connection], ...]


class Shape:
    """Adds layers one after the other; random weights."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.lag: dict[str, int] = {"in": 0}
        self.layers: list[Layer] = []

    def add(self, name: str, shape: tuple[int, ...], *into: tuple[str, Connection]) -> str:
        """Append a layer; return its name."""
        self.lag[name] = 1 + max(self.lag[source] for source, _ in into)
        self.layers.append(Layer(name, shape, self.lag[name], into))
        return name

    def conv(self, shape: Grid, channels: int, kernel: int, stride: int = 1) -> Conv:
        """Return a convolution padded by half its kernel."""
        weight = even(self.rng, -40, 46, (channels, shape[0], kernel, kernel))
        return strided(weight, shape, stride, kernel // 2)

    def block(self, source: str, shape: Grid, channels: int, name: str) -> tuple[str, Grid]:
        """Append two layers of a residual block; return the second and its shape."""
        stride = 1 if channels == shape[0] else 2
        first = self.conv(shape, channels, 3, stride)
        middle = self.add(f"{name}a", first.out_shape, (source, first))
        second = self.conv(first.out_shape, channels, 3)
        short = self.conv(shape, channels, 1, 2) if stride == 2 else each(shape, 200, 1)
        into = ((middle, second), (source, short))
        return self.add(f"{name}b", second.out_shape, *into), second.out_shape


def strided(weight: AnyArray, shape: Grid, stride: int, pad: int, groups: int = 1) -> Conv:
    """Return the convolution of a padded map."""
    rows, columns = ((n + 2 * pad - weight.shape[2]) // stride + 1 for n in shape[1:])
    out = (weight.shape[0], rows, columns)
    return Conv(weight, shape, out, (stride, stride), (pad, pad), groups=groups)


def each(shape: Grid, value: int, kernel: int, stride: int = 1, pad: int = 0) -> Conv:
    """Return the same weight everywhere in each channel: pooling, or the identity."""
    weight = np.full((shape[0], 1, kernel, kernel), value, np.int16)
    return strided(weight, shape, stride, pad, shape[0])


def resnet18() -> list[Layer]:
    """Return the layers, sources before targets."""
    shape = Shape()
    first = shape.conv(SHAPE, 64, 7, 2)
    name = shape.add("conv", first.out_shape, ("in", first))
    pool = each(first.out_shape, 20, 3, 2, 1)
    name, grid = shape.add("pool", pool.out_shape, (name, pool)), pool.out_shape
    for stage, channels in enumerate(STAGES, 1):
        for block in "xy":
            name, grid = shape.block(name, grid, channels, f"stage {stage}{block}")
    name = shape.add("mean", (512,), (name, each(grid, 20, 7)))
    shape.add("classes", (1000,), (name, Dense(even(shape.rng, -64, 72, (1000, 512)))))
    return shape.layers


def network(layers: list[Layer], thresholds: dict[str, int]) -> quant.QuantNetwork:
    """Return the network."""
    return quant.QuantNetwork(
        inputs=(quant.QuantInput("in", SHAPE, 0, 1.0),),
        drives=(),
        populations=tuple(
            replace(neurons(x, thresholds[x.name], DECAY), lag=x.lag) for x in layers
        ),
        projections=tuple(synapses(x, *into) for x in layers for into in x.into),
        outputs=("classes",),
        arithmetic="loihi",
    )


def neurons(layer: Layer, vth: int, decay: int) -> quant.QuantPopulation:
    """Return the neurons of a layer."""
    return population(layer.name, layer.shape, vth, decay)


def synapses(layer: Layer, source: str, connection: Connection) -> quant.QuantProjection:
    """Return binary synapses of model delay 0."""
    return quant.QuantProjection(
        source, layer.name, connection, quant.SignMode.MIXED, 8, 0, 0, 0
    )


def calibrated(layers: list[Layer], x: AnyArray) -> tuple[dict[str, int], dict[str, float]]:
    """Return, per layer, a threshold at which RATE of the neurons fire, and the rate.

    x: spikes of the input [1, T, n]. Neurons run by their plain step function on NumPy.
    """
    spikes, thresholds, rates = {"in": x}, {}, {}
    for layer in layers:
        current = summed(layer, spikes)
        low, high = 1, HIGHEST
        while low < high:  # the largest threshold with at least that rate
            middle = (low + high + 1) // 2
            enough = fired(current[:, :: 1 + current.shape[1] // 20_000], middle).mean()
            low, high = (middle, high) if enough >= RATE else (low, middle - 1)
        out = fired(current, low)
        spikes[layer.name], thresholds[layer.name] = out[None], low
        rates[layer.name] = float(out.mean())
    return thresholds, rates


def summed(layer: Layer, spikes: dict[str, AnyArray]) -> AnyArray:
    """Return the summed input of each neuron [T, n]: a membrane that forgets at once."""
    silent = replace(neurons(layer, HIGHEST, 4096), spiking=False)
    sources = dict.fromkeys(source for source, _ in layer.into)
    net = quant.QuantNetwork(
        inputs=tuple(quant.QuantInput(s, spikes[s].shape[2:], 0, 1.0) for s in sources),
        drives=(),
        populations=(silent,),
        projections=tuple(synapses(layer, *into) for into in layer.into),
        outputs=(layer.name,),
        arithmetic="loihi",
    )
    fed = quant.Stimulus(1, STEPS, {s: spikes[s] for s in sources}, {})
    out = integer.run(net, fed, threads=1).outputs[layer.name]
    return np.asarray(out[0].reshape(STEPS, -1)) >> 6


def fired(current: AnyArray, vth: int) -> AnyArray:
    """Return the spikes [T, n] of neurons with this threshold."""
    u = v = np.zeros(current.shape[1], np.int64)
    spikes = np.zeros(current.shape, np.int8)
    for t, a in enumerate(current.astype(np.int64)):
        u, v, spikes[t] = lif(u, v, a, 4095, DECAY, 0, vth)
    return spikes


def timed(title: str, action: Callable[[], Result], lines: list[str]) -> Result:
    """Run one stage, and say how long it took."""
    begin = time.perf_counter()
    result = action()
    lines.append(f"  {title:11} {time.perf_counter() - begin:6.2f} s")
    return result


def warm_up() -> None:
    """Compile the kernels on a small network, so that no stage includes it."""
    program = mapped(gesture(), load_board("loihi2"))
    chip.run(program, raster(1024, 4, 0.1, 0), threads=1)


def checked(activity: Activity, layers: list[Layer], rates: dict[str, float]) -> str:
    """Return the rates on the chip; they are those of NumPy's neurons, and none is dead."""
    for layer in layers:
        n = int(np.prod(layer.shape)) * STEPS
        rate = float(activity.recording.events[layer.name].sum()) / n
        if rate != rates[layer.name] or not LEAST <= rate <= MOST:
            raise RuntimeError(f"{layer.name}: rate {rate}, expected {rates[layer.name]}")
    return f"  rates {min(rates.values()):.1%} to {max(rates.values()):.1%} of the layers"


def main() -> None:
    """Map and simulate the network."""
    warm_up()
    board, layers = load_board("hala-point"), resnet18()
    x = raster(int(np.prod(SHAPE)), STEPS, RATE, 0).spikes["in"]
    lines = [__doc__.strip().splitlines()[0], ""] if __doc__ else []
    thresholds, rates = timed("thresholds", lambda: calibrated(layers, x), lines)
    net, begin = network(layers, thresholds), time.perf_counter()
    pieces = timed("partition", lambda: partition(net, board), lines)
    cores = timed("place", lambda: place(pieces, net, board), lines)
    ways = timed("route", lambda: route(net, pieces, cores, board), lines)
    program = Program(net, pieces, cores, ways, board)
    stimulus = quant.Stimulus(1, STEPS, {"in": x}, {})
    activity = timed("simulate", lambda: chip.run(program, stimulus, keep=()), lines)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    chips = len({core // board.cores_per_chip for core in cores.core.tolist()})
    synapse_count = activity.counts.synops.sum() / 1e9
    lines += [
        "",
        f"  partition to simulate: {seconds:.1f} s, asked {SECONDS}; "
        f"peak memory of all {peak / 2**30:.2f} GB, asked {BYTES >> 30}",
        f"  {sum(p.n for p in net.populations) / 1e6:.2f} M neurons on "
        f"{len(pieces.pieces)} cores of {chips} chips ({board.name}); "
        f"{len(ways.routes)} routes, {len(ways.pair_source)} pairs of cores",
        f"  {synapse_count:.2f} G synops in {STEPS} steps, "
        f"{activity.step_s.sum() * 1e3:.2f} ms of chip time",
        checked(activity, layers, rates),
        "",
    ]
    report("imagenet", lines, cores=os.cpu_count() or 1)
    if seconds > SECONDS or peak > BYTES:
        sys.exit("more than asked")


main()
