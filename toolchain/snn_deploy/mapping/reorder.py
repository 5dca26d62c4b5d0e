"""Reorder: number the neurons of sparsely connected populations so that pieces hear little.

A piece is a run of neurons, so where synapses follow no order that the numbers show, every
piece hears nearly every source. Here the neurons of a population are first put into blocks
by a hypergraph partitioner (Mt-KaHyPar, Gottesbüren et al.): one net per source neuron, its
pins the neurons that hear it, minimized is how many blocks each net reaches, which is what
its spikes cost in messages. A neuron weighs as much as it has synapses. Blocks are then
numbered through, one after the other. Nothing but numbers changes: parameters, rows and
columns of weights move along, and `own_order` puts what is recorded back.

Left alone are populations that are read out, that are feature maps or feed a convolution,
or that a bias per sample drives; those whose inputs are all-to-all have nothing to gain.
Weights stored all-to-all of which at least half are zero become lists of synapses before:
the same sums, and no piece hears a source that it has no synapse from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import IntArray, frozen
from snn_deploy.board.board import Board
from snn_deploy.errors import InputError, option
from snn_deploy.ir.activity import Recording
from snn_deploy.ir.maps import Connection, Conv, Dense, Sparse
from snn_deploy.ir.program import Window, grid_of
from snn_deploy.ir.quant import QuantNetwork, QuantPopulation, QuantProjection
from snn_deploy.mapping.resources import demand_of, over

IMBALANCE = 0.03  # share by which a block may outweigh the mean; Mt-KaHyPar's usual one
LISTED = 0.5  # of the weights of an all-to-all map, most that are not zero, to be listed
MOST_PINS = 20_000_000  # of one population; each takes some 50 bytes there


@dataclass(frozen=True, eq=False)
class Reordered:
    """A network whose neurons have new numbers, and the old ones.

    Attributes:
        net: The same network, in lists and numbered anew.
        order: By population that is, the old number of each neuron, [n].
        cut_points: By population that is, where its blocks start, and its size, rising.
    """

    net: QuantNetwork
    order: Mapping[str, IntArray]
    cut_points: Mapping[str, IntArray]


def reorder(net: QuantNetwork, board: Board, *, seed: int = 0) -> Reordered:
    """Return `net` with populations in blocks that fit a core each, where that can help.

    Raises:
        InputError: Mt-KaHyPar is not installed, or a population has too many synapses.
    """
    net = listed(net)
    order: dict[str, IntArray] = {}
    cut_points: dict[str, IntArray] = {}
    for pop in net.populations:
        if _gains(net, pop):
            found = _blocks(net, board, pop.name, seed)
            if found is not None:
                order[pop.name], cut_points[pop.name] = found
    return Reordered(renumbered(net, order), order, cut_points)


def listed(net: QuantNetwork) -> QuantNetwork:
    """Return `net` with all-to-all maps that are mostly zeros as lists of synapses."""
    return replace(net, projections=tuple(_listed(p) for p in net.projections))


def renumbered(net: QuantNetwork, order: Mapping[str, IntArray]) -> QuantNetwork:
    """Return `net` with neuron order[name][i] of each population `name` in place i."""
    return replace(
        net,
        populations=tuple(_population(p, order.get(p.name)) for p in net.populations),
        projections=tuple(_projection(p, order) for p in net.projections),
    )


def own_order(recording: Recording, order: Mapping[str, IntArray]) -> Recording:
    """Return what a renumbered network gave, with its neurons in their old places."""
    outputs = dict(recording.outputs)
    for name in outputs.keys() & order.keys():
        there = outputs[name]
        flat = there.reshape(*there.shape[:2], -1)
        here = np.empty_like(flat)
        here[..., order[name]] = flat
        outputs[name] = here.reshape(there.shape)
    return replace(recording, outputs=outputs)


@cache
def partitioner() -> Any:
    """Return the module mtkahypar and its initializer.

    Raises:
        InputError: It is not installed.
    """
    try:
        module = import_module("mtkahypar")
    except ImportError as error:
        raise InputError(
            f"{option('partition', 'kahypar')}: needs the package mtkahypar; install it "
            "with pip install 'snn-deploy[partition]', or choose another method"
        ) from error
    return module, module.initialize(1, False)


def _listed(p: QuantProjection) -> QuantProjection:
    m = p.map
    if not isinstance(m, Dense) or np.count_nonzero(m.weight) > LISTED * m.weight.size:
        return p
    return replace(p, map=Sparse(sp.csr_array(m.weight)))


def _gains(net: QuantNetwork, pop: QuantPopulation) -> bool:
    into = net.into(pop.name)
    onward = [p for p in net.projections if p.pre == pop.name]
    return (
        grid_of(net, pop.name)[:2] == (1, 1)
        and any(isinstance(p.map, Sparse) for p in into)
        and not any(isinstance(p.map, Conv) for p in (*into, *onward))
        and pop.name not in net.outputs
        and pop.name not in {d.post for d in net.drives}
    )


def _blocks(
    net: QuantNetwork, board: Board, name: str, seed: int
) -> tuple[IntArray, IntArray] | None:
    """Return order and cut points of the fewest blocks that fit, None if all fits one core
    or single neurons do not fit."""
    n, parts = net.size(name), 1
    while parts <= n:
        block = _partitioned(net, name, parts, seed)
        order = np.argsort(block, kind="stable")
        ends = np.cumsum(np.bincount(block))
        cut_points = np.unique(np.concatenate([[0], ends])).astype(np.int64)
        excess = _excess(renumbered(net, {name: order}), board, name, cut_points)
        if excess <= 1:
            return None if parts == 1 else (frozen(order), frozen(cut_points))
        parts = max(parts + 1, ceil(parts * excess)) if parts < n else n + 1
    return None


def _excess(net: QuantNetwork, board: Board, name: str, cut_points: IntArray) -> float:
    """Return how many times the fullest block exceeds a limit; 1 if all fit."""
    demand = demand_of(net, board, name)
    runs = pairwise(cut_points.tolist())
    uses = (demand.use(Window(0, 1, 0, 1, low, high)) for low, high in runs)
    return max((max(over(use, board).values(), default=1.0) for use in uses), default=1.0)


def _partitioned(net: QuantNetwork, name: str, parts: int, seed: int) -> IntArray:
    """Return the block of each neuron: [n], from 0, in the order of their first neurons."""
    if parts == 1:
        return np.zeros(net.size(name), np.int64)
    nets, weight = _hypergraph(net, name)
    module, initializer = partitioner()
    module.set_seed(seed)
    context = initializer.context_from_preset(module.PresetType.DETERMINISTIC)
    context.set_partitioning_parameters(parts, IMBALANCE, module.Objective.KM1)
    graph = initializer.create_hypergraph(
        context, len(weight), len(nets), nets, weight, [1] * len(nets)
    )
    found = graph.partition(context)
    block = np.array([found.block_id(v) for v in range(len(weight))], np.int64)
    _, first, which = np.unique(block, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which.reshape(-1)].astype(np.int64)


def _hypergraph(net: QuantNetwork, name: str) -> tuple[list[list[int]], list[int]]:
    """Return the nets, those with a single pin left out, and the weight of each neuron."""
    nets: list[list[int]] = []
    weight: IntArray = np.ones(net.size(name), np.int64)
    by_source: dict[str, sp.csr_array] = {}
    for p in net.into(name):
        if isinstance(p.map, Sparse):
            m = p.map.matrix
            weight += np.diff(m.indptr)
            ones = sp.csr_array((np.ones(m.nnz, np.int32), m.indices, m.indptr), m.shape)
            by_source[p.pre] = by_source[p.pre] + ones if p.pre in by_source else ones
    pins = sum(m.nnz for m in by_source.values())
    if pins > MOST_PINS:
        raise InputError(
            f"{option('partition', 'kahypar')}: population {name!r} has {pins} synapses, "
            f"more than the {MOST_PINS} that are partitioned; number its neurons so that "
            "those which share inputs are neighbors, and use "
            f"{option('partition', 'fewest')}"
        )
    for m in by_source.values():
        columns = sp.csc_array(m)
        indices, ends = columns.indices.tolist(), columns.indptr.tolist()
        runs = pairwise(ends)
        nets += [indices[low:high] for low, high in runs if high - low > 1]
    return nets, weight.tolist()


def _population(pop: QuantPopulation, order: IntArray | None) -> QuantPopulation:
    if order is None:
        return pop
    return replace(
        pop,
        params={name: values[order] for name, values in pop.params.items()},
        v0=pop.v0[order],
        scale=pop.scale[order],
        offset=pop.offset[order],
    )


def _projection(p: QuantProjection, order: Mapping[str, IntArray]) -> QuantProjection:
    rows, columns = order.get(p.post), order.get(p.pre)
    if rows is None and columns is None:
        return p
    return replace(p, map=_moved(p.map, rows, columns))


def _moved(m: Connection, rows: IntArray | None, columns: IntArray | None) -> Connection:
    """Return the map with row rows[i] in place i, and column columns[j] in place j."""
    if isinstance(m, Conv):
        raise ValueError("the neurons of a convolution have their places")
    if isinstance(m, Dense):
        weight = m.weight if rows is None else m.weight[rows]
        return Dense(frozen(weight if columns is None else weight[:, columns]))
    matrix = m.matrix if rows is None else sp.csr_array(m.matrix[rows])
    if columns is not None:
        place = np.empty_like(columns)
        place[columns] = np.arange(columns.size)
        indices = place[matrix.indices].astype(matrix.indices.dtype)
        matrix = sp.csr_array((matrix.data, indices, matrix.indptr), matrix.shape)
        matrix.sort_indices()
    return Sparse(matrix)
