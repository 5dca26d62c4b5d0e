"""Multi-level integrate-and-fire with tracer: graded spikes, reset by subtraction.

One neuron whose settings are soft-reset IF and LIF, several spikes per step (sinabs,
Rockpool), group neurons, m.n-bit spikes, and the bipolar neurons of lossless conversion
(ST-BIF, ternary or graded): it sends how many thresholds the membrane holds, no more than
`low .. high` in one step and, where the tracer is on, never so much that all it has sent
leaves `floor .. ceiling`. At rest a neuron with tracer has sent
clip(floor((v0 + X) / threshold), floor, ceiling) for the sum X of all its input, whatever
the order of arrival; with v0 = threshold / 2 that is a quantized ANN's activation
(You et al., SpikeZIP-TF, ICML 2024, code `spike_quan_layer.py`; Su et al.,
arXiv:2408.09403; Lyu et al., arXiv:2402.19061).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from snn_deploy.arithmetic.loihi import clip, decay, levels, part, sat24, wrap24
from snn_deploy.arrays import FloatArray, frozen
from snn_deploy.neurons.lif import Lif, LifState
from snn_deploy.neurons.model import NeuronModel

OFF = 1 << 24  # a bound of this size never binds: states have 24 bits


@dataclass(frozen=True, eq=False, kw_only=True)
class MultiLevel(Lif):
    """Float multi-level IF; every array is [n], float64.

    As `Lif` up to the membrane, then::

        s <- clip(floor(v / threshold), low, high)       as many thresholds as v holds
        s <- clip(s, floor - total, ceiling - total)     total: the sum of all s so far
        v <- v - s * threshold                           but never below v_min

    Where `inclusive` is False, a membrane above 0 holds k thresholds only if it is above
    the k-th. Output: s, or the slice of it that `member` or `plane` names, 1 or 0 (see
    `part` of arithmetic `loihi`); the states are those of all of s.

    Attributes:
        low: Lowest level in one step, 0 or less; -inf where there is no bound.
        high: Highest level in one step, 0 or more; inf where there is no bound.
        floor: Lowest sum of all levels sent, 0 or less; -inf where there is no bound.
        ceiling: Highest sum of all levels sent, 0 or more; inf where there is no bound.
        member: k where it sends whether s is k or more (for k below 0, k or less); else 0.
        plane: 2**j where it sends whether bit j of s is set, -2**j where bit j of -s; else
            0. Where member and plane are 0 all of s is sent.
        v_min: Lowest membrane after the reset, 0 or less, in units of v; -inf where there
            is none.
    """

    low: FloatArray
    high: FloatArray
    floor: FloatArray
    ceiling: FloatArray
    member: FloatArray
    plane: FloatArray
    v_min: FloatArray

    @staticmethod
    def of(n: int, **values: Any) -> "MultiLevel":
        """Return a neuron with the given values broadcast to [n].

        Defaults: those of `Lif.of`, and low 0, high, floor, ceiling and v_min without
        bound, no slice.
        """
        own = {"low": 0.0, "high": np.inf, "floor": -np.inf, "ceiling": np.inf}
        own |= {"member": 0.0, "plane": 0.0, "v_min": -np.inf}
        bounds: dict[str, Any] = {
            name: frozen(np.full(n, values.pop(name, default), np.float64))
            for name, default in own.items()
        }
        base = vars(Lif.of(n, **({"inclusive": True} | values))) | {"reset": "subtract"}
        return MultiLevel(**base, **bounds)

    @property
    def traced(self) -> bool:
        """Whether all that is sent stays within finite bounds."""
        return bool(np.isfinite(self.floor).all() and np.isfinite(self.ceiling).all())

    @property
    def sliced(self) -> bool:
        """Whether every spike is 0 or 1, a slice of the level."""
        return bool(((self.member != 0) | (self.plane != 0)).all())

    @property
    def floored(self) -> bool:
        """Whether any membrane has a lowest value."""
        return bool(np.isfinite(self.v_min).any())

    @property
    def most(self) -> float:
        """The largest level in one step, of which a slice may be all that is sent."""
        span = self.ceiling - self.floor if self.traced else np.inf
        return float(np.minimum(self.high, span).max(initial=0.0))

    @property
    def least(self) -> float:
        """The smallest level in one step."""
        span = self.floor - self.ceiling if self.traced else -np.inf
        return float(np.maximum(self.low, span).min(initial=0.0))

    def start(self, samples: int) -> LifState:
        """Return the state [samples, n] before the first step; `fired` is the total."""
        state = Lif.start(self, samples)
        return LifState(state.u, state.v, state.fired.astype(np.float64))

    def step(self, state: LifState, x: FloatArray) -> tuple[LifState, FloatArray]:
        """Return the state after one step with input x [samples, n], and the levels."""
        u = self.alpha * state.u + x
        v = self.beta * state.v + self.gain * u + self.bias
        held = np.floor(v / self.threshold)
        if not self.inclusive:
            held = np.where(v > 0, np.ceil(v / self.threshold) - 1, held)
        s = np.clip(held, self.low, self.high)
        s = np.clip(s, self.floor - state.fired, self.ceiling - state.fired)
        slices = self.member.any() or self.plane.any()
        sent = part(s, self.member, self.plane) if slices else s
        left = np.maximum(v - s * self.threshold, self.v_min)
        return LifState(u, left, state.fired + s), sent


def multi_level(
    u: Any, v: Any, total: Any, a: Any, du: Any, dv: Any, bias: Any, theta: Any,
    shift: Any, low: Any, high: Any, floor: Any, ceiling: Any, member: Any, plane: Any,
) -> Any:  # fmt: skip
    """As `lif` up to the membrane, but the input is shifted left by `shift` (0..6).

    theta: 1..2**23 - 1, in units of v. low..high bound one step, floor..ceiling the total;
    member and plane: which slice of the levels is sent, both 0 for all (see `part`).
    """
    u = wrap24(decay(u, du + 1) + (a << shift))
    v = sat24(decay(v, dv) + u + bias)
    s = clip(levels(v, theta), low, high)
    s = clip(s, floor - total, ceiling - total)
    return u, sat24(v - s * theta), sat24(total + s), part(s, member, plane)


MULTI_LEVEL_MODEL = NeuronModel(
    name="multi_level",
    step=multi_level,
    states=("u", "v", "total"),
    params=(
        "du",
        "dv",
        "bias",
        "theta",
        "shift",
        "low",
        "high",
        "floor",
        "ceiling",
        "member",
        "plane",
    ),
    lava=None,
)
