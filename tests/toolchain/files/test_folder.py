"""Results appear whole or not at all, and never in place of somebody's files."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from snn_deploy import InputError
from snn_deploy.files.folder import write_file, write_folder
from snn_deploy.files.manifest import NAME, read_manifest
from snn_deploy.files.targets import check_folder

FILES = {"report.json": b"{}", "sub/report.md": b"#"}


def content(folder: Path) -> dict[str, bytes]:
    """Return the files in a folder by path, without its manifest, which has to be there."""
    found = {f.relative_to(folder).as_posix(): f for f in folder.rglob("*") if f.is_file()}
    assert NAME in found
    return {name: f.read_bytes() for name, f in found.items() if name != NAME}


def test_folder_and_those_above_it_are_made(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    check_folder(out)
    assert not (tmp_path / "a").exists()  # checking makes nothing
    write_folder(out, FILES)
    assert content(out) == FILES
    assert os.listdir(tmp_path / "a") == ["b"]


def test_folder_of_an_earlier_run_is_replaced_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder(out, {**FILES, "quantized.npz": b"old"})
    check_folder(out)
    write_folder(out, FILES)
    assert content(out) == FILES
    assert os.listdir(tmp_path) == ["out"]


def test_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    check_folder(tmp_path / "out")
    write_folder(tmp_path / "out", FILES)
    assert content(tmp_path / "out") == FILES


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
    assert content(out) == FILES
    assert os.listdir(tmp_path) == ["out"]


def test_the_manifest_lists_every_file_and_whose_program_it_is(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", FILES, backend="lava")
    found = read_manifest(tmp_path / "out")
    assert found is not None
    assert (found.version, found.backend) == (1, "lava")
    assert {e.name: (e.size, e.sha256) for e in found.files} == {
        name: (len(content), hashlib.sha256(content).hexdigest())
        for name, content in FILES.items()
    }


def user_changes(out: Path) -> None:
    (out / "report.json").write_bytes(b"[]")


def user_adds(out: Path) -> None:
    (out / "sub" / "notes.txt").write_text("mine")


def user_links(out: Path) -> None:
    (out / "report.json").unlink()
    (out / "report.json").symlink_to(out.parent / "else")


def user_makes_a_folder(out: Path) -> None:
    (out / "empty").mkdir()


def manifest_is_gone(out: Path) -> None:
    (out / NAME).unlink()


def manifest_is_damaged(out: Path) -> None:
    (out / NAME).write_text('{"files": []}')


def names_a_file_twice(out: Path) -> None:
    change_manifest(out, lambda files: files.append(files[0]))


def names_a_file_outside(out: Path) -> None:
    (out.parent / "thesis.tex").write_bytes(b"{}")
    change_manifest(out, lambda files: files[0].update(name="../thesis.tex"))


def names_an_absolute_path(out: Path) -> None:
    change_manifest(out, lambda files: files[0].update(name=str(out / "report.json")))


def writes_a_name_otherwise(out: Path) -> None:
    change_manifest(out, lambda files: files[1].update(name="sub//report.md"))


def change_manifest(out: Path, change: Callable[[list[Any]], object]) -> None:
    made = json.loads((out / NAME).read_bytes())
    change(made["files"])
    (out / NAME).write_text(json.dumps(made))


def user_keeps_notes_in_a_scratch_folder(out: Path) -> None:
    (out / "sub" / "__pycache__").mkdir()
    (out / "sub" / "__pycache__" / "notes.txt").write_text("mine")


CHANGES = [
    (user_changes, "holds 'report.json', which was changed since we wrote it"),
    (user_adds, "holds 'sub/notes.txt', which is not ours"),
    (user_links, "holds 'report.json', which is not ours"),
    (user_makes_a_folder, "holds 'empty', which is not ours"),
    (manifest_is_gone, "holds 'report.json', which is not ours"),
    (manifest_is_damaged, "holds 'manifest.json', which is not ours"),
    (names_a_file_twice, "holds 'manifest.json', which is not ours"),
    (names_a_file_outside, "holds 'manifest.json', which is not ours"),
    (names_an_absolute_path, "holds 'manifest.json', which is not ours"),
    (writes_a_name_otherwise, "holds 'manifest.json', which is not ours"),
    (user_keeps_notes_in_a_scratch_folder, "holds 'sub/__pycache__/notes.txt', which is"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_what_a_user_did_to_a_folder_of_ours_is_never_replaced(
    change: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    write_folder(out, FILES)
    change(out)
    before = sorted((f, f.lstat().st_mtime_ns) for f in tmp_path.rglob("*"))
    for write in (check_folder, lambda folder: write_folder(folder, FILES)):
        with pytest.raises(InputError, match=re.escape(message)):
            write(out)
    after = sorted(tmp_path.rglob("*"))
    assert after == [f for f, _ in before]
    files = [(f, t) for f, t in before if not f.is_dir()]
    assert [(f, f.lstat().st_mtime_ns) for f, _ in files] == files


def test_a_file_that_came_in_the_way_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="is a file; give a folder"):
        write_folder(tmp_path / "out", FILES)
    assert (tmp_path / "out").read_text() == "mine"
    assert os.listdir(tmp_path) == ["out"]


def test_what_running_a_program_leaves_behind_does_not_count(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder(out, FILES)
    (out / "sub" / "__pycache__").mkdir()
    (out / "sub" / "__pycache__" / "a.pyc").write_bytes(b"")
    check_folder(out)
