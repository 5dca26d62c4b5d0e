"""The verb `convert`: a trained model -> a NIR file, its input, and what was done."""

import importlib
import importlib.util
import io
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.conversion.account import as_json, as_markdown, sentences
from snn_deploy.conversion.convert import Converted, convert
from snn_deploy.errors import InputError
from snn_deploy.files.folder import write_folder
from snn_deploy.files.targets import check_folder, files_in
from snn_deploy.frontends.nir_writer.write_nir import Written, write_nir
from snn_deploy.inputs.data import read_arrays
from snn_deploy.options.conversion import ConversionOptions


def run_convert(
    factory: str,
    calibrate: Path,
    out: Path,
    options: ConversionOptions,
    *,
    input: Path | None,
    json: bool,
) -> None:
    """Convert what `factory` returns and write model.nir, input.npz and the record.

    Args:
        factory: MODULE:FUNCTION or FILE.py:FUNCTION, called without arguments.
        calibrate: Samples x [N, *shape].
        out: The folder.
        options: How it is converted.
        input: Samples, and labels, to write as input.npz; None: those of `calibrate`.
        json: Print the record as JSON.

    Raises:
        InputError: The function cannot be called, or the model not be converted.
    """
    check_folder(out, files_in(calibrate, input, factory.rpartition(":")[0]))
    arrays = _samples(calibrate)
    shown = arrays if input is None else _samples(input)
    more = None if input is None else shown["x"]
    made = convert(load_model(factory), arrays["x"], samples=more, options=options)
    with TemporaryDirectory() as folder:
        written = write_nir(made.network, Path(folder) / "model.nir")
        model = written.path.read_bytes()
    command = deploy_command(out, written)
    record = as_json(made)
    files = {
        "model.nir": model,
        "input.npz": _input(made, shown),
        "conversion.json": record.encode(),
        "conversion.md": as_markdown(made, command).encode(),
    }
    write_folder(out, files)
    lines = [*sentences(made), f"written to {out}; deploy it with", f"  {command}"]
    sys.stdout.write(record if json else "\n".join(lines) + "\n")


def deploy_command(out: Path, written: Written) -> str:
    """Return the command that deploys what was written."""
    return (
        f"snn-deploy {out / 'model.nir'} {written.flags} --target loihi2 "
        f"--input {out / 'input.npz'}"
    )


def load_model(factory: str) -> Any:
    """Return what the user's function returns; MODULE may be a file.

    Raises:
        InputError: There is no such module or function, or it fails.
    """
    where, colon, name = factory.rpartition(":")
    if not (colon and where and name):
        raise InputError(
            f"{factory!r}: give MODULE:FUNCTION, or FILE.py:FUNCTION; the function returns "
            "the trained torch model"
        )
    try:
        made = getattr(_module(where), name)
        return made() if callable(made) and not hasattr(made, "state_dict") else made
    except Exception as error:
        raise InputError(f"{factory}: {type(error).__name__}: {error}") from error


def _module(where: str) -> Any:
    if where.endswith(".py"):
        file = Path(where).resolve()
        spec = importlib.util.spec_from_file_location(file.stem, file)
        if spec is None or spec.loader is None:
            raise InputError(f"{where}: no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[file.stem] = module  # as if imported: dataclasses look it up
        sys.path.insert(0, str(file.parent))
        spec.loader.exec_module(module)
        return module
    sys.path.insert(0, os.getcwd())
    return importlib.import_module(where)


def _samples(file: Path) -> dict[str, AnyArray]:
    arrays = read_arrays(file, [])
    if "x" not in arrays:
        raise InputError(f"{file}: has no array 'x' of samples [N, *shape]")
    return arrays


def _input(made: Converted, arrays: dict[str, AnyArray]) -> bytes:
    """Return input.npz: the whole numbers to feed, in as few bytes as they take."""
    fed = made.feed(arrays["x"])
    kind = np.result_type(
        np.min_scalar_type(int(fed.min(initial=0))),
        np.min_scalar_type(int(fed.max(initial=0))),
    )
    stream = io.BytesIO()
    labels = {"y": arrays["y"]} if "y" in arrays else {}
    np.savez_compressed(stream, x=fed.astype(kind), **labels)  # type: ignore[arg-type]
    return stream.getvalue()
