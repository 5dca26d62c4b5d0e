"""What stands in for a module of a quantized network in a trace: `handler_of`.

Brevitas' layers give their whole-number weights and, apart from them, their scales;
quantizers become layers; of PyTorch's own modules those that are affine without weights
keep the rules of `frontends.torch`. What is left is unsupported, and named.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from snn_deploy.arrays import FloatArray
from snn_deploy.conversion.brevitas.maxima import max_pool
from snn_deploy.conversion.brevitas.quantizers import levels_of, whole_weights
from snn_deploy.conversion.brevitas.trace import BrevitasTrace
from snn_deploy.frontends.torch.arithmetic import add
from snn_deploy.frontends.torch.known import is_home
from snn_deploy.frontends.torch.modules import LAYERS, Handler
from snn_deploy.frontends.torch.signal import shifted_by, through
from snn_deploy.frontends.torch.tensor import Traced
from snn_deploy.frontends.torch.weights import convolution, dense, numbers, zeros_only

ELMAN = "snn_deploy.conversion.brevitas.elman"


def handler_of(module: torch.nn.Module) -> Handler | None:
    """Return what stands in for a module; None: its own forward shows what it does."""
    kind = type(module)
    if kind.__module__ == ELMAN:
        return elman
    if kind.__module__.startswith("brevitas.nn"):
        of_brevitas: Handler = BREVITAS.get(kind.__name__, unknown)
        return of_brevitas
    if kind.__module__.split(".")[0] != "torch" or kind.__name__ == "Sequential":
        return None
    known: Handler | None = TORCH.get(kind.__name__) if is_home(kind, "torch") else None
    if known is None and not any(True for _ in module.children()):
        return unknown
    return known


def unknown(session: BrevitasTrace, module: Any, x: Traced, *rest: Any) -> Traced:
    """Note a module as unsupported and go on with what it was given."""
    kind = type(module)
    package = kind.__module__.split(".")[0]
    remedy = REMEDIES.get(kind.__name__, "")
    session.unsupported.setdefault(
        f"{session.name_of(module)!r} ({package}'s {kind.__name__}{remedy})"
    )
    return x


# --- weights --------------------------------------------------------------------------


def quant_linear(session: BrevitasTrace, module: Any, x: Traced) -> Traced:
    """QuantLinear, with whatever it does to its input and output."""
    return _weighted(session, module, x, lambda fed, m: dense(session, fed, m, None))


def quant_conv(session: BrevitasTrace, module: Any, x: Traced) -> Traced:
    """QuantConv1d or QuantConv2d, groups too."""
    zeros_only(session, module)

    def run(fed: Traced, whole: Any) -> Traced:
        return convolution(
            session, fed, whole, None, module.stride, module.padding, module.dilation,
            module.groups,
        )  # fmt: skip

    return _weighted(session, module, x, run)


def _weighted(
    session: BrevitasTrace, module: Any, x: Traced, run: Callable[[Traced, Any], Traced]
) -> Traced:
    """Return scale * run(x, whole weights) + bias, between the layer's own quantizers."""
    name = session.name_of(module)
    fed = _rounded(session, f"{name}.input", module.input_quant, x)
    taken = whole_weights(session, name, module)
    if taken is None:
        return run(fed, module.weight)
    whole, scale = taken
    made = run(fed, whole)
    wide = _per_output(scale, made.signal.shape, isinstance(module, torch.nn.Linear))
    made = _gained(session, made, wide)
    if module.bias is not None:
        bias = _bias(module)
        wide = _per_output(bias, made.signal.shape, isinstance(module, torch.nn.Linear))
        made = session.traced(shifted_by(made.signal, wide), made)
    return _rounded(session, f"{name}.output", module.output_quant, made)


def _bias(module: Any) -> FloatArray:
    """Return the bias; rounded on its own scale if it has one."""
    quant = module.bias_quant
    if quant.is_quant_enabled and not quant.requires_input_scale:
        return numbers(module.quant_bias().value)
    return numbers(module.bias)  # rounded to the grid of the sum, later


def _per_output(values: FloatArray, shape: tuple[int, ...], last: bool) -> FloatArray:
    """Return one value per output channel, or one for all, as [n]."""
    flat = values.ravel()
    if flat.size > 1 and not last:
        flat = np.repeat(flat, int(np.prod(shape[1:])))
    elif flat.size > 1:
        flat = np.tile(flat, int(np.prod(shape[:-1])))
    return np.array(np.broadcast_to(flat, int(np.prod(shape))), np.float64)


def _gained(session: BrevitasTrace, x: Traced, factor: FloatArray) -> Traced:
    scale = session.maps.scale(factor)
    return session.traced(through(session.maps, x.signal, scale, x.signal.shape), x)


# --- quantizers -----------------------------------------------------------------------


def activation(session: BrevitasTrace, module: Any, x: Traced) -> Traced:
    """QuantReLU, QuantIdentity, QuantHardTanh: levels of an affine sum."""
    name = session.name_of(module)
    fed = _rounded(session, f"{name}.input", module.input_quant, x)
    return _rounded(session, name, module.act_quant, fed)


def eltwise_add(session: BrevitasTrace, module: Any, x: Traced, other: Traced) -> Traced:
    """QuantEltwiseAdd: both sides are rounded alike, then the sum is."""
    name = session.name_of(module)
    sides = [_rounded(session, f"{name}.input", module.input_quant, t) for t in (x, other)]
    total = add(session, *sides)
    return _rounded(session, f"{name}.output", module.output_quant, total)


def _rounded(session: BrevitasTrace, name: str, proxy: Any, x: Traced) -> Traced:
    """Return x behind a quantizer of Brevitas; x itself where none is enabled."""
    levels = levels_of(session, name, proxy)
    return x if levels is None else session.quantized(name, x, levels, proxy=proxy)


def elman(session: BrevitasTrace, module: Any, x: Traced) -> Traced:
    """QuantElman: h = quantizer(W x + U h of one step ago)."""
    name = session.name_of(module)
    fed = module.input_weights(x)
    proxy = module.quantizer.act_quant
    levels = levels_of(session, name, proxy)
    if levels is None:
        return x
    made = session.fresh(name)
    back = module.recurrent_weights(session.source(made, fed))
    return session.quantized(name, fed, levels, back.signal, proxy)


REMEDIES = MappingProxyType({
    "ReLU": ": use QuantReLU", "Linear": ": use QuantLinear",
    "Conv1d": ": use QuantConv1d", "Conv2d": ": use QuantConv2d",
    "QuantSigmoid": ": not piecewise linear; use QuantReLU or QuantHardTanh",
    "QuantTanh": ": not piecewise linear; use QuantHardTanh",
    "QuantLSTM": ": gates multiply two signals; use QuantElman",
    "QuantRNN": ": use QuantElman of snn_deploy.conversion.brevitas.elman",
    "QuantMultiheadAttention": ": softmax is no sum of spikes",
    "LayerNorm": ": normalizes by each sample; use BatchNorm",
    "LSTM": ": gates multiply two signals; use QuantElman",
})  # fmt: skip
BREVITAS: MappingProxyType[str, Handler] = MappingProxyType({
    "QuantLinear": quant_linear, "QuantConv1d": quant_conv,
    "QuantConv2d": quant_conv,
    "QuantReLU": activation, "QuantIdentity": activation, "QuantHardTanh": activation,
    "QuantEltwiseAdd": eltwise_add,
})  # fmt: skip
_OTHERS = (  # weights without a quantizer, and what is not of spikes here
    "Linear", "NonDynamicallyQuantizableLinear", "Conv1d", "Conv2d", "ReLU", "ReLU6",
    "Softmax", "LogSoftmax",
)  # fmt: skip
TORCH: MappingProxyType[str, Handler] = MappingProxyType(
    {
        name: handler
        for name, handler in LAYERS.items()
        if name not in _OTHERS and not name.startswith(("ConvTranspose", "MaxPool"))
    }
    | {"MaxPool1d": max_pool, "MaxPool2d": max_pool}
)
