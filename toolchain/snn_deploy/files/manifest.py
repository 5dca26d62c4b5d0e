"""The manifest of an output folder: every file that we wrote there, with size and hash.

It says which files are ours, whoever made them: only those, and only as long as nobody
changed them, are ever replaced. Nothing is opened or removed by a name that stands in a
manifest; the files that are there are looked up in it. One that names a file twice, or
one outside of its folder, is not ours.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path, PurePosixPath

import msgspec

NAME = "manifest.json"
VERSION = 1  # of this format
MOST_BYTES = 1 << 24  # of a manifest; ours have some kB
SCRATCH = "__pycache__"  # left behind by whoever runs an emitted program


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file.

    Attributes:
        name: Its path in the folder, with slashes.
        size: In bytes.
        sha256: Of its content, in hexadecimal.
    """

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What we wrote into one folder.

    Attributes:
        version: Of the format, VERSION.
        tool: That wrote it, with its version.
        backend: Whose program is among the files, None if there is none.
        files: All of them but the manifest, by name.
    """

    version: int
    tool: str
    backend: str | None
    files: tuple[Entry, ...]


def manifest_of(files: Mapping[str, bytes], backend: str | None) -> bytes:
    """Return the manifest of `files` (by path in the folder) as its file's content."""
    entries = tuple(
        Entry(name, len(content), hashlib.sha256(content).hexdigest())
        for name, content in sorted(files.items())
    )
    made = Manifest(VERSION, f"snn-deploy {version('snn-deploy')}", backend, entries)
    return msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest in `folder`, None if there is none that can be read."""
    file = folder / NAME
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > MOST_BYTES:
            return None
        found = msgspec.json.decode(file.read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError, RecursionError):
        return None
    names = [entry.name for entry in found.files]
    once = len(set(names)) == len(names) and NAME not in names
    return found if once and all(map(is_plain, names)) else None


def is_plain(name: str) -> bool:
    """Whether `name` is a relative path to a place inside a folder, written in the one way
    that we write it, on every system."""
    path = PurePosixPath(name)
    inside = not path.is_absolute() and ".." not in path.parts
    return str(path) == name != "." and inside and not any(c in name for c in "\\:\0")


def strange_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what in `folder` we did not leave there as it is: its path in the folder, and
    in words what is strange about it."""
    found = read_manifest(folder)
    known = {} if found is None else {entry.name: entry for entry in found.files}
    for path in sorted(_inside(folder)):
        name = path.relative_to(folder).as_posix()
        if name == NAME and found is not None:
            continue
        entry = known.get(name)
        if entry is None or path.is_symlink() or not path.is_file():
            yield name, "is not ours"
        elif not _is_as_written(path, entry):
            yield name, "was changed since we wrote it"


def _is_as_written(path: Path, entry: Entry) -> bool:
    if path.stat().st_size != entry.size:
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == entry.sha256


def _inside(folder: Path) -> Iterator[Path]:
    """Yield every file and link below `folder`, links not followed, and empty folders;
    without the compiled files of a program that was run."""
    for where, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(where) / name).is_symlink()]
        scratch = Path(where).name == SCRATCH
        mine = [name for name in names if not (scratch and name.endswith(".pyc"))]
        yield from (Path(where) / name for name in (*mine, *links))
        if not folders and not names and not scratch and Path(where) != folder:
            yield Path(where)
