"""`simple`: the busiest core, then the barrier; messages take no time on their way.

The analytical model of SANA-FE (Boyle et al., IEEE TCAD 44(8), 2025), which calls it
`simple`: all cores update their neurons and send, all cores take in messages and visit
synapses, both at the same time; the slowest of all sets the step, and the barrier follows.
"""

from collections.abc import Mapping

import numpy as np

from snn_deploy.arrays import FloatArray, IntArray
from snn_deploy.ir.program import Program
from snn_deploy_simulators.counting.tables import Fan
from snn_deploy_simulators.engine.engine import Trace
from snn_deploy_simulators.timing import model

BOUNDS = ("barrier", "inputs", "neurons and axons out", "axons in and synapses")


def prepare(program: Program, fans: Mapping[str, Fan]) -> model.Timer:
    """Return the timer of `program`."""
    t, barrier = program.board.time.bound, model.barrier_seconds(program)
    work = model.update_work(program)
    message_out, message_in = model.seconds(t.message_out_s), model.seconds(t.message_in_s)

    def timer(counts: model.StepCounts, trace: Trace) -> tuple[FloatArray, IntArray]:
        c = counts.pieces
        terms = np.stack(
            [
                counts.input_messages * message_out,
                model.busiest(
                    model.neuron_seconds(c, t, work) + c["messages_out"] * message_out
                ),
                model.busiest(model.synapse_seconds(c, t) + c["messages_in"] * message_in),
            ]
        )
        longest = terms.max(axis=0)
        set_by = np.where(longest < barrier, 0, 1 + terms.argmax(axis=0))
        return longest + barrier, set_by

    return timer


SIMPLE = model.TimeModel(BOUNDS, prepare)
