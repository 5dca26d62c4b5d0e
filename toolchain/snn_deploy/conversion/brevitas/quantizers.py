"""What Brevitas' weight and activation quantizers do, as whole numbers and scales."""

from typing import Any

import numpy as np

from snn_deploy.arrays import FloatArray
from snn_deploy.conversion.brevitas.trace import BrevitasTrace, Levels
from snn_deploy.frontends.torch.weights import numbers


def whole_weights(
    session: BrevitasTrace, name: str, module: Any
) -> tuple[Any, FloatArray] | None:
    """Return a layer's weights as whole numbers, a tensor, and their scale (per output or
    one); None, with a reason noted, if it has no such form."""
    if not module.weight_quant.is_quant_enabled:
        session.refuse(f"{name!r} does not quantize its weights; give weight_bit_width")
        return None
    quant = module.quant_weight()
    scale = getattr(quant, "scale", None)
    if scale is None or not hasattr(quant, "int"):
        session.refuse(
            f"{name!r} stores weights as {type(quant).__name__}, not integers times a "
            "scale; use an Int8WeightPerTensorFloat or alike"
        )
        return None
    scales = numbers(scale)
    if bool(numbers(quant.zero_point).any()):
        session.refuse(f"{name!r} has asymmetric weights; use symmetric ones")
    if scales.size not in (1, module.weight.shape[0]):
        session.refuse(
            f"{name!r} has {scales.size} weight scales, neither one nor one for each of "
            f"its {module.weight.shape[0]} outputs; quantize per tensor or per channel"
        )
        return None
    # Held by the trace as the owner of its map, so that no other takes its place.
    return quant.int(float_datatype=True).detach(), scales


def levels_of(session: BrevitasTrace, name: str, proxy: Any) -> Levels | None:
    """Return the levels of an activation quantizer; None if it does not quantize."""
    if not proxy.is_quant_enabled:
        if _acts(proxy):
            session.unsupported.setdefault(
                f"{name!r} (an activation that is not quantized: give it a bit width)"
            )
        return None
    inner = proxy.fused_activation_quant_proxy
    kind = type(inner.activation_impl).__name__
    if kind not in ("Identity", "ReLU", "Hardtanh", "HardTanh"):
        session.unsupported.setdefault(f"{name!r} (activation {kind})")
        return None
    if str(proxy.rounding_mode).upper() != "ROUND":
        session.refuse(
            f"{name!r} rounds by {proxy.rounding_mode}; only ROUND is expressible"
        )
    return _checked(session, name, _levels(proxy, kind))


def _acts(proxy: Any) -> bool:
    """Whether a disabled quantizer still computes a function."""
    inner = proxy.fused_activation_quant_proxy
    return inner is not None and type(inner.activation_impl).__name__ != "Identity"


def _levels(proxy: Any, kind: str) -> Levels:
    scale = numbers(proxy.scale())
    zero = int(np.rint(numbers(proxy.zero_point()).ravel()[0]))
    bits = int(numbers(proxy.bit_width()).ravel()[0])
    half = 1 << (bits - 1)
    low, high = (-half, half - 1) if proxy.is_signed else (0, 2 * half - 1)
    low += 1 if proxy.is_narrow_range and proxy.is_signed else 0
    low, high = low - zero, high - zero
    return Levels(max(low, 0) if kind == "ReLU" else low, high, scale)


def _checked(session: BrevitasTrace, name: str, levels: Levels) -> Levels:
    if not levels.low <= 0 <= levels.high:
        session.refuse(f"{name!r} has levels {levels.low}..{levels.high} without 0")
    if not bool((levels.scale > 0).all() and np.isfinite(levels.scale).all()):
        session.refuse(
            f"{name!r} has a scale of {levels.scale.ravel()[0]:g}; run training or "
            "calibration samples through the model first"
        )
    return levels
