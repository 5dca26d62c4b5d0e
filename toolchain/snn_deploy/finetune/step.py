"""The LIF step of `neurons.lif`, in PyTorch: same order of operations, with a gradient.

Backwards a spike is taken for a fast sigmoid of how far the membrane is from the threshold,
in thresholds (Zenke and Ganguli, "SuperSpike", Neural Computation 2018); what a spike does
to its own membrane is taken for constant, as snnTorch does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snn_deploy.neurons import Lif

SLOPE = 10.0  # of the fast sigmoid, per threshold; as in snnTorch's tutorials
ARRAYS = ("alpha", "beta", "gain", "bias", "threshold", "v_reset", "amount", "v0")


@dataclass(frozen=True, eq=False)
class TensorLif:
    """`Lif` with a tensor [n] for each array; the settings mean the same.

    Attributes:
        alpha: Share of its synaptic current that a neuron keeps per step, [n].
        beta: Share of its membrane that it keeps per step, [n].
        gain: Factor of the current where it is added to the membrane, [n].
        bias: Added to the membrane in each step, [n].
        threshold: Of the membrane, [n]; inf if the neuron never fires.
        v_reset: Membrane after a spike if reset is "zero", and while it is held, [n].
        amount: What a spike takes off the membrane by the other resets, [n].
        v0: Membrane before the first step, [n].
        reset: "zero", "subtract", or "subtract_late": in the next step, after the leak.
        inclusive: Whether a neuron fires at its threshold, too, not only above it.
        hold: Steps after a spike in which the membrane is held at v_reset, 0 for none.
        spiking: False for readouts, which output their membrane.
        current: Whether any neuron has a synaptic current of its own (alpha not 0).
    """

    alpha: Tensor
    beta: Tensor
    gain: Tensor
    bias: Tensor
    threshold: Tensor
    v_reset: Tensor
    amount: Tensor
    v0: Tensor
    reset: str
    inclusive: bool
    hold: int
    spiking: bool
    current: bool


@dataclass(frozen=True, eq=False)
class TensorState:
    """The state of a population between two steps, as `LifState`.

    Attributes:
        u: Synaptic current, [samples, n].
        v: Membrane, [samples, n].
        fired: Steps for which a spike is still to be remembered, [samples, n]; 0 if there
            is none.
    """

    u: Tensor
    v: Tensor
    fired: Tensor


def neurons_of(lif: Lif, dtype: torch.dtype) -> TensorLif:
    """Return `lif` as constant tensors."""
    return with_tensors(
        lif, {name: torch.tensor(getattr(lif, name), dtype=dtype) for name in ARRAYS}
    )


def with_tensors(lif: Lif, tensors: Mapping[str, Tensor]) -> TensorLif:
    """Return the settings of `lif` with a tensor for each of ARRAYS."""
    values: dict[str, Any] = dict(tensors)
    return TensorLif(
        **values,
        reset=lif.reset,
        inclusive=lif.inclusive,
        hold=lif.hold,
        spiking=lif.spiking,
        current=bool(np.any(lif.alpha)),
    )


def start(n: TensorLif, samples: int) -> TensorState:
    """Return the state [samples, n] before the first step."""
    zero = torch.zeros(samples, len(n.v0), dtype=n.v0.dtype)
    return TensorState(zero, zero + n.v0, zero)


def step(n: TensorLif, state: TensorState, x: Tensor) -> tuple[TensorState, Tensor]:
    """Return the state after one step with input x [samples, n], and the output."""
    u = n.alpha * state.u + x if n.current else x
    v = n.beta * state.v + n.gain * u + n.bias
    if not n.spiking:
        return TensorState(u, v, state.fired), v
    if n.reset == "subtract_late":
        v = v - state.fired * n.amount
    if n.hold:
        v = torch.where(state.fired > 0, n.v_reset, v)
    output = fire(v, n)
    with torch.no_grad():
        fires = output > 0
        waited = (state.fired - 1).clamp(min=0)
        fired = torch.where(fires, float(max(n.hold, 1)), waited)
    if n.reset == "zero":
        v = torch.where(fires, n.v_reset, v)
    elif n.reset == "subtract":
        v = torch.where(fires, v - n.amount, v)
    return TensorState(u, v, fired), output


def scan(n: TensorLif, drive: Tensor) -> Tensor:
    """Return the output [samples, T, n] of a population that `drive` [samples, T, n]
    feeds."""
    state, found = start(n, len(drive)), []
    for x in drive.unbind(1):
        state, output = step(n, state, x)
        found.append(output)
    return torch.stack(found, dim=1)


def fire(v: Tensor, n: TensorLif) -> Tensor:
    """Return 1 where a neuron fires, else 0."""
    height = n.threshold.detach().abs()
    height = torch.where(torch.isfinite(height) & (height > 0), height, 1.0)
    spikes: Tensor = _Fire.apply(v - n.threshold, height, n.inclusive)  # type: ignore[no-untyped-call]
    return spikes


class _Fire(torch.autograd.Function):
    """1 where `above` is positive (or zero where inclusive); d/dx 1 / (1 + SLOPE |x|)**2
    for x = above / height."""

    @staticmethod
    def forward(ctx: Any, above: Tensor, height: Tensor, inclusive: bool) -> Tensor:
        ctx.save_for_backward(above, height)
        return (above >= 0 if inclusive else above > 0).to(above.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        above, height = ctx.saved_tensors
        near = 1.0 / (1.0 + SLOPE * (above / height).abs()) ** 2
        return gradients[0] * near / height, None, None
