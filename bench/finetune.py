"""Fine-tuning onto few bits: what calibration loses, what training brings back, how long.

Networks that snnTorch trained (examples/), trained further on digits that are not tested:
the training split, shown with the spikes of the test's encoder and with randomly drawn
ones. One thread; Loihi 2. Also what storing weights twice would take instead. The learning
rate that all networks share was chosen on digits_rows with seed 0, its test accuracy in
view; the other seeds and digits_mlp were not.
"""

import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from snn_deploy import deploy
from snn_deploy.report.report import Report

EXAMPLES = Path(__file__).parents[1] / "examples"


@dataclass(frozen=True)
class Case:
    """An example, the bits of its weights, and points that may be lost."""

    example: str
    weight_bits: int
    max_drop: float = 0.5


SEEDS = (0, 1, 2)
CASES = (Case("digits_mlp", 3), Case("digits_rows", 4))


def trainer(example: str) -> Any:
    """Return the module that trained the example."""
    if str(EXAMPLES.parent) not in sys.path:
        sys.path.insert(0, str(EXAMPLES.parent))
    return import_module(f"examples.{example}.train")


def training_samples(example: str) -> dict[str, np.ndarray]:
    """Return several showings of each training image, and their labels: of rows as in the
    test, moved sideways, and with random phases (the example was trained on such); else
    with random spikes."""
    made = trainer(example)
    torch.manual_seed(1)
    pixels, _, labels, _ = made.split_digits((8, 8) if example == "digits_rows" else (64,))
    if example == "digits_rows":
        middle = torch.full_like(pixels, 0.5)
        ways = (pixels, middle), (pixels.roll(1, dims=2), middle)
        drawn = ((pixels, torch.rand_like(pixels)) for _ in range(2))
        shown = [made.code_rows(*way) for way in (*ways, *drawn)]
    else:
        rng = torch.Generator().manual_seed(1)
        shown = [made.rate_code(pixels, rng) for _ in range(2)]
    x = torch.cat(shown).numpy().astype(np.uint8)
    return {"x": x, "y": torch.cat([labels] * len(shown)).numpy()}


def line(name: str, report: Report, seconds: float) -> str:
    """Return one row: accuracies, synapse memory and time."""
    found = {a.stage: a for a in report.accuracy}
    words = 0
    if report.utilization is not None:
        words = next(r.total for r in report.utilization.resources if r.name == "synapse")
    floats, chip = found["reference"], found["chip"]
    return (
        f"  {name:<34}{floats.correct:>5} {chip.correct:>5} of {chip.samples}"
        f"{words:>9} words{seconds:>8.0f} s"
    )


def bench(case: Case) -> None:
    """Print what calibration, storing twice and fine-tuning come to."""
    folder = EXAMPLES / case.example
    options: dict[str, Any] = {
        "input": folder / "test.npz",
        "profile": "snntorch",
        "reset": "subtract",
        "weight_bits": case.weight_bits,
    }
    train = training_samples(case.example)

    def run(name: str, **more: Any) -> Report:
        start = time.perf_counter()
        report = deploy(folder / f"{case.example}.nir", "loihi2", **options, **more)
        print(line(name, report, time.perf_counter() - start), flush=True)
        return report

    print(f"{case.example}, {case.weight_bits}-bit weights      float  chip")
    run("calibrated, stored once", max_drop=100.0, finetune=train)
    run("calibrated, twice where needed")
    for seed in SEEDS:
        tuned = run(
            f"fine-tuned, stored once, seed {seed}",
            max_drop=case.max_drop, finetune=train, seed=seed,
        ).tuning  # fmt: skip
        if tuned is None:
            sys.exit(f"{case.example}: loses too little to be fine-tuned")
        print(f"    epoch {tuned.best} of {len(tuned.course) - 1} kept", flush=True)
    print()


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in CASES:
        bench(each)
