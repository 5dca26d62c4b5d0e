"""One population alone: the integers of a layer, fed with what the float network sent.

What a layer gets wrong because of what it was sent, and what it gets wrong by itself, look
the same in a run of the whole network. Here nothing that was lost before reaches it, not
even along its own loops.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.quant import QuantInput, QuantNetwork, Stimulus
from snn_deploy_simulators import integer


def run_alone(
    net: QuantNetwork, name: str, sent: Mapping[str, AnyArray], stimulus: Stimulus
) -> AnyArray:
    """Return what population `name` outputs [N, T, *shape], in integer units.

    sent: by population, the spikes of the float network [N, T, *shape], whole numbers.
    stimulus: what the whole network is fed; its biases per sample stay.
    """
    into = net.into(name)
    ports = {pre: f"sent by {pre}" for pre in dict.fromkeys(p.pre for p in into)}
    small = replace(
        net,
        inputs=tuple(
            QuantInput(port, (net.size(pre),), payload_bits(net, pre), 1.0)
            for pre, port in ports.items()
        ),
        drives=(),
        populations=(net.population(name),),
        projections=tuple(replace(p, pre=ports[p.pre]) for p in into),
        outputs=(name,),
    )
    spikes = {
        port: stimulus.spikes[pre] if pre in stimulus.spikes else _payloads(sent[pre])
        for pre, port in ports.items()
    }
    bias = {name: stimulus.bias[name]} if name in stimulus.bias else {}
    fed = Stimulus(stimulus.samples, stimulus.steps, spikes, bias)
    return integer.run(small, fed, keep=(name,)).outputs[name]


def payload_bits(net: QuantNetwork, name: str) -> int:
    """Return the payload bits of what the input or population called `name` sends."""
    bits = {p.name: p.payload_bits for p in net.inputs}
    return (bits | {p.name: p.payload_bits for p in net.populations})[name]


def _payloads(output: AnyArray) -> AnyArray:
    flat = output.reshape(*output.shape[:2], -1)
    return np.asarray(np.rint(flat), np.int32)
