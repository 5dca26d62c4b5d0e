"""What a framework's own layers sent, as the user recorded it, to be compared with ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError, option
from snn_deploy.files.limits import BROKEN, reason
from snn_deploy.inputs.data import Data
from snn_deploy.ir.network import Network

IN_MEMORY = "(in memory)"

FrameworkTrace: TypeAlias = str | Path | Mapping[str, AnyArray]


@dataclass(frozen=True, eq=False)
class Framework:
    """What a framework's own layers sent, for the N samples of T steps that are simulated.

    Attributes:
        source: File name, or "(in memory)", for the report.
        outputs: By population, [N, T, *shape]: spikes (0, 1 or how many), of readouts
            membranes; some populations may be missing.
    """

    source: str
    outputs: Mapping[str, AnyArray]


def read_framework(trace: FrameworkTrace, net: Network, data: Data | None) -> Framework:
    """Return the recorded outputs of a framework.

    trace: .npz file or arrays; a key is the name of a population, its array [N, T, *shape]
    spikes (0, 1 or how many) or, for readouts, membranes. Populations may be missing, and
    samples beyond those of the input are left out. net: as it was read. data: the input
    that is simulated, None if none is.

    Raises:
        InputError: It cannot be read, names no population, or has another shape.
    """
    if data is None:
        raise InputError(
            f"{option('framework_trace')}: there is nothing to compare with, since nothing "
            f"is simulated; give {option('input')}, and no {option('stop_after')}"
        )
    if isinstance(trace, Mapping):
        source, arrays = IN_MEMORY, trace
    else:
        source, arrays = Path(trace).name, _load(Path(trace))
    if not arrays:
        raise InputError(f"{source}: holds no arrays; give one per population")
    checked = {n: _checked(source, n, np.asarray(a), net, data) for n, a in arrays.items()}
    return Framework(source, checked)


def _load(file: Path) -> Mapping[str, AnyArray]:
    try:
        found = np.load(file, allow_pickle=False)
        if not isinstance(found, np.ndarray):
            with found:
                return {name: found[name] for name in found.files}
    except BROKEN as error:
        raise InputError(f"{option('framework_trace', file)}: {reason(error)}") from error
    raise InputError(
        f"{option('framework_trace', file.name)}: is one array; give an .npz with one per "
        "population"
    )


def _checked(source: str, name: str, array: AnyArray, net: Network, data: Data) -> AnyArray:
    shapes = {p.name: p.shape for p in net.populations}
    if name not in shapes:
        raise InputError(
            f"{source}: there is no population {name!r}; the populations are "
            f"{', '.join(shapes)}"
        )
    wanted = (data.steps, *shapes[name])
    fits = array.ndim > 0 and array.shape[1:] == wanted and len(array) >= data.samples
    if not fits or array.dtype.kind not in "biuf":
        raise InputError(
            f"{source}: {name!r} is {array.dtype} {list(array.shape)}, but the input has "
            f"{data.samples} samples of {data.steps} steps, so it must hold numbers "
            f"[{data.samples} or more, {', '.join(map(str, wanted))}]"
        )
    return array[: data.samples]
