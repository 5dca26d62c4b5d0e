"""What torch's functions do to traced tensors, by name: FUNCTIONS.

Three kinds: sums and gains (`arithmetic`); functions that only move values (`moving`),
which are run on a tensor of indices; linear functions without a rule of their own
(`probed`), which are run on the unit vectors. Anything else is noted as unsupported, and
the trace goes on with its shape, so that everything unsupported is named at once.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from snn_deploy.errors import InputError
from snn_deploy.frontends.torch import pooling
from snn_deploy.frontends.torch.arithmetic import (
    Function,
    add,
    div,
    in_place,
    mul,
    neg,
    rsub,
    sub,
)
from snn_deploy.frontends.torch.moving import moved
from snn_deploy.frontends.torch.session import Session
from snn_deploy.frontends.torch.signal import Signal, SignalTerm
from snn_deploy.frontends.torch.tensor import Traced, traced_in
from snn_deploy.frontends.torch.weights import convolution, dense, normalized, probe


def call(
    session: Session, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Return what `func` makes of traced arguments, all of the trace `session`."""
    if any(t.session is not session for t in traced_in((args, kwargs))):
        raise InputError(f"{session.title}: a tensor of another trace is used; keep none")
    ended = next((t.ended for t in traced_in((args, kwargs)) if t.ended), "")
    if ended and FUNCTIONS.get(name) is not same:
        return unsupported(session, f"{name} behind a {ended}", func, args, kwargs)
    if name in FUNCTIONS:
        made = FUNCTIONS[name](session, *args, **kwargs)
        if made is not None:
            return made
    if name in MOVING:
        made = moved(session, func, args, kwargs)
        if made is not None:
            return made
    if name in LINEAR:
        made = _linear(session, func, args, kwargs)
        if made is not None:
            return made
    what = f"a look at values ({name})" if name in LOOKING else f"function {name}"
    return unsupported(session, what, func, args, kwargs)


def unsupported(
    session: Session, what: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Note `what` as unsupported and return something of the right shape to go on with."""
    session.unsupported.setdefault(what)
    like = traced_in((args, kwargs))[0]

    def empty(x: Any) -> Any:
        return (
            torch.empty(x.shape, dtype=x.dtype, device="meta") if torch.is_tensor(x) else x
        )

    with torch._C.DisableTorchFunctionSubclass():
        made = func(*_each(args, empty), **_each(kwargs, empty))
    terms = _behind(session, what, args, kwargs)
    return _each(
        made, lambda x: _blank(session, x, like, terms) if torch.is_tensor(x) else x
    )


def _behind(session: Session, what: str, args: Any, kwargs: Any) -> tuple[SignalTerm, ...]:
    """Return what a tensor behind `what` depends on: that, and what was unsupported
    before."""
    found = traced_in((args, kwargs))
    names = [t.pre for x in found for t in x.signal.terms if t.pre in session.unsupported]
    at = found[0].signal.step
    return tuple(SignalTerm(name, (), at) for name in dict.fromkeys((what, *names)))


def nothing_known(session: Session, what: str, args: Any, kwargs: Any) -> Traced:
    """Return a tensor of the shape of the first argument that depends on `what` alone."""
    like = traced_in((args, kwargs))[0]
    terms = _behind(session, what, args, kwargs)
    return session.traced(Signal(like.signal.shape, terms), like)


def _blank(session: Session, x: Any, like: Traced, terms: tuple[SignalTerm, ...]) -> Any:
    """Return a tensor that depends on what is unsupported and on nothing else."""
    shape = tuple(x.shape)
    k = len(like.lead)
    if shape[:k] != like.lead:
        signal = Signal(shape[1:], terms)
        return Traced.of(session, signal, shape[:1], None, like.whole)
    return session.traced(Signal(shape[k:], terms), like)


def _each(values: Any, change: Callable[[Any], Any]) -> Any:
    """Return nested tuples, lists and dictionaries with every leaf changed."""
    if isinstance(values, Mapping):
        return {k: _each(v, change) for k, v in values.items()}
    if isinstance(values, tuple) and hasattr(values, "_fields"):
        return type(values)(*(_each(v, change) for v in values))
    if isinstance(values, list | tuple):
        return type(values)(_each(v, change) for v in values)
    return change(values)


def same(session: Session, x: Any, *args: Any, **kwargs: Any) -> Any:
    """x: what changes where or how numbers are stored, or needs a gradient."""
    return x


def nothing(session: Session, x: Any, *args: Any, **kwargs: Any) -> Any:
    """x without dropout."""
    if isinstance(x, Traced):
        session.assume("dropout", "left out", "it does nothing once training is over")
    return x


def on_spikes(session: Session, x: Any, *args: Any, **kwargs: Any) -> Any:
    """x, where it is 0 or 1: what a ReLU and alike leave as it is."""
    return x if isinstance(x, Traced) and x.signal.binary else None


def clamp(session: Session, x: Any, min: Any = None, max: Any = None) -> Any:
    """x, where it is 0 or 1 and the bounds leave it so."""
    low, high = 0 if min is None else min, 1 if max is None else max
    if torch.is_tensor(low) or torch.is_tensor(high) or low > 0 or high < 1:
        return None
    return on_spikes(session, x)


def softmax(session: Session, x: Any, dim: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return x, at the end of forward and over its classes: the largest stays the
    largest. What is done with it then is refused."""
    if (
        not isinstance(x, Traced)
        or len(x.signal.shape) != 1
        or dim not in (-1, x.dim() - 1)
    ):
        return None
    session.assume(
        "softmax", "dropped", "the class of the largest value is the same without it"
    )
    made = session.traced(x.signal, x)
    made.ended = "softmax"
    return made


def batch_norm(
    session: Session, x: Any, running_mean: Any, running_var: Any, weight: Any = None,
    bias: Any = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """BatchNorm by the statistics that are given."""
    if training or not isinstance(x, Traced):
        return None
    return normalized(session, x, running_mean, running_var, weight, bias, eps)


def zeros(session: Session, x: Any, *args: Any, **kwargs: Any) -> Any:
    """Return zeros like x, as frameworks make states and modules make feedback."""
    return torch.zeros(x.shape, dtype=session.dtype)


def ones(session: Session, x: Any, *args: Any, **kwargs: Any) -> Any:
    """Return ones like x."""
    return torch.ones(x.shape, dtype=session.dtype)


def new_zeros(session: Session, x: Any, *size: Any, **kwargs: Any) -> Any:
    """Return zeros of a size."""
    return torch.zeros(*size, dtype=session.dtype)


# --- weights --------------------------------------------------------------------------


def linear(session: Session, x: Any, weight: Any, bias: Any = None) -> Any:
    """Return weight [out, in] times the last dimension of x, plus bias."""
    if not isinstance(x, Traced) or isinstance(weight, Traced):
        return None
    return dense(session, x, weight, bias)


def matmul(session: Session, x: Any, y: Any) -> Any:
    """x @ y, where y [in, out] is no traced tensor."""
    if not isinstance(x, Traced) or isinstance(y, Traced) or y.dim() != 2:
        return None
    return dense(session, x, y.T, None)


def conv(
    session: Session, x: Any, weight: Any, bias: Any = None, *rest: Any, **named: Any
) -> Any:
    """conv1d, conv2d of one step of samples."""
    if not isinstance(x, Traced) or isinstance(weight, Traced) or len(x.lead) != 1:
        return None
    return convolution(session, x, weight, bias, *rest, **named)


def _linear(session: Session, func: Any, args: Any, kwargs: Any) -> Any:
    """Return a linear function of one traced tensor, found from the unit vectors."""
    x = traced_in((args, kwargs))[0]
    if _over_time(x, args[1:], kwargs):
        return _reduced(session, func.__name__, x, args[2:], kwargs)
    if len(x.lead) != 1 or any(t is not x for t in traced_in((args, kwargs))):
        return None

    def run(eye: Any) -> Any:
        def swap(v: Any) -> Any:
            if v is x:
                return eye
            return v.double() if torch.is_tensor(v) and v.is_floating_point() else v

        return func(*_each(args, swap), **_each(kwargs, swap))

    return probe(session, x, run, (func, repr(args[1:]), repr(kwargs)))


def _reduced(
    session: Session, name: str, x: Traced, rest: Any, kwargs: Mapping[str, Any]
) -> Any:
    """Return the mean or sum over time; None for what else goes over time."""
    if (
        name not in ("mean", "sum")
        or any((*rest, kwargs.get("keepdim")))
        or x.signal.summed is not None
    ):
        return None
    return pooling.over_time(session, x, mean=name == "mean")


def _over_time(x: Traced, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether a mean or sum is over the time dimension alone."""
    dims = kwargs.get("dim", args[0] if args else None)
    dims = dims if isinstance(dims, list | tuple) else (dims,)
    return x.time is not None and x.whole and dims in ((x.time,), [x.time])


def max_pool(session: Session, x: Any, kernel_size: Any, stride: Any = None,
             padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
             return_indices: bool = False) -> Any:  # fmt: skip
    """Return whether any spike is in each window."""
    window = pooling.PoolWindow.of(
        kernel_size, stride, padding, dilation, ceil_mode, x.signal.shape
    )
    return pooling.any_spike(session, x, window, "max_pool")


def average_pool(session: Session, x: Any, kernel_size: Any, stride: Any = None,
                 padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True,
                 divisor_override: Any = None) -> Any:  # fmt: skip
    """Return the mean of each window."""
    window = pooling.PoolWindow.of(
        kernel_size, stride, padding, 1, ceil_mode, x.signal.shape
    )
    return pooling.average(session, x, window, count_include_pad, divisor_override)


FUNCTIONS: dict[str, Function] = {
    **dict.fromkeys(("add", "__add__", "__radd__"), add),
    **dict.fromkeys(("sub", "subtract", "__sub__"), sub),
    **dict.fromkeys(("rsub", "__rsub__"), rsub),
    **dict.fromkeys(("mul", "multiply", "__mul__", "__rmul__"), mul),
    **dict.fromkeys(("div", "true_divide", "__truediv__"), div),
    **dict.fromkeys(("add_", "__iadd__"), in_place(add)),
    **dict.fromkeys(("sub_", "__isub__"), in_place(sub)),
    **dict.fromkeys(("mul_", "__imul__"), in_place(mul)),
    **dict.fromkeys(("div_", "__itruediv__"), in_place(div)),
    **dict.fromkeys(("neg", "__neg__"), neg),
    **dict.fromkeys(("detach", "contiguous", "clone", "to", "float", "double", "cpu",
                     "cuda", "requires_grad_", "detach_", ".data", "type_as"), same),
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout",
                     "feature_dropout", "feature_alpha_dropout"), nothing),
    **dict.fromkeys(("relu", "relu_", "relu6", "abs"), on_spikes),
    **dict.fromkeys(("clamp", "clamp_", "clip"), clamp),
    **dict.fromkeys(("softmax", "log_softmax"), softmax), "batch_norm": batch_norm,
    "zeros_like": zeros, "ones_like": ones, "new_zeros": new_zeros,
    "linear": linear, "conv1d": conv, "conv2d": conv,
    "matmul": matmul, "__matmul__": matmul, "mm": matmul,
    **dict.fromkeys(("max_pool1d", "max_pool2d"), max_pool),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d"), average_pool),
}  # fmt: skip

MOVING = frozenset({
    "view", "reshape", "flatten", "unflatten", "permute", "transpose", "squeeze",
    "unsqueeze", "movedim", "moveaxis", "swapaxes", "swapdims", "cat", "concat",
    "concatenate", "stack", "hstack", "vstack", "chunk", "split", "tensor_split", "unbind",
    "__iter__", "__getitem__", "select", "narrow", "expand", "expand_as", "repeat", "roll",
    "flip", "pad", "index_select", ".T", ".mT", "t", "view_as", "reshape_as", "ravel",
    "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "repeat_interleave", "tile",
    "broadcast_to", "unfold", "diagonal", "take_along_dim", "gather",
})  # fmt: skip

LOOKING = frozenset({
    "__bool__", "__int__", "__float__", "__index__", "item", "tolist", "numpy", "any",
    "all", "nonzero", "equal",
})  # fmt: skip

LINEAR = frozenset({
    "mean", "sum", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "lp_pool2d", "interpolate",
    "conv_transpose1d", "conv_transpose2d", "cumsum", "diff",
    "upsample_nearest2d", "einsum", "addmm", "tensordot",
})  # fmt: skip
