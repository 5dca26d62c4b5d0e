"""The real numbers that integer neurons of several levels stand for, in units of v."""

import numpy as np

from snn_deploy.arithmetic.loihi import DECAY_ONE
from snn_deploy.arrays import FloatArray, IntArray
from snn_deploy.ir.quant import QuantPopulation
from snn_deploy.neurons import MultiLevel
from snn_deploy.neurons.multi_level import OFF

LEVEL_MODELS = ("multi_level", "floored_level")  # of NeuronModel.name
# Registers that are settings of the float neuron as they are, by the setting.
_SAME = {k: k for k in ("low", "high", "floor", "ceiling", "member", "plane")}
_SETTINGS = {**_SAME, "v_min": "vmin"}


def twin(pop: QuantPopulation) -> MultiLevel:
    """Return the neurons of a population of one of LEVEL_MODELS in real numbers.

    Left out is what only integers do. Their decays are rounded toward zero, so what is kept
    here is never less.
    """
    p = pop.params
    own = {name: _unbounded(p[key]) for name, key in _SETTINGS.items() if key in p}
    return MultiLevel.of(
        pop.n,
        alpha=(DECAY_ONE - 1 - p["du"]) / DECAY_ONE,
        beta=(DECAY_ONE - p["dv"]) / DECAY_ONE,
        gain=2.0 ** p["shift"],
        bias=p["bias_mant"] << p["bias_exp"],
        threshold=p["theta"],
        v0=pop.v0,
        **own,
    )


def _unbounded(values: IntArray) -> FloatArray:
    """Return registers as floats, infinite where they bound nothing."""
    return np.where(np.abs(values) >= OFF, np.copysign(np.inf, values), values)
