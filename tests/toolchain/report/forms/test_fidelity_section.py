"""The fidelity report of real runs: each gap recounted, the layer that loses most really does."""

from functools import cache
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from typer.testing import CliRunner

from snn_deploy import deploy
from snn_deploy.errors import InputError
from snn_deploy.evaluation.fidelity import Fidelity
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.report.forms.forms import form_files
from snn_deploy.report.report import Report
from snn_deploy_simulators import reference
from support import small_model
from support.command_line import app
from support.deployed import bounded, measured, readout


def found_in(report: Report) -> Fidelity:
    assert report.fidelity is not None
    return report.fidelity


@cache
def forms() -> dict[str, bytes]:
    return form_files(measured(), ("json", "md", "html", "tex"))


@cache
def floats() -> dict[str, Any]:
    return dict(
        reference.run(
            read_nir(small_model.graph(), **small_model.OPTIONS), small_model.samples()["x"]
        ).outputs
    )


def test_gaps_are_those_of_the_traces(tmp_path: Path) -> None:
    file = tmp_path / "trace.npz"
    report = deploy(
        small_model.graph(),
        "tiny",
        input=small_model.samples(),
        trace=file,
        **small_model.OPTIONS,
    )
    trace = np.load(file)
    assert [x.population for x in found_in(report).layers] == ["hidden", "out"]
    for layer in found_in(report).layers:
        for stages in (("reference", "integer"), ("integer", "chip")):
            a, b = (trace[f"{s}/{layer.population}"] for s in stages)
            assert a.sum() > 10
            seen = layer.gap(stages[1])
            assert seen is not None
            assert seen.differing == (a != b).sum()
            assert seen.loss == (a != b).sum() / ((a != 0) | (b != 0)).sum()


def test_the_first_layer_loses_as_much_alone_as_in_the_network() -> None:
    hidden = found_in(measured()).layers[0]
    rounding = hidden.gap("integer")
    assert hidden.alone is not None
    assert rounding is not None
    assert hidden.alone.differing == rounding.differing


def coarse(n: int, m: int, large: float) -> nir.Affine:
    """Return weights of which one is so large that all others round to little."""
    rng = np.random.default_rng(3)
    weight = rng.normal(0.05, 0.2, (n, m))
    weight[0, 0] = large
    return nir.Affine(weight, np.zeros(n))


@pytest.mark.parametrize(("bad", "good"), [("fc1", "fc2"), ("fc2", "fc1")])
def test_the_layer_with_the_coarse_weights_is_named(bad: str, good: str) -> None:
    sizes = {
        "fc1": (small_model.HIDDEN, 12),
        "fc2": (small_model.CLASSES, small_model.HIDDEN),
    }
    model = small_model.graph(
        **{bad: coarse(*sizes[bad], 90.0), good: coarse(*sizes[good], 0.3)}
    )
    fidelity = found_in(
        deploy(model, "tiny", input=small_model.samples(), **small_model.OPTIONS)
    )
    assert fidelity.worst == {"fc1": "hidden", "fc2": "out"}[bad]
    assert fidelity.sentences[-1].startswith(f"'{fidelity.worst}' loses most by itself")
    alone = {x.population: x.alone.loss for x in fidelity.layers if x.alone}
    assert alone[fidelity.worst] == max(filter(None, alone.values()))


def test_integers_that_are_exact_lose_nothing() -> None:
    def whole(n: int, m: int) -> nir.Affine:
        weight = np.random.default_rng(0).integers(-4, 8, (n, m)) / 8.0
        return nir.Affine(weight, np.zeros(n))

    model = small_model.graph(
        fc1=whole(small_model.HIDDEN, 12),
        fc2=whole(small_model.CLASSES, small_model.HIDDEN),
    )
    fidelity = found_in(
        deploy(model, "tiny", input=small_model.samples(), **small_model.OPTIONS)
    )
    assert fidelity.worst is None
    assert fidelity.sentences == (
        "no layer loses anything by itself: fed with the float network's own spikes, the "
        "integers of each send the same",
    )
    rates = [g.rate_first for x in fidelity.layers for g in x.gaps]
    assert all(rate is not None and rate > 0.01 for rate in rates)


def test_without_a_trace_the_framework_is_said_not_to_be_given() -> None:
    fidelity = found_in(measured())
    assert fidelity.framework == "not given"
    assert all(x.gap("reference") is None for x in fidelity.layers)
    assert "framework" not in {a.stage for a in measured().accuracy}
    assert bounded().fidelity is None


def test_a_framework_that_did_the_same_agrees_in_every_bin_and_has_an_accuracy() -> None:
    report = deploy(
        small_model.graph(),
        "tiny",
        input=small_model.samples(),
        framework_trace=floats(),
        **small_model.OPTIONS,
    )
    fidelity, accuracy = found_in(report), {a.stage: a for a in report.accuracy}
    for layer in fidelity.layers:
        seen = layer.gap("reference")
        assert seen is not None
        assert seen.differing == 0
        assert seen.rate_first == pytest.approx(floats()[layer.population].mean())
    assert accuracy["framework"].correct == accuracy["reference"].correct
    assert (report.agreement[0].first, report.agreement[0].equal) == ("framework", 10)
    assert len(fidelity.sentences) == 1


def test_a_wrong_reading_is_seen_and_the_first_layer_that_shows_it_is_named() -> None:
    wrong = {**small_model.OPTIONS, "reset": "subtract"}
    report = deploy(
        small_model.graph(),
        "tiny",
        input=small_model.samples(),
        framework_trace=floats(),
        **wrong,
    )
    first = found_in(report).sentences[0]
    assert first.startswith("'hidden' is the first layer whose float network is not the")
    assert "another reading" in first
    only_out = {"out": floats()["out"]}
    report = deploy(
        small_model.graph(),
        "tiny",
        input=small_model.samples(),
        framework_trace=only_out,
        **wrong,
    )
    assert found_in(report).sentences[0].startswith("'out' is the first layer")
    assert found_in(report).layers[0].gap("reference") is None


def test_membranes_of_a_readout_are_compared_by_their_size() -> None:
    layer = found_in(readout()).layers[-1]
    assert not layer.spiking
    seen = layer.gap("integer")
    assert seen is not None
    assert seen.loss is not None
    assert 0 < seen.loss < 0.2
    chip = layer.gap("chip")
    assert chip is not None
    assert chip.loss == 0


@pytest.mark.parametrize("form", ["report.md", "report.html", "report.tex", "report.json"])
def test_every_form_names_the_layer_that_loses_most(form: str) -> None:
    text = forms()[form].decode()
    assert "loses most by itself" in text
    assert "not given" in text


def test_the_command_line_takes_a_trace_and_shows_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small_model.write_model(Path("model.nir"))
    small_model.write_samples(Path("test.npz"))
    np.savez("sent.npz", **floats())
    words = [
        "model.nir",
        "--target",
        "tiny",
        *small_model.FLAGS,
        "--framework-trace",
        "sent.npz",
    ]
    shown = CliRunner().invoke(app, ["deploy", *words, "--input", "test.npz"])
    assert shown.exit_code == 0
    assert "framework: sent.npz; 10 samples compared" in shown.stdout
    refused = CliRunner().invoke(app, ["deploy", *words])
    assert refused.exit_code == 2
    assert "--framework-trace: nothing is simulated without samples" in refused.stderr


def test_a_stage_that_is_not_reached_cannot_be_compared() -> None:
    with pytest.raises(
        InputError, match="framework_trace: nothing is simulated with stop_after="
    ):
        deploy(
            small_model.graph(hidden=small_model.lif(small_model.HIDDEN)),
            "tiny",
            input=small_model.samples(),
            framework_trace=floats(),
            stop_after="route",
            **small_model.OPTIONS,
        )
