"""How the chip simulator's time grows with each size of a problem.

From one middle case, one size is changed at a time. Processor seconds of `chip.run` with
the time model `bound` on one thread, the best of REPEATS, tables and counts included. The
slope is that of a straight line through the logarithms: 1 is proportional. Below each curve
stands what of the middle case is kept. The picture is docs/images/cost_curves.svg.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import msgspec
import numpy as np
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from measuring.clock import measure, report

from snn_deploy.arrays import FloatArray
from snn_deploy.board.board import Board, load_board
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy_simulators import chip
from support.sanafe_networks import even, network, random_sparse, raster
from support.sanafe_oracle import mapped

REPEATS = 3
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "cost_curves.svg"
SIDE, FAN_IN, RATE, TIMES = 4096, 64, 0.1, 64  # the middle case


@dataclass(frozen=True)
class Curve:
    """One size. at(x) returns the program and the stimulus of that size."""

    title: str
    sizes: tuple[float, ...]
    at: Callable[[float], tuple[Program, Stimulus]]
    kept: str


def curves() -> Iterator[Curve]:
    """Yield what is measured."""
    board = roomy(load_board("loihi2"))

    def case(
        side: int = SIDE,
        fan_in: int = FAN_IN,
        rate: float = RATE,
        steps: int = TIMES,
        samples: int = 1,
    ) -> tuple[Program, Stimulus]:
        program = mapped(random(side, fan_in), board, method="in-order")
        return program, repeated(raster(side, steps, rate, 0), samples)

    rest = f"{FAN_IN} synapses per neuron, rate {RATE}, {TIMES} steps"
    yield Curve(
        "neurons", (1024, 2048, 4096, 8192, 16384), lambda x: case(side=int(x)), rest
    )
    yield Curve(
        "synapses per neuron",
        (32, 64, 128, 256, 512),
        lambda x: case(fan_in=int(x)),
        f"{SIDE} neurons, rate {RATE}, {TIMES} steps",
    )
    yield Curve(
        "rate",
        (0.02, 0.05, 0.1, 0.2, 0.4),
        lambda x: case(fan_in=256, rate=x),
        f"{SIDE} neurons, 256 synapses per neuron, {TIMES} steps",
    )
    yield Curve(
        "steps",
        (64, 128, 256, 512, 1024),
        lambda x: case(steps=int(x)),
        f"{SIDE} neurons, {FAN_IN} synapses per neuron, rate {RATE}",
    )
    yield Curve(
        "samples",
        (4, 8, 16, 32),
        lambda x: case(samples=int(x)),
        f"{SIDE} neurons, {rest}",
    )
    yield Curve(
        "cores",
        (4, 8, 16, 32, 64),
        lambda x: spread_over(int(x), board),
        "1024 -> 4096 dense, rate 0.1, 64 steps",
    )


def roomy(board: Board) -> Board:
    """Return the board with memory without end, so that only neurons fill a core."""
    names = ("synapse", "axon_in", "axon_map", "axon_mem", "total")
    limits = {
        n: msgspec.structs.replace(getattr(board.pool, n), value=1 << 40) for n in names
    }
    return msgspec.structs.replace(
        board, pool=msgspec.structs.replace(board.pool, **limits)
    )


def random(side: int, fan_in: int) -> QuantNetwork:
    """Return `side` inputs that project at random onto as many neurons."""
    synapses = random_sparse(np.random.default_rng(0), side, side, fan_in)
    threshold = max(30, 10 * fan_in // 4)
    return network((side,), [("a", (side,), threshold, 410)], [("in", "a", synapses)])


def repeated(stimulus: Stimulus, samples: int) -> Stimulus:
    """Return the same sample several times."""
    spikes = {n: np.repeat(x, samples, axis=0) for n, x in stimulus.spikes.items()}
    return Stimulus(samples, stimulus.steps, spikes, {})


def spread_over(cores: int, board: Board) -> tuple[Program, Stimulus]:
    """Return a dense network on so many cores of fewer neurons each."""
    room = msgspec.structs.replace(board.pool.neuron, value=4096 // cores)
    small = msgspec.structs.replace(
        board, pool=msgspec.structs.replace(board.pool, neuron=room)
    )
    weight = even(np.random.default_rng(0), -64, 72, (4096, 1024))
    net = network((1024,), [("a", (4096,), 1500, 410)], [("in", "a", Dense(weight))])
    program = mapped(net, small, method="in-order")
    if len(program.partition.pieces) != cores:
        raise RuntimeError(f"{len(program.partition.pieces)} pieces, not {cores}")
    return program, raster(1024, TIMES, RATE, 0)


def seconds(curve: Curve) -> FloatArray:
    """Return the time at each size; every case must spike."""
    best = []
    for size in curve.sizes:
        program, given = curve.at(size)
        if not chip.run(program, given, threads=1).recording.events["a"].sum():
            raise RuntimeError(f"{curve.title} {size}: nothing fires")
        runs = measure(
            lambda program=program, given=given: chip.run(  # type: ignore[misc]
                program, given, keep=(), threads=1
            ),
            REPEATS,
        )
        best.append(min(runs))
    return np.array(best)


def main() -> None:
    """Measure, fit and draw all curves."""
    lines = [__doc__.strip(), ""] if __doc__ else []
    matplotlib.rcParams["svg.hashsalt"] = "cost curves"  # same curves, same bytes
    figure = Figure(figsize=(10, 6), layout="constrained")
    for curve, axis in zip(curves(), figure.subplots(2, 3).ravel(), strict=True):
        took = seconds(curve)
        slope, start = np.polyfit(np.log(curve.sizes), np.log(took), 1)
        shown = "  ".join(
            f"{x:g}: {s * 1e3:.1f}" for x, s in zip(curve.sizes, took, strict=True)
        )
        lines += [
            f"{curve.title:20} slope {slope:5.2f}   ms at {shown}",
            f"{'':20} {curve.kept}",
        ]
        axis.loglog(curve.sizes, took * 1e3, "o")
        axis.loglog(curve.sizes, np.exp(start) * np.array(curve.sizes) ** slope * 1e3)
        axis.set(xlabel=curve.title, ylabel="ms", title=f"slope {slope:.2f}")
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, metadata={"Date": None})
    report("cost_curves", [*lines, ""])


main()
