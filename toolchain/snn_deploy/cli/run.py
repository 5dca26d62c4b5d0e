"""The verb `run`: an emitted Lava program, run for real and compared with our integers."""

import json as text
import sys
from pathlib import Path

import msgspec
import numpy as np

from snn_deploy.errors import DeployError, InputError
from snn_deploy_backends.lava.python import find_lava_python
from snn_deploy_backends.lava.verify import about, describe, run_build, verify


def run_build_folder(
    folder: Path,
    *,
    samples: int | None,
    steps: int | None,
    floating: bool,
    lava_python: Path | None,
    json: bool,
) -> None:
    """Run `folder`; by default compare all recorded states, else the output of the samples.

    Raises:
        InputError: No emitted program, no interpreter with Lava, or the program failed.
        DeployError: Lava and our integers differ, which is a bug.
    """
    about(folder)
    python, version = find_lava_python(lava_python)
    if floating or samples is not None or steps is not None:
        facts = _outputs(folder, python, samples, steps, floating)
        _print(facts, [f"{k}: {v}" for k, v in facts.items()], version, json)
        return
    result = verify(folder, python)
    _print(msgspec.to_builtins(result), list(describe(result)), version, json)
    if not result.exact:
        raise DeployError(
            f"{folder}: Lava and the integer simulator differ in {result.mismatches} "
            f"values; this is a bug in snn-deploy, please report it with this folder"
        )


def _outputs(
    folder: Path, python: Path, samples: int | None, steps: int | None, floating: bool
) -> dict[str, float]:
    """Return the share of output values that equal the recorded ones, and the seconds."""
    result = run_build(folder, python, samples=samples, steps=steps, floating=floating)
    with np.load(folder / "expected.npz") as content:
        expected = dict(content)
    shares = {}
    for key, got in sorted((k.split(".")[0], v) for k, v in result.items() if "." in k):
        if got.shape[1] > expected[key].shape[1] or len(got) > len(expected[key]):
            raise InputError(
                f"{folder}: {len(expected[key])} samples of {expected[key].shape[1]} "
                f"steps are recorded; ask for no more with --samples and --steps"
            )
        same = got == expected[key][: len(got), : got.shape[1]]
        shares[f"{key} equal"] = float(same.mean())
    return {**shares, "seconds": float(result["seconds"])}


def _print(facts: object, lines: list[str], version: str, json: bool) -> None:
    if json:
        sys.stdout.write(text.dumps({"lava": version, "result": facts}, indent=2) + "\n")
    else:
        sys.stdout.write("\n".join([f"Lava {version}", *lines]) + "\n")
