"""The sections and sentences on ends of samples."""

from collections.abc import Iterator

from snn_deploy.evaluation.ledger import Stat
from snn_deploy.report.activity_parts import Ending, Steps
from snn_deploy.report.report import Report
from snn_deploy.report.text.numbers import quantity, share, significant, spread
from snn_deploy.report.text.sections import Section, Table, without_blanks

FRAME = "frame"
MEANS = {
    FRAME: "the frame",
    "quiet": "rest",
    "stable": "a stable class",
}


def at_most(report: Report) -> str:
    """Return "at most " where samples end at rest, so that numbers of steps are limits."""
    return "at most " if any(e.rule == "quiet" for e in report.endings) else ""


def settled_line(report: Report) -> list[str]:
    """Return the sentence on when answers stand, for the section on time."""
    if report.settled is None or report.input is None:
        return []
    known, s = report.settled, report.settled.steps
    none = f"; {known.undecided} samples have no class at all" if known.undecided else ""
    return [f"class as after all {report.input.steps} steps: from step {_told(s)} on{none}"]


def ending_sections(report: Report) -> list[Section]:
    """Return the section on ends of samples, for every form of the report."""
    if not report.endings:
        return []
    columns = (
        "ends with", "ended early", "steps", "least", "median", "p95", "most", "correct",
        "same class", "answer", "inference",
    )  # fmt: skip
    rows = tuple(_cells(e) for e in report.endings)
    table = without_blanks(Table(columns, rows, frozenset(columns[1:])))
    whole = report.endings[0]
    names = ("ends with", *whole.energy)
    energies = tuple(
        (_means(e), *(_energy(j, whole.energy[n]) for n, j in e.energy.items()))
        for e in report.endings
    )
    saved = "cores and network on chip, per inference; beside it the share of a whole frame"
    return [
        Section("Ends of samples", tuple(_lines(report)), table),
        Section(
            "Energy by end of samples",
            (saved,),
            Table(names, energies, frozenset(names[1:])),
        ),
    ]


def ending_methods(report: Report) -> Iterator[str]:
    """Yield sentences on ends of samples for the methods paragraph."""
    if report.settled is not None and report.settled.steps.samples > 1:
        yield (
            f"The class read from the chip stands from step "
            f"{_told(report.settled.steps)} on."
        )
    whole = report.endings[0] if report.endings else None
    for e in report.endings[1:]:
        if whole is not None:
            yield _method(e, whole)


def _lines(report: Report) -> Iterator[str]:
    rules = {e.rule for e in report.endings}
    if "quiet" in rules:
        yield (
            "rest: no input left, no spike under way, no state of any population changes: "
            "all further steps are the same, and so is the answer; time and energy of this "
            "report are those until then"
        )
    for e in report.endings:
        if e.rule == "stable":
            yield (
                f"a stable class: the same for {e.window} steps; the class is read then, "
                f"and what is still under way is not waited for"
            )


def _means(e: Ending) -> str:
    return MEANS[e.rule] if e.window is None else f"{MEANS[e.rule]} ({e.window} steps)"


def _cells(e: Ending) -> tuple[str, ...]:
    n, s = e.steps.samples, e.steps
    return (
        _means(e),
        "-" if e.rule == FRAME else f"{e.met} of {n}",
        significant(s.mean),
        *(str(v) for v in (s.least, s.median, s.p95, s.most)),
        "-" if e.correct is None else share(e.correct / n),
        share(e.same / n),
        spread(e.answer_s, "s"),
        spread(e.inference_s, "s"),
    )


def _energy(joules: Stat, whole: Stat) -> str:
    """Return the mean, and what it is less than that of whole frames."""
    text = quantity(joules.mean, "J")
    if joules is whole or not whole.mean or joules.mean is None:
        return text
    return f"{text} ({share(joules.mean / whole.mean)})"


def _method(e: Ending, whole: Ending) -> str:
    n = e.steps.samples
    when = (
        "at rest (no input left, no spike under way, no state changing)"
        if e.rule == "quiet"
        else f"when its class had been the same for {e.window} steps"
    )
    right = "" if e.correct is None else f", accuracy {share(e.correct / n)}"
    parts = [
        f"{quantity(joules.mean, 'J')} instead of "
        f"{quantity(whole.energy[name].mean, 'J')} ({name})"
        for name, joules in e.energy.items()
    ]
    return (
        f"Ending a sample {when} takes {_told(e.steps)} steps{right}, and "
        f"{', '.join(parts)} per inference; noticing the end is not priced."
    )


def _told(s: Steps) -> str:
    if s.least == s.most:
        return str(s.most)
    return f"{s.median} (median; {s.least} to {s.most}, 95 % within {s.p95})"
