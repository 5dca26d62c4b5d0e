"""Frames as SpikingJelly keeps them are values, with the folders as labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.inputs.data import load_data
from snn_deploy.ir.network import Input, Network, Population
from snn_deploy.neurons import Lif
from snn_deploy.options.inputs import InputOptions

SHAPE = (2, 4, 4)


def net() -> Network:
    out = Population("out", (3,), Lif.of(3))
    return Network((Input("in", SHAPE),), (out,), (), ("out",), step_s=1e-3)


def frames(folder: Path, lengths: Any = (5, 5, 5), shape: Any = SHAPE) -> list[Any]:
    rng, made = np.random.default_rng(0), []
    for i, length in enumerate(lengths):
        place = folder / str(i % 3)
        place.mkdir(parents=True, exist_ok=True)
        made.append(rng.integers(0, 4, (length, *shape)).astype(np.float32))
        np.savez(place / f"user{i}_0.npz", frames=made[-1])
    return made


def test_a_folder_per_class_gives_labels(tmp_path: Path) -> None:
    made = frames(tmp_path, (5,) * 7)
    data = load_data(tmp_path, net())
    assert data.y is not None
    assert data.y.tolist() == [0, 0, 0, 1, 1, 2, 2]
    order = [0, 3, 6, 1, 4, 2, 5]
    np.testing.assert_array_equal(data.x["in"], np.stack([made[i] for i in order]))
    assert data.steps == 5


def test_one_file_and_a_folder_without_classes_have_no_labels(tmp_path: Path) -> None:
    (made,) = frames(tmp_path, (5,))
    for path in (tmp_path / "0" / "user0_0.npz", tmp_path / "0"):
        data = load_data(path, net())
        assert data.y is None
        np.testing.assert_array_equal(data.x["in"], made[None])


def test_unequal_lengths_need_steps(tmp_path: Path) -> None:
    frames(tmp_path, (5, 3, 4))
    with pytest.raises(InputError, match=r"are 3 to 5 steps long; give steps=3"):
        load_data(tmp_path, net())
    assert load_data(tmp_path, net(), InputOptions(steps=3)).x["in"].shape[1] == 3


def test_other_sensors_and_other_inputs_are_refused(tmp_path: Path) -> None:
    frames(tmp_path)
    np.savez(tmp_path / "1" / "odd.npz", frames=np.zeros((5, 2, 8, 8)))
    with pytest.raises(InputError, match=r"odd\.npz: its frames are \[5, 2, 8, 8\]"):
        load_data(tmp_path, net())
    frames(tmp_path / "b", shape=(2, 8, 8))
    with pytest.raises(
        InputError, match=r"\[3, 5, 2, 8, 8\], but it takes \[N, T, 2, 4, 4\]"
    ):
        load_data(tmp_path / "b", net())
