"""Run one network on SANA-FE; a program of its own, for an environment of its own.

Usage: python sanafe_side.py FOLDER. FOLDER holds what `sanafe_oracle.py` wrote: spec.json,
arrays.npz and, unless SANA-FE's own file is asked for, arch.yaml; result.json is added.
SANA-FE is GPL-3: only ever a separate process, never imported by snn-deploy.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import sanafe  # type: ignore[import-not-found,unused-ignore]


def build(spec: Any, arrays: Any, folder: Path, *, traced: bool) -> Any:
    """Return the loaded chip."""
    own = spec["arch"] == "own"
    arch = sanafe.load_arch(str(folder / "arch.yaml")) if own else sanafe.load_loihi()
    net, groups = sanafe.Network(), {}
    cores = {
        (t, c): core
        for t, tile in enumerate(arch.tiles)
        for c, core in enumerate(tile.cores)
    }
    for number, group in enumerate(spec["groups"]):
        made = net.create_neuron_group(
            group["name"],
            group["n"],
            default_synapse_hw_name=group["synapse"],
            log_spikes=traced,
        )
        groups[group["name"]] = made
        for i, (tile, offset) in enumerate(arrays[f"core_{number}"].tolist()):
            set_neuron(made[i], group, number, i, arrays)
            made[i].map_to_core(cores[tile, offset])
    for number, edge in enumerate(spec["edges"]):
        weight = {"weight": arrays[f"weight_{number}"].astype(float).tolist()}
        pre, post = groups[edge["pre"]], groups[edge["post"]]
        if edge["dense"]:
            pre.connect_neurons_dense(post, weight)
        else:
            pre.connect_neurons_sparse(post, weight, arrays[f"pairs_{number}"].tolist())
    chip = sanafe.SpikingChip(arch)
    chip.load(net)
    return chip


def set_neuron(neuron: Any, group: Any, number: int, i: int, arrays: Any) -> None:
    """Give one neuron its model and parameters."""
    if group["input"]:
        spikes = {"spikes": arrays[f"spikes_{number}"][:, i].tolist()}
        name = f"{group['soma']}[{group['first'] + i}]"
        neuron.set_attributes(soma_hw_name=name, model_attributes=spikes)
        return
    threshold, leak, bias = (float(x) for x in arrays[f"neuron_{number}"][:, i])
    values: dict[str, object] = {
        "threshold": threshold,
        "leak_decay": leak,
        "bias": bias,
        "reset": 0.0,
    }
    values["reset_mode"] = "hard"
    neuron.set_attributes(soma_hw_name=group["soma"], model_attributes=values)


def simulate(chip: Any, steps: int, timing: str, *, traced: bool) -> Any:
    """Return what SANA-FE reports, and the seconds of processor time that it took."""
    begin = time.process_time()
    result = chip.sim(
        steps,
        timing_model=timing,
        processing_threads=1,
        scheduler_threads=0,
        spike_trace=traced or None,
        perf_trace=traced or None,
    )
    seconds = time.process_time() - begin
    kept = ("sim_time", "spikes", "packets_sent", "neurons_updated", "neurons_fired")
    summary = {name: result[name] for name in kept}
    summary |= {"seconds": seconds, "energy": dict(result["energy"])}
    if traced:
        perf = result["perf_trace"]
        summary["perf"] = {key: [float(x) for x in perf[key]] for key in perf}
        summary["fired"] = [
            [(n.group_name, n.neuron_offset) for n in step]
            for step in result["spike_trace"]
        ]
    return summary


def main(folder: Path) -> None:
    spec = json.loads((folder / "spec.json").read_text())
    arrays = dict(np.load(folder / "arrays.npz"))
    results = []
    for run in spec["runs"]:
        chip = build(spec, arrays, folder, traced=run["traced"])
        results.append(simulate(chip, run["steps"], run["timing"], traced=run["traced"]))
        del chip
    (folder / "result.json").write_text(json.dumps(results))


main(Path(sys.argv[1]))
