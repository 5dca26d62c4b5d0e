"""Running an emitted folder: its own check, options, verification, and clear errors."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy_backends.lava.emitted import npz
from snn_deploy_backends.lava.plan import plan
from snn_deploy_backends.lava.verify import describe, run_build, verification
from snn_deploy_simulators import integer
from support.emitted import emit
from support.integer_networks import held_network, levels_network, stimulus, stock_network

STEPS = 8


def build(net: QuantNetwork, folder: Path) -> Path:
    given = stimulus(net, samples=2, steps=STEPS)
    emit(net, given, integer.run(net, given), folder)
    return folder


def run(python: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), str(folder / "run.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def tamper(file: Path, key: str, place: tuple[int, ...], value: int) -> None:
    content = dict(np.load(file))
    content[key][place] = value
    file.write_bytes(npz(content))


def test_run_py_checks_itself(lava_python: Path, tmp_path: Path) -> None:
    done = run(lava_python, build(held_network(), tmp_path / "b"))
    assert done.returncode == 0, done.stderr
    assert "pop_0: 64 of 64 spikes as expected" in done.stdout
    assert "all answers as expected" in done.stdout


def test_run_py_says_where_an_answer_differs(lava_python: Path, tmp_path: Path) -> None:
    folder = build(stock_network(), tmp_path / "b")
    tamper(folder / "expected.npz", "pop_2", (1, 3, 2), 12345)
    done = run(lava_python, folder)
    assert done.returncode == 1
    assert "47 of 48 membranes" in done.stdout
    assert "first difference: sample 1, step 3, neuron 2" in done.stdout


def test_fewer_samples_and_steps_are_a_part_of_the_whole(
    lava_python: Path, tmp_path: Path
) -> None:
    folder = build(held_network(), tmp_path / "b")
    whole = run_build(folder, lava_python)
    part = run_build(folder, lava_python, samples=1, steps=5)
    assert part["pop_1.s"].shape == (1, 5, 3)
    assert whole["pop_1.s"].any()
    for key in ("pop_0.s", "pop_1.s"):
        assert (part[key] == whole[key][:1, :5]).all()


def test_more_steps_than_recorded_are_refused(lava_python: Path, tmp_path: Path) -> None:
    folder = build(stock_network(), tmp_path / "b")
    with pytest.raises(InputError, match=r"there are 2 samples of 8 steps"):
        run_build(folder, lava_python, steps=STEPS + 1)


@pytest.mark.parametrize("make", [stock_network, held_network, levels_network])
def test_floating_runs_the_same_network_without_rounding(
    make: object, lava_python: Path, tmp_path: Path
) -> None:
    net = make()  # type: ignore[operator]
    folder = build(net, tmp_path / "b")
    floating = run_build(folder, lava_python, floating=True, states=True)
    fixed = run_build(folder, lava_python, states=True)
    stock = [n.key for n in plan(net, frozenset()).neurons if n.stock]
    for key in (k for k in floating if k.split(".")[0] in stock and not k.endswith(".s")):
        floating[key] = floating[key] * 64  # stock floating neurons count in units of 64
    assert [k for k in fixed if not np.array_equal(fixed[k], floating[k])]
    for key in (k for k in fixed if k.endswith(".v")):
        assert fixed[key].any()
        agree = np.isclose(fixed[key], floating[key], rtol=0.02, atol=130)
        assert agree.mean() > 0.9, key


def test_verify_compares_every_state(lava_python: Path, tmp_path: Path) -> None:
    result = verification(build(held_network(), tmp_path / "b"), lava_python)
    assert result.exact
    assert result.compared == (3 * 4 + 4 * 3) * 2 * STEPS  # u, v, s; and wait of "wait"
    assert result.spikes > 10
    assert [p.name for p in result.populations] == ["soft", "wait"]
    assert describe(result)[0].startswith("Lava: 384 of 384 values")
    assert len(describe(result)) == 1


def test_verify_compares_what_was_sent_in_all(lava_python: Path, tmp_path: Path) -> None:
    folder = build(levels_network(), tmp_path / "b")
    tamper(folder / "states.npz", "pop_1.total", (1, 6, 3), 77)
    result = verification(folder, lava_python)
    assert result.mismatches == 1
    assert result.populations[1].mismatches == {"u": 0, "v": 0, "s": 0, "total": 1}
    assert "sum of what was sent differ first in step 6, sample 1" in describe(result)[1]
    assert result.populations[1].spikes > 10


def test_verify_names_the_first_difference(lava_python: Path, tmp_path: Path) -> None:
    folder = build(stock_network(), tmp_path / "b")
    tamper(folder / "states.npz", "pop_1.u", (1, 4, 6), 77)
    tamper(folder / "states.npz", "pop_1.v", (0, 5, 1), 99)
    result = verification(folder, lava_python)
    assert not result.exact
    assert result.populations[1].mismatches == {"u": 1, "v": 1, "s": 0}
    assert (
        "'pool': current differ first in step 4, sample 1, neuron 6: expected 77"
        in describe(result)[1]
    )


def test_a_python_without_lava_is_said_so(tmp_path: Path) -> None:
    folder = build(stock_network(), tmp_path / "b")
    with pytest.raises(
        InputError, match=r"run\.py ended with code 1 .*No module named 'lava'"
    ):
        run_build(folder, Path(sys.executable))


@pytest.mark.parametrize("content", [None, "not json", "{}", '{"samples": 1}'])
def test_a_folder_of_someone_else_is_refused(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "network.json").write_text(content)
    with pytest.raises(InputError, match=r"no emitted Lava program \(network\.json"):
        run_build(tmp_path, Path(sys.executable))
