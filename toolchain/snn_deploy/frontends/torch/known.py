"""Which handler stands in for a module: classes are told by what they are, not by name.

A handler was written for one class of one package. A class that is only called alike (of
torch.ao, of a user) is another; a subclass is the same if it overrides nothing that the
class does in a step.
"""

import sys
from collections.abc import Mapping
from typing import Any

import torch

from snn_deploy.frontends.torch import brevitas, norse, sinabs, snntorch, spikingjelly
from snn_deploy.frontends.torch.modules import LAYERS, Handler

HANDLERS: Mapping[str, Mapping[str, Handler]] = {
    "torch": LAYERS,
    "snntorch": snntorch.NEURONS,
    "spikingjelly": spikingjelly.NEURONS,
    "sinabs": sinabs.NEURONS,
    "norse": norse.NEURONS,
    "brevitas": brevitas.WEIGHTS,
}
FRAMEWORKS = tuple(name for name in HANDLERS if name not in ("torch", "brevitas"))
# Where each package defines the classes that its handlers were written for.
HOMES = {
    "torch": ("torch.nn.modules",),
    "snntorch": ("snntorch._neurons",),
    "spikingjelly": (
        "spikingjelly.activation_based.neuron",
        "spikingjelly.activation_based.layer",
    ),
    "sinabs": ("sinabs.layers",),
    "norse": ("norse.torch.module",),
    "brevitas": ("brevitas.nn",),
}
# What a subclass may have of its own: how it is made, and how it is shown.
HARMLESS = frozenset({"__init__", "__repr__", "extra_repr", "reset_parameters"})


def handler_of(m: torch.nn.Module) -> Handler | None:
    """Return the handler of the class that `m` is, or is a subclass of; None if there is
    none, or if `m` does something else."""
    if "forward" in m.__dict__:
        return None
    kind = type(m)
    for base in kind.__mro__:
        handler = _own_handler(base)
        if handler is not None:
            return None if _overrides(kind, base) else handler
    return None


def is_changed_neuron(m: torch.nn.Module) -> bool:
    """Whether `m` is a neuron of a framework, but with another step than its own class."""
    neurons = [c for c in type(m).__mro__ if _own_handler(c) and "neuron" in c.__module__]
    packages = {c.__module__.split(".")[0] for c in neurons}
    return bool(packages & set(FRAMEWORKS)) and handler_of(m) is None


def title_of(m: torch.nn.Module) -> str:
    """Return what to call the class of a module in a message."""
    kind = type(m)
    package = kind.__module__.split(".")[0]
    if is_home(kind, package):
        return f"{package}'s {kind.__name__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def _own_handler(kind: type) -> Handler | None:
    package = kind.__module__.split(".")[0]
    if not is_home(kind, package):
        return None
    return HANDLERS[package].get(kind.__name__)


def is_home(kind: type, package: str) -> bool:
    """Whether a class is one of those that its package offers under its own name."""
    defined: Any = sys.modules.get(kind.__module__)
    inside = any(f"{kind.__module__}.".startswith(f"{h}.") for h in HOMES.get(package, ()))
    return inside and getattr(defined, kind.__name__, None) is kind


def _overrides(kind: type, base: type) -> bool:
    """Whether `kind` changes anything that `base` does in a step."""
    for between in kind.__mro__[: kind.__mro__.index(base)]:
        for name in vars(between):
            private = name.startswith("__") and name not in ("__call__", "__getattr__")
            if name not in HARMLESS and not private and hasattr(base, name):
                return True
    return False
