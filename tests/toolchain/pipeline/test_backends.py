"""Backends by name: ours, those of others, and one of twenty lines that does everything."""

import json
import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from snn_deploy import InputError, deploy
from snn_deploy.cli.app import main
from snn_deploy.files.manifest import read_manifest
from snn_deploy.pipeline import backends
from snn_deploy.pipeline.backends import backend_modules, backend_options, load_backend
from support.command_line import invoke
from support.small_model import FLAGS, OPTIONS, graph, samples, write_model, write_samples

DOCUMENT = Path(__file__).parents[3] / "docs" / "backends.md"


def example() -> str:
    """Return the backend that the documentation shows."""
    (text,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return str(text)


def offer(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str]) -> None:
    made = [EntryPoint(name, value, backends.GROUP) for name, value in points]
    monkeypatch.setattr(backends, "entry_points", lambda **_: made)


@pytest.fixture
def listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install the documented backend, under its name; return that."""
    (tmp_path / "listing_backend.py").write_text(example())
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "listing_backend", raising=False)
    offer(monkeypatch, ("listing", "listing_backend"))
    monkeypatch.chdir(tmp_path)
    write_model(Path("m.nir"))
    write_samples(Path("x.npz"))
    return "listing"


def test_lava_is_built_in_and_keeps_the_protocol() -> None:
    module = load_backend("lava")
    for name in ("own_options", "check", "emit", "verify", "run"):
        assert callable(getattr(module, name))


def test_an_unknown_backend_lists_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, ("other", "json"))
    wanted = r"backend='lawa': no such backend; did you mean lava\?; there are: lava, other"
    with pytest.raises(InputError, match=wanted):
        load_backend("lawa")


def test_two_backends_of_one_name_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, ("lava", "theirs.lava"))
    with pytest.raises(
        InputError, match=r"'lava': offered by snn_deploy_backends.lava\S* and by theirs"
    ):
        backend_modules()


def test_one_that_cannot_be_imported_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, ("gone", "no_such_module"))
    with pytest.raises(InputError, match=r"'gone': no_such_module cannot be imported"):
        load_backend("gone")


def test_help_shows_the_options_of_ours_without_loading_it() -> None:
    (kind,) = backend_options([]).values()
    assert "--lava-python" in invoke("deploy", "--help").stdout
    assert kind.__struct_fields__ == ("lava_python",)


def test_the_documented_example_is_of_twenty_lines() -> None:
    lines = [
        x for x in example().splitlines() if x.strip() and not x.startswith(('"', "#"))
    ]
    assert len(lines) <= 30
    assert len([x for x in lines if "import" not in x]) <= 20


def test_the_documented_backend_works_twice_into_the_same_folder(listing: str) -> None:
    for _ in range(2):
        report = deploy(
            graph(), "tiny", input=samples(), backend=listing, out="built", verify=True,
            **OPTIONS,
        )  # fmt: skip
        assert report.verified is not None
        assert (report.verified.backend, report.verified.mismatches) == (listing, 0)
        assert report.verified.spikes > 0
    found = read_manifest(Path("built"))
    assert found is not None
    assert found.backend == listing
    assert "spikes.txt" in {e.name for e in found.files}


def test_its_own_options_are_flags_and_keys_once_it_is_named(
    listing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["m.nir", "--target", "tiny", "--input", "x.npz", *FLAGS, "--out", "built"]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--backend", listing, "--at-most", "3"])
    assert (ended.value.code, capsys.readouterr().err) == (0, "")
    with pytest.raises(SystemExit) as ended:
        main([*words, "--at-most", "3"])
    assert ended.value.code == 2
    assert "--at-most" in capsys.readouterr().err
    Path("deploy.yaml").write_text(
        "model: m.nir\ntarget: tiny\ninput: x.npz\nbudgets: {cores: 64}\noptions: "
        f"{{profile: snntorch, reset: zero, backend: {listing}, out: gated, at_most: 0}}\n"
    )
    result = invoke("gate", "deploy.yaml")
    assert result.exit_code == 2
    assert "$.options.at_most: 0: must be a whole number, at least 1" in result.stderr


def test_the_verb_run_finds_the_backend_in_the_manifest(listing: str) -> None:
    deploy(graph(), "tiny", input=samples(), backend=listing, out="built", **OPTIONS)
    result = invoke("run", "built", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["result"]["backend"] == listing
    part = json.loads(invoke("run", "built", "--samples", "2", "--json").stdout)
    assert part["result"] == {"spikes": 2.0}
    text = Path("built/spikes.txt").read_text()
    assert np.loadtxt(text.splitlines()).sum() > 0


def test_what_it_cannot_express_is_refused_before_anything_is_written(
    listing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_backend(listing), "check", lambda net: ("no loops here",))
    words = ("m.nir", "--target", "tiny", "--input", "x.npz", *FLAGS)
    with pytest.raises(SystemExit) as ended:
        main([*words, "--backend", listing, "--out", "built"])
    assert ended.value.code == 3
    assert not Path("built").exists()
    checked = invoke("check", *words, "--backend", listing)
    assert checked.exit_code == 3
    assert "no loops here" in checked.stderr


def ended(*words: str) -> int:
    """Return the exit code of a command line, as the shell runs it."""
    with pytest.raises(SystemExit) as end:
        main(words)
    return int(end.value.code or 0)


def altered(listing: str, old: str, new: str) -> None:
    """Change the documented backend, as its author might get it wrong."""
    file = Path("listing_backend.py")
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/nowhere/evil.txt", "is no plain path inside the folder"),
        ("../evil.txt", "is no plain path inside the folder"),
        ("a/../b.txt", "is no plain path inside the folder"),
        ("a\\\\b.txt", "is no plain path inside the folder"),
        ("", "is no plain path inside the folder"),
        ("report.json", "which the report itself is called"),
        ("manifest.json", "which the report itself is called"),
    ],
)
def test_files_that_would_leave_the_folder_or_replace_ours_are_refused(
    listing: str, name: str, why: str
) -> None:
    altered(listing, '"spikes.txt": ', f'"{name}": ')
    before = set(Path().iterdir())
    with pytest.raises(InputError, match=rf"backend 'listing': emits .*{why}"):
        deploy("m.nir", "loihi2", input="x.npz", backend=listing, out=Path("b"), **OPTIONS)
    assert set(Path().iterdir()) - before <= {Path("__pycache__")}
    assert not Path("/nowhere").exists()


def test_a_backend_without_a_part_is_refused_by_name(listing: str) -> None:
    altered(listing, "own_options = ListingOptions", "")
    with pytest.raises(InputError, match=r"'listing': listing_backend has no own_options;"):
        load_backend(listing)
    assert ended("deploy", "m.nir", "--backend", listing, "--target", "loihi2") == 2


def test_an_object_of_a_module_is_a_backend_too(
    listing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path("listing_backend.py").read_text()
    Path("listing_backend.py").write_text(
        f"{text}\nimport sys\nthing = sys.modules[__name__]\n"
    )
    offer(monkeypatch, (listing, "listing_backend:thing"))
    assert load_backend(listing).own_options.__name__ == "ListingOptions"
    offer(monkeypatch, (listing, "listing_backend:nothing"))
    with pytest.raises(InputError, match=r"listing_backend:nothing cannot be imported"):
        load_backend(listing)


def test_a_program_that_differs_is_no_success(
    listing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    altered(
        listing,
        "spikes, 0, spikes, (), (",
        'spikes, 3, spikes,\n        (VerifiedPopulation("p", "x", 9, 4, {"s": 3}),), (',
    )
    altered(listing, "import Ran, Verified", "import Ran, Verified, VerifiedPopulation")
    words = ("m.nir", "--target", "loihi2", *FLAGS, "--input", "x.npz", "--out", "b")
    assert ended(*words, "--backend", listing, "--verify") == 1
    said = capsys.readouterr().err
    assert "listing and the integer simulator differ in 3 values" in said
    assert "Traceback" not in said
    (row,) = json.loads(Path("b/report.json").read_text())["verified"]["populations"]
    assert row["mismatches"] == {"s": 3}
    assert ended("run", "b") == 1


def test_its_own_options_are_flags_of_run_too(listing: str) -> None:
    deploy("m.nir", "loihi2", input="x.npz", backend=listing, out=Path("b"), **OPTIONS)
    assert ended("run", "b", "--at-most", "1", "--samples", "1") == 0
    assert ended("run", "b", "--at-most", "0") == 2


def test_a_folder_with_a_report_alone_is_no_program(listing: str) -> None:
    deploy("m.nir", "loihi2", input="x.npz", out=Path("b"), **OPTIONS)
    done = invoke("run", "b")
    assert done.exit_code == 2
    assert (
        "b: holds a report, but no emitted program; make one with --backend NAME"
        in done.stderr
    )
