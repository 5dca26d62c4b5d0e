"""Recordings: folders and lists, and which label each of their files gets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy import InputError
from snn_deploy.inputs.data import Data, load_data
from snn_deploy.ir.network import Input, Network
from snn_deploy.options.inputs import InputOptions

NET = Network((Input("x", (1, 1, 4)),), (), (), (), step_s=1e-3)


def put(file: Path, x: int) -> Path:
    """Write a recording of one event at pixel x."""
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, t=[0], x=[x], y=[0], p=[1])
    return file


def read(path: Path, samples: int | None = None, **wishes: Any) -> Data:
    return load_data(path, NET, InputOptions(sensor="4x1", samples=samples, **wishes))


def pixels(data: Data) -> list[int]:
    """Return which pixel each recording has its event at."""
    found: list[int] = data.x["x"].reshape(data.samples, 4).argmax(axis=1).tolist()
    assert data.x["x"].sum() == data.samples
    return found


def labels(data: Data) -> list[int] | None:
    return None if data.y is None else data.y.tolist()


def test_folders_are_classes_in_alphabetical_order(tmp_path: Path) -> None:
    for i, name in enumerate(("dog/b", "dog/a", "cat/z")):
        put(tmp_path / f"{name}.npz", i)
    data = read(tmp_path)
    assert (pixels(data), labels(data)) == ([2, 1, 0], [0, 1, 1])
    note = {n.name: n for n in data.notes}["labels"]
    assert (note.value, note.evidence) == (
        "cat = 0, dog = 1",
        "folders in alphabetical order",
    )


def test_folders_called_by_numbers_are_these_classes(tmp_path: Path) -> None:
    for i, name in enumerate(("10/a", "2/a")):
        put(tmp_path / f"{name}.npz", i)
    data = read(tmp_path)
    assert (pixels(data), labels(data)) == ([1, 0], [2, 10])


def test_a_folder_of_files_has_no_labels_unless_given(tmp_path: Path) -> None:
    for i, name in enumerate("ab"):
        put(tmp_path / "all" / f"{name}.npz", i)
    assert labels(read(tmp_path / "all")) is None
    np.save(tmp_path / "y.npy", np.array([5, 6]))
    assert labels(read(tmp_path / "all", labels=str(tmp_path / "y.npy"))) == [5, 6]
    assert labels(read(tmp_path / "all", 1, labels=str(tmp_path / "y.npy"))) == [5]


def test_a_list_names_files_and_labels(tmp_path: Path) -> None:
    put(tmp_path / "deep" / "a b.npz", 3)
    put(tmp_path / "c.npz", 1)
    (tmp_path / "my.list").write_text("# path label\ndeep/a b.npz 7\n\nc.npz,2\n")
    data = read(tmp_path / "my.list")
    assert (pixels(data), labels(data)) == ([3, 1], [7, 2])
    assert data.source == "my.list"


def test_a_list_may_leave_labels_out(tmp_path: Path) -> None:
    put(tmp_path / "c.npz", 1)
    (tmp_path / "my.list").write_text("c.npz\nc.npz\n")
    data = read(tmp_path / "my.list")
    assert (pixels(data), labels(data)) == ([1, 1], None)


def test_only_as_many_files_are_read_as_are_wanted(tmp_path: Path) -> None:
    put(tmp_path / "a.npz", 2)
    np.savez(tmp_path / "b.npz", t=[1, 0], x=[0, 0], y=[0, 0])  # would be refused
    assert pixels(read(tmp_path, 1)) == [2]
    with pytest.raises(InputError, match="goes backwards"):
        read(tmp_path, 2)


BAD_LISTS = [
    ("", "names no recordings"),
    ("none.npz 1\n", r"line 1: 'none\.npz': no such file; write the path"),
    ("a.npz 1\nnone.npz 1\n", r"line 2: 'none\.npz': no such file"),
    ("a.npz 1\na.npz\n", "1 of 2 lines have no label; give all one, or none"),
    ("notes.md 1\n", r"'notes\.md': not one of \.npy, \.npz"),
    ("\0.npz 1\n", "no such file"),
]


@pytest.mark.parametrize(("text", "message"), BAD_LISTS)
def test_lists_that_name_no_recordings_are_refused(
    text: str, message: str, tmp_path: Path
) -> None:
    put(tmp_path / "a.npz", 1)
    (tmp_path / "notes.md").write_text("notes")
    (tmp_path / "my.list").write_text(text)
    with pytest.raises(InputError, match=rf"^my\.list.*{message}") as caught:
        read(tmp_path / "my.list")
    assert "\n" not in str(caught.value)


def test_folders_that_hold_no_recordings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder, but neither it nor its sub-folders"):
        read(tmp_path)
    put(tmp_path / "a" / "1.npz", 0)
    put(tmp_path / "loose.npz", 0)
    with pytest.raises(
        InputError, match=r"loose\.npz, \.\.\.\) beside folders of classes \(a"
    ):
        read(tmp_path)


def test_labels_of_both_kinds_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "all" / "3" / "1.npz", 0)
    np.save(tmp_path / "y.npy", np.array([3]))
    with pytest.raises(InputError, match="names the label of every recording itself"):
        read(tmp_path / "all", labels=str(tmp_path / "y.npy"))
