"""Deploy one model in many ways in one process; what two ways share is worked out once.

The float network does not depend on the variant, nor its integers on placement and time
model.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from snn_deploy.board.board import Board, load_board
from snn_deploy.board.narrow import narrowed
from snn_deploy.compare.variants import Variant, WhatIf, judged
from snn_deploy.errors import DoesNotFitError, InputError, option
from snn_deploy.evaluation.progress import Progress, unheard
from snn_deploy.evaluation.stages import Opened, Quantized, Reference
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.options.mapping import MappingOptions
from snn_deploy.options.request import Request, gathered
from snn_deploy.pipeline.checks import check_cut, check_given, check_labels
from snn_deploy.pipeline.deploy import opened
from snn_deploy.pipeline.line import Known, line
from snn_deploy.pipeline.models import read
from snn_deploy.report.facts.summary import summarize
from snn_deploy.report.report import Report

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from snn_deploy.options.keywords import DeployFields

VariantKey: TypeAlias = tuple[object, ...]


def deploy_variants(
    model: Any,
    variants: Sequence[Variant],
    *,
    request: Request | None = None,
    progress: Progress = unheard,
    **fields: "Unpack[DeployFields]",
) -> WhatIf:
    """Deploy `model` in every variant. One that does not fit is listed with its reasons.

    Args:
        model: As of `deploy`.
        variants: At least two.
        request: What all variants have in common; instead of `fields`.
        progress: Is told each variant before it starts.
        fields: The same by name, as of `deploy`.

    Raises:
        InputError: There is no input, something cannot be read, or no variant fits.
    """
    common = gathered(fields) if request is None else request
    if common.inputs.input is None:
        raise InputError(
            f"compare: nothing is weighed against cost without {option('input')}"
        )
    for v in variants:
        check_cut(v.mapping)
    boards = [narrowed(load_board(v.target), v.mapping) for v in variants]
    net, given = read(model, common.reading)
    for v in variants:
        check_given(given, v.mapping)
    start = opened(common, boards[0], net, given, model)
    check_labels(start, None)
    done, known = [], _Shared(start)
    for i, (variant, board) in enumerate(zip(variants, boards, strict=True)):
        progress(f"variant {i + 1} of {len(variants)}")
        done.append(known.deploy(variant, board))
    return judged(variants, [r for r, _ in done], [sentences for _, sentences in done])


class _Shared:
    """What the variants so far have found out that later ones can use."""

    def __init__(self, start: Opened) -> None:
        self.start = start
        self.reference: Reference | None = None
        self.quant: dict[VariantKey, QuantNetwork] = {}

    def deploy(
        self, variant: Variant, board: Board
    ) -> tuple[Report | None, tuple[str, ...]]:
        """Return the report, or None and why it does not fit."""
        key = _integers_key(variant)
        time_model = variant.time_model
        run = replace(
            self.start,
            board=board,
            mapping=variant.mapping,
            simulation=msgspec.structs.replace(
                self.start.simulation, time_model=time_model
            ),
        )
        try:
            for last in line(run, known=Known(self.reference, self.quant.get(key))):
                if isinstance(last, Quantized):
                    self.reference, self.quant[key] = last.reference, last.quant
        except DoesNotFitError as error:
            return None, error.violations
        return summarize(last, None), ()


def _integers_key(variant: Variant) -> VariantKey:
    """Return all that the integers of a variant depend on."""
    usual = MappingOptions().placement
    return variant.target, msgspec.structs.replace(variant.mapping, placement=usual)
