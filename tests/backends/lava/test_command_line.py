"""From the command line to Lava and back: --backend lava, --verify, run."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from support.command_line import app
from support.small_model import FLAGS, write_model, write_samples


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the arguments that deploy the small model on its samples."""
    folder = tmp_path_factory.mktemp("model")
    write_samples(folder / "samples.npz")
    file = write_model(folder / "small.nir")
    return [str(file), *FLAGS, "--target", "loihi2", "--input", str(folder / "samples.npz")]


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_an_emitted_program_runs_on_lava_and_equals_our_integers(
    model: list[str], lava_python: Path, tmp_path: Path
) -> None:
    build, python = tmp_path / "build", ["--lava-python", str(lava_python)]
    code, out, err = call(
        *model, "--backend", "lava", "--out", str(build), "--verify", *python, "--json"
    )
    assert (code, err) == (0, "")
    verified = json.loads(out)["verified"]
    assert verified["mismatches"] == 0
    assert verified["spikes"] > 50
    assert {p["population"] for p in verified["populations"]} == {"hidden", "out"}
    assert {"run.py", "network.npz", "requirements.txt", "README.md", "report.json"} <= {
        f.name for f in build.iterdir()
    }

    code, out, err = call("run", str(build), *python)
    assert (code, err) == (0, "")
    assert "equal the integer simulator" in out

    code, out, _ = call("run", str(build), "--samples", "2", "--json", *python)
    assert code == 0
    shares = json.loads(out)["result"]
    assert [v for k, v in shares.items() if k.endswith("equal")] == [1.0]


def test_a_program_that_computes_something_else_is_found_out(
    model: list[str], lava_python: Path, tmp_path: Path
) -> None:
    build = tmp_path / "build"
    assert call(*model, "--backend", "lava", "--out", str(build))[0] == 0
    with np.load(build / "network.npz") as content:
        arrays = dict(content)
    weight = next(k for k, v in arrays.items() if v.ndim == 2)
    arrays[weight] = arrays[weight] // 4 * 2
    np.savez(build / "network.npz", **arrays)
    code, _, err = call("run", str(build), "--lava-python", str(lava_python))
    assert code != 0
    assert "differ in" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backend", "lava"], "--backend lava: say with --out where"),
        (
            ["--backend", "lawa", "--out", "x"],
            "--backend lawa: no such backend; did you mean lava?",
        ),
        (
            ["--verify", "--stop-after", "route"],
            "--verify: nothing is simulated with --stop-after route",
        ),
        (
            ["--verify", "--lava-python", "/bin/true"],
            "--lava-python /bin/true: cannot import",
        ),
    ],
)
def test_wishes_that_cannot_be_met_are_one_sentence(
    model: list[str], tmp_path: Path, arguments: list[str], message: str
) -> None:
    here = [str(tmp_path / "x") if a == "x" else a for a in arguments]
    code, out, err = call(*model, *here)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("error:") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_program_is_refused(tmp_path: Path) -> None:
    code, _, err = call("run", str(tmp_path))
    assert code == 2
    assert "no emitted Lava program" in err
