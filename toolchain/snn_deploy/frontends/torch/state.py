"""What neurons return beside their spikes: a state to be handed back, not computed with.

A membrane that never resets is no state in this sense, but a readout, a population of its
own (`Session.membranes`).
"""

from typing import Any

import torch

from snn_deploy.frontends.torch.session import MEMBRANE, Session
from snn_deploy.frontends.torch.tensor import Traced

# What a state goes through on its way out of forward.
KEEPING = frozenset({
    "stack", "cat", "clone", "detach", "to", "cpu", "float", "double", "unsqueeze",
    "squeeze",
})  # fmt: skip


class ModuleState:
    """A state of the neurons of one module, after one of its calls.

    Attributes:
        session: The run of the forward that it belongs to.
        owner: Path of the module.
        name: Which of its states it is, e.g. "mem"; Norse's module has one, "state".
    """

    def __init__(self, session: Session, owner: str, name: str) -> None:
        self.session, self.owner, self.name = session, owner, name

    def __iter__(self) -> Any:
        return iter((self,))

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Return the first state among the arguments; what does more than to keep, stack or
        detach it is refused."""
        first = args[0][-1] if isinstance(args[0], list | tuple) else args[0]
        if func.__name__ not in KEEPING:
            state = next(v for v in (first, *args) if isinstance(v, ModuleState))
            state.session.refuse(
                f"{func.__name__} computes with {state.name!r} of {state.owner!r}, which "
                "spikes reset and no chip sends on; compute with its spikes, or build it "
                "with reset_mechanism='none'"
            )
            return state
        return first

    def detach(self) -> "ModuleState":
        """Return itself."""
        return self


def check_given(session: Session, module: Any, states: tuple[Any, ...]) -> None:
    """Refuse states that are neither the module's own last ones nor zeros."""
    name = session.name_of(module)
    for value in states:
        own = isinstance(value, ModuleState) and value.owner == name
        if isinstance(value, Traced):
            own = [t.pre for t in value.signal.terms] == [name + MEMBRANE]
        empty = torch.is_tensor(value) and not isinstance(value, Traced)
        if value is None or own or (empty and not bool(value.any())):
            continue
        session.refuse(
            f"{name!r} is handed a state that is neither None, nor zeros, nor what it "
            "returned itself; let it start from rest and hand back its own state"
        )
