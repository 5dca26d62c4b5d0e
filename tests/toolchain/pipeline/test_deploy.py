"""The line end to end on a small board: the report against what the trace says."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy import BoardError, InputError, deploy
from snn_deploy.board.board import load_board
from snn_deploy.evaluation import simulate
from snn_deploy.evaluation.ledger import Stat, bounds, ledger
from snn_deploy.evaluation.stages import Simulated
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.names import StageName, names
from snn_deploy.pipeline.line import line
from snn_deploy.report.forms.forms import FORM_FILES
from snn_deploy.report.report import Report, read_report, to_json
from snn_deploy_simulators import reference
from support.lines import begin
from support.small_model import (
    CLASSES,
    HIDDEN,
    OPTIONS,
    SAMPLES,
    STEPS,
    graph,
    samples,
    write_model,
    write_samples,
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model.nir")


def run(model: Any, **options: Any) -> Report:
    return deploy(model, "tiny", **{"input": samples(), **OPTIONS, **options})


def traced(model: Path, folder: Path) -> tuple[Report, dict[str, np.ndarray]]:
    report = run(model, trace=folder / "trace.npz")
    with np.load(folder / "trace.npz", allow_pickle=False) as arrays:
        return report, dict(arrays)


def test_trace_holds_every_population_of_every_simulator(
    model: Path, tmp_path: Path
) -> None:
    _, trace = traced(model, tmp_path)
    shapes = {"hidden": (SAMPLES, STEPS, HIDDEN), "out": (SAMPLES, STEPS, CLASSES)}
    assert {key: a.shape for key, a in trace.items()} == {
        f"{simulator}/{name}": shape
        for simulator in ("reference", "integer", "chip")
        for name, shape in shapes.items()
    }
    net = read_nir(model, **OPTIONS)
    floats = reference.run(net, {"input": samples()["x"]})
    assert (trace["reference/hidden"] == floats.outputs["hidden"]).all()
    assert (trace["chip/out"] == trace["integer/out"]).all()
    assert trace["chip/out"].any()


def test_accuracies_are_those_of_the_trace(model: Path, tmp_path: Path) -> None:
    report, trace = traced(model, tmp_path)
    labels = samples()["y"]
    predicted = {
        stage: trace[f"{stage}/out"].sum(axis=1).argmax(axis=1)
        for stage in ("reference", "integer", "chip")
    }
    correct = {a.stage: (a.correct, a.samples) for a in report.accuracy}
    assert correct == {s: (int((p == labels).sum()), SAMPLES) for s, p in predicted.items()}
    for a in report.agreement:
        assert a.equal == int((predicted[a.first] == predicted[a.second]).sum())


def test_layers_count_what_the_trace_shows(model: Path, tmp_path: Path) -> None:
    report, trace = traced(model, tmp_path)
    hidden, out = report.layers
    spikes = trace["chip/hidden"].reshape(SAMPLES, -1).sum(axis=1)
    assert hidden.spikes is not None
    assert (hidden.spikes.mean, hidden.spikes.std) == (spikes.mean(), spikes.std(ddof=1))
    assert hidden.rate == pytest.approx(spikes.mean() / HIDDEN / STEPS)
    # A weight may be stored twice, coarse and fine.
    assert hidden.synapses in (12 * HIDDEN, 2 * 12 * HIDDEN)
    assert out.synapses in (HIDDEN * CLASSES, 2 * HIDDEN * CLASSES)
    assert hidden.synops == samples()["x"].sum() / SAMPLES * hidden.synapses / 12
    assert out.synops == pytest.approx(spikes.mean() * out.synapses / HIDDEN)
    same = trace["reference/hidden"] == trace["integer/hidden"]
    assert hidden.agreement[0].equal == pytest.approx(same.mean())
    assert hidden.agreement[1].equal == 1
    assert 0.5 < same.mean() <= 1


def test_utilization_is_that_of_the_pieces(model: Path) -> None:
    used = run(model).utilization
    assert used is not None
    assert used.cores == len(used.pieces) > 2  # the hidden layer had to be split
    assert sum(p.neurons for p in used.pieces) == HIDDEN + CLASSES
    for r in used.resources:
        of_pieces = [p.use[r.name] for p in used.pieces]
        assert (r.largest, r.total) == (max(of_pieces), sum(of_pieces))
        assert r.mean == pytest.approx(np.mean(of_pieces))
        assert r.limit is not None
        assert 0 <= r.largest <= r.limit


def test_time_adds_up(model: Path) -> None:
    time = run(model).latency
    assert time is not None
    assert (time.steps, time.behind) == (STEPS, 2)
    assert time.frame >= STEPS + 2
    assert time.frame & (time.frame - 1) == 0  # the board resets at powers of two
    assert time.inference_s.mean == pytest.approx(time.step_mean_s * time.frame)
    assert time.answer_s.high <= time.inference_s.high
    assert sum(b.share for b in time.bounds) == pytest.approx(1)


def inside(measured: Stat | None, bound: Stat | None) -> bool:
    if measured is None or bound is None:
        return measured is bound
    low, high = sorted((bound.low, bound.high))
    return low <= measured.low <= measured.high <= high


def whole_line(model: Path) -> Simulated:
    net = read_nir(model, **OPTIONS)
    *_, last = line(begin(load_board("tiny"), net, samples()))
    assert isinstance(last, Simulated)
    return last


def test_every_measured_energy_lies_within_the_bounds(model: Path) -> None:
    last = whole_line(model)
    silent, firing = simulate.run_extremes(last.program, STEPS)
    measured = ledger(last.recordings.activity, last.program)
    bounded = bounds(silent, firing, last.program)
    assert (measured.basis, bounded.basis, bounded.steps) == ("measured", "bounds", STEPS)
    for of, within in zip(measured.accounts, bounded.accounts, strict=True):
        assert inside(of.dynamic, within.dynamic)
        assert of.dynamic.low > 0
        for a, b in zip(of.lines, within.lines, strict=True):
            assert inside(a.count, b.count), a.name
            assert inside(a.joules, b.joules), a.name
    for a, b in zip(measured.static, bounded.static, strict=True):
        assert inside(a.joules, b.joules), a.name
    assert bounded.interval.low < measured.interval.low
    assert measured.interval.high < bounded.interval.high


def test_in_the_upper_bound_everything_fires_in_every_step(model: Path) -> None:
    energy = run(model, input=None, steps=5).energy
    assert energy is not None
    counts = {line.counter: line.count for a in energy.accounts for line in a.lines}
    assert counts["spikes"].high == (HIDDEN + CLASSES) * 5
    assert counts["synops_dense"].high == (12 * HIDDEN + HIDDEN * CLASSES) * 5
    assert counts["spikes"].low == counts["synops_dense"].low == 0


def test_without_steps_the_bounds_are_of_one_step(model: Path) -> None:
    energy = run(model, input=None).energy
    assert energy is not None
    assert energy.steps == 1


REACHED = {
    "read": (False, False, False),
    "normalize": (False, False, False),
    "quantize": (True, False, False),
    "partition": (True, False, False),
    "place": (True, False, False),
    "route": (True, True, False),
    "simulate": (True, True, True),
}


@pytest.mark.parametrize("stage", names(StageName))
def test_stopping_early_reports_what_was_reached(stage: str, model: Path) -> None:
    report = run(model, stop_after=stage)
    reached = (
        bool(report.support),
        report.utilization is not None,
        report.energy is not None,
    )
    assert reached == REACHED[stage]
    assert report.stopped_after == stage
    assert bool(report.accuracy) == (stage == "simulate")


def test_progress_is_told_each_stage_in_order(model: Path) -> None:
    told: list[str] = []
    run(model, progress=told.append)
    assert told == list(names(StageName))


def test_folder_holds_the_report_and_the_program(model: Path, tmp_path: Path) -> None:
    report = run(model, out=tmp_path / "out")
    names = {f.name for f in (tmp_path / "out").iterdir()}
    assert {"report.json", "report.md", "quantized.npz", "program.json"} <= names
    assert names - FORM_FILES == {"quantized.npz", "program.json", "manifest.json"}
    assert read_report(tmp_path / "out" / "report.json") == report


def test_program_and_integers_rebuild_the_network(model: Path, tmp_path: Path) -> None:
    run(model, out=tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "program.json").read_text())
    last = whole_line(model)
    assert last.quant is not None
    with np.load(tmp_path / "out" / "quantized.npz", allow_pickle=False) as integers:
        for i, p in enumerate(last.quant.projections):
            assert (integers[f"projection/{i}/weight"] == p.map.weight).all()  # type: ignore[union-attr]
            said = facts["projections"][i]
            assert (said["pre"], said["post"]) == (p.pre, p.post)
            assert (said["weight_exp"], said["sign_mode"]) == (
                p.weight_exp,
                p.sign_mode.name,
            )
        for pop in last.quant.populations:
            for key, values in pop.params.items():
                assert (integers[f"population/{pop.name}/{key}"] == values).all()
    windows = [piece["window"] for p in facts["populations"] for piece in p["pieces"]]
    assert sum(w["x1"] - w["x0"] for w in windows) == HIDDEN + CLASSES
    cores = [piece["core"] for p in facts["populations"] for piece in p["pieces"]]
    assert len(set(cores)) == len(cores)


def test_same_input_and_seed_give_the_same_bytes(model: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(model, out=tmp_path / name, trace=tmp_path / f"{name}.npz", seed=3)
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_model_in_memory_gives_the_same_numbers(model: Path) -> None:
    from_file, from_memory = run(model), run(graph())
    assert from_file.model.sha256 is not None
    assert from_memory.model.sha256 is None
    assert from_memory.energy == from_file.energy
    assert from_memory.accuracy == from_file.accuracy


def test_input_as_file_gives_the_same_numbers(model: Path, tmp_path: Path) -> None:
    file = write_samples(tmp_path / "test.npz")
    assert run(model, input=file).energy == run(model).energy


def test_where_memory_is_short_fewer_samples_are_compared(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(model)
    monkeypatch.setattr(simulate, "COMPARED_VALUES", 3 * STEPS * (HIDDEN + CLASSES) + 1)
    part = run(model)
    assert whole.input is not None
    assert part.input is not None
    assert (whole.input.compared, part.input.compared) == (SAMPLES, 3)
    assert (part.accuracy, part.energy) == (whole.accuracy, whole.energy)
    assert any("first 3 of 10 samples" in caveat for caveat in part.caveats)


def test_caveats_name_what_is_inherited_and_what_is_unknown(model: Path) -> None:
    text = "\n".join(run(model).caveats)
    assert "prices are inherited" in text
    assert "management CPUs not published" in text
    assert "of the time model" in text


def test_report_is_stable_json(model: Path) -> None:
    facts = json.loads(to_json(run(model)))
    assert facts["schema_version"] == "1"
    assert facts["target"]["source"]
    assert facts["model"]["file"] == "model.nir"


X = samples()["x"]
BAD_WISHES: list[tuple[dict[str, Any], str]] = [
    (
        {"stop_after": "simulat"},
        r"stop_after='simulat': must be one of read, normalize.*did you mean simulate",
    ),
    ({"seed": -1}, r"seed=-1: must be a whole number, at least 0"),
    ({"min_accuracy": 1.5}, r"min_accuracy=1\.5: must be a number from 0 to 1"),
    ({"min_accuracy": 0.5, "input": None}, r"min_accuracy: nothing is simulated without"),
    ({"trace": "t.npz", "input": None}, r"trace: nothing is simulated without samples"),
    (
        {"trace": "t.npz", "stop_after": "route"},
        r"trace: .*with stop_after='route'; leave that out",
    ),
    ({"min_accuracy": 0.5, "input": X}, r"min_accuracy=0\.5: data has no labels; add y"),
    (
        {"input": {"x": X, "y": np.full(SAMPLES, 3)}},
        r"label 3 has no output neuron, 'out' has 3",
    ),
    ({"decode": "mean"}, r"decode='mean': reads membranes, but output 'out' gives spikes"),
]


@pytest.mark.parametrize(("options", "message"), BAD_WISHES)
def test_wishes_that_make_no_sense_are_refused(
    options: dict[str, Any], message: str, model: Path
) -> None:
    with pytest.raises(InputError, match=message):
        run(model, **options)


def test_unknown_board_is_refused(model: Path) -> None:
    with pytest.raises(BoardError, match="no board 'loihi9'"):
        deploy(model, "loihi9")
