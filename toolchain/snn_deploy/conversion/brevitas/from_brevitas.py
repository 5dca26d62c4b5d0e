"""from_brevitas: a quantized PyTorch module -> QuantAnn, and what had to move for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from snn_deploy.arrays import FloatArray
from snn_deploy.conversion.brevitas.handlers import ELMAN, handler_of
from snn_deploy.conversion.brevitas.trace import PORT, RAW, BrevitasTrace, Quantizer
from snn_deploy.conversion.integers.ann import AnnLayer, Port, QuantAnn, check_ann
from snn_deploy.conversion.integers.folding import fold_whole
from snn_deploy.conversion.integers.units import Moved, Term, Wanted, snap
from snn_deploy.errors import InputError
from snn_deploy.frontends.torch.from_torch import standing_in
from snn_deploy.frontends.torch.functions import call
from snn_deploy.frontends.torch.signal import Signal, SignalTerm
from snn_deploy.frontends.torch.tensor import Traced, traced_in

READOUT = "readout"


@dataclass(frozen=True, eq=False)
class BrevitasReading:
    """A quantized module in integers.

    Attributes:
        ann: What it computes.
        moved: How far the numbers of each layer are from the trained ones, in the order of
            `ann.layers`.
        proxies: The module of Brevitas behind the input and each layer that one is behind,
            by the name of the port or layer.
        dropped: What was left out since it changes no class: "softmax" at the end.
    """

    ann: QuantAnn
    moved: tuple[Moved, ...]
    proxies: MappingProxyType[str, Any]
    dropped: tuple[str, ...] = ()


def from_brevitas(model: torch.nn.Module, sample: torch.Tensor) -> BrevitasReading:
    """Return what the quantized `model` computes, in integers.

    sample: a batch as forward takes it, [N, *shape], or [N, L, *shape] if there is a
    QuantElman in the model; only its shape counts.

    Supported: QuantIdentity, QuantReLU, QuantHardTanh, QuantLinear, QuantConv1d/2d (grouped
    too), QuantEltwiseAdd, QuantElman; BatchNorm, Dropout, average pooling, maximum pooling
    behind a quantizer, sums, everything that only moves values.

    Raises:
        InputError: Something has no exact equivalent; everything is named.
        DoesNotFitError: Sums leave 24 bits.
    """
    title = type(model).__name__
    _check_arguments(title, model, sample)
    names = {id(m): name for name, m in model.named_modules() if name}
    trace = BrevitasTrace(title, names, sample.dtype, call)
    with torch.no_grad(), standing_in(trace, model, handler_of):
        result = _run(trace, model, _input(trace, model, sample))
    _check_met(trace, result)
    return _reading(trace, traced_in(result)[0].signal)


def _check_arguments(title: str, model: Any, sample: Any) -> None:
    if not isinstance(model, torch.nn.Module) or not torch.is_tensor(sample):
        raise InputError(
            f"from_brevitas takes a module and a tensor, not {type(model).__name__} and "
            f"{type(sample).__name__}"
        )
    if model.training:
        raise InputError(
            f"{title}: it is in training mode, in which its scales still change; call "
            "model.eval() first"
        )


def _is_sequential(model: torch.nn.Module) -> bool:
    return any(type(m).__module__ == ELMAN for m in model.modules())


def _input(trace: BrevitasTrace, model: torch.nn.Module, sample: torch.Tensor) -> Traced:
    count = 2 if _is_sequential(model) else 1
    if sample.dim() <= count:
        raise InputError(
            f"{trace.title}: the sample input {list(sample.shape)} has no dimensions "
            f"behind its {'batch and sequence' if count == 2 else 'batch'}"
        )
    shape = trace.raw_shape = tuple(sample.shape[count:])
    signal = Signal(shape, (SignalTerm(RAW),))
    time = 1 if count == 2 else None
    return Traced.of(trace, signal, tuple(sample.shape[:count]), time, count == 2)


def _run(trace: BrevitasTrace, model: torch.nn.Module, x: Traced) -> Any:
    """Run forward; whatever fails behind something unsupported fails because of it."""
    try:
        return model(x)
    except Exception as error:
        if trace.unsupported or trace.refused:
            return None
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{trace.title}: its forward fails on a traced tensor {list(x.shape)} "
            f"({type(error).__name__}: {error}); let it depend on no values, and take "
            "tensors, not QuantTensors, apart"
        ) from error


def _check_met(trace: BrevitasTrace, result: Any) -> None:
    """Raise InputError if anything was unsupported or refused; it names all of it."""
    sentences = list(trace.refused)
    if trace.unsupported:
        sentences.insert(0, f"no exact equivalent for {', '.join(trace.unsupported)}")
    if not sentences and len(traced_in(result)) != 1:
        sentences.append(
            f"forward returns {len(traced_in(result))} tensors; return the logits"
        )
    if not sentences and any(t.pre == RAW for t in traced_in(result)[0].signal.terms):
        sentences.append("its output depends on an input that is not quantized")
    if not sentences and (trace.port is None or not trace.quantizers):
        sentences.append(
            "the input is not quantized, or nothing else is; put a QuantIdentity first and "
            "QuantReLU behind the layers"
        )
    if sentences:
        raise InputError(f"{trace.title}: " + "; ".join(sentences))


# --- integers -------------------------------------------------------------------------


def _reading(trace: BrevitasTrace, result: Signal) -> BrevitasReading:
    port = _port(trace)
    scales = {PORT: np.full(int(np.prod(port.shape)), port.scale)}
    ranges = {PORT: (port.low, port.high)}
    layers: list[AnnLayer] = []
    moved: list[Moved] = []
    for wanted in _wanted(trace, result, scales):
        layer, change = snap(wanted, ranges)
        layers.append(layer)
        moved.append(change)
        scales[layer.name] = layer.scale
        ranges[layer.name] = (layer.low, layer.high)
    source = f"torch module {trace.title}"
    ann = QuantAnn(port, tuple(layers), layers[-1].name, source)
    check_ann(ann)
    met = {PORT: trace.port, **trace.quantizers}
    proxies = {k: q.proxy for k, q in met.items() if q is not None and q.proxy is not None}
    return BrevitasReading(ann, tuple(moved), MappingProxyType(proxies))


def _port(trace: BrevitasTrace) -> Port:
    if trace.port is None:
        raise InputError(f"{trace.title}: its input is not quantized")
    levels = trace.port.levels
    scale = float(levels.scale.ravel()[0])
    return Port(PORT, trace.raw_shape, levels.low, levels.high, scale)


def _wanted(
    trace: BrevitasTrace, result: Signal, scales: dict[str, FloatArray]
) -> Iterator[Wanted]:
    """Yield the layers as trained, in order; scales of those before are known by then."""
    for q in trace.quantizers.values():
        scale = q.levels.wide(q.signal.shape)
        back = () if q.recurrent is None else q.recurrent.terms
        known = {**scales, q.name: scale}
        terms = (
            *_terms(q.name, q.signal.terms, known, 0),
            *_terms(q.name, back, known, 1),
        )
        yield Wanted(
            q.name, q.signal.shape, terms, _constant(q), scale,
            q.levels.low, q.levels.high, q.levels.rectifies,
        )  # fmt: skip
    terms = _terms(READOUT, result.terms, scales, 0)
    name = trace.fresh(READOUT)
    bias = sum((c.value for c in result.constants), np.zeros(result.n))
    yield Wanted(name, result.shape, terms, bias, None, 0, 0)


def _terms(
    name: str, terms: tuple[SignalTerm, ...], scales: dict[str, FloatArray], delay: int
) -> tuple[Term, ...]:
    made = []
    for t in terms:
        try:
            folded, unit = fold_whole(t.maps, scales[t.pre])
        except InputError as error:
            raise InputError(f"layer {name!r}, from {t.pre!r}: {error}") from error
        made.append(Term(t.pre, folded, unit, delay))
    return tuple(made)


def _constant(q: Quantizer) -> FloatArray:
    parts = list(q.signal.constants) + list(q.recurrent.constants if q.recurrent else ())
    return np.asarray(sum((c.value for c in parts), np.zeros(q.signal.n)), np.float64)
