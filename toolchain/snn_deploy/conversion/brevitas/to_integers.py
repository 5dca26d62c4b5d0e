"""From any module to its integers: quantize if needed, read, hold against the module."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from snn_deploy.arrays import AnyArray
from snn_deploy.conversion.brevitas.agreement import BrevitasAgreement, compare
from snn_deploy.conversion.brevitas.from_brevitas import BrevitasReading, from_brevitas
from snn_deploy.conversion.brevitas.portions import batches
from snn_deploy.conversion.brevitas.post_training import loses_softmax, quantize_trained
from snn_deploy.errors import InputError
from snn_deploy.options.conversion import ConversionOptions


def read(
    model: Any, calibration: AnyArray, bits: ConversionOptions
) -> tuple[BrevitasReading, BrevitasAgreement, float | None]:
    """Return the integers of `model`, and how its quantized and its float form agree with
    them; the latter is None if the model came quantized.

    Raises:
        InputError: As `from_brevitas` and `quantize_trained`; calibration is unusable.
    """
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"convert takes a torch.nn.Module, not {type(model).__name__}")
    samples = _samples(calibration, model)
    quantized = model
    if not _is_quantized(model):
        quantized = quantize_trained(model, samples, bits)
    reading = from_brevitas(quantized, samples[:1])
    if quantized is not model and loses_softmax(model):
        reading = replace(reading, dropped=("softmax",))
    agreement = compare(quantized, reading, samples)
    same = None if quantized is model else _same(model, quantized, samples)
    return reading, agreement, same


def _samples(calibration: AnyArray, model: torch.nn.Module) -> torch.Tensor:
    if calibration.ndim < 2 or not len(calibration):
        raise InputError(
            f"calibration samples of shape {list(calibration.shape)}; give [N, *shape], at "
            "least one"
        )
    if not bool(np.isfinite(calibration).all()):
        raise InputError("calibration samples hold NaN or infinity")
    kinds = [p.dtype for p in model.parameters() if p.dtype.is_floating_point]
    return torch.from_numpy(np.array(calibration)).to(kinds[0] if kinds else torch.float32)


def _is_quantized(model: torch.nn.Module) -> bool:
    return any(type(m).__module__.startswith("brevitas.") for m in model.modules())


def _same(model: torch.nn.Module, other: torch.nn.Module, samples: torch.Tensor) -> float:
    """Return the share of samples for which both predict the same."""
    was = model.training
    model.eval()
    try:
        with torch.no_grad():
            pairs = [(_logits(model, b), _logits(other, b)) for b in batches(samples)]
    finally:
        model.train(was)
    equal = torch.cat([a.argmax(-1) == b.argmax(-1) for a, b in pairs])
    return float(equal.double().mean())


def _logits(model: torch.nn.Module, batch: torch.Tensor) -> torch.Tensor:
    result = model(batch)
    value: torch.Tensor = getattr(result, "value", result)
    return value
