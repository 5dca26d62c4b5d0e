"""Run an emitted folder in a Python that has Lava, and compare it with the integer
simulator.

The folder is all that is needed: states.npz holds what every state of every step should be.
"""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError, option

START_SECONDS = 120.0  # Lava starts a process per population and connection
STEP_SECONDS = 0.5  # most that one chip step may take; small networks take milliseconds
STATES = {  # of any neuron; each has current, membrane and spikes
    "u": "current",
    "v": "membrane",
    "s": "spikes",
    "wait": "wait counter",
    "total": "sum of what was sent",
}


@dataclass(frozen=True)
class PopulationCheck:
    """One population on Lava against the integer simulator.

    Attributes:
        name: Of the population in the model.
        process: What it became in the program.
        compared: Values of all its states and spikes together.
        spikes: How many spikes there were in the integer simulator.
        mismatches: Values that differ, by state (a key of STATES).
        first: Where the first is, in words; "" if there is none.
    """

    name: str
    process: str
    compared: int
    spikes: int
    mismatches: Mapping[str, int]
    first: str

    @property
    def exact(self) -> bool:
        return not any(self.mismatches.values())


@dataclass(frozen=True)
class Verification:
    """A whole network on Lava against the integer simulator.

    Attributes:
        populations: Each population on its own.
        samples: That were run.
        steps: Model steps of each.
        seconds: Lava's run alone.
    """

    populations: tuple[PopulationCheck, ...]
    samples: int
    steps: int
    seconds: float

    @property
    def exact(self) -> bool:
        return all(p.exact for p in self.populations)

    @property
    def compared(self) -> int:
        return sum(p.compared for p in self.populations)

    @property
    def spikes(self) -> int:
        return sum(p.spikes for p in self.populations)

    @property
    def mismatches(self) -> int:
        return sum(sum(p.mismatches.values()) for p in self.populations)


def run_build(
    folder: Path,
    python: Path,
    *,
    samples: int | None = None,
    steps: int | None = None,
    floating: bool = False,
    states: bool = False,
) -> dict[str, AnyArray]:
    """Run an emitted program; return {"pop_0.s": [samples, steps, n], ...} and "seconds".

    Spikes "s" (membranes "v" of readouts) of the outputs; every state and spike of every
    population with `states`. The keys are the program's; `about` has the model's names.

    Raises:
        InputError: Not an emitted folder, or the program failed or did not end.
    """
    facts = about(folder)
    samples, steps = samples or facts["samples"], steps or facts["steps"]
    limit = START_SECONDS + STEP_SECONDS * samples * 4 * steps
    with tempfile.TemporaryDirectory(prefix="snn-deploy-") as scratch:
        saved = Path(scratch) / "result.npz"
        options = ["--samples", str(samples), "--steps", str(steps), "--save", str(saved)]
        options += ["--floating"] * floating + ["--states"] * states
        code, text = _run([str(python), str(folder / "run.py"), *options], limit)
        if not saved.is_file():
            last = (text.strip().splitlines() or ["it said nothing"])[-1]
            raise InputError(
                f"{folder}: run.py ended with code {code} and no result: {last}"
            )
        with np.load(saved) as content:
            return dict(content)


def verification(folder: Path, python: Path) -> Verification:
    """Run the samples whose states are recorded in `folder` and compare every state and
    spike.

    Raises:
        InputError: Not an emitted folder, or the program failed or did not end.
    """
    facts = about(folder)
    with np.load(folder / "states.npz") as content:
        expected = dict(content)
    samples, steps = next(iter(expected.values())).shape[:2]
    result = run_build(folder, python, samples=samples, states=True)
    keys = [key for key in facts["names"] if f"{key}.s" in expected]
    checks = tuple(
        _compare(facts["names"][key], facts["processes"][key], key, expected, result)
        for key in keys
    )
    return Verification(checks, samples, steps, float(result["seconds"]))


def outputs(
    folder: Path, python: Path, samples: int | None, steps: int | None, floating: bool
) -> dict[str, float]:
    """Return the share of values of each output that are as recorded, and the seconds.

    Raises:
        InputError: More samples or steps are asked for than are recorded, the folder is no
            emitted one, or the program failed.
    """
    result = run_build(folder, python, samples=samples, steps=steps, floating=floating)
    with np.load(folder / "expected.npz") as content:
        expected = dict(content)
    shares = {}
    for key, got in sorted((k.split(".")[0], v) for k, v in result.items() if "." in k):
        if got.shape[1] > expected[key].shape[1] or len(got) > len(expected[key]):
            raise InputError(
                f"{folder}: {len(expected[key])} samples of {expected[key].shape[1]} "
                f"steps are recorded; ask for no more with "
                f"{option('samples')} and {option('steps')}"
            )
        same = got == expected[key][: len(got), : got.shape[1]]
        shares[f"{key} equal"] = float(same.mean())
    return {**shares, "seconds": float(result["seconds"])}


def about(folder: Path) -> dict[str, Any]:
    """Return network.json: "samples", "steps", and by key "names" and "processes".

    Raises:
        InputError: `folder` was not made by this backend.
    """
    file = folder / "network.json"
    try:
        facts = json.loads(file.read_text("utf-8"))
        return {key: facts[key] for key in ("samples", "steps", "names", "processes")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder}: no emitted Lava program ({file.name}: {error}); make one with "
            f"{option('backend', 'lava')}"
        ) from error


def describe(verification: Verification) -> tuple[str, ...]:
    """Return the result in words: one line for all, and one for each population that
    differs.
    """
    v = verification
    total = (
        f"Lava: {v.compared - v.mismatches:,} of {v.compared:,} values (states and spikes "
        f"of {len(v.populations)} populations, {v.samples} samples, {v.spikes:,} spikes) "
        "equal the integer simulator"
    )
    return (total, *(f"population {p.name!r}: {p.first}" for p in v.populations if p.first))


def _compare(
    name: str,
    process: str,
    key: str,
    expected: Mapping[str, AnyArray],
    result: Mapping[str, AnyArray],
) -> PopulationCheck:
    known = [s for s in STATES if f"{key}.{s}" in expected]
    differs = {s: expected[f"{key}.{s}"] != result[f"{key}.{s}"] for s in known}
    counts = {s: int(np.count_nonzero(d)) for s, d in differs.items()}
    places = [(*_first(d), s) for s, d in differs.items() if counts[s]]
    first = ""
    if places:
        step, sample, neuron, state = min(places)
        here = (sample, step, neuron)
        want, got = expected[f"{key}.{state}"][here], result[f"{key}.{state}"][here]
        first = (
            f"{STATES[state]} differ first in step {step}, sample {sample}, neuron "
            f"{neuron}: expected {want}, Lava has {got}"
        )
    spikes = int(np.count_nonzero(expected[f"{key}.s"]))
    compared = sum(d.size for d in differs.values())
    return PopulationCheck(name, process, compared, spikes, counts, first)


def _first(differs: AnyArray) -> tuple[int, int, int]:
    """Return (step, sample, neuron) of the earliest step at which something differs."""
    step, sample, neuron = np.argwhere(differs.transpose(1, 0, 2))[0]
    return int(step), int(sample), int(neuron)


def _run(command: list[str], limit: float) -> tuple[int, str]:
    """Run a command and all it starts; return its exit code and what it wrote.

    Lava waits for ever if one of its processes dies, hence the limit; its processes are
    children of the command, in a session of their own, and end with it.
    """
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            text, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            _end(process)
            return -1, f"no end after {limit:.0f} s"
        except BaseException:
            _end(process)
            raise
    return process.returncode, text


def _end(process: subprocess.Popen[str]) -> None:
    """End the session that `process` leads."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=10)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        process.kill()
