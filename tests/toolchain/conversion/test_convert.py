"""The API and the command line, from a float module to answers on the simulated chip."""

import json
from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional
from typer.testing import CliRunner

from snn_deploy import InputError, convert, deploy
from snn_deploy.board.board import load_board
from snn_deploy.conversion.account import sentences
from snn_deploy.conversion.convert import Converted
from snn_deploy.conversion.methods import METHODS
from snn_deploy.conversion.running import answers
from snn_deploy.evaluation.decode import floats_of
from snn_deploy.evaluation.stages import Routed
from snn_deploy.pipeline.line import line
from snn_deploy_simulators import chip, reference
from snn_deploy_simulators.stimulus import encode
from support.command_line import app
from support.lines import begin

DIGITS: Any = load_digits()
X = (DIGITS.images[:200, None] / 16).astype(np.float32)
Y = DIGITS.target[:200]
MODEL = """
import torch
from torch import nn
from torch.nn import functional

def plain():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(36, 10)
    )

def broken():
    raise RuntimeError("no weights")

number = 3
"""


def plain() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(36, 10)
    )


def answered(made: Converted, x: Any) -> Any:
    recording = reference.run(made.network, made.feed(x), keep=())
    return answers(made.ann, made.method, recording.outputs[made.ann.output], made.steps)


@pytest.mark.parametrize("method", [m for m in METHODS if METHODS[m].exact])
def test_a_float_model_becomes_a_spiking_network_with_the_integers_of_its_ann(
    method: Any,
) -> None:
    made = convert(plain(), X, method=method)
    np.testing.assert_array_equal(answered(made, X), made.evaluate(X))
    assert np.unique(made.evaluate(X)).size > 100
    assert (made.steps > 1) == (method == "st-bif")
    assert made.agreement.predictions > 0.95
    assert made.float_agreement is not None
    assert made.float_agreement > 0.9


class Summed(nn.Module):
    """A residual sum whose sides have scales of their own."""

    def __init__(self, short: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.short = short
        self.conv1 = nn.Conv2d(1, 4, 3, stride=2)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(36, 10)

    def forward(self, x: torch.Tensor) -> Any:
        x = functional.relu(self.conv1(x))
        return self.fc(torch.flatten(functional.relu(self.conv2(x) + self.short(x)), 1))


def on_chip(made: Converted, x: Any) -> Any:
    """Return the answers of the simulated chip, in the reference's units."""
    name, fed = made.ann.output, made.feed(x)
    run = begin(load_board("loihi2"), made.network, {"x": fed[:20]}, decode="final")
    program = next(r.program for r in line(run) if isinstance(r, Routed))
    given = encode(program.net, {made.ann.port.name: fed})
    output = chip.run(program, given, keep=()).recording.outputs[name]
    output = floats_of(program.net, name, output)
    return answers(made.ann, made.method, output, made.steps)


@pytest.mark.parametrize("method", ["st-bif", "graded"])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_of_sides_with_scales_of_their_own_are_exact_on_the_chip(
    method: Any, weighted: bool
) -> None:
    model = Summed(nn.Conv2d(4, 4, 1) if weighted else nn.Identity())
    made = convert(model, X, method=method)
    # The side that has weights, too, is rounded; no side that is levels already.
    assert [len(layer.sources) for layer in made.ann.layers] == [1] * weighted + [1, 2, 1]
    np.testing.assert_array_equal(on_chip(made, X[:60]), made.evaluate(X[:60]))
    assert min(made.agreement.levels_used.values()) > 8
    assert made.agreement.predictions > 0.98
    assert "more than 8 bits" not in " ".join(sentences(made))


def test_weights_that_the_chip_would_round_are_told() -> None:
    torch.manual_seed(0)
    both = nn.Sequential(
        qnn.QuantIdentity(bit_width=8), Both(), qnn.QuantLinear(6, 3, True)
    )
    both(torch.randn(50, 4))
    made = convert(both.eval(), np.random.default_rng(0).normal(size=(50, 4)))
    told = [s for s in sentences(made) if "more than 8 bits; the chip rounds them" in s]
    assert len(told) == 1
    assert "'1.act'" in told[0]


class Both(nn.Module):
    """A sum of two layers whose weights have scales of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.one = qnn.QuantLinear(4, 6, bias=True, weight_bit_width=8)
        self.two = qnn.QuantLinear(4, 6, bias=True, weight_bit_width=8)
        self.act = qnn.QuantReLU(bit_width=4)

    def forward(self, x: torch.Tensor) -> Any:
        return self.act(self.one(x) + 0.7 * self.two(x))


def test_steps_leave_room_beyond_the_slowest_of_all_samples_given() -> None:
    whole = convert(plain(), X[:20], method="st-bif", samples=X[20:])
    part = convert(plain(), X[:20], method="st-bif")
    assert (whole.rest.size, part.rest.size) == (200, 20)
    np.testing.assert_array_equal(whole.rest[:20], part.rest)
    assert np.unique(whole.rest).size > 3
    assert whole.steps >= 1.25 * whole.rest.max()
    np.testing.assert_array_equal(answered(whole, X), whole.evaluate(X))


def test_rates_take_as_many_steps_as_asked_for() -> None:
    made = convert(plain(), X, method="rate", steps=7)
    assert made.feed(X).shape == (200, 7, 1, 8, 8)
    assert convert(plain(), X, method="multi-bit").steps == 32


BAD: list[tuple[dict[str, Any], str]] = [
    ({"model": 3}, "convert takes a torch.nn.Module, not int"),
    ({"calibration": X[:0]}, r"shape \[0, 1, 8, 8\]; give \[N, \*shape\], at least one"),
    ({"calibration": X * np.nan}, "hold NaN or infinity"),
    ({"method": "magic"}, "method='magic': must be one of graded, st-bif"),
    ({"steps": 0}, "steps=0: must be a whole number, at least 1"),
    ({"steps": 2}, "steps=2: 'graded' computes each sample in one step"),
    ({"spike_bits": 9}, "spike_bits=9: must be a whole number from 1 to 8"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"model": plain(), "calibration": X} | options
    with pytest.raises(InputError, match=message):
        convert(given.pop("model"), given.pop("calibration"), **given)


# --- command line ---------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "own_model.py").write_text(MODEL)
    np.savez(tmp_path / "data.npz", x=X, y=Y)
    return tmp_path


def run(files: Path, factory: str, *options: str) -> Any:
    arguments = [
        "convert", f"{files / 'own_model.py'}:{factory}",
        "--calibrate", str(files / "data.npz"), "--out", str(files / "out"), *options,
    ]  # fmt: skip
    return CliRunner().invoke(app, arguments)


def test_what_the_command_writes_runs_on_the_chip_with_the_integers_of_the_ann(
    files: Path,
) -> None:
    done = run(files, "plain", "--method", "st-bif")
    assert done.exit_code == 0, done.output
    assert "--decode final" in done.stdout
    record = json.loads((files / "out" / "conversion.json").read_text())
    rest = record["steps_to_rest"]
    assert rest["samples"] == 200
    assert rest["largest"] * 1.25 <= record["steps"] < rest["largest"] * 1.25 + 1
    assert rest["largest"] > 1
    trace = files / "trace.npz"
    report = deploy(
        files / "out" / "model.nir", "loihi2", input=files / "out" / "input.npz",
        profile="nir", dt=1e-3, threshold="ge", decode="final", trace=trace, samples=40,
    )  # fmt: skip
    wanted = convert(plain(), X, method="st-bif").evaluate(X[:40])
    with np.load(trace) as outputs:
        chip = outputs["chip/readout"][:, -1].astype(np.float64)
    unit = np.abs(chip).max() / np.abs(wanted).max()  # one number for all samples
    assert unit in {2.0**k for k in range(12)}
    np.testing.assert_array_equal(chip, wanted * unit)
    assert {a.equal for a in report.agreement} == {40}


CONVERTED = {"model.nir", "input.npz", "conversion.json", "conversion.md", "manifest.json"}


def test_the_same_command_writes_the_same_bytes(files: Path) -> None:
    first = run(files, "plain", "--json")
    kept = {f.name: f.read_bytes() for f in (files / "out").iterdir()}
    again = run(files, "plain", "--json")
    assert first.exit_code == again.exit_code == 0
    assert json.loads(again.stdout)["method"] == "graded"
    assert {f.name: f.read_bytes() for f in (files / "out").iterdir()} == kept
    assert set(kept) == CONVERTED


WRONG = [
    ("broken", [], "RuntimeError: no weights"),
    ("missing", [], "has no attribute 'missing'"),
    ("number", [], "convert takes a torch.nn.Module, not int"),
    ("", [], "give MODULE:FUNCTION, or FILE.py:FUNCTION"),
    (
        "plain",
        ["--weight-bits", "1"],
        "--weight-bits 1: must be a whole number from 2 to 8",
    ),
    ("plain", ["--method", "magic"], "--method magic: must be one of graded, st-bif"),
    ("plain", ["--calibrate", "nothing.npz"], "nothing.npz: no such data file"),
]


@pytest.mark.parametrize(("factory", "options", "message"), WRONG)
def test_a_wrong_command_is_one_line_and_leaves_no_files(
    files: Path, factory: str, options: list[str], message: str
) -> None:
    done = run(files, factory, *options)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (files / "out").exists()


def test_a_folder_that_holds_the_samples_is_not_replaced(files: Path) -> None:
    """Also where an earlier run wrote all that is in it."""
    assert run(files, "plain").exit_code == 0
    before = {f: f.read_bytes() for f in (files / "out").iterdir()}
    for option in ("--calibrate", "--input"):
        done = run(files, "plain", option, str(files / "out" / "input.npz"))
        assert done.exit_code == 2
        assert "input.npz, which is read; choose another place" in done.stderr
    assert {f: f.read_bytes() for f in (files / "out").iterdir()} == before


def test_a_folder_with_files_of_others_is_not_replaced(files: Path) -> None:
    (files / "out").mkdir()
    (files / "out" / "thesis.tex").write_text("mine")
    done = run(files, "plain")
    assert done.exit_code == 2
    assert "'thesis.tex'" in done.stderr
    assert (files / "out" / "thesis.tex").read_text() == "mine"
