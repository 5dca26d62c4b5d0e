"""An error names the option as its caller wrote it: Python, the command line, a YAML file."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from snn_deploy import InputError, deploy
from snn_deploy.options.base import fields_of
from snn_deploy.options.request import GROUPS
from support.command_line import invoke
from support.imports import modules
from support.small_model import write_model, write_samples

READ = {"profile": "snntorch", "reset": "zero"}
# Options that cannot be so, or not together; the message with {name} for each of them.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"weight_bits": 9}, "{weight_bits:9}: must be a whole number from 1 to 8"),
    ({"partition": "fewst"}, "{partition:'fewst'}: must be one of intel, square, fewest"),
    ({"dt": -1}, "{dt:-1}: must be a number above 0"),
    ({"exit_when_stable": 0}, "{exit_when_stable:0}: must be a whole number, at least 1"),
    ({"sensor": "axb"}, "{sensor:'axb'}: must be WIDTHxHEIGHT in pixels"),
    ({"steps": 99}, "fewer than {steps:99}"),
    ({"decode": "mean"}, "{decode:'mean'}: reads membranes, but output 'out' gives spikes"),
    ({"formats": "docx"}, "{formats:'docx'}: no such form"),
    ({"backend": "lawa"}, "{backend:'lawa'}: no such backend; did you mean lava?"),
    ({"backend": "lava"}, "{backend:'lava'}: say with {out} where its program goes"),
    ({"finetune_epochs": 3}, "{finetune_epochs:3}: nothing to train on; give {finetune}"),
    ({"finetune": "x.npz"}, "{finetune}: say with {max_drop:POINTS} how much accuracy"),
    ({"labels": "y.npy"}, "{labels:'y.npy'}: x.npz holds labels 'y' itself"),
    ({"framework_trace": "t.npz"}, "{framework_trace:'t.npz'}: No such file or directory"),
    ({"polarity": "on"}, "{polarity}: has no meaning for x.npz, which holds values"),
    ({"bin_ms": 2}, "{bin_ms}: has no meaning for x.npz, which holds values"),
]  # fmt: skip
UNSPOKEN = re.compile(r"--[a-z]")  # a flag, written out
# Where a flag is no option of a deployment, or a text that people read after the run.
OF_THE_COMMAND_LINE = (
    "snn_deploy.cli.",
    "snn_deploy.report.",
    "snn_deploy_backends.lava.verify",  # words for the emitted program
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_model(tmp_path / "m.nir")
    write_samples(tmp_path / "x.npz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def from_python(given: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        deploy("m.nir", "tiny", input="x.npz", **READ, **given)  # type: ignore[arg-type]
    return str(caught.value)


def from_the_command_line(given: dict[str, Any]) -> str:
    options = {**READ, **given}
    words = [w for n, v in options.items() for w in (f"--{n.replace('_', '-')}", str(v))]
    result = invoke("deploy", "m.nir", "--target", "tiny", "--input", "x.npz", *words)
    assert result.exit_code == 2, result.stdout
    return result.stderr


def from_yaml(given: dict[str, Any]) -> str:
    facts = {"model": "m.nir", "target": "tiny", "input": "x.npz"}
    Path("d.yaml").write_text(json.dumps({**facts, "options": {**READ, **given}}))
    result = invoke("gate", "d.yaml")
    assert result.exit_code == 2, result.stdout
    return result.stderr


def written(message: str, caller: str) -> str:
    """Return the message as one caller reads it; {name:value} is an option."""

    def words(match: re.Match[str]) -> str:
        name, value = match.groups()
        if caller == "python":
            return name if value is None else f"{name}={value}"
        bare = None if value is None else value.strip("'")
        if caller == "command line":
            flag = "--" + name.replace("_", "-")
            return flag if bare is None else f"{flag} {bare}"
        key = f"$.options.{name.replace('_', '-')}"
        return key if bare is None else f"{key}: {bare}"

    return re.sub(r"\{(\w+)(?::([^}]*))?\}", words, message)


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_each_caller_reads_its_own_words(
    given: dict[str, Any], message: str, folder: Path
) -> None:
    assert written(message, "python") in from_python(given)
    assert written(message, "command line") in from_the_command_line(given)
    hyphened = {name.replace("_", "-"): value for name, value in given.items()}
    said = from_yaml(hyphened)
    assert written(message, "yaml") in said
    assert said.startswith("error: d.yaml: ")


def test_yaml_is_quoted_as_it_was_written(folder: Path) -> None:
    assert "$.options.weight_bits: 9: must be" in from_yaml({"weight_bits": 9})
    assert "$.options.weight-bits: 9: must be" in from_yaml({"weight-bits": 9})


def test_one_of_several_deployments_is_named(folder: Path) -> None:
    good = {"model": "m.nir", "target": "tiny", "input": "x.npz", "options": READ}
    bad = {**good, "name": "second", "options": {**READ, "decode": "mean"}}
    Path("d.yaml").write_text(json.dumps({"deployments": [good, bad]}))
    said = invoke("gate", "d.yaml").stderr
    assert "error: d.yaml: second: $.deployments[1].options.decode: mean: reads" in said


def raised(tree: ast.AST) -> Iterator[str]:
    """Yield every text in a statement that raises one of our errors."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def test_no_error_writes_a_flag_out() -> None:
    """What can be raised to a caller from Python or YAML asks `option` for its words."""
    found = {
        (module, text)
        for module, file in modules().items()
        if not module.startswith(OF_THE_COMMAND_LINE)
        for text in raised(ast.parse(file.read_text()))
        if UNSPOKEN.search(text)
    }
    allowed = {text for _, text in found if "snn-deploy " in text}  # a whole command
    assert {text for _, text in found} - allowed == set()


def test_the_options_that_are_shown_wrong_are_options() -> None:
    known = {f.name for group in GROUPS.values() for f in fields_of(group)}
    assert {name for given, _ in WRONG for name in given} <= known
