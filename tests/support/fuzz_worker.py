"""Reads the files it is told of, one after the other, in a process that may die of it.

One JSON object per line: in {"kind", "path"}, out {"said"}: None if it was read, or why
not; or {"traceback"} of whatever is no InputError.
"""

import json
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import msgspec

from snn_deploy.errors import InputError
from snn_deploy.frontends.netx.read_netx import read_netx
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.inputs.data import load_data
from snn_deploy.ir.network import Input, Network
from snn_deploy.options.inputs import InputOptions

VALUES = Network((Input("x", (3,)),), (), (), (), step_s=1e-3)
PIXELS = Network((Input("x", (2, 8, 8)),), (), (), (), step_s=1e-3)
CHANNELS = Network((Input("x", (20,)),), (), (), (), step_s=1e-3)


def read_model(path: Path) -> None:
    if not read_nir(path, profile="snntorch", reset="subtract").outputs:
        raise ValueError("a network without outputs")


def read_input(path: Path, net: Network, options: InputOptions) -> None:
    data = load_data(path, net, msgspec.structs.replace(options, steps=5))
    if not data.samples or data.steps != 5:
        raise ValueError(f"{data.samples} samples of {data.steps} steps")


READ: dict[str, Callable[[Path], object]] = {
    "nir": read_model,
    "netx": read_netx,
    "values": lambda path: read_input(path, VALUES, InputOptions()),
    "rate": lambda path: read_input(path, VALUES, InputOptions(encode="rate")),
    "pixels": lambda path: read_input(path, PIXELS, InputOptions()),
    "sensor": lambda path: read_input(path, PIXELS, InputOptions(sensor="8x8")),
    "channels": lambda path: read_input(path, CHANNELS, InputOptions()),
}


def answer(kind: str, path: Path) -> dict[str, str | None]:
    try:
        READ[kind](path)
    except InputError as error:
        return {"said": str(error)}
    except BaseException:
        return {"traceback": traceback.format_exc()}
    return {"said": None}


if __name__ == "__main__":
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", DeprecationWarning)  # as Python does by itself
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(answer(job["kind"], Path(job["path"]))), flush=True)
