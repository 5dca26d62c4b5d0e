"""The default verb: run the line, show its progress, print the report."""

import sys
from pathlib import Path

from snn_deploy.cli.progress import progress
from snn_deploy.errors import BudgetError
from snn_deploy.options.request import Request
from snn_deploy.pipeline.deploy import carry_out
from snn_deploy.pipeline.emission import check_equal
from snn_deploy.pipeline.finetuned import points
from snn_deploy.report.forms.screen import screen, show
from snn_deploy.report.report import Report, to_json


def run_deploy(model: Path, target: str, request: Request, *, json: bool) -> None:
    """Do what is asked and print the report, as JSON if wanted.

    Raises:
        BudgetError: The goal is missed; the report is out by then.
        MismatchError: The emitted program was run and differs from our integers.
    """
    with progress() as told:
        report = carry_out(request, model, target, progress=told)
    if json:
        sys.stdout.write(to_json(report).decode())
    else:
        show(report, screen())
    sys.stdout.flush()
    if report.verified is not None:
        check_equal(report.verified, "the emitted program")
    require_accuracy(report, request.goal.min_accuracy)
    require_drop(report, request.goal.max_drop)


def require_accuracy(report: Report, least: float | None) -> None:
    """Raise BudgetError if the chip's accuracy is below `least`."""
    reached = {a.stage: a for a in report.accuracy}.get("chip")
    if least is None or reached is None or reached.value >= least:
        return
    raise BudgetError(
        f"accuracy on {report.target.name} is {reached.value:.4f} ({reached.correct} of "
        f"{reached.samples}), below the required {least:g}; see where it goes in the "
        f"report's accuracy by stage"
    )


def require_drop(report: Report, most: float | None) -> None:
    """Raise BudgetError if the chip loses more than `most` points of the accuracy that the
    float network had, before any fine-tuning."""
    found = {a.stage: a for a in report.accuracy}
    if most is None or "chip" not in found:
        return
    chip, tuning = found["chip"], report.tuning
    floats = found["reference"].correct if tuning is None else tuning.float_correct
    lost = points(floats - chip.correct, chip.samples)
    if lost <= most:
        return
    after, way_out = (
        ("", "train it onto these integers with --finetune TRAIN, or give --weight-bits")
        if tuning is None
        else (
            f" after fine-tuning (epoch {tuning.best} of {len(tuning.course) - 1}, the "
            f"best, is kept as {tuning.file} in --out)",
            "give more samples, more --finetune-epochs or more --weight-bits",
        )
    )
    raise BudgetError(
        f"accuracy on {report.target.name} is {chip.value:.4f}{after}, {lost:.2f} points "
        f"below the float network's {floats / chip.samples:.4f}, more than --max-drop "
        f"{most:g}; {way_out}"
    )
