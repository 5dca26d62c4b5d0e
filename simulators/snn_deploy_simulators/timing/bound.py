"""`bound`: what a step takes at least.

The max-affine lower bound of Timcheck, Pierro and Shrestha, "A Compute and Communication
Runtime Model for Loihi 2", arXiv:2601.10035 (2026): a step takes at least as long as the
busiest core needs for its neurons, its synaptic operations or its synapse memory, as the
busiest link needs for its messages, and as the barrier takes. Axon handling at a core
(SANA-FE's coefficients know it) is one more such term.
"""

from collections.abc import Mapping

import numpy as np

from snn_deploy.arrays import FloatArray, IntArray
from snn_deploy.ir.program import Program
from snn_deploy_simulators.counting.tables import Fan
from snn_deploy_simulators.engine.engine import Trace
from snn_deploy_simulators.timing.model import (
    StepCounts,
    TimeModel,
    Timer,
    barrier_seconds,
    busiest,
    neuron_seconds,
    seconds,
    synapse_seconds,
    update_work,
)

BOUNDS = (
    "barrier",
    "neurons",
    "synapses",
    "synapse memory",
    "axons in",
    "axons out",
    "links",
)


def prepare(program: Program, fans: Mapping[str, Fan]) -> Timer:
    """Return the timer of `program`."""
    t, barrier = program.board.time.bound, barrier_seconds(program)
    work = update_work(program)
    between_chips = np.array(
        ["chip link" in name for name in program.routes.links], np.bool_
    )
    per_message = np.where(between_chips, seconds(t.chip_link_s), seconds(t.link_s))

    def timer(counts: StepCounts, trace: Trace) -> tuple[FloatArray, IntArray]:
        c = counts.pieces
        terms = np.stack(
            [
                np.full(len(counts.links), barrier),
                busiest(neuron_seconds(c, t, work)),
                busiest(synapse_seconds(c, t)),
                busiest(c["words"] * seconds(t.memory_read_s)),
                busiest(c["messages_in"] * seconds(t.message_in_s)),
                busiest(c["messages_out"] * seconds(t.message_out_s)),
                busiest(counts.links * per_message),
            ]
        )
        return terms.max(axis=0), terms.argmax(axis=0)

    return timer


BOUND = TimeModel(BOUNDS, prepare)
