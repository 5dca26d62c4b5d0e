"""Activity: what happened in a run, counted. No joules, no meaning, no accuracy.

N samples, T model steps, F = chip steps of one frame (T + guard, padded as the board
demands), P pieces (each is one core), n neurons of a population.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from snn_deploy.arrays import AnyArray, BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Recording:
    """Outputs in model time, latency removed.

    outputs: per population that was kept (always those the network reads out) [N, T,
    *shape]: spikes (0/1 or payload), or the membrane of readouts. Floats from the reference
    simulator, integers from the others.
    events: per input and population, non-zero outputs per sample [N] (0 for readouts).
    peaks: per population, largest magnitude of each state over the run, e.g.
    peaks["h"]["v"], and of the summed input "a_in"; floats from the reference, integers
    from the others.
    """

    outputs: Mapping[str, AnyArray]
    events: Mapping[str, IntArray]
    peaks: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, eq=False)
class Counts:
    """Events per chip step and piece, summed over the samples: each [F, P], int64.

    synops_dense, synops_sparse, synops_conv: synapses visited, by the format they are
    stored in (zero weights that are stored count). words: 64-bit words of synapse memory
    read. updates: neuron updates in steps in which the piece is not held. active: those of
    them with a membrane or current that is not zero, an event, a bias or a spike.
    spikes: spikes fired. messages_in: axon messages that arrived. messages_out: axon
    messages sent (one per spike and target core).
    """

    synops_dense: IntArray
    synops_sparse: IntArray
    synops_conv: IntArray
    words: IntArray
    updates: IntArray
    active: IntArray
    spikes: IntArray
    messages_in: IntArray
    messages_out: IntArray

    @property
    def synops(self) -> IntArray:
        """All synaptic operations, [F, P]."""
        total: IntArray = self.synops_dense + self.synops_sparse + self.synops_conv
        return total


@dataclass(frozen=True, eq=False)
class Payloads:
    """What the graded spikes of one input or population carried.

    levels [K]: the payloads that occurred, rising; uses [K]: how often each, over all
    samples. Per sample [N]: magnitude, summed |payload|, which is the spikes that a unary
    code takes; synops, synapses visited; unary_synops, those visited if every payload were
    as many binary spikes (once where a projection takes any payload as one).
    """

    levels: IntArray
    uses: IntArray
    magnitude: IntArray
    synops: IntArray
    unary_synops: IntArray


@dataclass(frozen=True, eq=False)
class Stops:
    """Where each sample ended, [N] each: model steps until its end; chip steps in which
    anything was updated; frame, chip steps to the next sample; met: whether the end came
    before the last model step."""

    steps: IntArray
    chip_steps: IntArray
    frame: IntArray
    met: BoolArray


@dataclass(frozen=True, eq=False)
class Activity:
    """One run of the chip simulator.

    per_sample: totals per sample, [N] each, by counter name: the fields of Counts, hops_x,
    hops_y, hops_chip, input_messages.
    hops_x, hops_y, hops_chip: router-to-router hops [F], summed over samples;
    input_messages [F].
    link_messages: [L] messages over each directed link, summed over everything.
    step_s: modelled time of each chip step [N, F], seconds. step_bound: [N, F], index into
    `bounds` of the term that set it; 0 in steps after the end of a sample.
    payloads: of every input and population that sends graded spikes. stops: where each
    sample ended, None if all ran the whole frame.
    """

    recording: Recording
    counts: Counts
    per_sample: Mapping[str, IntArray]
    hops_x: IntArray
    hops_y: IntArray
    hops_chip: IntArray
    input_messages: IntArray
    link_messages: IntArray
    step_s: FloatArray
    step_bound: IntArray
    bounds: tuple[str, ...]
    time_model: str
    samples: int
    steps: int
    frame: int
    payloads: Mapping[str, Payloads] = field(default_factory=dict)
    stops: Stops | None = None
