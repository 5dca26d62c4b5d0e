"""Parts of a report: what graded spikes carried, and when samples were done."""

import msgspec

from snn_deploy.evaluation.ledger import Stat


class LevelUse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many spikes carry a payload of some range.

    Attributes:
        low: Smallest payload of the range.
        high: Largest payload of the range, included.
        spikes: With such a payload, mean per inference.
    """

    low: int
    high: int
    spikes: float


class Graded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The graded spikes of one input or population on the chip, per inference.

    Attributes:
        sender: Name of the input or population.
        bits: Width of a payload, sign included.
        operation: What a synapse does with one: "MAC" (it multiplies), or "AC" if only -1,
            0 and 1 were sent.
        spikes: Events, whatever their payload.
        unary_spikes: Summed |payload|, the binary spikes that would carry the same.
        synops: Synapses that the events visit.
        unary_synops: Synapses that the binary spikes would visit; a projection that takes
            any payload as one counts once.
        lowest: Smallest of the payloads that occurred, 0 if none did.
        highest: Largest of the payloads that occurred, 0 if none did.
        distinct: How many different payloads occurred, 0 if none did.
        levels: How they are distributed, rising; several in a row where there are many, and
            no row where none occurred.
    """

    sender: str
    bits: int
    operation: str
    spikes: Stat
    unary_spikes: Stat
    synops: Stat
    unary_synops: Stat
    lowest: int
    highest: int
    distinct: int
    levels: tuple[LevelUse, ...]


class Steps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How model steps are distributed over samples; percentiles are values that occur.

    Attributes:
        samples: How many there are.
        mean: Model steps per sample.
        least: Model steps of the shortest sample.
        median: At least half of the samples take no more model steps.
        p95: At least 95 % of the samples take no more model steps.
        most: Model steps of the longest sample.
    """

    samples: int
    mean: float
    least: int
    median: int
    p95: int
    most: int


class Settled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When answers stand.

    Attributes:
        steps: After how many model steps, at least 1, the class that is read from the chip
            stays what it is at the end.
        undecided: Samples of which no class can be read even then.
    """

    steps: Steps
    undecided: int


class Ending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it gives to end samples by a rule.

    Attributes:
        rule: "frame" (after all steps), "quiet" (at rest) or "stable" (the class was the
            same for `window` steps).
        window: Model steps of the rule "stable", null for others.
        met: Samples that the rule ended before their last step, 0 for "frame".
        steps: Model steps taken.
        same: Samples whose class is that after all steps.
        correct: Samples whose class is their label, null without labels.
        answer_s: Modelled time until the answer, s.
        inference_s: Modelled time until the next sample, s.
        energy: Joules per inference of the scopes core and noc, by coefficient set.
    """

    rule: str
    window: int | None
    met: int
    steps: Steps
    same: int
    correct: int | None
    answer_s: Stat
    inference_s: Stat
    energy: dict[str, Stat]
