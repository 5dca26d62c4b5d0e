"""The command line: exit codes, one line per error, nothing left behind, pure JSON."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from snn_deploy.report.report import read_report
from support.command_line import app
from support.small_model import (
    CLASSES,
    FLAGS,
    INPUTS,
    SAMPLES,
    lif,
    write_model,
    write_samples,
)

Prepare = Callable[[Path], list[str]]


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(w) for w in words])


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_model(Path("model.nir"))
    write_samples(Path("test.npz"))


RUN = ("model.nir", "--target", "tiny", *FLAGS, "--input", "test.npz")


# What works


def test_default_verb_prints_the_report_and_writes_the_folder() -> None:
    result = invoke(*RUN, "--out", "out")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "What runs on tiny" in result.stdout
    assert read_report(Path("out/report.json")).model.file == "model.nir"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--trace", "test.npz"), "--trace test.npz: is read, too; choose another place"),
        (("--trace", "link.npz"), "--trace link.npz: is read, too; choose another place"),
        (("--trace", "out"), "--trace out: is a folder; give a file"),
        (("--trace", "pipe"), "--trace pipe: is a pipe; give a file"),
        (("--out", "pipe"), "--out pipe: is a pipe; give a folder"),
        (("--out", "."), "--out .: holds model.nir, which is read; choose another place"),
    ],
)
def test_what_is_read_or_is_no_file_is_not_written_over(
    words: tuple[str, ...], message: str
) -> None:
    Path("out").mkdir()
    Path("link.npz").symlink_to("test.npz")
    os.mkfifo("pipe")
    before = {f: f.lstat().st_ino for f in Path().iterdir()}
    result = invoke(*RUN, *words)
    assert (result.exit_code, result.stderr) == (2, f"error: {message}\n")
    assert {f: f.lstat().st_ino for f in Path().iterdir()} == before


def test_verb_may_be_spelled_out_and_options_may_come_first() -> None:
    plain = invoke(*RUN).stdout
    assert invoke("deploy", *RUN).stdout == plain
    assert invoke(*RUN[1:], RUN[0]).stdout == plain


def test_json_is_the_report_and_nothing_else() -> None:
    result = invoke(*RUN, "--json", "--out", "out")
    assert result.exit_code == 0
    assert result.stdout == Path("out/report.json").read_text()


def test_version_and_help() -> None:
    assert re.fullmatch(r"snn-deploy \d+\.\d+\.\d+\n", invoke("--version").stdout)
    for words in ([], ["--help"]):
        result = invoke(*words)
        assert result.exit_code == 0
        for verb in ("deploy", "check", "boards", "doctor"):
            assert verb in result.stdout


def test_accuracy_that_is_reached_passes_and_one_that_is_not_exits_with_4() -> None:
    assert invoke(*RUN, "--min-accuracy", "0").exit_code == 0
    labels = np.full(SAMPLES, CLASSES - 1)
    labels[0] = 0  # nobody is right on all of these
    write_samples(Path("test.npz"), y=labels)
    result = invoke(*RUN, "--min-accuracy", "1", "--out", "out")
    assert result.exit_code == 4
    line = r"error: accuracy on tiny is 0\.\d{4} \(\d of 10\), below the required 1; .*\n"
    assert re.fullmatch(line, result.stderr)
    assert Path("out/report.json").is_file()  # the report is what explains it


def test_check_tells_readings_assumptions_and_that_it_fits() -> None:
    result = invoke("check", "model.nir", "--target", "tiny", "--json", *FLAGS)
    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert "snntorch" in {r["profile"] for r in found["readings"]}
    assert {"dt", "reset", "threshold"} <= {a["name"] for a in found["assumptions"]}
    assert found["violations"] == []
    assert "fits" in invoke("check", "model.nir", "--target", "tiny", *FLAGS).stdout


def test_check_lists_every_violation_and_exits_with_3() -> None:
    write_model(Path("big.nir"), **too_big())
    result = invoke("check", "big.nir", "--target", "tiny", "--json", *FLAGS)
    violations = json.loads(result.stdout)["violations"]
    assert result.exit_code == 3
    assert [v.split("'")[1] for v in violations] == ["hidden", "out"]
    assert result.stderr == "".join(f"error: {v}\n" for v in violations)


def test_boards_are_listed_and_every_number_of_one_shown() -> None:
    assert {"tiny", "loihi1", "loihi2"} <= {
        line.split()[0] for line in invoke("boards").stdout.splitlines() if line.strip()
    }
    shown = invoke("boards", "tiny")
    assert shown.exit_code == 0
    for word in (
        "pool.synapse",
        "256",
        "64-bit words",
        "assumed",
        "unconfirmed",
        "made up",
    ):
        assert word in shown.stdout
    assert (
        json.loads(invoke("boards", "tiny", "--json").stdout)["pool"]["synapse"]["value"]
        == 256
    )


def test_doctor_names_what_the_core_needs() -> None:
    facts = {f["what"]: f for f in json.loads(invoke("doctor", "--json").stdout)}
    assert facts["python"]["state"].startswith(sys.version.split()[0])
    assert facts["numpy"] == {"what": "numpy", "state": np.__version__, "ok": True}
    assert {"kernel cache", "lava-nc", "numba", "nir"} <= set(facts)
    assert "torch" not in facts


def test_doctor_installs_what_a_backend_needs_and_nothing_else() -> None:
    result = invoke("doctor", "--install", "torch")
    assert result.exit_code == 2
    assert result.stderr == "error: --install torch: no such backend; there are: lava\n"


# What is refused


def too_big() -> dict[str, object]:
    """Nodes of a model with two layers of more inputs than a core of the tiny board hears."""
    wide = 100
    return {
        "input": nir.Input(np.array([wide])),
        "fc1": nir.Affine(np.ones((wide, wide)), np.zeros(wide)),
        "hidden": lif(wide),
        "fc2": nir.Affine(np.ones((CLASSES, wide)), np.zeros(CLASSES)),
    }


def edited(change: Callable[[h5py.File], None]) -> Prepare:
    def prepare(folder: Path) -> list[str]:
        with h5py.File(folder / "model.nir", "r+") as file:
            change(file)
        return list(RUN)

    return prepare


def parameter(path: str, value: float) -> Prepare:
    """Set every entry of one parameter of the model."""
    return edited(lambda file: file[f"node/nodes/{path}"].write_direct(
        np.full(file[f"node/nodes/{path}"].shape, value)
    ))  # fmt: skip


def rename_type(file: h5py.File) -> None:
    del file["node/nodes/hidden/type"]
    file["node/nodes/hidden/type"] = "Quantum"


def lose_a_node(file: h5py.File) -> None:
    del file["node/nodes/hidden"]


def with_model(name: str, content: bytes | None) -> Prepare:
    def prepare(folder: Path) -> list[str]:
        if content is not None:
            (folder / name).write_bytes(content)
        return [name, *RUN[1:]]

    return prepare


def truncated(folder: Path) -> list[str]:
    whole = (folder / "model.nir").read_bytes()
    (folder / "model.nir").write_bytes(whole[: len(whole) // 2])
    return list(RUN)


def wrong_shape(folder: Path) -> list[str]:
    write_model(folder / "model.nir", fc2=nir.Affine(np.ones((3, 7)), np.zeros(3)))
    return list(RUN)


def no_dt(folder: Path) -> list[str]:
    full = np.full(3, 1.0)
    odd = nir.LIF(tau=full * 0.013, r=full * 0.7, v_leak=full * 0, v_threshold=full)
    write_model(folder / "model.nir", out=odd)
    return ["model.nir", *RUN[1:3], *RUN[-2:]]


def misspelt_board(folder: Path) -> list[str]:
    (folder / "mine.yaml").write_text("extends: tiny\nname: mine\npool:\n  synapsis: 3\n")
    return ["model.nir", "--target", "mine.yaml", *RUN[3:]]


def samples_with(**changed: object) -> Prepare:
    def prepare(folder: Path) -> list[str]:
        write_samples(folder / "test.npz", **changed)
        return [*RUN, "--min-accuracy", "0.5"]

    return prepare


def big_model(folder: Path) -> list[str]:
    write_model(folder / "model.nir", **too_big())
    return [*RUN[:-2]]


def options(*words: str) -> Prepare:
    return lambda folder: [*RUN, *words]


def without(*words: str) -> Prepare:
    return lambda folder: list(words)


def onto_a_file(folder: Path) -> list[str]:
    (folder / "taken").write_text("mine")
    return [*RUN, "--out", "taken/out"]


def onto_my_files(folder: Path) -> list[str]:
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").write_text("mine")
    return [*RUN, "--out", "mine"]


NARROW = np.zeros((SAMPLES, 4, INPUTS - 1))
REFUSED: list[tuple[str, Prepare, int, str]] = [
    (
        "missing file",
        with_model("none.nir", None),
        2,
        r"none\.nir.*no such file|does not exist",
    ),
    ("not HDF5", with_model("text.nir", b"hello"), 2, r"text\.nir.*HDF5"),
    ("truncated HDF5", truncated, 2, r"model\.nir"),
    ("unknown node type", edited(rename_type), 2, r"Quantum"),
    ("edge to a missing node", edited(lose_a_node), 2, r"hidden"),
    ("NaN weight", parameter("fc1/weight", np.nan), 2, r"fc1.*(NaN|nan|finite)"),
    ("infinite weight", parameter("fc1/weight", np.inf), 2, r"fc1.*(inf|finite)"),
    ("negative tau", parameter("hidden/tau", -1e-3), 2, r"hidden.*tau"),
    ("zero threshold", parameter("hidden/v_threshold", 0), 2, r"hidden.*threshold"),
    ("shape mismatch", wrong_shape, 2, r"fc2|hidden"),
    ("no dt and no evidence", no_dt, 2, r"--dt|--profile"),
    ("unknown profile", options("--profile", "snntoch"), 2, r"profile.*snntorch"),
    (
        "unknown target",
        without("model.nir", "--target", "loihi3"),
        2,
        r"did you mean loihi\d",
    ),
    ("misspelt board key", misspelt_board, 2, r"mine\.yaml: .*`synapsis`.*`\$\.pool`"),
    ("no target", without("model.nir"), 2, r"Missing option '--target'"),
    ("unknown option", options("--targets", "x"), 2, r"No such option:? '?--targets"),
    ("text for a number", options("--steps", "ten"), 2, r"--steps"),
    ("input of the wrong shape", samples_with(x=NARROW), 2, r"\[10, 4, 11\].*\[N, T, 12\]"),
    ("input missing", options("--input", "none.npz"), 2, r"none\.npz: no such data file"),
    ("input not an npz", options("--input", "model.nir"), 2, r"model\.nir: not a readable"),
    ("labels missing", samples_with(y=None), 2, r"test\.npz has no labels"),
    (
        "labels not integers",
        samples_with(y=np.zeros(SAMPLES)),
        2,
        r"of type float64, but a label is the index",
    ),
    (
        "too few labels",
        samples_with(y=np.zeros(3, int)),
        2,
        r"labels 'y' are \[3\].*10 samples",
    ),
    (
        "label too large",
        samples_with(y=np.full(SAMPLES, 9)),
        2,
        r"label 9 has no output neuron",
    ),
    (
        "unknown decoder",
        options("--decode", "vote"),
        2,
        r"--decode vote: must be one of count",
    ),
    ("decoder that cannot read", options("--decode", "mean"), 2, r"use one of count"),
    (
        "unknown stage",
        options("--stop-after", "x"),
        2,
        r"--stop-after x: must be one of read, normalize",
    ),
    ("too many steps", options("--steps", "99"), 2, r"fewer than --steps 99"),
    ("out below a file", onto_a_file, 2, r"--out taken/out: cannot be written"),
    (
        "out with other files",
        onto_my_files,
        2,
        r"--out mine: holds 'notes.txt', which is not ours; give a new folder",
    ),
    (
        "trace below a file",
        options("--trace", "model.nir/t.npz"),
        2,
        r"--trace .*cannot be",
    ),
    ("too big", big_model, 3, r"(?s)hidden.*\n.*out"),
]


@pytest.mark.parametrize(
    ("prepare", "code", "message"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_what_cannot_be_done_is_said_in_a_line_and_leaves_nothing(
    prepare: Prepare, code: int, message: str, tmp_path: Path
) -> None:
    words = prepare(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    wants_out = [] if "--out" in words else ["--out", "out"]
    result = invoke(*words, *wants_out)
    assert result.exit_code == code
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines
    assert all(line.startswith("error: ") and len(line) > 20 for line in lines)
    assert len(lines) == 1 or code == 3  # of what does not fit, everything is listed
    assert re.search(message, result.stderr)
    assert sorted(tmp_path.rglob("*")) == before


def test_same_errors_come_as_json_users_need_them() -> None:
    result = invoke("none.nir", *RUN[1:], "--json")
    assert (result.exit_code, result.stdout) == (2, "")


def test_debug_shows_where_an_error_came_from() -> None:
    result = invoke("none.nir", *RUN[1:], "--debug")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: ")


def test_our_own_bug_is_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **options: object) -> None:
        raise ZeroDivisionError("division by zero\nand more")

    monkeypatch.setattr("snn_deploy.pipeline.deploy.load_board", broken)
    result = invoke(*RUN)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "error: a bug in snn-deploy, not in your input (ZeroDivisionError: division by zero); "
        "run again with --debug and report what it prints\n"
    )


# As real processes

MAIN = "from snn_deploy.__main__ import main\nmain()\n"
# Says on stderr which stage begins, as a terminal would show it.
TELLING = (
    """
import sys
from contextlib import contextmanager
from snn_deploy.cli import deploy as verb

@contextmanager
def told():
    yield lambda stage: print("stage", stage, file=sys.stderr, flush=True)

verb.progress = told
"""
    + MAIN
)

# Is interrupted while it imports the parser of the command line.
INTERRUPTED_IMPORT = (
    """
import os, signal, sys

class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Stop())
"""
    + MAIN
)


def process(code: str, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )


def hear_interrupts() -> None:
    """Undo what a shell does to the programs it starts in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_interrupt_ends_with_130_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    """The stage it is sent in would take about a minute."""
    np.savez("long.npz", x=np.ones((2, INPUTS)))
    before = sorted(tmp_path.rglob("*"))
    run = process(
        TELLING,
        *RUN[:-1],
        "long.npz",
        "--steps",
        "300000",
        "--out",
        "out",
        "--trace",
        "t.npz",
    )
    assert run.stderr is not None
    while "quantize" not in run.stderr.readline():
        assert run.poll() is None
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=30)
    assert (run.returncode, out) == (130, "")
    assert err == "error: interrupted; nothing was written\n"
    assert sorted(tmp_path.rglob("*")) == before


def test_interrupt_while_starting_is_no_traceback_either() -> None:
    run = process(INTERRUPTED_IMPORT, *RUN)
    _, err = run.communicate(timeout=30)
    assert run.returncode == 130
    assert err == "error: interrupted; nothing was written\n"


def test_stdout_of_a_real_process_is_pure_json() -> None:
    done = process(MAIN, *RUN, "--json")
    out, err = done.communicate(timeout=60)
    assert (done.returncode, err) == (0, "")
    assert json.loads(out)["schema_version"] == "1"


def test_reader_that_has_enough_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "boards", "loihi2"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr
