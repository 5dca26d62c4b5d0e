"""Places that results go to, looked at before any work and again at the write.

A result takes the place of nothing but an earlier result: never of a file that is read, a
device, a pipe or a socket. A link is followed; what it leads to is the place.
"""

import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from snn_deploy.errors import InputError, option
from snn_deploy.files.manifest import strange_files
from snn_deploy.names import board_names

# How messages call what is no regular file.
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def files_in(*given: Any) -> tuple[Path, ...]:
    """Return those of `given` that are paths of something that exists."""
    paths = [x for x in given if isinstance(x, str | Path)]
    return tuple(Path(x) for x in paths if os.path.exists(x))


def own_board(target: Any) -> Any:
    """Return `target` where it may be a file, None where it names a shipped board."""
    return None if isinstance(target, str) and target in board_names() else target


def check_file(file: Path, name: str, read: Iterable[Path] = ()) -> None:
    """Refuse `file` now if it could not be written at the end.

    Args:
        file: To be made or replaced; folders above it may be missing.
        name: Of the option that says so.
        read: Files and folders that the same command reads.

    Raises:
        InputError: It is no regular file, is read, or cannot be made there.
    """
    check_regular(file, name)
    check_apart(file, name, read)
    check_place(file, name)


def check_folder(out: Path, read: Iterable[Path] = ()) -> None:
    """Refuse the folder `out` now if it could not be written at the end.

    Args:
        out: To be made, or replaced where an earlier run made it.
        read: Files and folders that the same command reads.

    Raises:
        InputError: Something that we did not leave there is in the way, it holds what is
            read, or no folder can be made there.
    """
    check_apart(out, "out", read)
    check_ours(out)
    check_place(out, "out")


def check_ours(out: Path, now: Path | None = None) -> None:
    """Refuse a folder with anything in it that an earlier run did not leave there as it is.

    Args:
        out: The folder, which may be missing.
        now: Where it is at the moment, if elsewhere.

    Raises:
        InputError: It is no folder, or as said, with the first such file.
    """
    now = now or out
    kind = kind_of(now, "out")
    if kind not in ("", KINDS[stat.S_IFDIR]):
        raise InputError(f"{option('out', out)}: is {kind}; give a folder")
    for name, why in strange_files(now):
        raise InputError(
            f"{option('out', out)}: holds {name!r}, which {why}; give a new folder, or "
            f"one that holds nothing but what an earlier run wrote"
        )


def check_regular(file: Path, name: str) -> None:
    """Refuse a place where something else than a regular file is.

    Raises:
        InputError: As said.
    """
    kind = kind_of(file, name)
    if kind not in ("", "a file"):
        raise InputError(f"{option(name, file)}: is {kind}; give a file")


def check_apart(target: Path, name: str, read: Iterable[Path]) -> None:
    """Refuse a place that the same command reads, or that holds what it reads.

    Raises:
        InputError: As said.
    """
    place = _resolved(target, name)
    for path in read:
        if path.resolve() == place:
            raise InputError(f"{option(name, target)}: is read, too; choose another place")
        if place in path.resolve().parents:
            raise InputError(
                f"{option(name, target)}: holds {path}, which is read; choose another place"
            )


def check_place(target: Path, name: str) -> None:
    """Refuse `target` now if nothing can be created there; folders above it may be missing.

    Args:
        target: A file or folder to be.
        name: Of the option that says so.

    Raises:
        InputError: The nearest folder above it that exists cannot be written.
    """
    folder = _resolved(target, name).parent
    while not os.path.exists(folder):
        folder = folder.parent
    try:
        with tempfile.TemporaryDirectory(prefix=".snn-deploy-", dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"{option(name, target)}: cannot be written ({error.strerror}: {folder}); "
            f"choose another place"
        ) from error


def kind_of(target: Path, name: str) -> str:
    """Return what is at `target`, links followed, in words; nothing is "".

    Raises:
        InputError: It cannot be said: links in a circle, a name that is too long.
    """
    try:
        mode = os.stat(target).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError) as error:
        raise _unreachable(target, name, error) from error
    return KINDS.get(stat.S_IFMT(mode), "a file")


def _resolved(target: Path, name: str) -> Path:
    try:
        return target.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # Python's, of links in a circle
        raise _unreachable(target, name, error) from error


def _unreachable(target: Path, name: str, error: Exception) -> InputError:
    why = getattr(error, "strerror", None) or str(error)
    return InputError(
        f"{option(name, target)}: cannot be written ({why}); choose another place"
    )
