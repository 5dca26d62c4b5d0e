"""Parts of a report: what graded spikes carried, and when samples were done."""

import msgspec

from snn_deploy.evaluation.ledger import Stat


class LevelUse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many spikes per inference carry a payload of `low` to `high` (included)."""

    low: int
    high: int
    spikes: float


class Graded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The graded spikes of one input or population on the chip, per inference.

    bits: width of a payload, sign included. operation: what a synapse does with one: "MAC"
    (it multiplies), or "AC" if only -1, 0 and 1 were sent. spikes: events; unary_spikes:
    summed |payload|, the binary spikes that would carry the same. synops: synapses that the
    events visit; unary_synops: those that the binary spikes would. lowest, highest,
    distinct: of the payloads that occurred, 0 if none did. levels: how they are
    distributed, several in a row where there are many."""

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
    """How model steps are distributed over samples; percentiles are values that occur."""

    samples: int
    mean: float
    least: int
    median: int
    p95: int
    most: int


class Settled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """After how many model steps the class that is read from the chip stays what it is at
    the end. undecided: samples of which no class can be read even then."""

    steps: Steps
    undecided: int


class Ending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it gives to end samples by a rule: "frame" (after all steps), "quiet" (at rest)
    or "stable" (the class was the same for `window` steps).

    met: samples that the rule ended before their last step. steps: model steps taken. same:
    samples whose class is that after all steps; correct: whose class is their label, null
    without labels. answer_s, inference_s: modelled time until the answer and until the next
    sample. energy: joules of the scopes core and noc by coefficient set."""

    rule: str
    window: int | None
    met: int
    steps: Steps
    same: int
    correct: int | None
    answer_s: Stat
    inference_s: Stat
    energy: dict[str, Stat]
