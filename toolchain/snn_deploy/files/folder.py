"""Write results whole or not at all: beside their place first, then renamed into it."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from snn_deploy.errors import InputError, option
from snn_deploy.files.manifest import NAME, manifest_of, strange_files


def check_folder(out: Path) -> None:
    """Refuse `out` now if it could not be written at the end.

    Raises:
        InputError: Something that we did not leave there is in the way, or no folder can be
            made there.
    """
    if out.is_dir():
        for name, why in strange_files(out):
            raise InputError(
                f"{option('out', out)}: holds {name!r}, which {why}; give a new folder, or "
                f"one that holds nothing but what an earlier run wrote"
            )
    elif out.exists():
        raise InputError(f"{option('out', out)}: is a file; give a folder")
    check_place(out, "out")


def check_place(target: Path, name: str) -> None:
    """Refuse `target` now if nothing can be created there; folders above it may be missing.

    Args:
        target: A file or folder to be.
        name: Of the option that says so.

    Raises:
        InputError: The nearest folder above it that exists cannot be written.
    """
    folder = target.resolve().parent
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryDirectory(prefix=".snn-deploy-", dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"{option(name, target)}: cannot be written ({error.strerror}: {folder}); "
            f"choose another place"
        ) from error


def write_folder(
    out: Path, files: Mapping[str, bytes], *, backend: str | None = None
) -> None:
    """Make the folder `out` with `files` and a manifest of them, which is written last; a
    folder that an earlier run wrote is replaced.

    Args:
        out: Checked by `check_folder`.
        files: Content by path in the folder.
        backend: Whose program is among them, None if there is none.
    """
    out = out.resolve()
    with _beside(out) as new:
        whole = {**files, NAME: manifest_of(files, backend)}
        for name, content in whole.items():
            file = new / "content" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        if out.exists():
            os.replace(out, new / "old")
        try:
            os.replace(new / "content", out)
        except BaseException:
            if (new / "old").exists():
                os.replace(new / "old", out)
            raise


def write_file(file: Path, content: bytes) -> None:
    """Make or replace `file`."""
    file = file.resolve()
    with _beside(file) as new:
        (new / "content" / "file").write_bytes(content)
        os.replace(new / "content" / "file", file)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Give a folder beside `target` with a folder "content" in it; it is gone
    afterwards."""
    target.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".snn-deploy-", dir=target.parent))
    try:
        (new / "content").mkdir()
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)
