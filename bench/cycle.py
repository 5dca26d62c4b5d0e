"""How far the time models `bound`, `simple` and `event` are off where `cycle` can be run.

Random small networks, each placed at random and well, on Loihi 2; steps in which a message
arrives. The ratio is the time of a step by the model over that by `cycle`, which follows
every message link by link. The last rows are networks made to crowd one link: four cores
that send to four others over one hop, receivers that take messages in at once.
"""

import sys
from pathlib import Path

import msgspec
import numpy as np
from measuring.clock import report

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from snn_deploy.arrays import FloatArray
from snn_deploy.board.board import Board, load_board
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.program import Placement, Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.route import route
from snn_deploy.names import TimeModelName
from snn_deploy_simulators import chip
from support.networks import mapped
from support.random_networks import random_network
from support.sanafe_networks import network, perceptron, raster, recurrent

MODELS: tuple[TimeModelName, ...] = ("bound", "simple", "event")
BOARD = load_board("loihi2")


def small(board: Board, words: int) -> Board:
    """Return the board with less synapse memory per core, so that small nets are cut."""
    limit = msgspec.structs.replace(board.pool.synapse, value=words)
    return msgspec.structs.replace(
        board, pool=msgspec.structs.replace(board.pool, synapse=limit)
    )


def cases() -> list[tuple[str, QuantNetwork, Stimulus, Board]]:
    """Return 50 networks: all kinds of small ones, layered ones and recurrent ones."""
    found = [("mixed", *random_network(seed), BOARD) for seed in range(20)]
    for seed in range(15):
        rng = np.random.default_rng(seed)
        sizes = tuple(int(n) for n in rng.integers(40, 200, 4))
        stimulus = raster(sizes[0], 12, 0.3, seed)
        found.append(("layers", perceptron(sizes, 150, seed), stimulus, small(BOARD, 700)))
    for seed in range(15):
        n = int(np.random.default_rng(seed).integers(100, 500))
        net = recurrent(n, 20, 60, 120, seed)
        found.append(("recurrent", net, raster(60, 12, 0.3, seed), small(BOARD, 500)))
    return found


def ratios(program: Program, stimulus: Stimulus) -> dict[str, FloatArray]:
    """Return the ratios to `cycle` of all steps in which a message arrives."""
    runs = {
        name: chip.run(program, stimulus, keep=(), threads=1, time_model=name)
        for name in (*MODELS, "cycle")
    }
    busy = runs["cycle"].counts.messages_in.sum(axis=1) > 0
    exact = runs["cycle"].step_s[:, busy].ravel()
    return {name: runs[name].step_s[:, busy].ravel() / exact for name in MODELS}


def crowded(cores: list[int], n: int) -> tuple[Program, Stimulus]:
    """Return four layers of n neurons that each send to one of four others."""
    layers = [(f"{side}{i}", (n,), 1, 0) for side in "ab" for i in range(4)]
    maps = [("in", f"a{i}", Dense(np.full((n, 1), 2, np.int16))) for i in range(4)]
    maps += [(f"a{i}", f"b{i}", Dense(2 * np.eye(n, dtype=np.int16))) for i in range(4)]
    net = network((1,), list(layers), list(maps))
    free = ("message_in_s", "synop_dense_s", "spike_s", "neuron_s", "active_s")
    bound = BOARD.time.bound
    bound = msgspec.structs.replace(
        bound, **{f: msgspec.structs.replace(getattr(bound, f), value=0.0) for f in free}
    )
    time = msgspec.structs.replace(BOARD.time, bound=bound)
    board = msgspec.structs.replace(BOARD, time=time)
    spikes = np.zeros((1, 3, 1), np.int8)
    spikes[0, 0] = 1
    pieces, placement = partition(net, board), Placement(np.array(cores))
    routes = route(net, pieces, placement, board)
    program = Program(net, pieces, placement, routes, board)
    return program, Stimulus(1, 3, {"in": spikes}, {})


def row(title: str, found: list[dict[str, FloatArray]]) -> str:
    """Return a row: per model, the 5th, 50th and 95th percentile, and the extremes."""
    text = f"{title:22}{sum(len(f['bound']) for f in found):7}"
    for name in MODELS:
        values = np.concatenate([f[name] for f in found])
        low, p5, p50, p95, high = np.percentile(values, [0, 5, 50, 95, 100])
        text += f"   {low:4.2f} {p5:4.2f} {p50:4.2f} {p95:4.2f} {high:4.2f}"
    return text


def main() -> None:
    """Print and keep the table."""
    head = f"{'networks, placement':22}{'steps':>7}"
    head += "".join(f"   {name + ': min 5 % 50 % 95 % max':24}" for name in MODELS)
    lines = [head.rstrip()]
    everything = []
    networks = cases()
    for method in ("random", "local"):
        for kind in ("mixed", "layers", "recurrent"):
            found = [
                ratios(mapped(net, board, seed=i, method=method), stimulus)
                for i, (title, net, stimulus, board) in enumerate(networks)
                if title == kind
            ]
            lines.append(row(f"{kind}, {method}", found))
            everything += found
    lines += [row("all", everything), ""]
    near = [core for x in range(4) for core in (2 * x, 2 * x + 1)]
    at = {
        spot: [c for c in range(BOARD.n_cores) if BOARD.router_of(c) == spot]
        for spot in ((0, 0, 0), (0, 1, 0))
    }
    for title, cores in (
        ("one link crowded", at[0, 0, 0] + at[0, 1, 0]),
        ("the same, placed well", near[0::2] + near[1::2]),
    ):
        lines.append(row(title, [ratios(*crowded(cores, 50))]))
    intro = (__doc__ or "").strip().splitlines()
    summary = f"{len(networks)} networks, {len(everything)} placements."
    report("cycle", [*intro, "", *lines, "", summary, ""])


main()
