"""Batches: the same result, to the byte, however many samples are run at once."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy import InputError, deploy
from snn_deploy.board.board import load_board
from snn_deploy.evaluation import simulate
from snn_deploy.evaluation.stages import Simulated
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.inputs.data import check_data
from snn_deploy.ir.activity import Activity, Counts
from snn_deploy.ir.batches import merged_activities, merged_recordings
from snn_deploy.ir.network import Network
from snn_deploy.ir.program import Program
from snn_deploy.pipeline.line import line
from snn_deploy.report.report import to_json
from snn_deploy_simulators import chip
from snn_deploy_simulators.stimulus import encode
from support.lines import begin
from support.small_model import OPTIONS, SAMPLES, samples, write_model

GRADED = {"input": {**samples(), "x": samples()["x"] * np.linspace(0.1, 1.7, 12)}}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model.nir")


def run(model: Path, **options: Any) -> bytes:
    return to_json(deploy(model, "loihi2", **{"input": samples(), **OPTIONS, **options}))


@pytest.mark.parametrize("options", [{}, GRADED, {"time_model": "event"}])
def test_reports_are_the_same_bytes(model: Path, options: dict[str, Any]) -> None:
    whole = run(model, **options)
    assert b'"correct"' in whole
    for batch in (1, 3, SAMPLES - 1, SAMPLES, 1000):
        assert run(model, batch=batch, **options) == whole


def test_reports_are_the_same_where_only_some_samples_are_compared(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulate, "COMPARED_VALUES", 8 * 43 * 4)  # 4 of 10 samples
    whole = run(model)
    assert b'"compared": 4' in whole
    assert run(model, batch=3) == whole


def test_traces_are_the_same(model: Path, tmp_path: Path) -> None:
    run(model, trace=tmp_path / "whole.npz")
    run(model, trace=tmp_path / "parts.npz", batch=3)
    with np.load(tmp_path / "whole.npz") as whole, np.load(tmp_path / "parts.npz") as parts:
        assert whole.files == parts.files
        assert all((whole[name] == parts[name]).all() for name in whole.files)
        assert whole["chip/out"].any()


def test_each_batch_is_told_of(model: Path) -> None:
    told: list[str] = []
    run(model, batch=4, progress=told.append)
    simulated = told[told.index("simulate") + 1 :]
    assert simulated == ["simulate 4/10", "simulate 8/10", "simulate 10/10"]
    told.clear()
    run(model, progress=told.append)
    assert not [stage for stage in told if "/" in stage]


def test_no_more_than_a_batch_is_run_at_once(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = chip.run

    def watched(program: Program, stimulus: Any, **rest: Any) -> Activity:
        sizes.append(stimulus.samples)
        return real(program, stimulus, **rest)

    monkeypatch.setattr(chip, "run", watched)
    run(model, batch=4)
    assert sizes == [4, 4, 2]


def test_merged_activity_equals_the_activity_of_one_run(model: Path) -> None:
    net = read_nir(model, **OPTIONS)
    *_, last = line(begin(load_board("loihi2"), net, samples()))
    assert isinstance(last, Simulated)
    program = last.program
    whole = chip.run(program, encode(program.net, last.data.x))
    parts = [chip.run(program, encode(program.net, d.x)) for d in last.data.batches(3)]
    assert len(parts) == 4
    merged = merged_activities(parts)
    for f in fields(Counts):
        assert (getattr(merged.counts, f.name) == getattr(whole.counts, f.name)).all()
    assert whole.counts.synops.sum() > 0
    for name in ("hops_x", "hops_y", "input_messages", "link_messages", "step_s"):
        assert np.array_equal(getattr(merged, name), getattr(whole, name))
    assert merged.samples == whole.samples == SAMPLES
    again = merged_recordings([p.recording for p in parts])
    assert again.peaks == whole.recording.peaks
    for name, events in whole.recording.events.items():
        assert (again.events[name] == events).all()


def test_batches_are_the_samples_in_order_without_copies(two_layer: Network) -> None:
    x = np.arange(5 * 2 * 3).reshape(5, 2, 3)
    data = check_data({"x": x, "y": np.arange(5)}, two_layer)
    parts = list(data.batches(2))
    assert [p.samples for p in parts] == [2, 2, 1]
    assert np.concatenate([p.x["x"] for p in parts]).tolist() == x.tolist()
    assert [p.y.tolist() for p in parts if p.y is not None] == [[0, 1], [2, 3], [4]]
    assert all(np.shares_memory(p.x["x"], data.x["x"]) for p in parts)
    assert [p.samples for p in data.batches(None)] == [5]


def test_a_batch_has_samples(model: Path) -> None:
    with pytest.raises(InputError, match="batch=0: must be a whole number, at least 1"):
        run(model, batch=0)
