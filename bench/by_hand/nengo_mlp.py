"""A three-layer network, written for nengo-loihi by hand: python nengo_mlp.py FOLDER.

FOLDER holds net.npz: inputs `x` [samples, steps, n], weights `w0`, `w1`, `w2` [post, pre].
Each sample gets a fresh emulator, which has no reset. Prints as JSON the spikes of each
layer and the seconds of stepping alone. Compared in whole_runs.py.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from nengo_loihi.block import Axon, LoihiBlock, Synapse
from nengo_loihi.builder import Model
from nengo_loihi.builder.discretize import discretize_model
from nengo_loihi.emulator import EmulatorInterface
from nengo_loihi.inputs import SpikeInput
from nengo_loihi.probe import LoihiProbe

DV, VTH = 200, 300 << 6


def main() -> None:
    """Build and step all samples."""
    net = np.load(Path(sys.argv[1]) / "net.npz")
    fired, seconds = np.zeros(3, int), 0.0
    for sample in net["x"]:
        model, probes = built(net, sample)
        steps = len(sample) + 4  # as long as spikes are under way
        with EmulatorInterface(model) as emulator:
            begin = time.process_time()
            emulator.run_steps(steps)
            seconds += time.process_time() - begin
            fired += [int(np.sum(emulator.collect_probe_output(p))) for p in probes]
    print(json.dumps({"spikes": fired.tolist(), "seconds": seconds}))


def built(net: Any, sample: Any) -> tuple[Any, list[Any]]:
    """Return the model of one sample, and a probe of each layer."""
    model, probes = Model(dt=0.001), []
    pre: Any = SpikeInput(net["w0"].shape[1], label="in")
    for step, spikes in enumerate(sample, start=1):
        pre.add_spikes(step, np.flatnonzero(spikes), permanent=True)
    model.add_input(pre)
    for layer in range(3):
        weight = net[f"w{layer}"]
        block = LoihiBlock(len(weight), label=f"layer {layer}")
        block.compartment.configure_relu()
        synapse = Synapse(weight.shape[1])
        synapse.set_weights(weight.T.astype(np.float32))
        block.add_synapse(synapse)
        axon = Axon(weight.shape[1])
        axon.target = synapse
        axon.set_compartment_axon_map(np.arange(weight.shape[1]))
        pre.add_axon(axon)
        model.add_block(block)
        probes.append(LoihiProbe(target=[block], key="spiked", slice=[slice(None)]))
        model.add_probe(probes[-1])
        pre = block
    discretize_model(model)
    for layer, block in enumerate(model.blocks):
        compartment, (synapse,) = block.compartment, block.synapses
        compartment.vth[:], compartment.decay_v[:] = VTH, DV
        compartment.decay_u[:], compartment.bias[:] = 4095, 0
        compartment.vmin = -(1 << 23) + 1
        weight = net[f"w{layer}"].astype(np.int32)
        synapse.weights = [row[None] << 6 for row in weight.T]
    return model, probes


main()
