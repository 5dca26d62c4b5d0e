"""`snn-deploy gate` as CI runs it: exit codes, JUnit, GitHub, the shipped action and hook."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import nir
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from support.command_line import app
from support.small_model import HIDDEN, graph, lif, write_model, write_samples

ROOT = Path(__file__).parents[3]
OPTIONS = "{profile: snntorch, reset: zero}"


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(w) for w in words])


def wider(more: int = 8) -> dict[str, nir.NIRNode]:
    """Nodes of a model whose hidden layer has its first `more` neurons twice."""
    nodes = graph().nodes
    fc1, fc2 = nodes["fc1"], nodes["fc2"]
    rows = np.r_[np.arange(HIDDEN), np.arange(more)]
    return {
        "fc1": nir.Affine(fc1.weight[rows], fc1.bias[rows]),
        "hidden": lif(HIDDEN + more),
        "fc2": nir.Affine(fc2.weight[:, rows], fc2.bias),
    }


def deploy_yaml(file: Path, budgets: str = "{accuracy: 0, cores: 64}", **more: str) -> Path:
    keys = {"model": "model.nir", "target": "tiny", "input": "test.npz", "name": "small",
            "options": OPTIONS, "budgets": budgets, **more}  # fmt: skip
    file.write_text("".join(f"{k}: {v}\n" for k, v in keys.items()))
    return file


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    write_model(Path("model.nir"))
    write_samples(Path("test.npz"))
    deploy_yaml(Path("deploy.yaml"))


def test_run_within_its_budgets_is_green() -> None:
    result = invoke("gate", "deploy.yaml", "--junit", "ci/gate.xml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "small on tiny: 2 passed" in result.stdout
    (suite,) = ET.parse("ci/gate.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "0")


def test_pull_request_whose_energy_rises_fails_and_names_the_layer() -> None:
    assert invoke("gate", "deploy.yaml", "--out", "base").exit_code == 0
    assert invoke("gate", "deploy.yaml", "--baseline", "base").exit_code == 0
    write_model(Path("model.nir"), **wider())
    result = invoke(
        "gate", "deploy.yaml", "--baseline", "base", "--junit", "gate.xml", "--out", "now"
    )
    assert result.exit_code == 4
    lines = [x for x in result.stderr.splitlines() if "energy" in x]
    assert lines
    for line in lines:
        assert re.match(
            r"error: small: energy \S+ against baseline is .* above the allowed", line
        )
        assert re.search(r"rose: (hidden|out) \+[\d.]+ µJ \(\+[\d.]+ %\)", line)
    rises = []
    for name in ("base", "now"):
        report = json.loads(Path(name, "small.json").read_text())
        rises.append(report["energy"]["accounts"][0]["dynamic"]["mean"])
    assert rises[1] / rises[0] >= 1.10
    failures = ET.parse("gate.xml").getroot().findall(".//failure")
    assert [f.text for f in failures] == [
        x.removeprefix("error: ") for x in result.stderr.splitlines()
    ]


def test_same_run_writes_the_same_bytes() -> None:
    texts = []
    for name in ("a.xml", "b.xml"):
        result = invoke("gate", "deploy.yaml", "--junit", name, "--json", "--out", "o")
        texts.append(
            (result.stdout, Path(name).read_bytes(), Path("o/small.json").read_bytes())
        )
    assert texts[0] == texts[1]
    (verdict,) = json.loads(texts[0][0])
    assert verdict["passed"]
    assert {f["what"] for f in verdict["findings"]} == {"accuracy", "cores"}


def test_github_gets_annotations_and_a_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    Path("summary.md").write_text("before\n")
    deploy_yaml(Path("deploy.yaml"), "{cores: 1, accuracy: 0}")
    result = invoke("gate", "deploy.yaml")
    assert result.exit_code == 4
    (command,) = [x for x in result.stdout.splitlines() if x.startswith("::")]
    assert command.startswith(
        "::error file=deploy.yaml,title=small%3A cores::small: cores is "
    )
    assert "%25" in command  # by how many per cent, escaped
    summary = Path("summary.md").read_text()
    assert summary.startswith("before\n## snn-deploy gate")
    assert "| FAILED | cores |" in summary


def test_nothing_is_said_to_github_elsewhere() -> None:
    deploy_yaml(Path("deploy.yaml"), "{cores: 1}")
    assert "::" not in invoke("gate", "deploy.yaml").stdout


def test_json_stays_pure_where_github_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    deploy_yaml(Path("deploy.yaml"), "{cores: 1}")
    result = invoke("gate", "deploy.yaml", "--json")
    assert not json.loads(result.stdout)[0]["passed"]
    assert "::error" in result.stderr


REFUSED = [
    (["none.yaml"], 2, r"none\.yaml: not a readable deploy\.yaml"),
    (["deploy.yaml", "--baseline", "none.json"], 2, r"none\.json: not a readable report"),
    (
        ["deploy.yaml", "--baseline", "empty"],
        2,
        r"empty/small\.json: not a readable report",
    ),
    (["deploy.yaml", "--junit", "model.nir/x.xml"], 2, "--junit .*cannot be written"),
    (["deploy.yaml", "--junit", "deploy.yaml"], 2, "--junit .*is read, too"),
    (["deploy.yaml", "--junit", "./test.npz"], 2, "--junit .*is read, too"),
    (["labeled.yaml", "--junit", "y.npy"], 2, "--junit .*is read, too"),
    (["deploy.yaml", "--junit", "empty"], 2, "--junit empty: is a folder; give a file"),
    (["deploy.yaml", "--out", "model.nir"], 2, "--out .*cannot be written"),
    (["own.yaml", "--out", "."], 2, r"--out own\.json: is read, too"),
    (
        ["two.yaml", "--baseline", "deploy.yaml"],
        2,
        "is one file, but there are 2 deployments",
    ),
    (["lost.yaml"], 2, r"none\.nir"),
]


@pytest.mark.parametrize(("words", "code", "message"), REFUSED)
def test_what_cannot_be_judged_is_said_in_a_line(
    words: list[str], code: int, message: str
) -> None:
    Path("empty").mkdir()
    one = "{model: model.nir, target: tiny, name: %s}"
    Path("two.yaml").write_text(f"deployments: [{one % 'a'}, {one % 'b'}]")
    deploy_yaml(Path("lost.yaml"), model="none.nir")
    deploy_yaml(Path("own.yaml"), model="own.json", name="own")
    deploy_yaml(Path("labeled.yaml"), options=OPTIONS[:-1] + ", labels: y.npy}")
    np.save("y.npy", np.zeros(3, np.int64))
    Path("own.json").write_bytes(Path("model.nir").read_bytes())
    result = invoke("gate", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert re.fullmatch(rf"error: .*{message}.*\n", result.stderr)


# What ships for CI


def test_examples_pass_their_own_gate() -> None:
    result = invoke("gate", ROOT / "examples/ci/deploy.yaml")
    assert result.exit_code == 0, result.stderr
    assert "digits_conv on loihi2: 10 passed" in result.stdout


def test_action_runs_the_gate_with_its_inputs(tmp_path: Path) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    step = action["runs"]["steps"][-1]
    inputs = {"file": "deploy.yaml", "junit": "a b.xml", "baseline": "", "out": ""}
    assert {f"${{{{ inputs.{name} }}}}" for name in inputs} == set(step["env"].values())
    given = {k: inputs[v.split(".")[1].split()[0]] for k, v in step["env"].items()}
    # What GitHub calls `snn-deploy` is the command of this interpreter's environment.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]],
        env={**os.environ, **given, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a b.xml").is_file()


def test_action_declares_every_input_it_uses() -> None:
    text = (ROOT / "action.yml").read_text()
    used = set(re.findall(r"inputs\.(\w+)", text))
    assert used == set(yaml.safe_load(text)["inputs"])


def test_hook_calls_a_verb_that_exists() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    command, *words = hook["entry"].split()
    assert command == "snn-deploy"
    assert invoke(*words, *hook["args"]).exit_code == 0
    for name in ("nets/a.nir", "x.npz", "deploy.yaml", "ci/deploy.yaml"):
        assert re.search(hook["files"], name)
    assert not re.search(hook["files"], "redeploy.yaml")


@pytest.mark.parametrize("name", ["github.yml", "gitlab-ci.yml"])
def test_snippets_use_options_that_exist(name: str) -> None:
    text = (ROOT / "examples/ci" / name).read_text()
    found = yaml.safe_load(text)
    if name == "gitlab-ci.yml":
        (command,) = [x for x in found["deploy"]["script"] if x.startswith("snn-deploy")]
        words = command.split()
        assert invoke("gate", "deploy.yaml", "--out", "baseline").exit_code == 0
        assert invoke(*words[1:]).exit_code == 0
        assert Path(found["deploy"]["artifacts"]["reports"]["junit"]).is_file()
    else:
        (step,) = [s for s in found["jobs"]["gate"]["steps"] if "snn-deploy" in s["uses"]]
        inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
        assert set(step["with"]) <= set(inputs)


def test_accuracy_below_budget_is_told_in_points() -> None:
    write_samples(Path("test.npz"), y=np.r_[0, np.full(9, 2)])
    deploy_yaml(Path("deploy.yaml"), "{accuracy: 1.0}")
    result = invoke("gate", "deploy.yaml")
    assert result.exit_code == 4
    assert re.search(r"below the required 100\.0 % by [\d.]+ points", result.stderr)
