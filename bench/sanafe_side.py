"""Run one dense feed-forward net on SANA-FE, in its own process and environment.

Usage: python sanafe_side.py NET.npz RESULT.json. NET.npz: spikes [T, n_in] bool; for layer k weight_k
[n_post, n_pre] (effective integers), decay_k (dv), vth_k. Prints nothing; the result holds wall seconds of the
simulation alone, spikes per layer and step, energy, and the chip time of the model asked for.
SANA-FE is GPL-3: never imported by snn-deploy.
"""

import json
import sys
import time

import numpy as np
import sanafe


def build(data):
    """Return (chip, group names) with every layer on its own core(s), filled in order."""
    arch = sanafe.load_loihi()
    net = sanafe.Network()
    cores = list(arch.cores())
    spikes = data["spikes"]
    group = net.create_neuron_group("in", spikes.shape[1])
    for i in range(spikes.shape[1]):
        group[i].set_attributes(
            soma_hw_name=f"loihi_inputs[{i}]",
            model_attributes={"spikes": [bool(s) for s in spikes[:, i]]},
        )
        group[i].map_to_core(cores[0])
    core = 1
    for k in range(int(data["layers"])):
        weight = data[f"weight_{k}"]
        layer = net.create_neuron_group(
            f"layer{k}",
            weight.shape[0],
            model_attributes={
                "threshold": float(data[f"vth_{k}"]),
                "leak_decay": (4096 - int(data[f"decay_{k}"])) / 4096,
                "reset": 0.0,
                "reset_mode": "hard",
            },
            soma_hw_name="loihi_lif",
            default_synapse_hw_name="loihi_dense_synapse",
            log_spikes=True,
        )
        group.connect_neurons_dense(layer, {"weight": weight.T.astype(float).ravel()})
        for start in range(0, weight.shape[0], 1024):
            for i in range(start, min(start + 1024, weight.shape[0])):
                layer[i].map_to_core(cores[core])
            core += 1
        group = layer
    chip = sanafe.SpikingChip(arch)
    chip.load(net)
    return chip


def main(source, target):
    data = np.load(source)
    chip = build(data)
    steps = data["spikes"].shape[0]
    begin = time.perf_counter()
    result = chip.sim(
        steps, timing_model=str(data["timing"]), processing_threads=1, scheduler_threads=0
    )
    seconds = time.perf_counter() - begin
    summary = {
        "seconds": seconds,
        "spikes": result["spikes"],
        "fired": result["neurons_fired"],
        "packets": result["packets_sent"],
        "energy": dict(result["energy"]),
        "sim_time": result["sim_time"],
    }
    with open(target, "w") as file:
        json.dump(summary, file)


main(*sys.argv[1:])
