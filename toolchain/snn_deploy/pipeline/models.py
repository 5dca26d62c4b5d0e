"""Models: whatever can be deployed -> the network that it means."""

import hashlib
import sys
from pathlib import Path
from typing import Any

from snn_deploy.errors import InputError, option
from snn_deploy.evaluation.stages import ModelFile
from snn_deploy.frontends.read_model import read_model
from snn_deploy.ir.network import Network
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.options.reading import ReadingOptions

IN_MEMORY = "(in memory)"


def read(
    model: Any, reading: ReadingOptions, sample: Any = None
) -> tuple[Network, QuantNetwork | None]:
    """Return the network that `model` means, and its integers if it holds them.

    Args:
        model: A NIR file or graph, a lava-dl file, a Network, or a live torch module.
        reading: How a file is meant.
        sample: What the module's forward takes, batch included; see `from_torch`.

    Raises:
        InputError: It cannot be read, or can be read in two ways.
    """
    if isinstance(model, Network):
        _refuse_readings(reading, (), "a Network, which says it itself")
        _refuse_sample(sample)
        return model, None
    if _is_module(model):
        if sample is None:
            raise InputError(
                f"{type(model).__name__}: a live module is read by running its forward "
                f"once; give {option('sample')}, a batch of what it takes"
            )
        _refuse_readings(reading, ("profile",), "a live module, which says it itself")
        from snn_deploy.frontends.torch import from_torch

        return from_torch(model, sample, profile=reading.profile), None
    _refuse_sample(sample)
    return read_model(model, reading)


def source_of(model: Any) -> ModelFile:
    """Return file name and SHA-256 of a model file; what is in memory has neither."""
    if not isinstance(model, str | Path):
        return ModelFile(IN_MEMORY, None)
    return ModelFile(Path(model).name, hashlib.sha256(Path(model).read_bytes()).hexdigest())


def _is_module(model: Any) -> bool:
    torch = sys.modules.get("torch")  # whoever has a module has imported it
    return torch is not None and isinstance(model, torch.nn.Module)


def _refuse_readings(reading: ReadingOptions, known: tuple[str, ...], what: str) -> None:
    for name in reading.changed():
        if name not in known:
            raise InputError(f"{option(name)}: has no meaning for {what}; leave it out")


def _refuse_sample(sample: Any) -> None:
    if sample is not None:
        raise InputError(
            f"{option('sample')}: is for a live torch module; leave it out, or give the "
            f"samples as {option('input')}"
        )
