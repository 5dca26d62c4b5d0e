"""The command line's options of `--input`: from files to reports, and what `check` shows."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy import deploy
from snn_deploy.options.inputs import InputOptions
from snn_deploy.report.report import Report, read_report, to_json
from support.command_line import invoke
from support.small_model import (
    FLAGS,
    INPUTS,
    OPTIONS,
    SAMPLES,
    STEPS,
    samples,
    write_model,
    write_samples,
)

RUN = ("model.nir", "--target", "loihi2", *FLAGS)
STILL = np.linspace(0, 1, 4 * INPUTS).reshape(4, INPUTS)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_model(Path("model.nir"))
    np.savez("still.npz", x=STILL, y=np.arange(4) % 3)


def events(file: str, n: int = 300) -> None:
    """Write a recording of 12 channels and 0.8 ms, 8 steps of the model."""
    rng = np.random.default_rng(2)
    t = np.sort(rng.integers(0, 800, n))
    t[0], t[-1] = 0, 799
    np.savez(file, t=t, x=rng.integers(0, INPUTS, n))


def reported(*words: str) -> Report:
    result = invoke(*RUN, *words, "--out", "out", "--formats", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    return read_report(Path("out/report.json"))


def assumed(report: Report) -> dict[str, str]:
    return {a.name: a.value for a in report.assumptions}


def test_options_reach_the_run_and_its_report() -> None:
    words = ("--encode", "rate", "--encoder-seed", "3", "--gain", "0.5", "--steps", "20")
    report = reported("--input", "still.npz", *words)
    inputs = InputOptions(
        input="still.npz", encode="rate", encoder_seed=3, gain=0.5, steps=20
    )
    same = deploy("model.nir", "loihi2", inputs=inputs, **OPTIONS)
    assert Path("out/report.json").read_bytes() == to_json(same)
    note = {a.name: a for a in report.assumptions}["encoder of input 'input'"]
    assert note.value == "rate"
    assert "seed 3" in note.evidence
    assert "gain 0.5" in note.evidence
    assert report.input is not None
    assert not report.input.static
    assert report.layers[0].spikes is not None
    assert report.layers[0].spikes.mean


def test_without_encoder_values_are_fed_directly_and_the_report_says_so() -> None:
    report = reported("--input", "still.npz", "--steps", "5")
    note = {a.name: a for a in report.assumptions}["encoder of input 'input'"]
    assert note.value == "direct"
    assert "no --encode was given" in note.evidence
    spelled = reported("--input", "still.npz", "--steps", "5", "--encode", "direct")
    assert spelled.accuracy == report.accuracy
    assert spelled.layers == report.layers


def test_encoders_give_different_spikes() -> None:
    counts = {}
    for encoder in ("rate", "latency"):
        report = reported("--input", "still.npz", "--steps", "9", "--encode", encoder)
        counts[encoder] = report.layers[0].spikes
    assert counts["rate"] != counts["latency"]


def test_a_recording_runs_like_its_frames() -> None:
    events("a.npz")
    frames: Any = np.zeros((1, STEPS, INPUTS), np.uint8)
    with np.load("a.npz") as made:
        np.add.at(frames[0], (made["t"] // 100, made["x"]), 1)
    np.save("frame.npy", frames)
    by_events, by_values = reported("--input", "a.npz"), reported("--input", "frame.npy")
    assert by_events.layers == by_values.layers
    assert by_events.energy == by_values.energy
    assert by_events.layers[0].spikes is not None
    assert by_events.layers[0].spikes.mean
    told = assumed(by_events)
    assert told["bins"] == "8 of 0.1 ms"
    assert told["events in one bin"] == "counted"
    assert told["time unit"] == "us"


def test_labels_may_stand_beside() -> None:
    np.save("x.npy", samples()["x"])
    np.save("y.npy", samples()["y"])
    report = reported("--input", "x.npy", "--labels", "y.npy")
    assert {a.samples for a in report.accuracy} == {SAMPLES}
    both = deploy("model.nir", "loihi2", input=samples(), **OPTIONS)
    assert both.accuracy == report.accuracy


# What `check` shows


def shown(*words: str) -> dict[str, Any]:
    result = invoke("check", *RUN, "--json", *words)
    assert (result.exit_code, result.stderr) == (0, "")
    found: dict[str, Any] = json.loads(result.stdout)["input"]
    return found


def test_check_shows_what_values_were_read_as() -> None:
    write_samples(Path("test.npz"))
    found = shown("--input", "test.npz")
    x, y = samples()["x"], samples()["y"]
    assert (found["samples"], found["steps"], found["static"]) == (SAMPLES, STEPS, False)
    (fed,) = found["inputs"]
    assert fed["shape"] == [SAMPLES, STEPS, INPUTS]
    assert (fed["type"], fed["kind"]) == ("uint8", "spikes")
    assert fed["rate"] == pytest.approx(float(x.mean()))
    assert fed["duration_s"] == pytest.approx(STEPS * 1e-4)
    sizes = np.bincount(y)
    assert found["labels"] == {"classes": 3, "least": min(sizes), "most": max(sizes)}


def test_check_shows_encoder_and_events() -> None:
    words = ("--input", "still.npz", "--steps", "9", "--encode", "latency")
    found = shown(*words)
    assert found["inputs"][0]["kind"] == "spikes"
    assert found["inputs"][0]["rate"] == pytest.approx((STILL > 0).mean() / 9)
    events("a.npz")
    assert shown("--input", "a.npz")["inputs"][0]["kind"] == "graded"
    assert shown("--input", "a.npz", "--pixels", "or")["inputs"][0]["kind"] == "spikes"
    text = invoke("check", *RUN, *words).stdout
    assert "Input" in text
    assert "still.npz: 4 samples of 9 steps, a value per step; labels of 3 classes" in text
    assert "latency" in text


def test_check_without_input_shows_none() -> None:
    result = invoke("check", *RUN, "--json")
    assert json.loads(result.stdout)["input"] is None


def test_readings_are_compared_on_what_was_asked_for() -> None:
    words = ("--compare-readings", "--input", "still.npz", "--steps", "30", "--json")
    spikes = [
        [
            o["spikes"]
            for o in json.loads(invoke("check", *RUN, *words, *more).stdout)["compared"]
        ]
        for more in ((), ("--encode", "rate"))
    ]
    assert spikes[0] != spikes[1]
    assert all(n for n in spikes[1])


# compare


def test_variants_are_weighed_on_what_was_asked_for() -> None:
    words = (
        "compare",
        "model.nir",
        "--targets",
        "loihi2,tiny",
        *FLAGS,
        "--input",
        "still.npz",
    )
    told = [
        invoke(*words, "--steps", "20", "--json", *more)
        for more in ((), ("--encode", "rate"))
    ]
    assert [r.exit_code for r in told] == [0, 0]
    assert json.loads(told[0].stdout) != json.loads(told[1].stdout)


def test_reports_side_by_side_take_no_encoder() -> None:
    result = invoke("compare", "a.json", "b.json", "--encode", "rate")
    assert result.exit_code == 2
    assert "--encode: is for one MODEL" in result.stderr


# deploy.yaml


def test_a_gate_file_takes_the_same_options_with_paths_beside_it() -> None:
    Path("sub").mkdir()
    np.save("sub/x.npy", STILL)
    np.save("sub/y.npy", np.arange(4) % 3)
    Path("sub/deploy.yaml").write_text(
        "model: ../model.nir\ntarget: loihi2\ninput: x.npy\n"
        "options: {profile: snntorch, reset: zero, steps: 20, batch: 3,\n"
        "  encode: rate, labels: y.npy}\nbudgets: {cores: 9}\n"
    )
    result = invoke("gate", "sub/deploy.yaml", "--out", "reports")
    assert (result.exit_code, result.stderr) == (0, "")
    report = read_report(Path("reports/model-loihi2.json"))
    assert assumed(report)["encoder of input 'input'"] == "rate"
    assert report.accuracy


WRONG: list[tuple[tuple[str, ...], str]] = [
    (("--encode", "morse"), "--encode morse: must be one of direct, rate, latency, delta"),
    (("--gain", "0"), "--gain 0: must be a number above 0"),
    (("--sensor", "big"), "--sensor big: must be WIDTHxHEIGHT"),
    (("--bin-ms", "1"), "--bin-ms: has no meaning for still.npz, which holds values"),
    (("--batch", "0"), "--batch 0: must be a whole number, at least 1"),
    (("--labels", "y.npy"), "still.npz holds labels 'y' itself; leave one of them out"),
    (("--encode", "latency"), "say with --steps T over how many steps"),
]


@pytest.mark.parametrize(("words", "message"), WRONG)
def test_wrong_wishes_are_one_line_and_exit_2(words: tuple[str, ...], message: str) -> None:
    result = invoke(*RUN, "--input", "still.npz", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_gate_file_with_an_unknown_option_names_it() -> None:
    Path("deploy.yaml").write_text(
        "model: model.nir\ntarget: loihi2\noptions: {encoder: rate}\n"
    )
    result = invoke("gate", "deploy.yaml")
    assert result.exit_code == 2
    wrong = "$.options.encoder: no such option; did you mean $.options.encode?"
    assert wrong in result.stderr
