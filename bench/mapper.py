"""The mapper: cores beside Intel's compiler, what better cuts and places buy, large nets.

Cuts: cores per layer by Intel's published compiler logs, and ours with the limits of the
compiler that wrote them. Then what our other methods make of the same networks, at the
rates of `silicon.py`: cores, the time of a step by `event`, and synops and messages of the
busiest core. Places: hops of a step (those between chips weighted) and the time of a step.
Large: one million neurons and a hundred million synapses, in seconds and peak memory, each
in a process of its own. They are placed on Hala Point, whose chips our board file puts in
one row, so that ways are long.
Blocks: sparse recurrent networks of clusters, numbered so that neighbors are of different
clusters, cut as they are and renumbered in blocks ("kahypar").
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from measuring.clock import report

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from silicon import dvs_gesture
from silicon import pilotnet as pilotnet_at_rates

from snn_deploy.board.board import Board, load_board
from snn_deploy.ir.maps import Sparse
from snn_deploy.ir.program import Partition, Placement, Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy.mapping.partition import METHODS as PARTITIONS
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.place import METHODS as PLACEMENTS
from snn_deploy.mapping.place import place, weighted_hops
from snn_deploy.mapping.reorder import Reordered, reorder
from snn_deploy.mapping.route import route
from snn_deploy.mapping.traffic import Rates, traffic
from snn_deploy.names import PartitionName
from snn_deploy_simulators import chip, integer
from support import networks

# Cores per layer, from the notebooks of lava-dl (commit d825ac5): netx/mnist/run.ipynb,
# netx/oxford/run.ipynb, netx/pilotnet_snn/benchmark.ipynb, YOLO-KP's notebook.
INTEL = {
    "MNIST 784-128-64-10": (3, 1, 1),
    "Oxford 200-256-200": (3, 2),
    "PilotNet LIF": (13, 25, 13, 3, 3, 2, 12, 1, 1, 1),
    "YOLO-KP": (224, 112, 56, 28, 56, 16, 32, 14, 32, 4),
}
OLDER = 12_000  # words of synapse memory in the compiler that wrote PilotNet's log
NEURONS, FAN_IN = 1_000_000, 100
LOIHI2 = load_board("loihi2")


def beside_intel() -> list[str]:
    """Return the table of cores per layer."""
    nets: dict[str, tuple[QuantNetwork, Board, PartitionName]] = {
        "MNIST 784-128-64-10": (networks.layers(784, 128, 64, 10), LOIHI2, "intel"),
        "Oxford 200-256-200": (networks.layers(200, 256, 200), LOIHI2, "intel"),
        "PilotNet LIF": (
            networks.pilotnet(),
            networks.with_synapses(LOIHI2, OLDER),
            "intel",
        ),
        "YOLO-KP": (networks.yolo_kp(), load_board("kapoho-point"), "square"),
    }
    lines = [f"{'cores per layer':22}{'sum':>5}  "]
    for name, (net, board, method) in nets.items():
        pieces = partition(net, board, method=method)
        ours = [len(pieces.of(p.name)) for p in net.populations]
        alike = "equal" if tuple(ours) == INTEL[name] else "differs"
        lines += [
            f"{name:22}{sum(INTEL[name]):5}  Intel's: {_joined(INTEL[name])}",
            f"{'':22}{sum(ours):5}  ours by {method!r}: {_joined(ours)}  {alike}",
        ]
    return [
        *lines,
        "Oxford: 2 + 2 fit all of Intel's limits that are known; why it took 3 is not.",
    ]


def _joined(numbers: list[int] | tuple[int, ...]) -> str:
    return " ".join(map(str, numbers))


def rates_of(net: QuantNetwork, stimulus: Stimulus) -> Rates:
    """Return spikes per step of each neuron's layer."""
    events = integer.run(net, stimulus, keep=(), threads=1).events
    return {
        name: np.full(net.size(name), n.mean() / stimulus.steps / net.size(name))
        for name, n in events.items()
    }


def mapped(net: QuantNetwork, pieces: Partition, placement: Placement) -> Program:
    """Return the program on one Loihi 2."""
    routes = route(net, pieces, placement, LOIHI2)
    return Program(net, pieces, placement, routes, LOIHI2)


def step_us(program: Program, stimulus: Stimulus) -> tuple[float, int, int]:
    """Return microseconds per step by `event`, and synops and messages in per step of the
    busiest core."""
    run = chip.run(program, stimulus, keep=(), threads=1, time_model="event")
    synops = run.counts.synops.sum(axis=0).max() / stimulus.steps
    messages = run.counts.messages_in.sum(axis=0).max() / stimulus.steps
    mean = float(run.step_s[0, : stimulus.steps].mean())
    return mean * 1e6, int(synops), int(messages)


def cuts(name: str, net: QuantNetwork, stimulus: Stimulus) -> list[str]:
    """Return what each partition method makes of a network."""
    rates, lines = rates_of(net, stimulus), []
    for method in ("intel", "fewest", "balanced"):
        pieces = partition(net, LOIHI2, method=method, rates=rates)
        placement = place(pieces, net, LOIHI2, rates=rates)
        us, synops, messages = step_us(mapped(net, pieces, placement), stimulus)
        lines.append(
            f"{name:14}{method:10}{len(pieces.pieces):6}{us:12.2f}{synops:12}{messages:10}"
            f"   {_joined([len(pieces.of(p.name)) for p in net.populations])}"
        )
    return lines


def places(name: str, net: QuantNetwork, stimulus: Stimulus) -> list[str]:
    """Return what each placement method makes of a network cut by Intel's rule."""
    rates, lines = rates_of(net, stimulus), []
    pieces = partition(net, LOIHI2)
    pairs = traffic(net, pieces, rates)
    for method in PLACEMENTS:
        begin = time.process_time()
        placement = place(pieces, net, LOIHI2, method=method, rates=rates)
        took = time.process_time() - begin
        hops = weighted_hops(pairs, placement, LOIHI2)
        us = step_us(mapped(net, pieces, placement), stimulus)[0]
        lines.append(f"{name:14}{method:10}{hops:14.0f}{us:12.2f}{took * 1e3:12.1f}")
    return lines


def blocks(n: int, clusters: int, inside: float) -> list[str]:
    """Return messages and hops of a step in which all fires, as numbered and in blocks.

    inside: share of the 40 synapses of a neuron that come from its own cluster.
    """
    rng = np.random.default_rng(0)
    near = int(40 * inside)
    columns = np.empty((n, 40), np.int64)
    for i in range(n):
        own = np.arange(i % clusters, n, clusters)
        columns[i, :near] = rng.choice(own, near, replace=False)
        columns[i, near:] = rng.choice(n, 40 - near, replace=False)
    rows = np.repeat(np.arange(n), 40)
    ones = sp.coo_array((np.ones(rows.size, np.int16), (rows, columns.ravel())), (n, n))
    m = Sparse(sp.csr_array(ones))
    net = networks.network(
        [],
        [networks.population("pool", (n,)), networks.population("out", (10,), 1)],
        [
            networks.projection("pool", "pool", m),
            networks.projection("pool", "out", networks.sparse(10, n, 100)),
        ],
    )
    lines, board = [], networks.with_synapses(LOIHI2, 2000)
    for method in ("intel", "fewest", "kahypar"):
        begin, anew = time.process_time(), Reordered(net, {}, {})
        if PARTITIONS[method].reorders:
            anew = reorder(net, board, seed=0)
        pieces = partition(anew.net, board, method=method, cut_points=anew.cut_points)
        took = time.process_time() - begin
        pairs = traffic(anew.net, pieces)
        hops = weighted_hops(pairs, place(pieces, anew.net, board), board)
        lines.append(
            f"{n:18}{clusters:9}{inside:8.2f}   {method:10}{len(pieces.pieces):6}"
            f"{pairs.weight.sum():10.0f}{hops:10.0f}{took:10.2f}"
        )
    return lines


def layered() -> QuantNetwork:
    """Return ten layers of neurons, each with FAN_IN random inputs of the layer before."""
    rng, size = np.random.default_rng(0), NEURONS // 10
    names = [f"l{i}" for i in range(11)]
    maps = []
    for pre, post in pairwise(names):
        columns = rng.integers(0, size, (size, FAN_IN), dtype=np.int32)
        maps.append(networks.projection(pre, post, listed(columns, size)))
    populations = [
        networks.population(name, (size,), i + 1) for i, name in enumerate(names[1:])
    ]
    return networks.network([("l0", (size,))], populations, maps)


def geometric() -> QuantNetwork:
    """Return neurons on a square that hear neurons nearby, numbered cell by cell of a grid
    (that is, in no better order than somebody who simulates them would have them)."""
    rng, cells = np.random.default_rng(0), 100
    at = rng.random((NEURONS, 2))
    x, y = (at * cells).astype(np.int64).T
    order = np.lexsort((x, y))
    at = at[order]
    first = np.searchsorted(y[order] * cells + x[order], np.arange(cells * cells + 1))
    columns = np.empty((NEURONS, FAN_IN), np.int32)
    for cell in range(cells * cells):
        row, column = divmod(cell, cells)
        near = np.concatenate(
            [
                np.arange(first[r * cells + c], first[r * cells + c + 1])
                for r in range(max(row - 1, 0), min(row + 2, cells))
                for c in range(max(column - 1, 0), min(column + 2, cells))
            ]
        )
        own = slice(first[cell], first[cell + 1])
        columns[own] = rng.choice(near, (own.stop - own.start, FAN_IN))
    m = listed(columns, NEURONS)
    return networks.network(
        [],
        [networks.population("pool", (NEURONS,))],
        [networks.projection("pool", "pool", m)],
    )


def listed(columns: Any, n_pre: int) -> Sparse:
    """Return a map with the sources `columns` [n_post, FAN_IN]; repeats are kept apart."""
    columns.sort(axis=1)
    data = np.ones(columns.size, np.int16)
    first = np.arange(len(columns) + 1) * FAN_IN
    shape = (len(columns), n_pre)
    return Sparse(sp.csr_array((data, columns.ravel(), first), shape=shape))


LARGE: dict[str, Callable[[], QuantNetwork]] = {"layered": layered, "geometric": geometric}


def map_large(name: str) -> str:
    """Return a row: how long cutting, placing and routing took, and the peak memory."""
    net, board = LARGE[name](), load_board("hala-point")
    built = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    times = [time.process_time()]
    pieces = partition(net, board, method="fewest")
    times.append(time.process_time())
    placement = place(pieces, net, board)
    times.append(time.process_time())
    routes = route(net, pieces, placement, board)
    times.append(time.process_time())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    took = "".join(f"{b - a:10.1f}" for a, b in pairwise(times))
    chips = len(set((placement.core // board.cores_per_chip).tolist()))
    synapses = sum(p.map.matrix.nnz for p in net.projections if isinstance(p.map, Sparse))
    ways = f"{len(routes.pair_source):12}{len(routes.path_link) / 1e6:10.0f}"
    return (
        f"{name:12}{synapses / 1e6:9.0f} M{len(pieces.pieces):8}{chips:7}{took}"
        f"{ways}{built:9.1f}{peak:9.1f}"
    )


def main() -> None:
    """Print and keep the tables; `mapper.py large NAME` maps one large network only."""
    if sys.argv[1:2] == ["large"]:
        sys.stdout.write(map_large(sys.argv[2]) + "\n")
        return
    workloads = {"PilotNet LIF": pilotnet_at_rates(), "DVS gesture": dvs_gesture()}
    lines = beside_intel()
    head = f"{'':14}{'cut by':10}{'cores':>6}{'us / step':>12}{'synops':>12}"
    head += f"{'messages':>10}   cores per layer (synops, messages: per step, busiest core)"
    lines += ["", head]
    for name, (net, stimulus) in workloads.items():
        lines += cuts(name, net, stimulus)
    head = f"{'':14}{'placed by':10}{'hops / step':>14}{'us / step':>12}{'ms to place':>12}"
    lines += ["", head]
    for name, (net, stimulus) in workloads.items():
        lines += places(name, net, stimulus)
    head = f"{'blocks: neurons':18}{'clusters':>9}{'inside':>8}   {'cut by':10}{'cores':>6}"
    lines += ["", f"{head}{'messages':>10}{'hops':>10}{'s to cut':>10}"]
    for n, clusters, inside in ((2000, 16, 0.95), (2000, 16, 0.7), (4000, 40, 0.95)):
        lines += blocks(n, clusters, inside)
    head = f"{'large':12}{'synapses':>11}{'cores':>8}{'chips':>7}{'cut s':>10}"
    head += f"{'place s':>10}{'route s':>10}{'pairs':>12}{'links (M)':>10}{'net GB':>9}"
    lines += ["", f"{head}{'peak GB':>9}"]
    for name in LARGE:
        words = [sys.executable, __file__, "large", name]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        lines.append(done.stdout.rstrip())
    intro = (__doc__ or "").strip().splitlines()
    report("mapper", [*intro, "", *lines, ""])


if __name__ == "__main__":
    main()
