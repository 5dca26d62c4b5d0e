"""Data: what is fed into a network, with labels if there are any, checked against its
inputs.

Values are spikes, graded values or currents, one per model step, or one for all steps
("static", the direct code). Nothing is encoded or scaled here.
"""

import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from snn_deploy.arrays import AnyArray, IntArray, frozen
from snn_deploy.errors import InputError
from snn_deploy.network import Input, Network

UNREADABLE = (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile, zlib.error)
MEMORY_SHARE = 0.5  # of the machine's memory, the most that one data file may fill

Arrays: TypeAlias = Mapping[str, AnyArray]


@dataclass(frozen=True, eq=False)
class Data:
    """Checked input for N samples of T model steps.

    x: by input name, [N, T, *shape], bool, integer or float, all finite; static values are
    repeated as a view that takes no memory. y: labels [N] >= 0, or None. static: every
    input has one value for all steps. source: file name, for the report.
    """

    x: Arrays
    y: IntArray | None
    steps: int
    static: bool
    source: str

    @property
    def samples(self) -> int:
        return len(next(iter(self.x.values())))

    def first(self, samples: int) -> "Data":
        """Return the first `samples` samples."""
        y = None if self.y is None else self.y[:samples]
        x = {name: values[:samples] for name, values in self.x.items()}
        return Data(x, y, self.steps, self.static, self.source)


def load_data(
    path: str | Path, net: Network, *, steps: int | None = None, samples: int | None = None
) -> Data:
    """Read an .npz (`x` or one array per input name, labels `y`) or an .npy (`x` alone).

    steps: shows static values this long, cuts others short. samples: reads the first ones
    only.

    Raises:
        InputError: The file or its content cannot be what `net` takes.
    """
    file = Path(path)
    names = [i.name for i in net.inputs]
    return check_data(
        read_arrays(file, names), net, file.name, steps=steps, samples=samples
    )


def read_arrays(file: Path, names: list[str]) -> dict[str, AnyArray]:
    """Return the arrays `x`, `y` and those called like an input, as they stand in the
    file."""
    if not file.exists():
        raise InputError(f"{file}: no such data file; --input takes an .npz or .npy file")
    if file.is_dir():
        raise InputError(f"{file}: is a folder; --input takes an .npz or .npy file")
    try:
        return _read(file, {"x", "y", *names})
    except MemoryError as error:
        raise InputError(
            f"{file.name}: its arrays do not fit in memory; split it"
        ) from error
    except UNREADABLE as error:
        raise InputError(
            f"{file.name}: not a readable .npz or .npy file of plain numbers "
            f"({_line(error)}); write it with numpy.savez(file, x=..., y=...)"
        ) from error


def check_data(
    arrays: Arrays | AnyArray,
    net: Network,
    source: str = "data",
    *,
    steps: int | None = None,
    samples: int | None = None,
) -> Data:
    """Return `arrays` (by name, or the array of the only input) as Data that fits `net`.

    Raises:
        InputError: They cannot be what `net` takes; the sentence says what was expected.
    """
    _check_option("--steps", steps)
    _check_option("--samples", samples)
    by_name = arrays if isinstance(arrays, Mapping) else {"x": np.asarray(arrays)}
    raw = {i.name: _numbers(_pick(by_name, i, net, source), source) for i in net.inputs}
    length = {i.name: _steps_of(raw[i.name], i, source) for i in net.inputs}
    total = _one_size({name: len(x) for name, x in raw.items()}, "samples", source)
    labels = _labels(by_name.get("y"), total, source)
    shown = _shown_steps({n: t for n, t in length.items() if t is not None}, steps, source)
    x = {
        name: _lasting(values[:samples], length[name], shown)
        for name, values in raw.items()
    }
    static = all(t is None for t in length.values())
    return Data(x, None if labels is None else labels[:samples], shown, static, source)


def _read(file: Path, wanted: set[str]) -> dict[str, AnyArray]:
    if not zipfile.is_zipfile(file):
        _check_memory(file, file.stat().st_size)
        with file.open("rb") as stream:  # NumPy would leave a broken file open
            return {"x": np.load(stream, allow_pickle=False)}
    with zipfile.ZipFile(file) as archive:
        members = [
            m for m in archive.infolist() if m.filename.removesuffix(".npy") in wanted
        ]
        _check_memory(file, sum(m.file_size for m in members))
    with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files if name in wanted}


def _check_memory(file: Path, size: int) -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > MEMORY_SHARE * memory:
        raise InputError(
            f"{file.name}: holds {size / 2**30:.1f} GiB, more than {MEMORY_SHARE:.0%} of "
            f"the {memory / 2**30:.1f} GiB of memory here; split it into several files"
        )


def _line(error: Exception) -> str:
    return str(error).split("\n")[0] or type(error).__name__


def _check_option(option: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise InputError(f"{option} {value}: must be at least 1")


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


def _steps_of(values: AnyArray, port: Input, source: str) -> int | None:
    """Return T of [N, T, *shape], None for [N, *shape]; refuse anything else."""
    n = len(port.shape)
    timed = values.ndim == n + 2 and values.shape[2:] == port.shape
    static = values.ndim == n + 1 and values.shape[1:] == port.shape
    if not (timed or static):
        axes = ", ".join(map(str, port.shape))
        raise InputError(
            f"{source}: the values for input {port.name!r} are {list(values.shape)}, but "
            f"it takes [N, T, {axes}] (a value per step) or [N, {axes}] (one for all steps)"
        )
    if 0 in values.shape:
        raise InputError(
            f"{source}: the values for input {port.name!r} are {list(values.shape)}: "
            f"nothing to run; give at least one sample of one step"
        )
    return int(values.shape[1]) if timed else None


def _one_size(sizes: Mapping[str, int], what: str, source: str) -> int:
    if len(set(sizes.values())) > 1:
        each = ", ".join(f"{name!r} {size}" for name, size in sizes.items())
        raise InputError(f"{source}: inputs have unequal numbers of {what} ({each})")
    return next(iter(sizes.values()))


def _labels(y: AnyArray | None, samples: int, source: str) -> IntArray | None:
    if y is None:
        return None
    if y.dtype.kind not in "iu":
        raise InputError(
            f"{source}: labels 'y' are of type {y.dtype}, but a label is the index of an "
            f"output neuron; store them as integers"
        )
    if y.shape != (samples,):
        raise InputError(
            f"{source}: labels 'y' are {list(y.shape)}, but there are {samples} samples; "
            f"give one class number each, [{samples}]"
        )
    if y.min() < 0:
        raise InputError(f"{source}: label {y.min()} is negative; classes count from 0")
    return frozen(y.astype(np.int64))


def _shown_steps(lengths: Mapping[str, int], steps: int | None, source: str) -> int:
    if not lengths:
        if steps is None:
            raise InputError(
                f"{source}: holds one value per sample and no time axis; say with --steps "
                f"T for how many steps each is shown"
            )
        return steps
    length = _one_size(lengths, "steps", source)
    if steps is not None and steps > length:
        raise InputError(f"{source}: holds {length} steps, fewer than --steps {steps}")
    return steps or length


def _lasting(values: AnyArray, length: int | None, steps: int) -> AnyArray:
    """Return [N, steps, *shape]: cut, or repeated as a view."""
    if length is not None:
        return frozen(values[:, :steps])
    shape = (len(values), steps, *values.shape[1:])
    return np.broadcast_to(values[:, None], shape)
