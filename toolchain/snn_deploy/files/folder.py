"""Write results whole or not at all: beside their place first, then renamed into it."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from snn_deploy.files.manifest import NAME, manifest_of
from snn_deploy.files.targets import check_ours, check_regular


def write_folder(
    out: Path, files: Mapping[str, bytes], *, backend: str | None = None
) -> None:
    """Make the folder `out` with `files` and a manifest of them, which is written last; a
    folder that an earlier run wrote is replaced.

    Args:
        out: Checked by `check_folder` before the work.
        files: Content by path in the folder.
        backend: Whose program is among them, None if there is none.

    Raises:
        InputError: Something that we did not leave there has come into it since then.
    """
    out = out.resolve()
    with _beside(out) as new:
        whole = {**files, NAME: manifest_of(files, backend)}
        for name, content in whole.items():
            file = new / "content" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        old = new / "old"
        try:
            if out.exists():
                os.replace(out, old)
            check_ours(out, old)  # now that nobody reaches it by its name any more
            os.replace(new / "content", out)
        except BaseException:
            if old.exists():
                os.replace(old, out)
            raise


def write_file(file: Path, content: bytes, name: str = "out") -> None:
    """Make or replace a regular file.

    Args:
        file: Checked by `check_file` before the work.
        content: Of it.
        name: Of the option that names it.

    Raises:
        InputError: Something else than a regular file is there.
    """
    check_regular(file, name)
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
