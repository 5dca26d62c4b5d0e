"""Leaky integrate-and-fire with reset by subtraction; no stock Loihi neuron does this."""

from typing import Any

from snn_deploy.arithmetic.loihi import decay, sat24, where, wrap24
from snn_deploy.neurons.model import NeuronModel


def soft_lif(
    u: Any, v: Any, a: Any, du: Any, dv: Any, bias: Any, vth: Any, amount: Any
) -> Any:
    """As `lif`, but a spike takes `amount` (0..2**23 - 1, in units of v) off the
    membrane."""
    u = wrap24(decay(u, du + 1) + (a << 6))
    v = sat24(decay(v, dv) + u + bias)
    fired = v > (vth << 6)
    return u, where(fired, sat24(v - amount), v), where(fired, 1, 0)


SOFT_LIF_MODEL = NeuronModel(
    name="soft_lif",
    step=soft_lif,
    states=("u", "v"),
    params=("du", "dv", "bias", "vth", "amount"),
    lava=None,
)
