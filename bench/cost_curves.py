"""How the chip simulator's time grows with each size of a problem.

From one middle case, one size is changed at a time. Processor seconds of `chip.run` with
the time model `bound` on one thread, the best of REPEATS, tables and counts included. The
slope is that of a straight line through the logarithms: 1 is proportional. Below each curve
stands what of the middle case is kept. The picture is docs/images/cost_curves.svg.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
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
from support.networks import mapped
from support.sanafe_networks import even, network, random_sparse, raster

REPEATS = 3
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "cost_curves.svg"


@dataclass(frozen=True)
class Curve:
    """One size. at(x) returns the program and the stimulus of that size."""

    title: str
    sizes: tuple[float, ...]
    at: Callable[[float], tuple[Program, Stimulus]]
    kept: str


@dataclass(frozen=True)
class Case:
    """A random network and its input; as it stands, the middle case."""

    neurons: int = 4096
    fan_in: int = 64
    rate: float = 0.1
    steps: int = 64
    samples: int = 1

    def made(self, board: Board) -> tuple[Program, Stimulus]:
        """Return it as a program and a stimulus."""
        program = mapped(random(self.neurons, self.fan_in), board, method="in-order")
        once = raster(self.neurons, self.steps, self.rate, 0)
        return program, repeated(once, self.samples)

    def without(self, size: str) -> str:
        """Return what it is, in words, but for one size."""
        words = {
            "neurons": f"{self.neurons} neurons",
            "fan_in": f"{self.fan_in} synapses per neuron",
            "rate": f"rate {self.rate}",
            "steps": f"{self.steps} steps",
        }
        return ", ".join(text for name, text in words.items() if name != size)


def curves() -> Iterator[Curve]:
    """Yield what is measured."""
    board, middle = roomy(load_board("loihi2")), Case()

    def curve(size: str, values: tuple[float, ...], case: Case, title: str = "") -> Curve:
        def at(value: float) -> tuple[Program, Stimulus]:
            return replace(case, **{size: value}).made(board)  # type: ignore[arg-type]

        return Curve(title or size, values, at, case.without(size))

    yield curve("neurons", (1024, 2048, 4096, 8192, 16384), middle)
    yield curve("fan_in", (32, 64, 128, 256, 512), middle, "synapses per neuron")
    yield curve("rate", (0.02, 0.05, 0.1, 0.2, 0.4), replace(middle, fan_in=256))
    yield curve("steps", (64, 128, 256, 512, 1024), middle)
    yield curve("samples", (4, 8, 16, 32), middle)
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
    return program, raster(1024, Case.steps, Case.rate, 0)


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
