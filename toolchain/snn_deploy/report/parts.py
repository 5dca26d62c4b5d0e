"""The parts of a report: model, target, layers, use of cores, latency; each a record."""

import msgspec

from snn_deploy.evaluation.ledger import Stat


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The model file.

    Attributes:
        file: Its name, "(in memory)" if there is none.
        sha256: Of its bytes, null if it came from memory.
        step_s: Seconds per model step, null if nothing fixes it.
        inputs: Shape of one model step of each input, by its name.
        outputs: Shape of each population that is read out, by its name.
    """

    file: str
    sha256: str | None
    step_s: float | None
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The board.

    Attributes:
        name: As in its file.
        title: What it is, in words.
        source: Where its numbers come from.
        arithmetic: Name of the integer arithmetic it computes in, e.g. "loihi".
        chips: How many there are.
        cores: Usable ones, on all chips.
        columns: Of the core grid of one chip, null if not known.
        rows: Of the core grid of one chip, null if not known.
        unusable: Cores that are dead or reserved, numbered from 0 chip by chip, row by row.
    """

    name: str
    title: str
    source: str
    arithmetic: str
    chips: int
    cores: int
    columns: int | None = None
    rows: int | None = None
    unusable: tuple[int, ...] = ()


class Support(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one population runs on the target.

    Attributes:
        population: Its name.
        model: Name of the integer neuron.
        runs: "stock" (the chip's own neuron), "microcode" (needs a custom neuron program)
            or "impossible".
        source: Where that is known from.
        note: What the board file adds, or that it does not list the model; "" if nothing.
        relative_operations: Of an update, over those of `lif`; null if unknown.
    """

    population: str
    model: str
    runs: str
    source: str
    note: str
    relative_operations: float | None = None


class InputFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was fed in.

    Attributes:
        source: Name of the file, "data" for arrays in memory.
        samples: How many there are.
        steps: Model steps per sample.
        static: Whether every input has one value for all steps.
        labels: Whether samples have labels.
        compared: Samples on which layers were compared: fewer than `samples` where memory
            is short, 0 if nothing was simulated.
    """

    source: str
    samples: int
    steps: int
    static: bool
    labels: bool
    compared: int


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Correct predictions of one stage.

    Attributes:
        stage: "framework" (where it was given), "reference" (float), "integer" or "chip".
        correct: Samples whose class is their label: that of the largest score, the lowest
            one on a tie; never of a silent sample.
        samples: Of how many.
        silent: Samples in which the output sent nothing, or no membrane of it moved.
        tied: Samples in which several classes share the largest score.
        low: `correct` if every tie is wrong.
        high: `correct` if every tie that the label takes part in is right.
    """

    stage: str
    correct: int
    samples: int
    silent: int = 0
    tied: int = 0
    low: int | None = None
    high: int | None = None

    @property
    def value(self) -> float:
        """The share of them."""
        return self.correct / self.samples


class Agreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Samples for which two stages predict the same class.

    Attributes:
        first: The earlier stage, as in Accuracy.
        second: The later stage.
        equal: Samples of the same class in both.
        samples: Of how many.
    """

    first: str
    second: str
    equal: int
    samples: int

    @property
    def value(self) -> float:
        return self.equal / self.samples


class LayerAgreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How equal a population's output is in two stages, over neurons, steps and samples.

    Attributes:
        first: The earlier stage, "reference" or "integer".
        second: The later stage, "integer" or "chip".
        equal: Share (0..1) of bins that are the same in both. Of integer and chip: exactly;
            of reference and integer: a spike or none, null for readouts.
        jaccard: Bins with a spike in both, as a share (0..1) of those with a spike in
            either; null if nothing fires, and for readouts.
        rms: Of the membranes' difference, in float units, for readouts of reference and
            integer; else null.
    """

    first: str
    second: str
    equal: float | None
    jaccard: float | None
    rms: float | None


class LayerFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One population. Null is what the run did not reach, or what does not apply.

    Attributes:
        name: Of the population.
        shape: Of its neurons, without samples and steps.
        neurons: How many there are.
        model: Name of its integer neuron.
        spiking: False for a readout, whose output is the membrane.
        cores: That hold a piece of it.
        synapses: Stored ones that end in it, zeros that are stored included.
        synops: At those synapses, mean per inference.
        spikes: Per inference on the chip, whatever their payload; null for a readout.
        rate: Spikes per neuron and model step, null for a readout; sparsity is 1 - rate.
        agreement: Float with integers, then integers with chip; empty if not simulated.
    """

    name: str
    shape: tuple[int, ...]
    neurons: int
    model: str | None
    spiking: bool
    cores: int | None
    synapses: int | None
    synops: float | None
    spikes: Stat | None
    rate: float | None
    agreement: tuple[LayerAgreement, ...]


class Resource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One resource of the cores in use.

    Attributes:
        name: As in the board file; "total" is the pool that the others share.
        unit: "64-bit words" or "groups".
        limit: Of one core, in `unit`; null if it has none of its own.
        largest: Use of the busiest core, in `unit`.
        mean: Use of a core in use, in `unit`.
        total: Use of all cores, in `unit`.
    """

    name: str
    unit: str
    limit: int | None
    largest: int
    mean: float
    total: int


class PieceRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One piece: neurons of one population on one core.

    Attributes:
        population: Its name.
        core: Number on the board, from 0: chip by chip, row by row.
        chip: Number of the chip, from 0.
        neurons: How many the piece has.
        window: Channels, rows and columns of them, [c0, c1, y0, y1, x0, x1], ends excluded;
            a flat population of n is the map [1, 1, n]. Partition "kahypar" numbers neurons
            anew, and means these numbers.
        use: Of the core, by name of the resource, in its unit.
        synops: Mean per inference, null if nothing was simulated.
    """

    population: str
    core: int
    chip: int
    neurons: int
    window: tuple[int, ...]
    use: dict[str, int]
    synops: float | None = None


class Utilization(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the network takes of the board.

    Attributes:
        cores: That hold a piece.
        chips: That hold a piece.
        resources: Use of each resource over these cores, "total" last.
        pieces: Each on a core of its own.
        partition: Method by which populations were cut, as of --partition.
        placement: Method by which pieces were put on cores, as of --placement.
    """

    cores: int
    chips: int
    resources: tuple[Resource, ...]
    pieces: tuple[PieceRow, ...]
    partition: str = "intel"
    placement: str = "local"


class BoundShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A term of the time model, and how often it set the time.

    Attributes:
        name: Of the term.
        share: Of the chip steps taken, those whose time it set, 0..1.
    """

    name: str
    share: float


class StepTime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mean time of some chip steps of a frame.

    Attributes:
        first: The first of them, from 0.
        last: The last of them, included.
        seconds: By term of the time model, s per step, in the steps whose time it set; they
            add up to the mean over all samples, 0 for one that has ended.
    """

    first: int
    last: int
    seconds: dict[str, float]


class Latency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Modelled time; where samples end at rest, steps and frame are what they take at most.

    Attributes:
        time_model: Its name, as of --time-model.
        steps: Model steps of a sample.
        behind: Chip steps by which the last output runs behind its input.
        frame: Chip steps from one sample to the next.
        step_mean_s: Seconds of a chip step, mean over those taken.
        step_max_s: Seconds of the longest chip step.
        answer_s: Seconds until the last output step.
        inference_s: Seconds until the next sample.
        bounds: Of each term of the time model, how often it set the time.
        answer_p95_s: 95 % of the samples take no longer for it, s; null without samples.
        inference_p95_s: 95 % of the samples take no longer for it, s; null without samples.
        course: How long the steps of a frame take, one after the other; empty if not known.
        source: Of the coefficients of the time model.
    """

    time_model: str
    steps: int
    behind: int
    frame: int
    step_mean_s: float
    step_max_s: float
    answer_s: Stat
    inference_s: Stat
    bounds: tuple[BoundShare, ...]
    answer_p95_s: float | None = None
    inference_p95_s: float | None = None
    course: tuple[StepTime, ...] = ()
    source: str = ""


class StepAccuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Correct predictions of one stage if only the first steps are read.

    Attributes:
        stage: As of Accuracy.
        correct: As of Accuracy.
        samples: As of Accuracy.
        steps: Model steps that are read, from the first.
    """

    stage: str
    correct: int
    samples: int
    steps: int

    @property
    def value(self) -> float:
        """The share of correct ones."""
        return self.correct / self.samples


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The output of one sample on the chip.

    Attributes:
        sample: Its place in the input, from 0.
        label: Its class, null without labels.
        predicted: Class by stage, from all steps: "reference", "integer", "chip"; -1 where
            the output is silent.
        output: Name of the population that is read.
        steps: Model steps that are shown, from the first.
        neurons: That are shown, from the first.
        events: [step, neuron, payload] of each spike, from 0; empty for a readout.
        membranes: Of a readout, [steps][neurons], in float units; else empty.
    """

    sample: int
    label: int | None
    predicted: dict[str, int]
    output: str
    steps: int
    neurons: int
    events: tuple[tuple[int, int, int], ...]
    membranes: tuple[tuple[float, ...], ...]


class Estimate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What other samples of the same kind would give: a 95 % interval.

    Attributes:
        name: Of what: a mean, a share or a percentile, e.g. "answer time".
        unit: "share" (0..1), "s" or "J".
        value: That of these samples, in `unit`.
        low: Lower end of the interval, in `unit`.
        high: Upper end of the interval, in `unit`.
        samples: Of how many it is.
        method: How the interval was found.
    """

    name: str
    unit: str
    value: float
    low: float
    high: float
    samples: int
    method: str
