"""Models: whatever can be deployed -> the network that it means."""

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from snn_deploy.errors import InputError, option
from snn_deploy.evaluation.stages import ModelFile
from snn_deploy.frontends.foreign import (
    AS_NODES,
    DEPLOY,
    EXPORTED,
    KERAS,
    LIVE,
    NO_NETWORK,
    ONNX,
    TORCHSCRIPT,
    UNREAD,
    ForeignKind,
)
from snn_deploy.frontends.nir.graph.memory_graph import is_graph
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
        model: A NIR file or graph, a lava-dl file, a Network, a live torch module, or a
            model of NeuroBench around one.
        reading: How a file is meant.
        sample: What the module's forward takes, batch included; see `from_torch`.

    Raises:
        InputError: It cannot be read, or can be read in two ways.
    """
    if isinstance(model, Network):
        _refuse_readings(reading, (), "a Network, which says it itself")
        _refuse_sample(sample)
        return model, None
    model = _bare(model)
    _refuse_foreign(model)
    if _is_module(model):
        if sample is None:
            raise InputError(
                f"{type(model).__name__}: a live module is read by running its forward "
                f"once; give {option('sample')}, a batch of what it takes"
            )
        _refuse_readings(reading, ("profile",), "a live module, which says it itself")
        from snn_deploy.frontends.torch import from_torch

        return from_torch(model, sample, profile=reading.profile), None
    found = read_model(model, reading)  # which says more of a file of weights
    _refuse_sample(sample)
    return found


def source_of(model: Any) -> ModelFile:
    """Return file name and SHA-256 of a model file; what is in memory has neither."""
    if not isinstance(model, str | Path):
        return ModelFile(IN_MEMORY, None)
    return ModelFile(Path(model).name, hashlib.sha256(Path(model).read_bytes()).hexdigest())


def _is_module(model: Any) -> bool:
    torch = sys.modules.get("torch")  # whoever has a module has imported it
    return torch is not None and isinstance(model, torch.nn.Module)


def _bare(model: Any) -> Any:
    """Return the module that a model of NeuroBench holds; anything else as it is."""
    held = getattr(model, "net", None) if "neurobench" in _packages(model) else None
    return held if _is_module(held) else model


def _packages(model: Any) -> set[str]:
    """Return the packages that its class and the classes above that are of."""
    return {kind.__module__.partition(".")[0] for kind in type(model).__mro__}


# --- what cannot be deployed as it is -------------------------------------------------

OF_PACKAGES = {
    "brian2": ForeignKind("an object of Brian 2", UNREAD, AS_NODES),
    "keras": KERAS,
    "lava": ForeignKind(
        "a process of Lava",
        "which is a program already",
        "give the network that it was made of: a lava-dl .net file, a NIR file, a module",
    ),
    "nengo": ForeignKind("an object of Nengo", UNREAD, AS_NODES),
    "nengo_dl": ForeignKind("an object of NengoDL", UNREAD, AS_NODES),
    "networkx": ForeignKind("a graph of networkx", "not one of NIR", AS_NODES),
    "onnx": ONNX,
    "onnxruntime": ONNX,
    "pyNN": ForeignKind("an object of PyNN", UNREAD, AS_NODES),
    "rockpool": ForeignKind(
        "a module of Rockpool",
        UNREAD,
        'call nir.write("model.nir", rockpool.nn.modules.to_nir(module)), and read that '
        "with {profile}",
    ),
    "tensorflow": KERAS,
}
COMPILED = ForeignKind(
    "a TorchScript program",
    TORCHSCRIPT.why,
    "give the module that it was compiled from, or build that again, call "
    f"module.load_state_dict(compiled.state_dict()), and then {LIVE}",
)
WEIGHTS = ForeignKind(
    "tensors by name",
    NO_NETWORK,
    f"build the module, call module.load_state_dict(weights), and then {LIVE}",
)
CLASS = ForeignKind(
    "a class", "of which there is no object yet", "give an object of it with its weights"
)
FUNCTION = ForeignKind("a function", "which is not called here", "give what it returns")
UNKNOWN = ForeignKind(
    "an object",
    "in which no network is found",
    "give the path of a NIR or lava-dl file, a NIR graph, what from_torch returns, or a "
    f"torch module: {DEPLOY}",
    torch=True,
)


def _refuse_foreign(model: Any) -> None:
    """Refuse an object that is no network, and say which way leads in."""
    if isinstance(model, str | os.PathLike):
        return
    kind = _foreign(model)
    if kind is not None:
        raise kind.refusal(getattr(model, "__name__", type(model).__name__))


def _foreign(model: Any) -> ForeignKind | None:
    """Return what an object is that no front end reads, else None."""
    packages, name = _packages(model), type(model).__name__
    if _is_module(model):
        packages.discard("lava")  # whose processes are none; layers of lava-dl are
    for package, kind in OF_PACKAGES.items():
        if package in packages:
            return kind
    if _is_module(model):
        return COMPILED if _is_compiled(model) else None
    if isinstance(model, Mapping):
        return _weights(model)
    if isinstance(model, type):
        return CLASS
    if "torch" in packages and name == "ExportedProgram":
        return EXPORTED
    if name in ("function", "method"):
        return FUNCTION
    return None if is_graph(model) else UNKNOWN


def _is_compiled(module: Any) -> bool:
    """Whether torch.jit made it; its forward cannot be replaced."""
    return any(kind.__module__.startswith("torch.jit") for kind in type(module).__mro__)


def _weights(model: Mapping[Any, Any]) -> ForeignKind:
    """Return what a mapping is: a state_dict, a checkpoint with one, or unknown."""
    inner = [v.values() if isinstance(v, Mapping) else [v] for v in model.values()]
    tensors = sum(hasattr(value, "detach") for values in inner for value in values)
    what = f"{tensors} tensors by name (a state_dict, or a checkpoint with one)"
    return replace(WEIGHTS, what=what) if tensors else UNKNOWN


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
