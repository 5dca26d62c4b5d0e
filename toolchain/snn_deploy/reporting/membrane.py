"""Integer outputs in the units of the float network."""

import numpy as np

from snn_deploy.activity import Recording
from snn_deploy.arrays import AnyArray
from snn_deploy.quant import QuantNetwork


def to_float(net: QuantNetwork, name: str, recording: Recording) -> AnyArray:
    """Return the output [N, T, *shape] of population `name`: spikes as they are, membranes
    in float units, since every neuron may have a scale of its own."""
    pop, output = net.population(name), recording.outputs[name]
    if pop.spiking:
        return output
    volts = output.reshape(*output.shape[:2], -1) / pop.scale + pop.offset
    return np.asarray(volts.reshape(output.shape))
