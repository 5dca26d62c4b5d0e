"""Time of a chip step from its counts. One model so far: `bound`.

`bound` is the max-affine lower bound of Timcheck, Pierro and Shrestha, "A Compute and
Communication Runtime Model for Loihi 2", arXiv:2601.10035 (2026): a step takes at least as
long as the busiest core needs for its neurons, its synaptic operations or its synapse
memory, as the busiest link needs for its messages, and as the barrier takes. Axon handling
at a core (SANA-FE's coefficients know it) is one more such term. A coefficient that the
board does not know is left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import AnyArray, BoolArray, FloatArray, IntArray
from snn_deploy.board import Board


@dataclass(frozen=True, eq=False)
class StepCounts:
    """Counts of one sample: per piece [F, P] by counter name (fields of Counts), and
    messages per link [F, L]. chip_link: [L] bool, links between chips."""

    pieces: Mapping[str, IntArray]
    links: IntArray
    chip_link: BoolArray


TimeModel = Callable[[Board, StepCounts, int], tuple[FloatArray, IntArray]]

BOUNDS = (
    "barrier",
    "neurons",
    "synapses",
    "synapse memory",
    "axons in",
    "axons out",
    "links",
)


def bound(board: Board, counts: StepCounts, tiles: int) -> tuple[FloatArray, IntArray]:
    """Return (seconds [F], index into BOUNDS [F]) of each chip step. tiles: routers in
    use."""
    c, t = counts.pieces, board.time.bound
    neurons = (
        c["updates"] * _s(t.neuron_s.value)
        + c["active"] * _s(t.active_s.value)
        + c["spikes"] * _s(t.spike_s.value)
    )
    synapses = (
        c["synops_dense"] * _s(t.synop_dense_s.value)
        + c["synops_sparse"] * _s(t.synop_sparse_s.value)
        + c["synops_conv"] * _s(t.synop_conv_s.value)
    )
    per_message = np.where(counts.chip_link, _s(t.chip_link_s.value), _s(t.link_s.value))
    terms = np.stack(
        [
            np.full(len(neurons), t.barrier_s(tiles)),
            _busiest(neurons),
            _busiest(synapses),
            _busiest(c["words"] * _s(t.memory_read_s.value)),
            _busiest(c["messages_in"] * _s(t.message_in_s.value)),
            _busiest(c["messages_out"] * _s(t.message_out_s.value)),
            _busiest(counts.links * per_message),
        ]
    )
    return terms.max(axis=0), terms.argmax(axis=0)


def _s(value: float | None) -> float:
    return 0.0 if value is None else value


def _busiest(seconds: AnyArray) -> FloatArray:
    result: FloatArray = seconds.max(axis=1, initial=0.0)
    return result


TIME_MODELS: dict[str, TimeModel] = {"bound": bound}
