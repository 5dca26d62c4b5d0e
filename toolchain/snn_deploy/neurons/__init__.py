"""Neuron models, one file each: the float step, the integer step, and what they cost.

`Neuron` is any float neuron a Network may hold; `MODELS` lists the integer models by name.
To add a model: see CONTRIBUTING.md.
"""

from typing import TypeAlias

from snn_deploy.neurons.floored_level import FLOORED_LEVEL_MODEL
from snn_deploy.neurons.lif import LIF_MODEL, Lif
from snn_deploy.neurons.model import NeuronModel
from snn_deploy.neurons.multi_level import MULTI_LEVEL_MODEL, MultiLevel
from snn_deploy.neurons.refractory_lif import REFRACTORY_LIF_MODEL
from snn_deploy.neurons.soft_lif import SOFT_LIF_MODEL

Neuron: TypeAlias = Lif  # and MultiLevel, which is one with more settings

MODELS: dict[str, NeuronModel] = {
    m.name: m
    for m in (
        LIF_MODEL,
        SOFT_LIF_MODEL,
        REFRACTORY_LIF_MODEL,
        MULTI_LEVEL_MODEL,
        FLOORED_LEVEL_MODEL,
    )
}

__all__ = ["MODELS", "Lif", "MultiLevel", "Neuron", "NeuronModel"]
