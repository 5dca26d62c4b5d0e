"""Whole runs of one network and batch: our simulators, Lava, nengo-loihi, SpikingJelly.

A 784-128-64-10 network, SAMPLES samples of STEPS steps, 10 % input rate, processor seconds
(of all processes of a command), one thread each, in one run.

* integer, chip: the call, from arrays to recording; kernels are compiled before. `chip`
  includes its tables, all counts and the time model `bound`.
* Lava 0.10: the program that we emit, on its CPU simulation (bit-accurate `fixed_pt`).
  `whole` is the command: start of Python, imports, building, running, checking. `steps`
  leaves out what does not grow with samples: (all - one sample) * N / (N - 1).
* nengo-loihi 1.1.0: its emulator of Loihi 1, built by hand on the same integers. `steps` is
  EmulatorInterface.run_steps alone; it has no reset, so each sample gets a new one.
* SpikingJelly: `torch` backend, multi-step mode, all samples as one batch, no gradients;
  float32 neurons, no integers, no chip, nothing counted.

Lava and nengo-loihi need a Python of their own: `make lava-env`, and NENGO_PYTHON, that of
an environment with `nengo-loihi==1.1.0` and `numpy<2`. What is missing is
left out, and said.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from spikingjelly.activation_based import functional, layer, neuron

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from lava_overhead import network
from measuring.clock import measure, report

from snn_deploy.arrays import AnyArray
from snn_deploy.board.board import load_board
from snn_deploy.errors import InputError
from snn_deploy.ir.quant import Stimulus
from snn_deploy_backends.lava.python import find_lava_python
from snn_deploy_simulators import chip, integer
from support.emitted import emit
from support.networks import mapped

SIZES, SAMPLES, STEPS = (784, 128, 64, 10), 32, 64
NENGO = Path(__file__).parent / "by_hand" / "nengo_mlp.py"


def main() -> None:
    """Run everything, and print each beside our simulators."""
    rng = np.random.default_rng(7)
    pairs = list(zip(SIZES[1:], SIZES[:-1], strict=True))
    weights = [(2 * rng.integers(-20, 23, p)).astype(np.int16) for p in pairs]
    x = (rng.random((SAMPLES, STEPS, SIZES[0])) < 0.1).astype(np.int8)
    net, given = network(weights), Stimulus(SAMPLES, STEPS, {"x": x}, {})
    program = mapped(net, load_board("loihi2"))
    recording = integer.run(net, given, threads=1)
    spikes = [int(out.sum()) for out in recording.outputs.values()]
    ours = {
        "integer": median(lambda: integer.run(net, given, threads=1)),
        "chip": median(lambda: chip.run(program, given, threads=1)),
    }
    lines = [__doc__.strip(), "", f"spikes per layer: {spikes}", ""] if __doc__ else []
    lines += [f"  {name:22} {s * 1e3:9.1f} ms" for name, s in ours.items()]
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        emit(net, given, recording, folder / "build")
        arrays: dict[str, AnyArray] = {f"w{i}": w for i, w in enumerate(weights)}
        np.savez(folder / "net.npz", x=x, **arrays)  # type: ignore[arg-type]
        lines += lava_lines(folder / "build" / "run.py", ours)
        lines += nengo_lines(folder, spikes, ours)
    lines += torch_lines(weights, x, spikes, ours)
    report("whole_runs", [*lines, ""])


def median(action: Callable[[], object]) -> float:
    """Return the middle of seven runs, in seconds."""
    return statistics.median(measure(action, 7))


def against(title: str, seconds: float, ours: dict[str, float]) -> str:
    """Return the line of one competitor."""
    ratios = ", ".join(f"{seconds / s:.3g} x {name}" for name, s in ours.items())
    return f"  {title:22} {seconds * 1e3:9.1f} ms: {ratios}"


def command(*words: str | Path) -> tuple[float, str]:
    """Run a command; return the processor seconds of all its processes, and its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(w) for w in words], check=True, capture_output=True, text=True, env=alone
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return seconds, done.stdout


def lava_lines(script: Path, ours: dict[str, float]) -> list[str]:
    """Return the lines of Lava. The emitted program fails if one of its spikes differs."""
    try:
        python, _ = find_lava_python(None)
    except InputError as error:
        return [f"  Lava: left out, {error}"]
    whole, _ = command(python, script)
    one, _ = command(python, script, "--samples", "1")
    steps = (whole - one) * SAMPLES / (SAMPLES - 1)
    return [
        against("Lava, whole", whole, ours),
        against("Lava, steps", steps, ours),
        "    spikes: all the same",
    ]


def nengo_lines(folder: Path, spikes: list[int], ours: dict[str, float]) -> list[str]:
    """Return the lines of nengo-loihi."""
    python = os.environ.get("NENGO_PYTHON")
    if not python:
        return ["  nengo-loihi: left out, NENGO_PYTHON is not set"]
    whole, out = command(python, NENGO, folder)
    found = json.loads(out.splitlines()[-1])
    return [
        against("nengo-loihi, whole", whole, ours),
        against("nengo-loihi, steps", found["seconds"], ours),
        f"    spikes per layer: {found['spikes']}; the same: {found['spikes'] == spikes}",
    ]


def torch_lines(
    weights: list[AnyArray], x: AnyArray, spikes: list[int], ours: dict[str, float]
) -> list[str]:
    """Return the lines of SpikingJelly."""
    torch.set_num_threads(1)
    layers: list[torch.nn.Module] = []
    for weight in weights:
        linear = layer.Linear(weight.shape[1], weight.shape[0], bias=False, step_mode="m")
        linear.weight.data = torch.tensor(weight, dtype=torch.float32)
        lif = neuron.LIFNode(
            tau=4096 / 200, decay_input=False, v_threshold=300.0, v_reset=0.0, step_mode="m"
        )
        layers += [linear, lif]
    inputs = torch.tensor(x, dtype=torch.float32).transpose(0, 1).contiguous()
    fired: list[int] = []

    def forward() -> None:
        fired.clear()
        value = inputs
        with torch.no_grad():
            for one in layers:
                functional.reset_net(one)
                value = one(value)
                if isinstance(one, neuron.LIFNode):
                    fired.append(int(value.sum()))

    seconds = median(forward)
    return [
        against(f"SpikingJelly {version('spikingjelly')}", seconds, ours),
        f"    spikes per layer: {fired}, floats; ours {spikes}",
    ]


if __name__ == "__main__":
    main()
