"""Results appear whole or not at all, and never in place of somebody's files."""

import os
from pathlib import Path

import pytest

from snn_deploy import InputError
from snn_deploy.files.folder import check_folder, check_place, write_file, write_folder
from snn_deploy.pipeline.output_files import OUR_FILES

FILES = {"report.json": b"{}", "report.md": b"#"}


def test_folder_and_those_above_it_are_made(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    check_folder(out, OUR_FILES)
    assert not (tmp_path / "a").exists()  # checking makes nothing
    write_folder(out, FILES)
    assert {f.name: f.read_bytes() for f in out.iterdir()} == FILES
    assert os.listdir(tmp_path / "a") == ["b"]


def test_folder_of_an_earlier_run_is_replaced_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder(out, {**FILES, "quantized.npz": b"old"})
    check_folder(out, OUR_FILES)
    write_folder(out, FILES)
    assert sorted(os.listdir(out)) == ["report.json", "report.md"]
    assert os.listdir(tmp_path) == ["out"]


def test_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    check_folder(tmp_path / "out", OUR_FILES)
    write_folder(tmp_path / "out", FILES)
    assert len(os.listdir(tmp_path / "out")) == 2


def test_file_is_replaced_and_nothing_left_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "trace.npz"
    write_file(file, b"old")
    write_file(file, b"new")
    assert file.read_bytes() == b"new"
    assert os.listdir(file.parent) == ["trace.npz"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_interrupted_writing_leaves_the_old_folder_as_it_was(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write_folder(out, FILES)
    real = os.replace

    def replace_all_but_the_new(source: Path, target: Path) -> None:
        if Path(source).name == "content":
            raise error
        real(source, target)

    monkeypatch.setattr("os.replace", replace_all_but_the_new)
    with pytest.raises(type(error)):
        write_folder(out, {"report.json": b"new"})
    assert {f.name: f.read_bytes() for f in out.iterdir()} == FILES
    assert os.listdir(tmp_path) == ["out"]


def test_places_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    refused = [
        (tmp_path / "file", "is a file; give a folder"),
        (tmp_path / "mine", r"holds files that are not ours, 'thesis\.tex' for one"),
        (tmp_path / "file" / "out", r"cannot be written \(Not a directory"),
    ]
    for out, message in refused:
        with pytest.raises(InputError, match=rf"^--out .*{message}"):
            check_folder(out, OUR_FILES)
    with pytest.raises(InputError, match=r"^--trace .*cannot be written"):
        check_place(tmp_path / "file" / "trace.npz", "--trace")
    assert sorted(os.listdir(tmp_path)) == ["file", "mine"]
