"""Places for results: what is refused before the work, and again at the write."""

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from snn_deploy import InputError
from snn_deploy.files.folder import write_file
from snn_deploy.files.targets import check_file, check_folder, files_in, own_board


def test_places_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    refused = [
        (tmp_path / "file", "is a file; give a folder"),
        (tmp_path / "mine", r"holds 'thesis\.tex', which is not ours; give a new folder"),
        (tmp_path / "file" / "out", r"cannot be written \(Not a directory"),
        (tmp_path / ("n" * 300), r"cannot be written \(File name too long"),
    ]
    for out, message in refused:
        with pytest.raises(InputError, match=rf"^out=.*{message}"):
            check_folder(out)
    with pytest.raises(InputError, match=r"^trace=.*cannot be written"):
        check_file(tmp_path / "file" / "trace.npz", "trace")
    assert sorted(os.listdir(tmp_path)) == ["file", "mine"]


def pipe(place: Path) -> None:
    os.mkfifo(place)


def unix_socket(place: Path) -> None:
    here = os.getcwd()
    os.chdir(place.parent)  # a socket's whole path has 108 bytes at most
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(place.name)
    finally:
        os.chdir(here)


def folder(place: Path) -> None:
    place.mkdir()


def link_to_a_pipe(place: Path) -> None:
    os.mkfifo(place.with_name("pipe"))
    place.symlink_to("pipe")


def link_to_itself(place: Path) -> None:
    place.symlink_to(place.name)


KINDS = [
    (pipe, "is a pipe; give a file"),
    (unix_socket, "is a socket; give a file"),
    (folder, "is a folder; give a file"),
    (link_to_a_pipe, "is a pipe; give a file"),
    (link_to_itself, "cannot be written (Too many levels of symbolic links)"),
]


@pytest.mark.parametrize(("make", "message"), KINDS)
def test_what_is_no_regular_file_is_never_written_over(
    make: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    place = tmp_path / "trace.npz"
    make(place)
    before = {f: f.lstat() for f in tmp_path.iterdir()}
    with pytest.raises(
        InputError, match="^" + re.escape(f"trace={str(place)!r}: ")
    ) as said:
        check_file(place, "trace")
    assert message in str(said.value)
    with pytest.raises(InputError, match=re.escape(message)):
        write_file(place, b"trace", "trace")
    after = {f: f.lstat() for f in tmp_path.iterdir()}
    assert {f: (s.st_ino, s.st_mode) for f, s in after.items()} == {
        f: (s.st_ino, s.st_mode) for f, s in before.items()
    }


def test_a_device_is_never_written_over() -> None:
    """A terminal of our own: nothing can be made beside it, whatever we try."""
    ours, end = os.openpty()
    try:
        place = Path(os.ttyname(end))
        with pytest.raises(InputError, match="is a device; give a file"):
            check_file(place, "trace")
        with pytest.raises(InputError, match="is a device; give a file"):
            write_file(place, b"trace", "trace")
        assert place.is_char_device()
    finally:
        os.close(ours)
        os.close(end)


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "real.npz").write_bytes(b"old")
    link = tmp_path / "trace.npz"
    link.symlink_to("sub/real.npz")
    check_file(link, "trace")
    write_file(link, b"new", "trace")
    assert link.is_symlink()
    assert (tmp_path / "sub" / "real.npz").read_bytes() == b"new"
    assert os.listdir(tmp_path / "sub") == ["real.npz"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("d/model.nir", "is read, too"),
        ("d/../d/model.nir", "is read, too"),
        ("link.nir", "is read, too"),
    ],
)
def test_a_file_that_is_read_is_no_target(
    target: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d").mkdir()
    Path("d/model.nir").write_bytes(b"")
    Path("link.nir").symlink_to("d/model.nir")
    with pytest.raises(InputError, match=rf"{message}; choose another place"):
        check_file(Path(target), "trace", files_in("d/model.nir"))
    check_file(Path("d/other.nir"), "trace", files_in("d/model.nir"))


@pytest.mark.parametrize("out", [".", "d", "../w/d", "link"])
def test_a_folder_that_holds_what_is_read_is_no_target(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "w" / "d").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "w")
    Path("d/input.npz").write_bytes(b"")
    Path("link").symlink_to("d")
    with pytest.raises(InputError, match=r"holds d/input\.npz, which is read; choose"):
        check_folder(Path(out), files_in("d/input.npz"))
    check_folder(Path("other"), files_in("d/input.npz"))


def test_only_paths_of_something_that_exists_are_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loihi2").mkdir()
    given = ("model.nir", tmp_path, [1, 2], None, "a\0b", "n" * 5000)
    assert files_in(*given) == (tmp_path,)
    assert own_board("loihi2") is None  # the folder of that name is not read
    assert own_board("./loihi2") == "./loihi2"
