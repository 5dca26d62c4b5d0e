"""What a time model is, and the terms that several of them share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, IntArray
from snn_deploy.board.board import Bound
from snn_deploy.board.evidence import Figure
from snn_deploy.ir.program import Program
from snn_deploy.neurons.cost import relative_operations
from snn_deploy_simulators.counting.tables import Fan
from snn_deploy_simulators.engine.engine import Trace


@dataclass(frozen=True, eq=False)
class StepCounts:
    """Counts of one sample of F chip steps, with P pieces and L links.

    Attributes:
        pieces: What happened in each piece, [F, P], by counter name (fields of Counts).
        links: Messages over each link, [F, L].
        input_messages: Messages that inputs send, [F].
    """

    pieces: Mapping[str, IntArray]
    links: IntArray
    input_messages: IntArray


Timer: TypeAlias = Callable[[StepCounts, Trace], tuple[FloatArray, IntArray]]


@dataclass(frozen=True)
class TimeModel:
    """A way to get seconds from what happened.

    Attributes:
        bounds: Names of what can set the time of a chip step.
        prepare: prepare(program, its tables) -> timer; timer(counts, trace) of one sample
            -> seconds [F] of each chip step, and index [F] into `bounds` of what set it.
        ranked: Whether the timer reads Trace.rank.
    """

    bounds: tuple[str, ...]
    prepare: Callable[[Program, Mapping[str, Fan]], Timer]
    ranked: bool = False


def seconds(figure: Figure) -> float:
    """Return the value of a coefficient; one that the board does not know is left out."""
    return 0.0 if figure.value is None else figure.value


def busiest(values: AnyArray) -> FloatArray:
    """Return the largest of each row: [F, X] -> [F], 0 where there are none."""
    result: FloatArray = values.max(axis=1, initial=0.0)
    return result


def update_work(program: Program) -> FloatArray:
    """Return what an update takes in each piece, in updates of `lif`: [P]. Boards know the
    time of a `lif` only; others are scaled by their operations (neurons/cost.py)."""
    pops = {p.name: relative_operations(p.model, p.params) for p in program.net.populations}
    return np.array([pops[piece.population] for piece in program.partition.pieces])


def neuron_seconds(
    counts: Mapping[str, IntArray], t: Bound, work: FloatArray
) -> FloatArray:
    """Return the seconds that neuron updates take in each step and piece: [F, P].

    work: see `update_work`.
    """
    update_s = counts["updates"] * seconds(t.neuron_s)
    active_s = counts["active"] * seconds(t.active_s)
    total: FloatArray = (update_s + active_s) * work + counts["spikes"] * seconds(t.spike_s)
    return total


def core_rates(program: Program) -> FloatArray:
    """Return the seconds of a neuron, an active one, a spike and a message: [4, P + 1], by
    piece, the last for where inputs enter."""
    t = program.board.time.bound
    figures = (t.neuron_s, t.active_s, t.spike_s, t.message_out_s)
    rates = np.repeat([[seconds(f)] for f in figures], len(program.partition.pieces) + 1, 1)
    rates[:2, :-1] *= update_work(program)
    return rates


def synapse_seconds(counts: Mapping[str, IntArray], t: Bound) -> FloatArray:
    """Return the seconds that synapses take in each step and piece: [F, P]."""
    total: FloatArray = (
        counts["synops_dense"] * seconds(t.synop_dense_s)
        + counts["synops_sparse"] * seconds(t.synop_sparse_s)
        + counts["synops_conv"] * seconds(t.synop_conv_s)
    )
    return total


def barrier_seconds(program: Program) -> float:
    """Return the seconds of the barrier: it spans the routers of all cores in use, and the
    one where inputs enter."""
    board = program.board
    routers = {board.router_of(int(core)) for core in program.placement.core}
    if bool(np.any(program.routes.pair_source < 0)):
        routers.add(board.io.inject_router)
    return board.time.bound.barrier_s(len(routers))
