"""Hand a Program to SANA-FE, as its architecture and network, in a separate process.

SANA-FE knows no frames: every neuron runs from the first step on. `free_running` says the
same of a network here (all levels 0), so that both sides mean the same. SANA-FE's neuron
equals Lava's where the current decays at once (du 4095), weights are not shifted right and
nothing saturates; anything else is refused. Its inputs are neurons: they get a core more, at
the router where inputs enter.
"""

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.board.board import Board
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Connection, Conv, Dense
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, QuantPopulation, QuantProjection, Stimulus
from snn_deploy.mapping.traffic import homes

ROOT = Path(__file__).parents[2]
SIDE = Path(__file__).with_name("sanafe_side.py")


@dataclass(frozen=True)
class Run:
    """One run of SANA-FE; timing: "simple", "detailed" or "cycle"."""

    timing: str
    steps: int
    traced: bool = True


def interpreter() -> Path:
    """Return the Python that has SANA-FE; FileNotFoundError says how to get one."""
    path = Path(os.environ.get("SANAFE_PYTHON") or ROOT / ".venv-sanafe" / "bin" / "python")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no Python with SANA-FE; run `make sanafe-env`")
    return path


def simulate(
    program: Program,
    stimulus: Stimulus,
    folder: Path,
    runs: Iterable[Run],
    *,
    arch: str = "own",
) -> Any:
    """Return what SANA-FE reports of each run, as sanafe_side.py says.

    arch: "own" is made from the board; "shipped" is SANA-FE's Loihi, where inputs take the
    first core.
    """
    write(program, stimulus, folder, runs, arch=arch)
    done = subprocess.run(
        [str(interpreter()), str(SIDE), str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"SANA-FE failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return json.loads((folder / "result.json").read_text())


def free_running(net: QuantNetwork, stimulus: Stimulus) -> tuple[QuantNetwork, Stimulus]:
    """Return the network that runs like `net` on a chip that holds no population back."""
    latency = max(p.lag for p in net.populations)
    projections = tuple(replace(p, delay=net.chip_delay(p)) for p in net.projections)
    populations = tuple(replace(p, lag=0) for p in net.populations)
    silence = ((0, 0), (0, latency), (0, 0))
    spikes = {name: np.pad(x, silence) for name, x in stimulus.spikes.items()}
    steps = stimulus.steps + latency
    free = replace(net, populations=populations, projections=projections)
    return free, replace(stimulus, steps=steps, spikes=spikes)


def write(
    program: Program, stimulus: Stimulus, folder: Path, runs: Iterable[Run], *, arch: str
) -> None:
    """Write spec.json, arrays.npz and arch.yaml for sanafe_side.py; one sample only."""
    arrays: dict[str, AnyArray] = {}
    groups = [*_inputs(program, stimulus, arrays, arch), *_populations(program, arrays)]
    spec = {
        "arch": arch,
        "groups": groups,
        "edges": [
            _edge(program, p, i, arrays) for i, p in enumerate(program.net.projections)
        ],
        "runs": [vars(run) for run in runs],
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    (folder / "arch.yaml").write_text(_arch(program))
    np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]  # names are not "allow_pickle"


def _inputs(
    program: Program, stimulus: Stimulus, arrays: dict[str, AnyArray], arch: str
) -> Iterator[dict[str, object]]:
    tile, first = _tile(program.board, program.board.io.inject_router), 0
    offset = len(_locals(program.board)[tile]) if arch == "own" else 0
    soma = "input" if arch == "own" else "loihi_inputs"
    for number, port in enumerate(program.net.inputs):
        if port.payload_bits or stimulus.samples != 1:
            raise ValueError(
                f"input {port.name!r}: SANA-FE takes binary spikes of one sample"
            )
        arrays[f"core_{number}"] = np.tile([tile, offset], (port.n, 1))
        arrays[f"spikes_{number}"] = np.asarray(stimulus.spikes[port.name][0] != 0)
        group = {"name": port.name, "n": port.n, "input": True, "synapse": ""}
        yield {**group, "soma": soma, "first": first}
        first += port.n


def _populations(
    program: Program, arrays: dict[str, AnyArray]
) -> Iterator[dict[str, object]]:
    net, board = program.net, program.board
    home, locals_ = homes(net, program.partition), _locals(board)
    for number, pop in enumerate(net.populations, len(net.inputs)):
        core = program.placement.core[home[pop.name]]
        tile = [_tile(board, board.router_of(int(c))) for c in core]
        offset = [locals_[t].index(int(c)) for t, c in zip(tile, core, strict=True)]
        arrays[f"core_{number}"] = np.stack([tile, offset], axis=1)
        arrays[f"neuron_{number}"] = _parameters(pop)
        (kind,) = {_unit(p.map) for p in net.into(pop.name)}
        group = {"name": pop.name, "n": pop.n, "input": False, "soma": "loihi_lif"}
        yield {**group, "synapse": f"loihi_{kind}_synapse"}


def _parameters(pop: QuantPopulation) -> AnyArray:
    """Return threshold, leak and bias [3, n] in SANA-FE's units: of a weight."""
    p = pop.params
    if pop.model != "lif" or (p["du"] != 4095).any() or pop.v0.any() or pop.lag:
        raise ValueError(f"population {pop.name!r}: SANA-FE has no such neuron")
    bias = (p["bias_mant"] << p["bias_exp"]) / 64
    threshold = p["vth"] if pop.spiking else np.full(pop.n, 1 << 24)
    return np.stack([threshold, (4096 - p["dv"]) / 4096, bias])


def _edge(
    program: Program, p: QuantProjection, number: int, arrays: dict[str, AnyArray]
) -> dict[str, object]:
    if program.net.chip_delay(p) != 1 or p.weight_exp < 0 or p.payload_bits:
        raise ValueError(f"{p.pre} -> {p.post}: SANA-FE has no such synapses")
    if isinstance(p.map, Dense):
        arrays[f"weight_{number}"] = p.map.weight.T.ravel().astype(np.int64) << p.weight_exp
    else:
        entries = matrix(p.map).tocoo()
        arrays[f"weight_{number}"] = entries.data.astype(np.int64) << p.weight_exp
        arrays[f"pairs_{number}"] = np.stack([entries.col, entries.row], axis=1)
    return {"pre": p.pre, "post": p.post, "dense": isinstance(p.map, Dense)}


def _unit(m: Connection) -> str:
    return "dense" if isinstance(m, Dense) else "conv" if isinstance(m, Conv) else "sparse"


def _tile(board: Board, router: tuple[int, int, int]) -> int:
    """Return SANA-FE's number of a router: it counts up the columns."""
    chip, x, y = router
    return (chip * board.routers[0] + x) * board.routers[1] + y


def _locals(board: Board) -> dict[int, list[int]]:
    """Return the cores at each router, rising."""
    found: dict[int, list[int]] = {}
    for core in range(board.n_cores):
        found.setdefault(_tile(board, board.router_of(core)), []).append(core)
    return found


def _arch(program: Program) -> str:
    """Return the board in SANA-FE's language, with the coefficients of its set `sanafe`."""
    board, t = program.board, program.board.time.bound
    pj = {c.name: c.value or 0.0 for c in board.energy.sets["sanafe"].coefficients}
    event = board.time.event
    attributes = {
        "topology": "mesh",
        "width": board.chips * board.routers[0],
        "height": board.routers[1],
        "link_buffer_size": event.link_buffer.value if event else 0,
        "sync_model": "table",
        "latency_sync": {b.tiles: b.value for b in t.barrier},
    }
    hops = {
        f"{kind}_{way}_hop": value
        for ways, energy, latency in (
            (("east", "west"), pj["hop east-west"], t.hop_x_s.value),
            (("north", "south"), pj["hop north-south"], t.hop_y_s.value),
        )
        for way in ways
        for kind, value in (("energy", energy * 1e-12), ("latency", latency))
    }
    inject = _tile(board, board.io.inject_router)
    tiles = [
        {
            "name": f"tile_{tile}",
            "attributes": hops,
            "core": [_core(f"core_{c}", program, pj) for c in cores]
            + [_core("inputs", program, pj, inputs=True)] * (tile == inject),
        }
        for tile, cores in sorted(_locals(board).items())
    ]
    arch = {"name": board.name, "attributes": attributes, "tile": tiles}
    return yaml.dump({"architecture": arch}, Dumper=_WithoutAliases)


class _WithoutAliases(yaml.SafeDumper):
    """SANA-FE's reader knows no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _core(
    name: str, program: Program, pj: dict[str, float], *, inputs: bool = False
) -> dict[str, object]:
    t, n_inputs = program.board.time.bound, sum(p.n for p in program.net.inputs)
    largest = max(p.window.size for p in program.partition.pieces)
    synapses = [
        _named(
            f"loihi_{kind}_synapse",
            model="current_based",
            energy_process_spike=pj[f"synapse {kind}"] * 1e-12,
            latency_process_spike=latency.value,
        )
        for kind, latency in (
            ("dense", t.synop_dense_s),
            ("sparse", t.synop_sparse_s),
            ("conv", t.synop_conv_s),
        )
    ]
    free = {
        "energy_access_neuron": 0.0,
        "energy_update_neuron": 0.0,
        "energy_spike_out": 0.0,
    }
    free |= {name.replace("energy", "latency"): 0.0 for name in free}
    cost = {
        "energy_access_neuron": pj["soma access"] * 1e-12,
        "energy_update_neuron": pj["soma update"] * 1e-12,
        "energy_spike_out": pj["spike out"] * 1e-12,
        "latency_access_neuron": t.neuron_s.value,
        "latency_update_neuron": t.active_s.value,
        "latency_spike_out": t.spike_s.value,
    }
    somas = [_named("loihi_lif", model="leaky_integrate_fire", **cost)]
    if inputs:
        somas = [_named(f"input[0..{n_inputs - 1}]", model="input", **free)]
    message_in = {"energy_message_in": pj["axon in"] * 1e-12}
    message_out = {"energy_message_out": pj["axon out"] * 1e-12}
    return {
        "name": name,
        "attributes": {
            "buffer_position": "soma",
            "buffer_inside_unit": False,
            "max_neurons_supported": n_inputs if inputs else largest,
        },
        "axon_in": [_named("in", **message_in, latency_message_in=t.message_in_s.value)],
        "synapse": synapses,
        "dendrite": [
            _named("d", model="accumulator", energy_update=0.0, latency_update=0.0)
        ],
        "soma": somas,
        "axon_out": [
            _named("out", **message_out, latency_message_out=t.message_out_s.value)
        ],
    }


def _named(name: str, **attributes: object) -> dict[str, object]:
    return {"name": name, "attributes": attributes}


def fired(result: Any, net: QuantNetwork, steps: int) -> dict[str, IntArray]:
    """Return the spikes [steps, n] of each population in a traced result."""
    spikes = {p.name: np.zeros((steps, p.n), np.int64) for p in net.populations}
    for t, step in enumerate(result["fired"]):
        for name, i in step:
            if name in spikes:
                spikes[name][t, i] = 1
    return spikes
