"""deploy --lower: the same answers with binary spikes, and what it says of itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from snn_deploy import DoesNotFitError, InputError, deploy
from snn_deploy.frontends.nir_writer.write_nir import write_nir
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif, MultiLevel
from snn_deploy.report.report import Report
from support.command_line import app

SAMPLES, STEPS = 12, 10


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with two layers of neurons that send levels 0..3."""
    rng = np.random.default_rng(4)
    first = MultiLevel.of(12, threshold=9.0, v0=4.5, high=3.0)
    last = MultiLevel.of(4, threshold=7.0, v0=3.5, high=3.0)
    net = Network(
        (Input("in", (8,)),),
        (Population("a", (12,), first), Population("b", (4,), last)),
        (
            Projection("in", "a", Dense(rng.integers(-6, 10, (12, 8)).astype(float))),
            Projection("a", "b", Dense(rng.integers(-6, 8, (4, 12)).astype(float))),
        ),
        ("b",),
    )
    return write_nir(net, tmp_path_factory.mktemp("model") / "levels.nir").path


def samples() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    x = (rng.random((SAMPLES, STEPS, 8)) < 0.4).astype(np.float64)
    return {"x": x, "y": np.arange(SAMPLES) % 4}


OPTIONS: dict[str, Any] = {"profile": "nir", "dt": 1e-3, "threshold": "ge"}


def run(model: Path, **options: Any) -> Report:
    return deploy(model, "loihi2", input=samples(), **OPTIONS, **options)


def spikes(report: Report, name: str) -> float:
    """Return the mean spikes per sample of a population."""
    found = {layer.name: layer.spikes for layer in report.layers}[name]
    return 0.0 if found is None or found.mean is None else found.mean


@pytest.mark.parametrize("method", ["bit-planes", "unary", "member-bank"])
def test_binary_spikes_give_the_accuracy_of_levels(method: str, model: Path) -> None:
    graded, low = run(model), run(model, spike_bits=0, lower=method)
    assert [a.correct for a in low.accuracy] == [a.correct for a in graded.accuracy]
    assert {a.equal for a in low.agreement} == {SAMPLES}
    assert low.answer is not None
    assert low.answer.decoder == "final"
    assert {a.name: a.value for a in low.assumptions}["binary spikes"] == method
    names = [layer.name for layer in low.layers]
    parts = 2 if method == "bit-planes" else 3
    assert len(names) == 2 * parts + 1
    assert names[-1] == "b"
    assert all(spikes(low, name) > 0 for name in names[:-1])


def test_without_lowering_the_board_says_which_flag_helps(model: Path) -> None:
    with pytest.raises(DoesNotFitError, match=r"with lower='bit-planes' or 'unary'"):
        run(model, spike_bits=0)


def test_only_the_sum_of_an_output_can_be_read(model: Path) -> None:
    with pytest.raises(InputError, match=r"decode='count': lower makes output 'b' the sum"):
        run(model, lower="unary", decode="count")


def test_an_unknown_method_is_refused(model: Path) -> None:
    with pytest.raises(InputError, match=r"lower='rate': must be one of bit-planes"):
        run(model, lower="rate")


def test_a_network_that_sends_no_levels_stays_as_it_is(tmp_path: Path) -> None:
    pop = Population("a", (8,), Lif.of(8, threshold=2.0))
    link = Projection("in", "a", Dense(np.eye(8) * 3))
    net = Network((Input("in", (8,)),), (pop,), (link,), ("a",))
    file = write_nir(net, tmp_path / "plain.nir").path
    data = {"x": samples()["x"]}
    plain, low = (
        deploy(file, "loihi2", input=data, lower=m, **OPTIONS) for m in (None, "unary")
    )
    assert plain.layers == low.layers
    assert spikes(plain, "a") > 0


def test_the_command_line_takes_a_method(model: Path, tmp_path: Path) -> None:
    data = samples()
    np.savez(tmp_path / "x.npz", x=data["x"], y=data["y"])
    arguments = [str(model), "--target", "loihi2", "--input", str(tmp_path / "x.npz")]
    arguments += ["--spike-bits", "0", "--lower", "unary", "--profile", "nir"]
    result = CliRunner().invoke(
        app, ["deploy", *arguments, "--dt", "1e-3", "--threshold", "ge", "--json"]
    )
    assert result.exit_code == 0, result.output
    assert "a level 3" in result.stdout
