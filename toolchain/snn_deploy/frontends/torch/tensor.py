"""The tensor that a traced module computes with: it has a shape and a meaning, no values.

It is a torch.Tensor, so that forward runs as it stands: Python loops over time, shapes
taken apart, `isinstance` checks. What torch does with it is looked up by the name of the
function (`functions`); there is no graph, and no call is recorded twice.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import torch

from snn_deploy.frontends.torch.signal import Signal

# Attributes that say something about the tensor and not about its values.
DESCRIBING = frozenset({
    "shape", "device", "dtype", "ndim", "layout", "requires_grad", "is_sparse", "is_cuda",
    "is_leaf", "is_meta", "is_quantized", "is_nested", "is_complex", "itemsize", "names",
    "is_mps", "is_xpu", "grad_fn", "is_mkldnn", "is_cpu", "output_nr", "_version",
})  # fmt: skip
ASKING = frozenset({
    "size", "dim", "numel", "nelement", "ndimension", "get_device", "is_floating_point",
    "is_contiguous", "element_size", "stride", "is_tensor", "__len__", "is_same_size",
    "type", "has_names", "is_complex",
})  # fmt: skip


class TracedRun(Protocol):
    """The run of a forward that a traced tensor belongs to."""

    @property
    def dtype(self) -> torch.dtype:
        """Of the values that the tensors stand for."""
        ...

    def call(
        self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Return what torch's function of this name makes of traced arguments."""
        ...


class Traced(torch.Tensor):
    """A tensor of a shape and a meaning, without values.

    Attributes:
        session: The run of the forward that it belongs to.
        signal: What it stands for.
        lead: Sizes of the dimensions in front of one sample in one step (batch, time,
            both).
        time: Which of them is time, 0 or 1; None if none is.
        whole: Whether it is a whole sequence rather than one step; without a time dimension
            where batch and time are merged, or the sum over time is left out.
        ended: What was dropped at the end of forward, behind which nothing may follow; ""
            if nothing was.
    """

    session: TracedRun
    signal: Signal
    lead: tuple[int, ...]
    time: int | None
    whole: bool
    ended: str

    @staticmethod
    def of(
        session: TracedRun,
        signal: Signal,
        lead: tuple[int, ...],
        time: int | None,
        whole: bool,
    ) -> "Traced":
        """Return the tensor for a signal."""
        empty = torch.empty((*lead, *signal.shape), dtype=session.dtype, device="meta")
        made = empty.as_subclass(Traced)
        made.session, made.signal = session, signal
        made.lead, made.time, made.whole, made.ended = lead, time, whole, ""
        return made

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = func.__name__
        if name == "__get__":
            name = f".{func.__self__.__name__}"
        if name.removeprefix(".") in DESCRIBING or name in ASKING:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **(kwargs or {}))
        first = traced_in((args, kwargs or {}))[0]
        return first.session.call(name, func, args, kwargs or {})

    def __repr__(self, **options: Any) -> str:  # type: ignore[override]
        return f"Traced{list(self.lead) + list(self.signal.shape)}"


def traced_in(values: Any) -> list[Traced]:
    """Return all traced tensors in nested tuples, lists and dictionaries, in order."""
    if isinstance(values, Traced):
        return [values]
    if isinstance(values, Mapping):
        values = list(values.values())
    if isinstance(values, list | tuple):
        return [t for v in values for t in traced_in(v)]
    return []
