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

    In each step, x being the summed input of the step::

        u <- alpha * u + x
        v <- beta * v + gain * u + bias     but v <- v_reset in `hold` steps after a spike

        it fires if v > threshold, or v >= threshold where `inclusive`

        v <- v_reset        if it fires and reset is "zero"
        v <- v - amount     if it fires and reset is "subtract"
                            nothing now if reset is "subtract_late": amount is taken off
                            in the next step, after the leak

    Output: 1 if it fires, else 0; a readout (`spiking` False) outputs v.

    Attributes:
        alpha: Share of the current that is kept per step, 0..1 on a chip; 0 without a
            synaptic current.
        beta: Share of the membrane that is kept per step, 0..1 on a chip; 1 without a leak.
        gain: What the membrane takes of the current.
        bias: What is added to the membrane in every step, in units of v.
        threshold: In units of v; it never fires where this is inf.
        v_reset: Membrane after a spike if reset is "zero", and while it is held, in units
            of v.
        amount: What a spike takes off the membrane if reset is by subtraction, in units of
            v.
        v0: Membrane before the first step, in units of v.
        reset: "zero", "subtract" or "subtract_late".
        inclusive: Whether it fires at the threshold too, not only above.
        hold: Steps after a spike in which the membrane is held at v_reset; 0 for none.
        spiking: False for a readout.
    """

    alpha: FloatArray
    beta: FloatArray
    gain: FloatArray
    bias: FloatArray
    threshold: FloatArray
    v_reset: FloatArray
    amount: FloatArray
    v0: FloatArray
    reset: str = "zero"
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
    """What neurons keep from step to step, of all samples.

    Attributes:
        u: Current, [samples, n], float64.
        v: Membrane, [samples, n], float64.
        fired: [samples, n], int64: steps for which the last spike has still to be
            remembered. Of MultiLevel, float64: the sum of all levels sent so far.
    """

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
