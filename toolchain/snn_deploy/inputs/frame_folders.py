"""Frames that were integrated before: files of `frames` [T, C, H, W], a folder per class.

SpikingJelly's data sets keep them so (`frames_number_10_split_by_number/0/name.npz`).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from snn_deploy.arrays import AnyArray, Shape
from snn_deploy.errors import InputError, option
from snn_deploy.files.limits import BROKEN, check_memory, reason
from snn_deploy.inputs.event_files import array_headers
from snn_deploy.inputs.recordings import numbered

FRAMES = "frames"


def read_frame_folder(
    path: Path, steps: int | None, samples: int | None
) -> Mapping[str, AnyArray] | None:
    """Return x [N, T, *shape], and labels y [N] if sub-folders name classes, of a folder of
    .npz files that hold `frames` [T, *shape], or of one such file; None if it is none.

    steps: so many steps are read of each, the first; where they differ in length it has to
    be said. samples: so many files are read, of all classes in turn as they are numbered.

    Raises:
        InputError: A file cannot be read, or they differ in shape.
    """
    files = list(_files(path))
    shape = _shape_of(files[0][0]) if files else None
    if shape is None:
        return None
    files = files[:samples]
    shapes = {file: _shape_of(file) for file, _ in files}
    odd = next((f for f, s in shapes.items() if s is None or s[1:] != shape[1:]), None)
    if odd is not None:
        raise InputError(
            f"{odd.name}: its frames are {_listed(shapes[odd])}, but those of "
            f"{files[0][0].name} {_listed(shape)}; keep those of one sensor in a folder"
        )
    lengths = {s[0] for s in shapes.values() if s is not None}
    if len(lengths) > 1 and (steps is None or steps > min(lengths)):
        raise InputError(
            f"{path.name}: its frames are {min(lengths)} to {max(lengths)} steps long; "
            f"give {option('steps', min(lengths))} to read the first of each"
        )
    shown = min(lengths) if steps is None else min(steps, min(lengths))
    check_memory(path.name, len(files) * shown * 8 * int(np.prod(shape[1:])), "frames")
    x = np.stack([_frames(file)[:shown] for file, _ in files])
    labels = [label for _, label in files]
    if None in labels:
        return {"x": x}
    return {"x": x, "y": np.array(labels, np.int64)}


def _files(path: Path) -> Iterator[tuple[Path, int | None]]:
    """Yield each .npz with the number of its class, None where nothing names one."""
    if not path.is_dir():
        yield from [(path, None)] if path.is_file() and path.suffix == ".npz" else []
        return
    classes = {d.name: d for d in path.iterdir() if d.is_dir() and _inside(d)}
    if not classes:
        yield from ((file, None) for file in _inside(path))
        return
    for name, number in numbered(list(classes)).items():
        yield from ((file, number) for file in _inside(classes[name]))


def _inside(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.suffix == ".npz" and f.is_file())


def _shape_of(file: Path) -> Shape | None:
    """Return the shape of the frames in a file, None if it holds none."""
    shape, dtype = array_headers(file).get(FRAMES, ((), np.dtype(object)))
    return shape if len(shape) > 1 and dtype.kind in "biuf" else None


def _frames(file: Path) -> AnyArray:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            frames: AnyArray = arrays[FRAMES]
    except BROKEN as error:
        raise InputError(
            f"{file.name}: not a readable file of frames ({reason(error)}); copy it again"
        ) from error
    return frames


def _listed(shape: Shape | None) -> str:
    return "missing" if shape is None else str(list(shape))
