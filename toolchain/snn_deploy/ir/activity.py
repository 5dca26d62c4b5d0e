"""Activity: what happened in a run, counted. No joules, no meaning, no accuracy.

N samples, T model steps, F = chip steps of one frame (T + guard, padded as the board
demands), P pieces (each is one core), n neurons of a population.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from snn_deploy.arrays import AnyArray, BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Recording:
    """Outputs in model time, latency removed.

    Floats from the reference simulator, integers from the others.

    Attributes:
        outputs: By population that was kept (always those the network reads out), [N, T,
            *shape]: spikes (0/1 or payload), or the membrane of readouts. Spikes are
            float32 and membranes float64 from the reference.
        events: By input and population, non-zero outputs per sample, [N]. 0 for readouts,
            and in the integer network for inputs that are fed as a bias.
        peaks: By population, largest magnitude over the run, of all samples and neurons: of
            the summed input "a_in", of the states "u" and "v", and, from the reference
            only, of the output "sent"; also its highest membrane, with its sign, "v_top".
            E.g. peaks["h"]["v"].
    """

    outputs: Mapping[str, AnyArray]
    events: Mapping[str, IntArray]
    peaks: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, eq=False)
class Counts:
    """Events per chip step and piece, summed over the samples: each [F, P], int64.

    Synapses count with the format they are stored in; zero weights that are stored count.

    Attributes:
        synops_dense: Synapses visited, of all-to-all maps.
        synops_sparse: Synapses visited, of lists of synapses.
        synops_conv: Synapses visited, of convolutions.
        words: Words of synapse memory read, 64 bits each.
        updates: Neuron updates, in steps in which the piece is not held.
        active: Those of the updates with something to do: a membrane that is not zero, a
            current that is not zero and outlasts a step, an event or a bias. A neuron that
            fires has one of these.
        spikes: Spikes fired; 0 for readouts.
        messages_in: Axon messages that arrived.
        messages_out: Axon messages sent, one per spike and target core; those of inputs are
            in no piece.
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


CORE_COUNTERS = tuple(f.name for f in fields(Counts))  # of a piece, by name
CHIP_COUNTERS = ("hops_x", "hops_y", "hops_chip", "input_messages")  # fields of Activity


@dataclass(frozen=True, eq=False)
class Payloads:
    """What the graded spikes of one input or population carried.

    Attributes:
        levels: The payloads that occurred, rising, [K].
        uses: How often each of the levels occurred, over all samples, [K].
        magnitude: Per sample, summed |payload|, [N]: the spikes that a unary code takes.
        synops: Per sample, synapses visited, [N].
        unary_synops: Per sample, synapses visited if every payload were as many binary
            spikes, [N]; once where a projection takes any payload as one.
    """

    levels: IntArray
    uses: IntArray
    magnitude: IntArray
    synops: IntArray
    unary_synops: IntArray


@dataclass(frozen=True, eq=False)
class Stops:
    """Where each sample ended.

    Attributes:
        steps: Model steps until its end, [N]; at least 1.
        chip_steps: Chip steps in which anything was updated, [N]; at most the frame.
        frame: Chip steps to the next sample, [N]; at most those of a whole frame.
        met: Whether the rule was met, [N]: at rest before the last model step, or the class
            stable by then at the latest. The others ran all steps.
    """

    steps: IntArray
    chip_steps: IntArray
    frame: IntArray
    met: BoolArray


@dataclass(frozen=True, eq=False)
class Activity:
    """One run of the chip simulator.

    Attributes:
        recording: What was recorded of it, in model time.
        counts: Events per chip step and piece, summed over the samples.
        per_sample: Totals per sample, [N] each, by counter name: the fields of Counts,
            hops_x, hops_y, hops_chip, input_messages.
        hops_x: Router-to-router hops east-west, [F], summed over the samples.
        hops_y: Router-to-router hops north-south, [F], summed over the samples.
        hops_chip: Hops between chips, [F], summed over the samples.
        input_messages: Messages sent by inputs, [F], summed over the samples; one per spike
            and target core.
        link_messages: Messages over each directed link of Routes.links, [L], summed over
            everything.
        step_s: Modelled time of each chip step, [N, F], in seconds; 0 after the end of a
            sample's own frame.
        step_bound: Index into `bounds` of the term that set the time, [N, F]; 0 in steps
            after the end of a sample.
        bounds: Names of the terms of the time model.
        time_model: Key of the simulator's TIME_MODELS.
        samples: N.
        steps: T, model steps of one sample.
        frame: F, chip steps from the start of one sample to that of the next, if it runs
            them all.
        payloads: By name, of every input and population that sends graded spikes.
        stops: Where each sample ended; None if all ran the whole frame.
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
