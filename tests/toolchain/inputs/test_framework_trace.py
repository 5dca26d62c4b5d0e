"""What a user recorded in the framework: read, or refused in one sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.inputs.data import check_data
from snn_deploy.inputs.framework_trace import read_framework
from support.small_model import CLASSES, HIDDEN, OPTIONS, SAMPLES, STEPS, graph, samples

NET = read_nir(graph(), **OPTIONS)
DATA = check_data(samples(), NET)
FULL: dict[str, Any] = {
    "hidden": np.ones((SAMPLES, STEPS, HIDDEN), np.uint8),
    "out": np.zeros((SAMPLES, STEPS, CLASSES)),
}


def test_a_file_and_arrays_say_the_same(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "t.npz", **FULL)
    found = read_framework(tmp_path / "t.npz", NET, DATA)
    assert found.source == "t.npz"
    in_memory = read_framework(FULL, NET, DATA)
    assert in_memory.source == "(in memory)"
    for name, expected in FULL.items():
        assert (found.outputs[name] == expected).all()
        assert (in_memory.outputs[name] == expected).all()


def test_samples_beyond_the_input_are_left_out() -> None:
    more = {"out": np.concatenate([FULL["out"], FULL["out"] + 1])}
    assert (read_framework(more, NET, DATA).outputs["out"] == FULL["out"]).all()


def broken(path: Path) -> None:
    path.write_bytes(b"PK nothing")


def single(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, FULL["out"])


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, r"framework_trace='.*t\.npz': .*No such file"),
        (broken, r"framework_trace='.*t\.npz': "),
        (
            single,
            r"framework_trace='t\.npz': is one array; give an \.npz with one per population",
        ),
        (np.savez, r"t\.npz: holds no arrays; give one per population"),
    ],
)
def test_a_file_that_is_no_trace_is_refused(
    tmp_path: Path, write: Callable[[Path], Any], message: str
) -> None:
    write(tmp_path / "t.npz")
    with pytest.raises(InputError, match=message):
        read_framework(tmp_path / "t.npz", NET, DATA)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"lif": FULL["out"]}, r"no population 'lif'; the populations are hidden, out"),
        ({"out": FULL["out"][:, :-1]}, r"'out' is float64 \[10, 7, 3\].*10 samples of 8 steps.*\[10 or more, 8, 3\]"),
        ({"out": FULL["out"][:4]}, r"'out' is float64 \[4, 8, 3\]"),
        ({"out": np.array(1.0)}, r"'out' is float64 \[\]"),
        ({"out": FULL["out"].astype(str)}, r"'out' is <U32 \[10, 8, 3\].*must hold numbers"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit_are_refused(arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_framework(arrays, NET, DATA)


def test_without_a_simulation_there_is_nothing_to_compare() -> None:
    with pytest.raises(InputError, match="nothing is simulated; give input"):
        read_framework(FULL, NET, None)
