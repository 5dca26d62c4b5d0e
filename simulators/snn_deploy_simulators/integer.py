"""Integer simulator: what a QuantNetwork computes, bit for bit and fast; no chip, no
time."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.ir.activity import Recording
from snn_deploy.ir.quant import QuantInput, QuantNetwork, Stimulus
from snn_deploy_simulators.engine.blocks import block
from snn_deploy_simulators.engine.engine import Recorder, cell
from snn_deploy_simulators.engine.engine import run as run_engine


def run(
    net: QuantNetwork,
    stimulus: Stimulus,
    *,
    keep: Iterable[str] | None = None,
    threads: int | None = None,
) -> Recording:
    """Run all samples and return what every population did, in model time.

    keep: populations whose output is kept; all if None. threads: over samples; all cores if
    None.
    """
    cells = {
        p.name: cell(p, [block(q) for q in net.into(p.name)], stimulus)
        for p in net.populations
    }
    recorder = Recorder(net, stimulus, keep)
    run_engine(net, cells, stimulus, recorder.add, threads or os.cpu_count() or 1)
    return recorder.recording()


def run_alone(
    net: QuantNetwork, name: str, sent: Mapping[str, AnyArray], stimulus: Stimulus
) -> AnyArray:
    """Return what population `name` outputs [N, T, *shape] by itself, in integer units.

    What a layer gets wrong because of what it was sent, and what it gets wrong by itself,
    look the same in a run of the whole network. Here nothing that was lost before reaches
    it, not even along its own loops.

    sent: by population, the spikes of the float network [N, T, *shape], whole numbers.
    stimulus: what the whole network is fed; its biases per sample stay.
    """
    into = net.into(name)
    ports = {pre: f"sent by {pre}" for pre in dict.fromkeys(p.pre for p in into)}
    small = replace(
        net,
        inputs=tuple(
            QuantInput(port, (net.size(pre),), net.payload_bits(pre), 1.0)
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
    return run(small, fed, keep=(name,)).outputs[name]


def _payloads(output: AnyArray) -> AnyArray:
    flat = output.reshape(*output.shape[:2], -1)
    return np.asarray(np.rint(flat), np.int32)
