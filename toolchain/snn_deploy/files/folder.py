"""Write results whole or not at all: beside their place first, then renamed into it."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from snn_deploy.errors import InputError


def check_folder(out: Path, ours: frozenset[str]) -> None:
    """Refuse `out` now if it could not be written at the end.

    ours: names of the files that an earlier run may have left there.

    Raises:
        InputError: Something that is not ours is in the way, or no folder can be made
            there.
    """
    if out.is_dir():
        strange = sorted({f.name for f in out.iterdir()} - ours)
        if strange:
            raise InputError(
                f"--out {out}: holds files that are not ours, {strange[0]!r} for one; give "
                f"a new folder, or one that an earlier run wrote"
            )
    elif out.exists():
        raise InputError(f"--out {out}: is a file; give a folder")
    check_place(out, "--out")


def check_place(target: Path, option: str) -> None:
    """Refuse `target` now if nothing can be created there; folders above it may be missing.

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
            f"{option} {target}: cannot be written ({error.strerror}: {folder}); choose "
            f"another place"
        ) from error


def write_folder(out: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder `out` with `files`; one that an earlier run wrote is replaced."""
    out = out.resolve()
    with _beside(out) as new:
        for name, content in files.items():
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
