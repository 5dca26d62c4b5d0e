"""Every advice of a refusal is followed, on every model that the project carries.

The files are read without flags. Where that is refused, each combination of options that the
sentence offers is run on samples that excite the inputs: it gives a network that fires, or says
by name who never fires and why.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy.frontends.nir.read_nir import load
from support import command_line
from support.advice import advised

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = sorted(EXAMPLES.glob("**/*.nir"))
SAMPLES, STEPS = 2, 24
LIVE, EXPLAINED = "live", "says who never fires"


def run(file: Path, samples: Path, *flags: str) -> Any:
    words = ("--target", "loihi2", "--input", str(samples), *flags, "--json")
    return command_line.invoke("deploy", str(file), *words)


def excite(file: Path, folder: Path) -> Path:
    """Write random spikes for all inputs of a file."""
    graph, shapes = load(file)
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for node in graph.of_kind("Input"):
        shape = (SAMPLES, STEPS, *shapes.after[node.name])
        arrays[node.name] = (rng.random(shape) < 0.4).astype(np.uint8)
    np.savez(folder / "x.npz", **arrays)
    return folder / "x.npz"


def outcome(result: Any) -> str:
    """Return what a run came to: LIVE, EXPLAINED, or the sentence that refused it."""
    if result.exit_code:
        return str(result.stderr)
    report = json.loads(result.stdout)
    sent = [layer["spikes"]["mean"] for layer in report["layers"] if layer["spikes"]]
    if sent and min(sent) > 0:
        return LIVE
    silent = any("never fired on the chip: " in c for c in report["caveats"])
    return EXPLAINED if silent else "dead, and nothing says so"


def test_the_corpus_is_this_large() -> None:
    assert len(FILES) == 8


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_every_advice_leads_to_a_network_that_fires(file: Path, tmp_path: Path) -> None:
    samples = excite(file, tmp_path)
    first = run(file, samples)
    if first.exit_code == 0:
        assert outcome(first) in (LIVE, EXPLAINED)
        return
    offers = advised(first.stderr)
    assert offers, first.stderr
    found = []
    for offer in offers:
        flags = [w for k, v in offer.items() for w in ("--" + k.replace("_", "-"), v)]
        found.append(outcome(run(file, samples, *flags)))
        assert found[-1] in (LIVE, EXPLAINED), (flags, found[-1])
    assert LIVE in found
