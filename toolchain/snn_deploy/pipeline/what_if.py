"""Deploy one model in many ways in one process; what two ways share is worked out once.

The float network does not depend on the variant, nor its integers on placement and time
model.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import msgspec

from snn_deploy.board.board import Board, load_board
from snn_deploy.compare.variants import Variant, WhatIf, judged
from snn_deploy.errors import DoesNotFitError, InputError
from snn_deploy.evaluation.stages import Run
from snn_deploy.frontends.read_model import read_model
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.options.choices import Choices, limited
from snn_deploy.options.intake import AS_IT_IS, Intake
from snn_deploy.pipeline.checks import check_labels
from snn_deploy.pipeline.choices import check_given, check_methods
from snn_deploy.pipeline.deploy import Progress, Samples, begin, line
from snn_deploy.report.facts.summary import summarize
from snn_deploy.report.report import Report

Key: TypeAlias = tuple[object, ...]


def deploy_variants(
    model: Any,
    variants: Sequence[Variant],
    *,
    input: Samples | None,
    intake: Intake = AS_IT_IS,
    profile: str | None = None,
    dt: float | None = None,
    reset: str | None = None,
    threshold: str | None = None,
    spikes_per_step: str | None = None,
    steps: int | None = None,
    samples: int | None = None,
    decode: str | None = None,
    seed: int = 0,
    progress: Progress = lambda stage: None,
) -> WhatIf:
    """Deploy `model` in every variant; options as of `deploy`. A variant that does not fit
    is listed with its reasons.

    Raises:
        InputError: There is no input, something cannot be read, or no variant fits.
    """
    if input is None:
        raise InputError("compare: nothing is weighed against cost without --input")
    for v in variants:
        check_methods(v.choices)
    boards = [limited(load_board(v.target), v.choices) for v in variants]
    net, given = read_model(
        model, profile=profile, dt=dt, reset=reset, threshold=threshold,
        spikes_per_step=spikes_per_step,
    )  # fmt: skip
    for v in variants:
        check_given(given, v.choices)
    start = begin(
        model, boards[0], net, input, steps, samples, decode, seed, given, intake=intake
    )
    check_labels(start, None)
    done, known = [], _Known(start)
    for i, (variant, board) in enumerate(zip(variants, boards, strict=True)):
        progress(f"variant {i + 1} of {len(variants)}")
        done.append(known.deploy(variant, board))
    return judged(variants, [r for r, _ in done], [sentences for _, sentences in done])


class _Known:
    """What the variants so far have found out that later ones can use."""

    def __init__(self, start: Run) -> None:
        self.start = start
        self.quant: dict[Key, QuantNetwork] = {}

    def deploy(
        self, variant: Variant, board: Board
    ) -> tuple[Report | None, tuple[str, ...]]:
        """Return the report, or None and why it does not fit."""
        key = _integers_key(variant)
        run = replace(
            self.start, board=board, choices=variant.choices, quant=self.quant.get(key)
        )
        try:
            for last in line(run):
                self.start = replace(self.start, reference=last.reference)
                if last.quant is not None:
                    self.quant[key] = last.quant
        except DoesNotFitError as error:
            return None, error.violations
        return summarize(last, None), ()


def _integers_key(variant: Variant) -> Key:
    """Return all that the integers of a variant depend on."""
    c, same = variant.choices, Choices()
    return variant.target, msgspec.structs.replace(
        c, placement=same.placement, time_model=same.time_model
    )
