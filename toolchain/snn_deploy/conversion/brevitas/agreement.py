"""How well the integers agree with the quantized module they came from, on samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from snn_deploy.arrays import AnyArray, FloatArray, IntArray
from snn_deploy.conversion.brevitas.from_brevitas import BrevitasReading
from snn_deploy.conversion.brevitas.portions import batches
from snn_deploy.conversion.brevitas.trace import PORT
from snn_deploy.conversion.integers.ann import encode, evaluate
from snn_deploy.frontends.torch.weights import numbers


@dataclass(frozen=True)
class BrevitasAgreement:
    """How far the integers agree with the quantized module on some samples.

    A layer is in the mappings if it has a quantizer of Brevitas for itself.

    Attributes:
        samples: How many were compared.
        predictions: Share (0..1) of equal predictions, the largest output; of sequences
            those of every step, or of the last one if either has no steps.
        levels: Share (0..1) of equal levels, by layer.
        largest: Largest difference of a level, in levels, by layer.
        levels_used: How many different levels the integers had, by layer.
    """

    samples: int
    predictions: float
    levels: MappingProxyType[str, float]
    largest: MappingProxyType[str, int]
    levels_used: MappingProxyType[str, int]


def compare(
    model: torch.nn.Module, reading: BrevitasReading, samples: torch.Tensor
) -> BrevitasAgreement:
    """Run `samples` through the quantized model and through its integers."""
    port = reading.ann.port
    outputs, theirs = observed(model, reading.proxies, samples)
    ours = evaluate(reading.ann, encode(port, numbers(samples)))
    readout = reading.ann.layer(reading.ann.output)
    logits = ours[readout.name] * readout.scale.reshape(readout.shape)
    same = np.argmax(_last(outputs, logits), -1) == np.argmax(_last(logits, outputs), -1)
    shared = [name for name in theirs if name in ours]
    gaps = {name: np.abs(theirs[name] - ours[name]) for name in shared}
    return BrevitasAgreement(
        samples=len(samples),
        predictions=float(same.mean()),
        levels=MappingProxyType({k: float((g == 0).mean()) for k, g in gaps.items()}),
        largest=MappingProxyType({k: int(g.max(initial=0)) for k, g in gaps.items()}),
        levels_used=MappingProxyType({k: np.unique(ours[k]).size for k in shared}),
    )


def _last(values: AnyArray, other: AnyArray) -> AnyArray:
    """Return the last step of `values` if they have steps that `other` has not."""
    return values[:, -1] if values.ndim > other.ndim else values


def observed(
    model: torch.nn.Module, proxies: Mapping[str, Any], samples: torch.Tensor
) -> tuple[FloatArray, dict[str, IntArray]]:
    """Return what the model gives [N, ...], and the levels of each of its quantizers.

    A quantizer that is called once per step of a sequence gives [N, L, ...]. One that
    serves several layers is left out, and so is the input's.
    """
    seen: dict[str, list[IntArray]] = {}
    names: dict[int, list[str]] = {}
    for name, proxy in proxies.items():
        names.setdefault(id(proxy), []).append(name)
    own = {name: p for name, p in proxies.items() if len(names[id(p)]) == 1}
    hooks = [
        p.register_forward_hook(_noting(seen, name))
        for name, p in own.items()
        if name != PORT
    ]
    try:
        with torch.no_grad():
            found = [_one(model, seen, batch) for batch in batches(samples)]
    finally:
        for hook in hooks:
            hook.remove()
    levels = {k: np.concatenate([b[1][k] for b in found]) for k in found[0][1]}
    return np.concatenate([b[0] for b in found]), levels


def _noting(seen: dict[str, list[IntArray]], name: str) -> Any:
    def note(module: Any, args: Any, output: Any) -> None:
        levels = numbers(output.value) / numbers(output.scale)
        seen.setdefault(name, []).append(np.rint(levels).astype(np.int64))

    return note


def _one(
    model: torch.nn.Module, seen: dict[str, list[IntArray]], batch: torch.Tensor
) -> tuple[FloatArray, dict[str, IntArray]]:
    seen.clear()
    result = model(batch)
    logits = numbers(getattr(result, "value", result))
    return logits, {k: v[0] if len(v) == 1 else np.stack(v, 1) for k, v in seen.items()}
