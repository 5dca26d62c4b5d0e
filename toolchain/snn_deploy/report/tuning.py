"""Tuning: the record of a fine-tuning, a part of the report."""

import msgspec

TUNED_FILE = "finetuned.nir"  # in the output folder


class TuningEpoch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One epoch. Cross entropy is of the decoder's scores, against the mean of the label
    and the float network's answer.

    Attributes:
        loss: Mean cross entropy over the samples trained on, null before the first epoch.
        held_out_loss: Mean cross entropy over the held-out samples, with rounded values.
        correct: Held-out samples put into their class, with rounded values.
    """

    loss: float | None
    held_out_loss: float
    correct: int


class Tuning(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What fine-tuning was given and did; the accuracies of its result are the report's.

    Attributes:
        source: Where the samples come from: name of the file, "data" for arrays in memory.
        samples: Labelled ones given in `source`.
        held_out: So many of them were only judged on, not trained on.
        seed: Of what is held out, and of the order of the others.
        epochs: Asked for; it ends earlier where ten in a row bring nothing better.
        course: The start (rounded, not trained) and each epoch that ran.
        best: Index in `course` of the epoch that was kept; 0 is the start.
        max_drop: Percentage points of accuracy that may be lost, 0..100.
        float_correct: Tested samples that were right in the float network, before.
        chip_correct: Tested samples that were right on the chip, before.
        tested: Samples of the input.
        weight_bits: Of a stored weight, 1..8.
        file: Name of the trained network's file in the output folder.
        flags: How that file is to be read, as on the command line.
    """

    source: str
    samples: int
    held_out: int
    seed: int
    epochs: int
    course: tuple[TuningEpoch, ...]
    best: int
    max_drop: float
    float_correct: int
    chip_correct: int
    tested: int
    weight_bits: int
    file: str = TUNED_FILE
    flags: str = ""
