"""The tensor that a traced module computes with: it has a shape and a meaning, no values.

It is a torch.Tensor, so that forward runs as it stands: Python loops over time, shapes
taken apart, `isinstance` checks. What torch does with it is looked up by the name of the
function (`functions`); there is no graph, and no call is recorded twice.
"""

from typing import TYPE_CHECKING, Any

import torch

from snn_deploy.frontends.torch.signal import Signal

if TYPE_CHECKING:
    from snn_deploy.frontends.torch.session import Session

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


class Traced(torch.Tensor):
    """Stands for `signal`.

    lead: sizes of the dimensions in front of one sample in one step (batch, time, both).
    time: which of them is time, None if none is. whole: whether it is a whole sequence
    rather than one step.
    """

    session: "Session"
    signal: Signal
    lead: tuple[int, ...]
    time: int | None
    whole: bool

    @staticmethod
    def of(
        session: "Session",
        signal: Signal,
        lead: tuple[int, ...],
        time: int | None,
        whole: bool,
    ) -> "Traced":
        """Return the tensor for a signal."""
        empty = torch.empty((*lead, *signal.shape), dtype=session.dtype, device="meta")
        made = empty.as_subclass(Traced)
        made.session, made.signal = session, signal
        made.lead, made.time, made.whole = lead, time, whole
        return made

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        from snn_deploy.frontends.torch.functions import call

        name = func.__name__
        if name == "__get__":
            name = f".{func.__self__.__name__}"
        if name.removeprefix(".") in DESCRIBING or name in ASKING:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **(kwargs or {}))
        return call(name, func, args, kwargs or {})

    def __repr__(self, **options: Any) -> str:  # type: ignore[override]
        return f"Traced{list(self.lead) + list(self.signal.shape)}"
