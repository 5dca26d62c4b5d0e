"""Emit many networks, run them all in one Lava interpreter, and read what they did."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy.neurons import MODELS
from snn_deploy_backends.lava.plan import plan
from snn_deploy_simulators import integer
from support.emitted import emit

WORKERS = 3  # programs at a time: they wait for their own processes most of the time
SECONDS_EACH = 20  # a program takes about one

Case = tuple[QuantNetwork, Stimulus]
States = dict[
    str, dict[str, AnyArray]
]  # population -> its states and "s" -> [samples, steps, n]


def run_all(cases: Iterable[Case], folder: Path, python: Path) -> list[States]:
    """Return what Lava computed for each case, in our order of neurons.

    Raises:
        AssertionError: A program failed; with its traceback.
    """
    cases = list(cases)
    builds = [folder / f"{i:04d}" for i in range(len(cases))]
    for (net, stimulus), build in zip(cases, builds, strict=True):
        emit(net, stimulus, integer.run(net, stimulus, threads=1), build)
    run_builds(builds, folder, python)
    return [
        read(net, stimulus, build)
        for (net, stimulus), build in zip(cases, builds, strict=True)
    ]


def run_builds(builds: list[Path], folder: Path, python: Path) -> None:
    """Run emitted folders; each gets a lava.npz or a lava.error."""
    listed = folder / "builds.txt"
    listed.write_text("\n".join(map(str, builds)), "utf-8")
    script = Path(__file__).with_name("run_builds.py")
    subprocess.run(
        [str(python), str(script), str(listed), str(WORKERS)],
        check=True,
        capture_output=True,
        timeout=60 + SECONDS_EACH * len(builds),
    )


def read(net: QuantNetwork, stimulus: Stimulus, build: Path) -> States:
    """Return lava.npz of a folder, back in our order."""
    error = build / "lava.error"
    assert not error.exists(), f"{build}: {error.read_text('utf-8')}"
    content = np.load(build / "lava.npz")
    nodes = plan(net, frozenset(stimulus.bias)).neurons
    result: States = {}
    for node in nodes:
        back = np.argsort(node.order)
        names = (*MODELS[node.model].states, "s")
        result[node.name] = {s: content[f"{node.key}.{s}"][:, :, back] for s in names}
    return result
