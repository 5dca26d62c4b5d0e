"""Recordings: which files of events `--input` means, and with which labels.

One file, a folder (one sub-folder per class, or none), or a list: a text file `.list` with
a path and a label in each line.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from snn_deploy.arrays import Shape
from snn_deploy.errors import InputError
from snn_deploy.inputs.cameras import read_camera
from snn_deploy.inputs.event_files import (
    array_headers,
    holds_table,
    read_arrays,
    read_bin,
    read_text,
)
from snn_deploy.inputs.event_hdf5 import read_hdf5
from snn_deploy.inputs.events import Events, columns_of
from snn_deploy.ir.network import Assumption
from snn_deploy.options.inputs import InputOptions

RecordingReader: TypeAlias = Callable[[Path, InputOptions, int | None], Iterator[Events]]

READERS: dict[str, RecordingReader] = {
    ".npy": read_arrays, ".npz": read_arrays, ".txt": read_text, ".csv": read_text,
    ".h5": read_hdf5, ".hdf5": read_hdf5, ".bin": read_bin, ".aedat4": read_camera,
    ".raw": read_camera, ".dat": read_camera, ".es": read_camera,
}  # fmt: skip
LIST = ".list"
OLD_CAMERAS = (".aedat", ".aedat2", ".aedat3")  # jAER and cAER
ARRAYS = (".npy", ".npz")


@dataclass(frozen=True)
class EventFiles:
    """Files of events.

    Attributes:
        files: Their paths, in the order in which they are read.
        labels: Class number of each file, None if neither folders nor a list give any;
            labels may then stand in the files.
        note: How classes were numbered, None unless folders name them.
    """

    files: tuple[Path, ...]
    labels: tuple[int, ...] | None
    note: Assumption | None = None


def find_recordings(path: Path, shapes: Collection[Shape]) -> EventFiles | None:
    """Return the recordings that `path` means; None if it holds no events but values (or
    is not there).

    shapes: of the inputs, since four columns may be an input of four values.

    Raises:
        InputError: A folder or a list names no recordings.
    """
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        return None
    suffix = path.suffix.lower()
    if suffix == LIST:
        return _listed(path)
    if suffix in OLD_CAMERAS:
        raise InputError(
            f"{path.name}: {_version(path)}, of which only AEDAT 4 is read here; save its "
            "events as columns with numpy.savez(file, t=..., x=..., y=..., p=...)"
        )
    if suffix not in READERS or (suffix in ARRAYS and not _has_events(path, shapes)):
        return None
    return EventFiles((path,), None)


def read_recordings(
    found: EventFiles, options: InputOptions, limit: int | None
) -> tuple[Events, ...]:
    """Read the first `limit` recordings (all if None).

    Raises:
        InputError: One of them cannot be read.
    """
    return tuple(islice(_each(found, options, limit), limit))


def _each(found: EventFiles, options: InputOptions, limit: int | None) -> Iterator[Events]:
    for i, file in enumerate(found.files):
        for events in READERS[file.suffix.lower()](file, options, limit):
            label = events.label if found.labels is None else found.labels[i]
            yield replace(events, label=label)


def _version(file: Path) -> str:
    """Return what an .aedat says of itself: #!AER-DAT3.1 and alike in its first line."""
    with file.open("rb") as stream:
        first = stream.read(20)
    known = first.startswith(b"#!AER-DAT")
    number = first[9:12].decode("ascii", "replace") if known else "before 4"
    return f"a recording of AEDAT {number}"


def _has_events(file: Path, shapes: Collection[Shape]) -> bool:
    """Whether an .npy or .npz holds columns of events instead of samples."""
    if (4,) not in shapes and holds_table(file):
        return True
    headers = array_headers(file)
    if any(
        {"t", "x"} <= set(columns_of(dict.fromkeys(d.names or ())))
        for _, d in headers.values()
    ):
        return True
    sizes = columns_of({n: s for n, (s, _) in headers.items()})
    return {"t", "x"} <= set(sizes) and len(sizes["t"]) == len(sizes["x"]) == 1


def _folder(folder: Path) -> EventFiles:
    classes = sorted(d for d in folder.iterdir() if d.is_dir())
    loose = _inside(folder)
    if not classes and loose:
        return EventFiles(loose, None)
    by_class = {d.name: _inside(d) for d in classes if _inside(d)}
    if not by_class:
        raise InputError(
            f"{folder}: is a folder, but neither it nor its sub-folders hold recordings "
            f"({', '.join(READERS)}); give the file, or a folder of recordings"
        )
    if loose:
        raise InputError(
            f"{folder}: holds recordings ({loose[0].name}, ...) beside folders of classes "
            f"({next(iter(by_class))}, ...); move them into folders"
        )
    number = numbered(list(by_class))
    note = Assumption(
        "labels",
        ", ".join(f"{name} = {n}" for name, n in list(number.items())[:20]),
        "the numbers that the folders are called"
        if all(n.isdecimal() for n in number)
        else "folders in alphabetical order",
    )
    files = [(f, n) for name, n in number.items() for f in by_class[name]]
    return EventFiles(tuple(f for f, _ in files), tuple(n for _, n in files), note)


def _inside(folder: Path) -> tuple[Path, ...]:
    return tuple(
        sorted(f for f in folder.iterdir() if f.is_file() and f.suffix.lower() in READERS)
    )


def numbered(names: list[str]) -> dict[str, int]:
    """Return the number of each class: its name if all are numbers, else its place in
    alphabetical order."""
    if all(n.isdecimal() for n in names):
        return {n: int(n) for n in sorted(names, key=int)}
    return {n: i for i, n in enumerate(sorted(names))}


def _listed(file: Path) -> EventFiles:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"{file.name}: not a readable list ({error})") from error
    rows = [_row(file, i, s) for i, s in enumerate(lines, 1) if s.strip() and s[0] != "#"]
    if not rows:
        raise InputError(
            f"{file.name}: names no recordings; write a path and a label a line"
        )
    labels = [label for _, label in rows]
    if any(n is None for n in labels) and any(n is not None for n in labels):
        raise InputError(
            f"{file.name}: {labels.count(None)} of {len(rows)} lines have no label; give "
            f"all one, or none"
        )
    given = tuple(n for n in labels if n is not None)
    return EventFiles(tuple(f for f, _ in rows), given or None)


def _row(file: Path, number: int, line: str) -> tuple[Path, int | None]:
    """Return path and label of one line; the last word is the label if it is a number."""
    words = line.replace(",", " ").replace("\t", " ").rsplit(maxsplit=1)
    labelled = len(words) == 2 and words[1].isdecimal()
    path = file.parent / (words[0] if labelled else line.strip())
    try:
        there = path.is_file()
    except (OSError, ValueError):
        there = False
    if not there or path.suffix.lower() not in READERS:
        why = "no such file" if not there else f"not one of {', '.join(READERS)}"
        raise InputError(
            f"{file.name}, line {number}: {path.name!r}: {why}; write the path of a "
            f"recording, relative to the list, and its class number"
        )
    return path, int(words[1]) if labelled else None
