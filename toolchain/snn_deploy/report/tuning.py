"""Tuning: the record of a fine-tuning, a part of the report."""

import msgspec

TUNED_FILE = "finetuned.nir"  # in the output folder


class TuningEpoch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One epoch. loss: mean cross entropy over the samples trained on, null before the
    first. held_out_loss, correct: on the held-out samples, with rounded values."""

    loss: float | None
    held_out_loss: float
    correct: int


class Tuning(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What fine-tuning was given and did; the accuracies of its result are the report's.

    samples: labelled ones given in `source`, `held_out` of which only judged. epochs: asked
    for. course: the start (rounded, not trained) and each epoch that ran; best: the one
    that was kept. max_drop: percentage points that may be lost. float_correct,
    chip_correct, tested: before, of the input's samples. file: name in the output folder;
    flags: how it is to be read.
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
