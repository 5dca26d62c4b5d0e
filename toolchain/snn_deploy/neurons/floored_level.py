"""Several spikes per step, reset by subtraction, and a membrane that falls no lower than a
floor: sinabs' `min_v_mem`, which its readers of NIR files set to minus the threshold.

The float neuron is `MultiLevel` with `v_min`.
"""

from typing import Any

from snn_deploy.arithmetic.loihi import clip, decay, levels, sat24, wrap24
from snn_deploy.neurons.model import NeuronModel


def floored_level(
    u: Any, v: Any, a: Any, du: Any, dv: Any, bias: Any, theta: Any, shift: Any, low: Any,
    high: Any, vmin: Any,
) -> Any:  # fmt: skip
    """As `multi_level` without a tracer; after the reset v is at least `vmin`.

    sinabs 3.1, layers/functional/lif.py, lif_forward_single. vmin: -2**23 + 1 .. 0, in
    units of v.
    """
    u = wrap24(decay(u, du + 1) + (a << shift))
    v = sat24(decay(v, dv) + u + bias)
    s = clip(levels(v, theta), low, high)
    return u, clip(v - s * theta, vmin, 8388607), s


FLOORED_LEVEL_MODEL = NeuronModel(
    name="floored_level",
    step=floored_level,
    states=("u", "v"),
    params=("du", "dv", "bias", "theta", "shift", "low", "high", "vmin"),
    lava=None,
)
