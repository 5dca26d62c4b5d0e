"""Leaky integrate-and-fire, current-based, hard reset to zero: Loihi's stock neuron.

`Lif` is the float neuron of the whole LIF family (IF, LIF, CubaLIF, LI, CubaLI, I and
Threshold of NIR are settings of it); `lif` is the integer step of the hard-reset member.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from snn_deploy.arithmetic.loihi import decay, sat24, where, wrap24
from snn_deploy.arrays import BoolArray, FloatArray, frozen
from snn_deploy.neurons.model import NeuronModel


@dataclass(frozen=True, eq=False)
class Lif:
    """Float LIF family, one discrete step per model step; every array is [n], float64.

    u <- alpha * u + x                          x: summed input of the step
    v <- beta * v + gain * u + bias             (v <- v_reset instead, in `hold` steps after
    a spike) fires if v > threshold (or v >= threshold where `inclusive`); never if
    threshold is inf then v <- v_reset        if reset is "zero"
         v <- v - amount     if reset is "subtract"
         nothing now, and amount is subtracted in the next step after the leak if
         "subtract_late"
    Output: 1 if it fires, else 0; a readout (`spiking` False) outputs v.
    """

    alpha: FloatArray
    beta: FloatArray
    gain: FloatArray
    bias: FloatArray
    threshold: FloatArray
    v_reset: FloatArray
    amount: FloatArray
    v0: FloatArray
    reset: str = "zero"  # "zero", "subtract" or "subtract_late"
    inclusive: bool = False
    hold: int = 0
    spiking: bool = True

    @staticmethod
    def of(n: int, **values: Any) -> "Lif":
        """Return a neuron with the given values broadcast to [n]; the rest is that of an
        IF.

        Defaults: alpha 0, beta 1, gain 1, bias 0, threshold 1, v_reset 0, amount =
        threshold, v0 = 0.
        """
        defaults = {
            "alpha": 0.0,
            "beta": 1.0,
            "gain": 1.0,
            "bias": 0.0,
            "threshold": 1.0,
            "v_reset": 0.0,
            "v0": 0.0,
            "amount": values.get("threshold", 1.0),
        }
        wide: dict[str, Any] = {
            name: frozen(np.full(n, values.get(name, default), np.float64))
            for name, default in defaults.items()
        }
        return Lif(**(values | wide))

    @property
    def n(self) -> int:
        return int(self.alpha.size)

    def start(self, samples: int) -> "LifState":
        """Return the state [samples, n] before the first step."""
        zero = np.zeros((samples, self.n))
        return LifState(zero, zero + self.v0, zero.astype(np.int64))

    def step(self, state: "LifState", x: FloatArray) -> tuple["LifState", FloatArray]:
        """Return the state after one step with input x [samples, n], and the output."""
        u = self.alpha * state.u + x
        v = self.beta * state.v + self.gain * u + self.bias
        if self.reset == "subtract_late":
            v = v - state.fired * self.amount
        if self.hold:
            v = np.where(state.fired > 0, self.v_reset, v)
        fires: BoolArray = v >= self.threshold if self.inclusive else v > self.threshold
        output = fires.astype(np.float64) if self.spiking else v
        fired = np.where(fires, max(self.hold, 1), np.maximum(state.fired - 1, 0))
        if self.reset == "zero":
            v = np.where(fires, self.v_reset, v)
        elif self.reset == "subtract":
            v = np.where(fires, v - self.amount, v)
        return LifState(u, v, fired), output


@dataclass(frozen=True, eq=False)
class LifState:
    """u, v: float [samples, n]; fired: int, steps since a spike still to be remembered."""

    u: FloatArray
    v: FloatArray
    fired: Any


def lif(u: Any, v: Any, a: Any, du: Any, dv: Any, bias: Any, vth: Any) -> Any:
    """Hard reset to zero. `bias` is shifted by its exponent; it fires above vth << 6.

    Lava 0.10, proc/lif/models.py, PyLifModelBitAcc.
    """
    u = wrap24(decay(u, du + 1) + (a << 6))
    v = sat24(decay(v, dv) + u + bias)
    fired = v > (vth << 6)
    return u, where(fired, 0, v), where(fired, 1, 0)


LIF_MODEL = NeuronModel(
    name="lif",
    step=lif,
    states=("u", "v"),
    params=("du", "dv", "bias", "vth"),
    lava="LIF",
)
