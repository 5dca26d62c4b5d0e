"""Data: what is fed into a network, with labels if there are any, checked against its
inputs.

Values are spikes, graded values or currents, one per model step, or one for all steps
("static", the direct code); `inputs` encodes them otherwise where that is wished, and puts
events into bins.
"""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from snn_deploy.arrays import AnyArray, IntArray, frozen
from snn_deploy.errors import InputError, option
from snn_deploy.files.limits import BROKEN, check_memory, reason
from snn_deploy.inputs.axes import one_hot, order_note, time_first
from snn_deploy.inputs.coding import Coded, code
from snn_deploy.inputs.frame_folders import read_frame_folder
from snn_deploy.inputs.frames import Frames, read_frames
from snn_deploy.inputs.in_memory import in_memory
from snn_deploy.inputs.nir_data import NirRecording, is_nir_data, read_nir_data
from snn_deploy.inputs.recordings import find_recordings
from snn_deploy.ir.network import Assumption, Input, Network
from snn_deploy.options.inputs import AS_IT_IS, FOR_EVENTS, FOR_VALUES, InputOptions

Arrays: TypeAlias = Mapping[str, AnyArray]
Samples: TypeAlias = str | Path | AnyArray | Arrays  # a file, or what one would hold


@dataclass(frozen=True, eq=False)
class Data:
    """Checked input for N samples of T model steps.

    Attributes:
        x: By input name, [N, T, *shape], bool, integer or float, all finite; static
            values are repeated as a view that takes no memory.
        y: Labels, [N], class numbers from 0; None if there are none.
        steps: T.
        static: Whether every input has one value for all steps.
        source: File name, or what else it is called in messages and in the report.
        notes: How it was read, where that could be done otherwise.
    """

    x: Arrays
    y: IntArray | None
    steps: int
    static: bool
    source: str
    notes: tuple[Assumption, ...] = ()

    @property
    def samples(self) -> int:
        return len(next(iter(self.x.values())))

    def first(self, samples: int) -> "Data":
        """Return the first `samples` samples."""
        return self._part(0, samples)

    def batches(self, size: int | None) -> Iterator["Data"]:
        """Yield the samples in order, `size` at a time (all if None)."""
        step = size or self.samples
        for start in range(0, self.samples, step):
            yield self._part(start, start + step)

    def _part(self, start: int, stop: int) -> "Data":
        y = None if self.y is None else self.y[start:stop]
        x = {name: values[start:stop] for name, values in self.x.items()}
        return Data(x, y, self.steps, self.static, self.source, self.notes)


def read_samples(samples: Samples, net: Network, options: InputOptions = AS_IT_IS) -> Data:
    """Return `samples`, a file or arrays, as Data that fits `net`.

    Raises:
        InputError: They cannot be what `net` takes.
    """
    if isinstance(samples, str | Path):
        return load_data(samples, net, options)
    if options.labels is not None:
        raise InputError(
            f"{option('labels', options.labels)}: the samples are arrays in memory; give "
            f"labels as y"
        )
    return check_data(samples, net, options=options)


def load_data(path: str | Path, net: Network, options: InputOptions = AS_IT_IS) -> Data:
    """Read values from an .npz (`x` or one array per input name, labels `y`) or .npy (`x`
    alone), or events from a recording, a folder or a list of recordings.

    Args:
        path: The file.
        net: The network that is fed.
        options: How it is read; steps show static values so long and cut others short.

    Raises:
        InputError: The file or its content cannot be what `net` takes.
    """
    file = Path(path)
    if is_nir_data(file):
        return _recorded(read_nir_data(file, net, options.samples), net, file.name, options)
    frames = read_frame_folder(file, options.steps, options.samples)
    if frames is not None:
        return check_data(frames, net, file.name, options)
    found = find_recordings(file, [i.shape for i in net.inputs])
    if found is not None:
        options.refuse(FOR_VALUES, file.name, "events")
        return _framed(read_frames(found, net, options), net, file.name, options)
    names = [i.name for i in net.inputs]
    arrays = {**read_arrays(file, names)}
    if options.labels is not None:
        arrays["y"] = _labels_beside(arrays, options.labels, file)
    return check_data(arrays, net, file.name, options)


def _recorded(
    recording: NirRecording, net: Network, source: str, options: InputOptions
) -> Data:
    """Return NIRData as Data."""
    arrays = dict(recording.values)
    if options.labels is not None:
        arrays["y"] = read_labels(options.labels)[: options.samples]
    data = check_data(arrays, net, source, options)
    return replace(data, notes=(*recording.notes, *data.notes))


def read_arrays(file: Path, names: list[str]) -> dict[str, AnyArray]:
    """Return the arrays `x`, `y` and those called like an input, as they stand in the
    file.

    Raises:
        InputError: There is no such file, or it holds no arrays of plain numbers.
    """
    if not file.exists():
        raise InputError(
            f"{file}: no such data file; {option('input')} takes an .npz or .npy file"
        )
    if not file.is_file():
        raise InputError(
            f"{file}: not a regular file; {option('input')} takes an .npz or .npy file"
        )
    try:
        return _read(file, {"x", "y", *names})
    except MemoryError as error:
        raise InputError(
            f"{file.name}: its arrays do not fit in memory; split it"
        ) from error
    except BROKEN as error:
        raise InputError(
            f"{file.name}: not a readable .npz or .npy file of plain numbers "
            f"({reason(error)}); write it with numpy.savez(file, x=..., y=...)"
        ) from error


def check_data(
    arrays: Arrays | AnyArray,
    net: Network,
    source: str = "data",
    options: InputOptions = AS_IT_IS,
) -> Data:
    """Return `arrays` (by name, or the array of the only input) as Data that fits `net`.

    Args:
        arrays: [N, T, *shape] or [N, *shape] by input name or "x"; labels "y" [N].
        net: The network that is fed.
        source: What they are called in messages and in the report.
        options: How they are read and encoded.

    Raises:
        InputError: They cannot be what `net` takes; the sentence says what was expected.
    """
    options.refuse(FOR_EVENTS, source, "values")
    steps, samples = options.steps, options.samples
    by_name = in_memory(arrays)
    raw = {i.name: _numbers(_pick(by_name, i, net, source), source) for i in net.inputs}
    coded = {
        port.name: code(_cut(raw[port.name], samples), port, i, options, source)
        for i, port in enumerate(net.inputs)
    }
    total = _one_size({name: _length(x) for name, x in raw.items()}, "samples", source)
    labels = _labels(by_name.get("y"), total, source, next(iter(raw.values())))
    orders = (order_note(i.name, raw[i.name].shape, i.shape) for i in net.inputs)
    notes = tuple(note for note in orders if note is not None)
    return _data(coded, None if labels is None else labels[:samples], steps, source, notes)


def _data(
    coded: Mapping[str, Coded],
    y: IntArray | None,
    steps: int | None,
    source: str,
    more: tuple[Assumption, ...],
) -> Data:
    lengths = {n: c.steps for n, c in coded.items() if c.steps is not None}
    shown = _shown_steps(lengths, steps, source)
    x = {name: _lasting(c.values, c.steps, shown) for name, c in coded.items()}
    notes = (*(c.note for c in coded.values() if c.note is not None), *more)
    return Data(x, y, shown, not lengths, source, notes)


def _framed(frames: Frames, net: Network, source: str, options: InputOptions) -> Data:
    """Return binned events as Data."""
    y = frames.labels
    if options.labels is not None:
        if y is not None:
            raise InputError(
                f"{option('labels', options.labels)}: {source} names the label of every "
                f"recording itself; leave the option out"
            )
        y = read_labels(options.labels)[: options.samples]
    labels = _labels(y, len(frames.values), source, frames.values)
    x = {net.inputs[0].name: frozen(frames.values)}
    return Data(x, labels, frames.values.shape[1], False, source, frames.notes)


def read_labels(file: Path) -> AnyArray:
    """Return the array of an .npy file of labels.

    Raises:
        InputError: There is no such file, or it is none.
    """
    if file.suffix != ".npy":
        raise InputError(
            f"{option('labels', file)}: must be an .npy file of class numbers [N]"
        )
    return read_arrays(file, [])["x"]


def _labels_beside(arrays: Arrays, file: Path, values: Path) -> AnyArray:
    if "y" in arrays:
        raise InputError(
            f"{option('labels', file)}: {values.name} holds labels 'y' itself; leave one "
            "of them out"
        )
    return read_labels(file)


def _read(file: Path, wanted: set[str]) -> dict[str, AnyArray]:
    if not zipfile.is_zipfile(file):
        check_memory(file.name, file.stat().st_size)
        with file.open("rb") as stream:  # NumPy would leave a broken file open
            return {"x": np.load(stream, allow_pickle=False)}
    with zipfile.ZipFile(file) as archive:
        if any(m.filename.endswith("/data.pkl") for m in archive.infolist()):
            raise InputError(
                f"{file.name}: a file of torch.save, which would run code to be read; save "
                f"its tensors with numpy.savez(file, x=x.numpy(), y=y.numpy())"
            )
        members = [
            m for m in archive.infolist() if m.filename.removesuffix(".npy") in wanted
        ]
        check_memory(file.name, sum(m.file_size for m in members))
    with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files if name in wanted}


def _pick(arrays: Arrays, port: Input, net: Network, source: str) -> AnyArray:
    """Return the array of `port`: called like it, or `x` if there is no other input."""
    if port.name in arrays:
        return arrays[port.name]
    if "x" in arrays and len(net.inputs) == 1:
        return arrays["x"]
    wanted = "'x'" if len(net.inputs) == 1 else "one per input: " + _names(net)
    raise InputError(
        f"{source}: has no array for input {port.name!r} (it has "
        f"{', '.join(map(repr, arrays)) or 'none that is known'}); name the array {wanted}"
    )


def _names(net: Network) -> str:
    return ", ".join(repr(i.name) for i in net.inputs)


def _numbers(values: AnyArray, source: str) -> AnyArray:
    """Return `values` in native byte order, or refuse what is not a finite number."""
    if values.dtype.kind not in "biuf":
        raise InputError(
            f"{source}: values are of type {values.dtype}, but spikes, graded values and "
            f"currents are bool, integer or float"
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int(np.count_nonzero(~np.isfinite(values)))
        raise InputError(
            f"{source}: {bad} of {values.size} values are NaN or infinite; remove them"
        )
    return np.asarray(values, values.dtype.newbyteorder("="))


def _cut(values: AnyArray, samples: int | None) -> AnyArray:
    return values if values.ndim == 0 else values[:samples]


def _length(values: AnyArray) -> int:
    return len(values) if values.ndim else 0


def _one_size(sizes: Mapping[str, int], what: str, source: str) -> int:
    if len(set(sizes.values())) > 1:
        each = ", ".join(f"{name!r} {size}" for name, size in sizes.items())
        raise InputError(f"{source}: inputs have unequal numbers of {what} ({each})")
    return next(iter(sizes.values()))


def _labels(y: AnyArray | None, samples: int, source: str, x: AnyArray) -> IntArray | None:
    if y is None:
        return None
    if y.dtype.kind not in "iu" or y.ndim == 2:
        hint = one_hot(y) or "; store them as integers [N]"
        raise InputError(
            f"{source}: labels 'y' are {list(y.shape)} of type {y.dtype}, but a label is "
            f"the index of an output neuron{hint}"
        )
    if y.shape != (samples,):
        hint = time_first(x, y.size) or f"; give one class number each, [{samples}]"
        raise InputError(
            f"{source}: labels 'y' are {list(y.shape)}, but there are {samples} samples"
            f"{hint}"
        )
    if y.min() < 0:
        raise InputError(f"{source}: label {y.min()} is negative; classes count from 0")
    return frozen(y.astype(np.int64))


def _shown_steps(lengths: Mapping[str, int], steps: int | None, source: str) -> int:
    if not lengths:
        if steps is None:
            raise InputError(
                f"{source}: holds one value per sample and no time axis; say with "
                f"{option('steps', 'T')} for how many steps each is shown"
            )
        return steps
    length = _one_size(lengths, "steps", source)
    if steps is not None and steps > length:
        raise InputError(
            f"{source}: holds {length} steps, fewer than {option('steps', steps)}"
        )
    return steps or length


def _lasting(values: AnyArray, length: int | None, steps: int) -> AnyArray:
    """Return [N, steps, *shape]: cut, or repeated as a view."""
    if length is not None:
        return frozen(values[:, :steps])
    shape = (len(values), steps, *values.shape[1:])
    return np.broadcast_to(values[:, None], shape)
