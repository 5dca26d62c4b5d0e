"""What neurons return beside their spikes: a state to be handed back, not computed with.

A membrane that never resets is a readout, so it can be an output; `readout` makes it one.
"""

from collections.abc import Callable
from typing import Any

import torch

from snn_deploy.frontends.torch.session import Session
from snn_deploy.frontends.torch.tensor import Traced


class ModuleState:
    """A state of the neurons of one module, after one of its calls.

    Attributes:
        owner: Path of the module.
        name: Which of its states it is, e.g. "mem"; Norse's module has one, "state".
        readout: Makes it an output; None if that is not possible.
    """

    def __init__(
        self, owner: str, name: str, readout: Callable[[], Traced] | None = None
    ) -> None:
        self.owner, self.name, self.readout = owner, name, readout

    def __iter__(self) -> Any:
        return iter((self,))

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Return the first state among the arguments: what stacks or detaches it."""
        first = args[0]
        return first[-1] if isinstance(first, list | tuple) else first

    def detach(self) -> "ModuleState":
        """Return itself."""
        return self


def check_given(session: Session, module: Any, states: tuple[Any, ...]) -> None:
    """Refuse states that are neither the module's own last ones nor zeros."""
    name = session.name_of(module)
    for value in states:
        own = isinstance(value, ModuleState) and value.owner == name
        empty = torch.is_tensor(value) and not isinstance(value, Traced)
        if value is None or own or (empty and not bool(value.any())):
            continue
        session.refuse(
            f"{name!r} is handed a state that is neither None, nor zeros, nor what it "
            "returned itself; let it start from rest and hand back its own state"
        )
