"""--max-drop and --finetune through the whole line, on the shipped digits example."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from typer.testing import CliRunner, Result

from snn_deploy import BudgetError, InputError, deploy
from snn_deploy.cli.deploy import require_drop
from snn_deploy.report.facts.origins import numbers, origin
from snn_deploy.report.facts.summary import ORIGINS
from snn_deploy.report.forms.tables import sections
from snn_deploy.report.report import Report, read_report
from snn_deploy.report.tuning import TUNED_FILE
from support.command_line import app
from support.said import flags, said
from support.small_model import FLAGS, OPTIONS, graph, samples, write_model, write_samples

EXAMPLE = Path(__file__).parents[3] / "examples/digits_mlp"
STEPS = 25
EPOCHS = 3


@cache
def training() -> dict[str, np.ndarray]:
    """Return the images that the example was trained on, as random spikes."""
    data = load_digits()
    x, _, y, _ = train_test_split(
        data.data / 16, data.target, test_size=450, stratify=data.target, random_state=0
    )
    rng = np.random.default_rng(0)
    return {"x": (rng.random((len(x), STEPS, 64)) < x[:, None]).astype(np.uint8), "y": y}


def digits(out: Path | None = None, **options: Any) -> Report:
    return deploy(
        EXAMPLE / "digits_mlp.nir", "loihi2", input=EXAMPLE / "test.npz", **said("snntorch"),
        weight_bits=3, out=out, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def recovered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fine-tuned deployment."""
    out = tmp_path_factory.mktemp("tuned") / "out"
    digits(
        out, max_drop=0.5, finetune=training(), finetune_epochs=EPOCHS, formats="json,md"
    )
    return out


def test_a_net_that_loses_over_two_points_at_three_bits_comes_within_half_a_point(
    recovered: Path,
) -> None:
    report = read_report(recovered / "report.json")
    tuning, right = report.tuning, {a.stage: a.correct for a in report.accuracy}
    assert tuning is not None
    assert tuning.tested == 450
    assert tuning.float_correct - tuning.chip_correct > 0.02 * 450
    assert tuning.float_correct - right["chip"] <= 0.005 * 450
    assert abs(right["reference"] - right["chip"]) <= 1
    assert right["integer"] == right["chip"]
    require_drop(report, 0.5)


def test_what_was_trained_is_rounded_by_nothing(recovered: Path) -> None:
    report = read_report(recovered / "report.json")
    lost = {x.what: x.max_error for x in report.losses}
    assert {"weights", "threshold", "membrane decay"} <= set(lost)
    assert not any(lost.values())
    assert {a.value for a in report.assumptions} >= {"stored once", "3"}
    for layer in report.layers:
        equal = {(a.first, a.second): a.equal for a in layer.agreement}
        assert (equal["reference", "integer"] or 0) > 0.999
        assert layer.spikes is not None
        assert (layer.spikes.mean or 0) > 10


def test_the_file_it_leaves_gives_the_same_integers(
    recovered: Path, tmp_path: Path
) -> None:
    tuning = read_report(recovered / "report.json").tuning
    assert tuning is not None
    flags = tuning.flags.split()
    again = CliRunner().invoke(
        app,
        [
            "deploy", str(recovered / TUNED_FILE), "--target", "loihi2", "--weight-bits", "3",
            "--input", str(EXAMPLE / "test.npz"), "--out", str(tmp_path / "again"),
            "--formats", "json", *flags,
        ],
    )  # fmt: skip
    assert again.exit_code == 0, again.output
    with (
        np.load(recovered / "quantized.npz") as a,
        np.load(tmp_path / "again/quantized.npz") as b,
    ):
        weights = [k for k in a.files if k.startswith("projection/")]
        assert len(weights) == 2
        for key in [
            *weights,
            *(k for k in a.files if k.endswith(("/vth", "/dv", "/amount"))),
        ]:
            assert (a[key] == b[key]).all(), key
    one, other = (read_report(f / "report.json") for f in (recovered, tmp_path / "again"))
    assert one.accuracy == other.accuracy


def test_the_report_tells_what_was_trained(recovered: Path) -> None:
    report = read_report(recovered / "report.json")
    tuning = report.tuning
    assert tuning is not None
    assert (tuning.samples, tuning.held_out, tuning.seed) == (1347, 134, 0)
    assert len(tuning.course) == EPOCHS + 1
    assert tuning.course[0].loss is None
    titles = {s.title: s for s in sections(report)}
    told = " ".join(titles["Fine-tuning"].lines)
    assert "trained on 1213 samples of data, judged on 134" in told
    assert tuning.flags in told
    table = titles["Fine-tuning, epoch by epoch"].table
    assert table is not None
    assert len(table.rows) == EPOCHS + 1
    assert sum("(kept)" in row[0] for row in table.rows) == 1
    assert "finetuned.nir" in (recovered / "report.md").read_text().replace("\\", "")


def test_every_number_of_a_fine_tuning_has_an_origin(recovered: Path) -> None:
    facts = json.loads((recovered / "report.json").read_text())["tuning"]
    found = [origin(("tuning", *path), ORIGINS) for path, _ in numbers(facts)]
    assert {f[0] for f in found if f} == {k for k in ORIGINS if k.startswith("tuning")}
    assert None not in found


def test_a_net_that_loses_little_enough_is_left_alone(tmp_path: Path) -> None:
    report = digits(
        tmp_path / "out",
        max_drop=10.0,
        finetune=training(),
        finetune_epochs=1,
        formats="json",
    )
    right = {a.stage: a.correct for a in report.accuracy}
    assert 0 < right["reference"] - right["chip"] < 45
    assert report.tuning is None
    assert not (tmp_path / "out" / TUNED_FILE).exists()
    require_drop(report, 10.0)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["deploy", *arguments])


def test_too_much_lost_ends_with_four_and_the_best_network_kept(tmp_path: Path) -> None:
    data = training()
    np.savez(tmp_path / "train.npz", x=data["x"][:60], y=data["y"][:60])
    out = tmp_path / "out"
    ended = invoke(
        str(EXAMPLE / "digits_mlp.nir"), *flags("snntorch"), "--target", "loihi2",
        "--input", str(EXAMPLE / "test.npz"), "--samples", "150", "--weight-bits", "1",
        "--max-drop", "0", "--finetune", str(tmp_path / "train.npz"), "--finetune-epochs", "1",
        "--out", str(out), "--formats", "json", "--json",
    )  # fmt: skip
    assert ended.exit_code == 4, ended.output
    wanted = (
        r"error: accuracy on loihi2 is 0\.\d+ after fine-tuning \(epoch [01] of 1, the best, is "
        r"kept as finetuned\.nir in --out\), \d+\.\d\d points below the float network's 0\.\d+, "
        r"more than --max-drop 0; give more samples"
    )
    assert re.search(wanted, ended.stderr)
    assert (out / TUNED_FILE).stat().st_size > 1000
    assert json.loads(ended.stdout)["tuning"]["weight_bits"] == 1


def test_too_much_lost_without_training_samples_says_how_to_train() -> None:
    report = deploy(graph(), "tiny", input=samples(), max_drop=100.0, **OPTIONS)
    worse = tuple(
        msgspec.structs.replace(a, correct=0 if a.stage == "chip" else 4, samples=10)
        for a in report.accuracy
    )
    changed = msgspec.structs.replace(report, accuracy=worse)
    with pytest.raises(
        BudgetError, match=r"0\.0000, 40\.00 points below .* --finetune TRAIN"
    ):
        require_drop(changed, 39.9)
    require_drop(changed, 40.0)
    require_drop(changed, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-drop", "101"], "--max-drop 101: must be a number from 0 to 100"),
        (["--max-drop", "-1"], "--max-drop -1: must be a number from 0 to 100"),
        (["--max-drop", "1", "--stop-after", "place"], "--max-drop: nothing is simulated"),
        (["--finetune", "TRAIN"], "--finetune: say with --max-drop POINTS"),
        (
            ["--max-drop", "1", "--finetune-epochs", "3"],
            "nothing to train on; give --finetune",
        ),
        (
            ["--max-drop", "1", "--finetune", "TRAIN", "--finetune-epochs", "0"],
            "--finetune-epochs 0: must be a whole number, at least 1",
        ),
        (["--max-drop", "1", "--finetune", "nowhere.npz"], "nowhere.npz: no such"),
        (
            ["--max-drop", "1", "--finetune", "TRAIN"],
            "--finetune train.npz: 10 of 10 samples are also in test.npz",
        ),
    ],
)
def test_contradictions_are_refused_before_any_work(
    tmp_path: Path, options: list[str], message: str
) -> None:
    model = write_model(tmp_path / "model.nir")
    train = write_samples(tmp_path / "train.npz")
    test = write_samples(tmp_path / "test.npz")
    given = [str(train) if o == "TRAIN" else o for o in options]
    ended = invoke(str(model), "--target", "tiny", "--input", str(test), *FLAGS, *given)
    assert ended.exit_code == 2, ended.output
    assert message in ended.stderr


def test_labels_are_needed_to_tell_what_was_lost() -> None:
    x = {"x": samples()["x"]}
    with pytest.raises(InputError, match="max_drop: data has no labels; add y"):
        deploy(graph(), "tiny", input=x, max_drop=1.0, **OPTIONS)
