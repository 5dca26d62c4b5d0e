"""The section on fine-tuning."""

from snn_deploy.report.report import Report
from snn_deploy.report.text.numbers import share
from snn_deploy.report.text.sections import Section, Table
from snn_deploy.report.tuning import Tuning


def tuning_sections(report: Report) -> list[Section]:
    """Return what fine-tuning changed, and its epochs for report.md; nothing without it."""
    t = report.tuning
    if t is None:
        return []
    found = {a.stage: a.value for a in report.accuracy}
    before = ("before", share(t.float_correct / t.tested), share(t.chip_correct / t.tested))
    after = ("after", share(found["reference"]), share(found["chip"]))
    columns = ("", "float", "chip")
    return [
        Section(
            "Fine-tuning", _told(t), Table(columns, (before, after), frozenset(columns))
        ),
        _course(t),
    ]


def _told(t: Tuning) -> tuple[str, ...]:
    return (
        f"trained on {t.samples - t.held_out} samples of {t.source}, judged on "
        f"{t.held_out} held out of it, seed {t.seed}; weights of {t.weight_bits} bits, "
        f"stored once",
        f"epoch {t.best} of {len(t.course) - 1} was kept (0 is rounding alone; at most "
        f"{t.epochs} were asked for); {t.max_drop:g} points of the float network's "
        f"accuracy may be lost",
        f"this report is of the network after it: {t.file}, to be read with {t.flags}",
    )


def _course(t: Tuning) -> Section:
    columns = ("epoch", "loss", "held-out loss", "correct")
    rows = tuple(
        (
            str(i) + (" (kept)" if i == t.best else ""),
            "" if e.loss is None else f"{e.loss:.4f}",
            f"{e.held_out_loss:.4f}",
            f"{e.correct} of {t.held_out}",
        )
        for i, e in enumerate(t.course)
    )
    table = Table(columns, rows, frozenset(columns))
    return Section("Fine-tuning, epoch by epoch", (), table, detail=True)
