"""Leaky integrate-and-fire, hard reset, held at zero for some steps after a spike.

snnTorch's Synaptic with reset "zero" is the case of one step.
"""

from typing import Any

from snn_deploy.arithmetic.loihi import decay, sat24, where, wrap24
from snn_deploy.neurons.model import NeuronModel


def refractory_lif(
    u: Any, v: Any, wait: Any, a: Any, du: Any, dv: Any, bias: Any, vth: Any, hold: Any
) -> Any:
    """As `lif`; for `hold` steps after a spike v is zero whatever arrives, u goes on."""
    u = wrap24(decay(u, du + 1) + (a << 6))
    v = where(wait > 0, 0, sat24(decay(v, dv) + u + bias))
    fired = v > (vth << 6)
    wait = where(fired, hold, where(wait > 0, wait - 1, 0))
    return u, where(fired, 0, v), wait, where(fired, 1, 0)


REFRACTORY_LIF_MODEL = NeuronModel(
    name="refractory_lif",
    step=refractory_lif,
    states=("u", "v", "wait"),
    params=("du", "dv", "bias", "vth", "hold"),
    lava=None,
)
