"""A network that says nothing gets no accuracy, and the report says who is silent and why."""

from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

from snn_deploy.pipeline.deploy import deploy
from snn_deploy.report.report import Report
from support.small_model import (
    CLASSES,
    HIDDEN,
    OPTIONS,
    SAMPLES,
    lif,
    write_model,
    write_samples,
)


@pytest.fixture
def deployed(tmp_path: Path) -> Any:
    def run(options: dict[str, Any] = OPTIONS, y: Any = None, **changed: Any) -> Report:
        model = write_model(tmp_path / "m.nir", **changed)
        y = np.arange(SAMPLES) % CLASSES if y is None else y
        samples = write_samples(tmp_path / "x.npz", y=y)
        return deploy(model, "tiny", input=samples, **options)

    return run


def neurons(n: int, **changed: float) -> nir.LIF:
    made = lif(n)
    for name, value in changed.items():
        setattr(made, name, np.full(n, value))
    return made


def caveats(report: Report) -> str:
    return "\n".join(report.caveats)


def test_a_dead_network_is_never_right(deployed: Any) -> None:
    report = deployed(out=neurons(CLASSES, v_threshold=50.0), y=np.zeros(SAMPLES, np.int64))
    for a in report.accuracy:
        assert (a.correct, a.silent, a.tied, a.low, a.high) == (0, SAMPLES, 0, 0, 0)
    assert report.caveats[0] == (
        f"output 'out' says nothing for {SAMPLES} of {SAMPLES} samples on the chip, none of "
        "which counts as right"
    )
    assert report.caveats[1].startswith("population 'out' never fired on the chip: ")
    assert "the least threshold is 50" in report.caveats[1]
    assert report.example is not None
    assert set(report.example.predicted.values()) == {-1}


def test_ties_are_counted_beside_the_accuracy(deployed: Any) -> None:
    weight = np.ones((CLASSES, HIDDEN)) / 8
    weight[2] = 0.0  # classes 0 and 1 fire alike, 2 never
    report = deployed(fc2=nir.Affine(weight, np.zeros(CLASSES)))
    chip = report.accuracy[-1]
    zeros, ones = (int((np.arange(SAMPLES) % CLASSES == c).sum()) for c in (0, 1))
    assert (chip.correct, chip.tied, chip.silent) == (zeros, SAMPLES, 0)
    assert (chip.low, chip.high) == (0, zeros + ones)
    assert "several classes share the largest score for 10 of 10 samples" in caveats(report)


@pytest.mark.parametrize(
    ("changed", "options", "cause"),
    [
        ({"fc1": nir.Affine(np.zeros((HIDDEN, 12)), np.zeros(HIDDEN))}, OPTIONS,
         r"'hidden' never fired on the chip: its membranes reach 0, and the least threshold"),
        ({"fc1": nir.Affine(np.zeros((HIDDEN, 12)), np.zeros(HIDDEN))}, OPTIONS,
         r"'out' never fired on the chip: nothing arrives, all of hidden is silent"),
        ({"hidden": neurons(HIDDEN, tau=1e-3, r=1.0)}, {"profile": "nir", "dt": 1e-3},
         r"they keep 0 % of themselves per step, so the time constants are probably not"),
        ({"hidden": neurons(HIDDEN, tau=1.0, r=1.0)}, {"profile": "nir", "dt": 1e-4},
         r"an input of 1 adds 0.0001 to them, so the time step is probably shorter"),
    ],
)  # fmt: skip
def test_who_never_fired_is_named_with_the_likely_cause(
    deployed: Any, changed: dict[str, Any], options: dict[str, Any], cause: str
) -> None:
    if "profile" in options and options["profile"] == "nir":
        changed = {
            "fc1": nir.Affine(np.full((HIDDEN, 12), 0.05), np.zeros(HIDDEN)),
            **changed,
        }
        changed |= {"out": neurons(CLASSES, tau=1.0, r=1.0)}
    assert cause in caveats(deployed(options, **changed))


def test_who_fires_is_not_named(deployed: Any) -> None:
    assert "never fired" not in caveats(deployed())
    assert "says nothing" not in caveats(deployed())
