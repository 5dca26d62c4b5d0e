"""Time an emitted Lava program against one written by hand for the same network.

    python bench/lava_overhead.py [--lava-python PYTHON] [--repeats N]

A 784-128-64-10 network, SAMPLES samples of STEPS steps. Both programs start in a fresh
interpreter, alternately; the fastest of each counts, so that other work on the machine
does not. Checks that both give the same spikes. Exits with 1 if the emitted one takes more
than LIMIT times as long.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.ir import quant
from snn_deploy.ir.maps import Dense
from snn_deploy_backends.lava.python import find_lava_python
from snn_deploy_simulators import integer
from support.emitted import emit

SIZES = (784, 128, 64, 10)
SAMPLES, STEPS = 40, 32
LIMIT = 1.1
BY_HAND = Path(__file__).parent / "by_hand" / "lava_mlp.py"


def main() -> int:
    """Print both times and their ratio; return an exit code."""
    parser = argparse.ArgumentParser(description="Emitted against hand-written Lava.")
    parser.add_argument("--lava-python", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    python, version = find_lava_python(options.lava_python)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        spikes = prepare(folder)
        programs = {
            "written by hand": [str(python), str(BY_HAND), str(folder)],
            "emitted": [str(python), str(folder / "build" / "run.py")],
        }
        seconds: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(options.repeats):
            for name, command in programs.items():
                seconds[name].append(timed(command))
        by_hand = answer(folder)
    best = {name: min(times) for name, times in seconds.items()}
    ratio = best["emitted"] / best["written by hand"]
    steps = SAMPLES * (STEPS + len(SIZES) - 1)
    sizes = "-".join(map(str, SIZES))
    print(f"Lava {version}, {sizes}, {SAMPLES} samples, {steps} chip steps")
    for name, times in seconds.items():
        shown = ", ".join(f"{t:.2f}" for t in times)
        print(f"  {name:16} {best[name]:6.2f} s  (runs: {shown})")
    same = bool((by_hand == spikes).all())
    print(f"  ratio {ratio:.2f} (limit {LIMIT}); {int(spikes.sum())} spikes, equal: {same}")
    return int(ratio > LIMIT or not same or not spikes.any())


def prepare(folder: Path) -> AnyArray:
    """Write the network for both programs; return the expected spikes [samples, steps,
    10].
    """
    rng = np.random.default_rng(7)
    shapes = list(zip(SIZES[1:], SIZES[:-1], strict=True))
    weights = [(2 * rng.integers(-20, 23, shape)).astype(np.int16) for shape in shapes]
    x = (rng.random((SAMPLES, STEPS, SIZES[0])) < 0.1).astype(np.int8)
    net, given = network(weights), quant.Stimulus(SAMPLES, STEPS, {"x": x}, {})
    recording = integer.run(net, given)
    emit(net, given, recording, folder / "build")
    frame = STEPS + net.guard
    padded = np.zeros((SAMPLES, frame, SIZES[0]), np.int32)
    padded[:, :STEPS] = x
    arrays: dict[str, Any] = {f"w{i}": w.astype(np.int32) for i, w in enumerate(weights)}
    np.savez(folder / "net.npz", x=padded.reshape(-1, SIZES[0]), frame=frame, **arrays)
    return recording.outputs["layer 3"]


def network(weights: list[AnyArray]) -> quant.QuantNetwork:
    """Return the network with the registers that by_hand/lava_mlp.py has."""
    populations, projections = [], []
    for level, weight in enumerate(weights, start=1):
        n = len(weight)
        registers = {"du": 4095, "dv": 200, "vth": 300, "bias_mant": 0, "bias_exp": 0}
        params = {k: np.full(n, v, np.int64) for k, v in registers.items()}
        zero, one = np.zeros(n, np.int64), np.ones(n)
        name, pre = f"layer {level}", "x" if level == 1 else f"layer {level - 1}"
        populations.append(
            quant.QuantPopulation(name, (n,), "lif", params, zero, one, 0 * one, level)
        )
        projections.append(
            quant.QuantProjection(
                pre, name, Dense(weight), quant.SignMode.MIXED, 8, 0, 0, 0
            )
        )
    return quant.QuantNetwork(
        inputs=(quant.QuantInput("x", (SIZES[0],), 0, 1.0),),
        drives=(),
        populations=tuple(populations),
        projections=tuple(projections),
        outputs=("layer 3",),
        arithmetic="loihi",
    )


def timed(command: list[str]) -> float:
    """Return how long a command takes, in seconds."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def answer(folder: Path) -> AnyArray:
    """Return the spikes of the hand-written program as [samples, steps, n], latency
    removed.
    """
    recorded = np.load(folder / "answer.npy").T
    frames = recorded.reshape(SAMPLES, -1, SIZES[-1])
    level = len(SIZES) - 1
    return np.asarray(frames[:, level : level + STEPS], np.int8)


if __name__ == "__main__":
    sys.exit(main())
