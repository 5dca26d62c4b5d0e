"""The default verb: run the line, show its progress, print the report."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table

from snn_deploy.errors import BudgetError
from snn_deploy.pipeline.deploy import Progress, deploy
from snn_deploy.pipeline.finetuned import points
from snn_deploy.report.forms.screen import screen, show
from snn_deploy.report.report import Report, to_json


def run_deploy(
    *, json: bool, min_accuracy: float | None, max_drop: float | None, **options: Any
) -> None:
    """Deploy with `options` and print the report, as JSON if wanted.

    Raises:
        BudgetError: The accuracy on the chip is below `min_accuracy`, or more than
            `max_drop` points below the float network's; the report is out by then.
    """
    with progress() as told:
        report = deploy(
            **options, min_accuracy=min_accuracy, max_drop=max_drop, progress=told
        )
    if json:
        sys.stdout.write(to_json(report).decode())
    else:
        show(report, screen())
    sys.stdout.flush()
    require_accuracy(report, min_accuracy)
    require_drop(report, max_drop)


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


@contextmanager
def progress() -> Iterator[Progress]:
    """Give a function that shows the stage at work, and of batches how far it is, on stderr
    and only on a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda stage: None
        return
    with console.status("starting") as status:
        yield lambda stage: status.update(_with_bar(stage))


def _with_bar(stage: str) -> RenderableType:
    """Return "simulate 30/450" with a bar of 30 parts in 450, other text as it is."""
    counted = re.fullmatch(r"(.+) (\d+)/(\d+)", stage)
    if counted is None:
        return stage
    name, done, total = counted.groups()
    row = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=float(total), completed=float(done), width=30)
    row.add_row(name, bar, f"{done} of {total} samples")
    return row
