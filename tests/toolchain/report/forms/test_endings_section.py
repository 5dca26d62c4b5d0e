"""Ends of samples in the report: steps as a distribution, and what an end saves."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from snn_deploy import InputError, deploy
from snn_deploy.evaluation.decode import decisions, settled_after
from snn_deploy.report.facts.course import answers
from snn_deploy.report.facts.durations import distribution
from snn_deploy.report.facts.summary import summarize
from snn_deploy.report.forms.html import to_html
from snn_deploy.report.forms.latex import to_latex
from snn_deploy.report.forms.markdown import to_markdown
from support.command_line import app
from support.deployed import levels, levels_run, levels_samples, measured
from support.small_model import FLAGS, OPTIONS, graph, samples, write_model, write_samples

BOTH: dict[str, Any] = {"until_quiet": True, "exit_when_stable": 2}


def test_a_sample_at_rest_costs_less_and_answers_alike() -> None:
    plain, quiet = summarize(levels_run(), None), levels()
    frame, rest, _ = quiet.endings
    assert plain.energy is not None
    assert quiet.energy is not None
    assert plain.latency is not None
    assert quiet.latency is not None
    assert plain.accuracy == quiet.accuracy
    assert (frame.rule, rest.rule) == ("frame", "quiet")
    assert rest.met == rest.same == 5
    for before, after in zip(plain.energy.accounts, quiet.energy.accounts, strict=True):
        assert frame.energy[before.name] == before.dynamic
        assert rest.energy[after.name] == after.dynamic
        assert after.dynamic.mean < before.dynamic.mean  # type: ignore[operator]
    assert frame.inference_s == plain.latency.inference_s
    assert rest.inference_s == quiet.latency.inference_s
    assert quiet.latency.inference_s.mean < plain.latency.inference_s.mean  # type: ignore[operator]
    assert sum(b.share for b in quiet.latency.bounds) == pytest.approx(1)


def test_spikes_come_to_rest_after_levels_and_layers() -> None:
    """By hand: 7 levels of 3 per step take at most 3 steps, the output at most 3 more."""
    rest = levels().endings[1]
    run = levels_run()
    spikes = run.recordings.outputs["chip"].outputs
    busy = np.asarray(np.concatenate([spikes["h"], spikes["o"]], axis=2).any(axis=2))
    last = 12 - busy[:, ::-1].argmax(axis=1)
    assert rest.steps.least >= last.min() > 0
    assert rest.steps.most <= last.max() + 1 < 12


def test_an_early_exit_gives_the_class_of_its_step() -> None:
    run = levels_run(**BOTH)
    stable = summarize(run, None).endings[2]
    classes = decisions(answers(run)["chip"], "payload")
    expected = []
    for row in classes:
        same = [t for t in range(1, 12) if row[t] == row[t - 1] >= 0]
        expected.append(same[0] + 1 if same else 12)
    read = classes[np.arange(5), np.array(expected) - 1]
    final = np.maximum(classes[:, -1], 0)
    decided = np.where(np.array(expected) < 12, read, final)
    assert stable.window == 2
    assert stable.steps == distribution(np.array(expected))
    assert stable.correct == np.count_nonzero(decided == levels_samples()["y"])
    assert stable.same == np.count_nonzero(decided == final)
    assert 0 < stable.met == sum(e < 12 for e in expected)


def test_batches_end_where_the_whole_does() -> None:
    assert summarize(levels_run(**BOTH, batch=2), None).endings == levels().endings


def test_ordinary_runs_say_from_which_step_their_class_stands() -> None:
    report = measured()
    assert report.settled is not None
    assert report.settled.steps.samples == 10
    assert 1 <= report.settled.steps.least <= report.settled.steps.most <= 8
    by_step = {a.steps: a.correct for a in report.accuracy_by_step if a.stage == "chip"}
    settled = range(report.settled.steps.most, 9)
    assert len({by_step[step] for step in settled}) == 1
    assert "from step" in to_markdown(report)
    assert report.endings == ()


def test_every_form_tells_the_steps_and_that_an_end_is_not_priced() -> None:
    report = levels()
    for text in (to_markdown(report), to_html(report, {}), to_latex(report, ())):
        assert "Ends of samples" in text
        assert "Energy by end of samples" in text
        assert "at most" in text
    assert any(c.startswith("ends of samples: noticing") for c in levels().caveats)


@pytest.mark.parametrize(
    ("classes", "steps"),
    [([0, 1, 1], 2), ([1, 1, 1], 1), ([0, 0, 1], 3), ([-1, -1], 1), ([2, 1, 2], 3)],
)
def test_steps_after_which_a_class_stands(classes: list[int], steps: int) -> None:
    assert settled_after(np.array([classes])).tolist() == [steps]


def test_a_distribution_has_values_that_occur() -> None:
    d = distribution(np.array([3, 9, 4, 4, 7, 30]))
    assert (d.least, d.median, d.p95, d.most, d.samples) == (3, 4, 30, 30, 6)
    assert d.mean == pytest.approx(9.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"until_quiet": True},
            "until_quiet: nothing is simulated without samples; give input",
        ),
        ({"exit_when_stable": 3}, "exit_when_stable: nothing is simulated"),
        (
            {"exit_when_stable": 0, "input": samples()},
            "exit_when_stable=0: must be a whole number, at least 1",
        ),
        (
            {"until_quiet": True, "input": samples(), "stop_after": "route"},
            "until_quiet: nothing is simulated with stop_after",
        ),
    ],
)
def test_ends_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        deploy(graph(), "tiny", **options, **OPTIONS)


def test_a_leak_that_never_settles_is_told() -> None:
    """Spikes arrive in every step, so no sample is at rest before the last."""
    report = deploy(graph(), "tiny", input=samples(), until_quiet=True, **OPTIONS)
    assert report.endings[1].met < 10
    assert any("were not at rest after all 8 steps" in c for c in report.caveats)


def test_the_command_line_takes_both_ends(tmp_path: Path) -> None:
    write_model(tmp_path / "model.nir")
    write_samples(tmp_path / "test.npz")
    words = [
        str(tmp_path / "model.nir"), "--target", "tiny", *FLAGS, "--input",
        str(tmp_path / "test.npz"), "--until-quiet", "--exit-when-stable", "2", "--json",
    ]  # fmt: skip
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert [e["rule"] for e in found["endings"]] == ["frame", "quiet", "stable"]
    assert found["endings"][2]["window"] == 2
