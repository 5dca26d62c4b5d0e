"""The headline: the few numbers everybody asks for, each with its path in report.json."""

from collections.abc import Iterator
from dataclasses import dataclass

from snn_deploy.evaluation.ledger import Account
from snn_deploy.report.forms.endings_section import at_most
from snn_deploy.report.forms.storage_line import storage_words
from snn_deploy.report.parts import Estimate
from snn_deploy.report.report import Report
from snn_deploy.report.text.numbers import estimated, quantity, share, spread, undecided


@dataclass(frozen=True)
class Fact:
    """One number of the headline.

    Attributes:
        label: What it is, for people.
        text: The number with its unit, for people; with its interval or spread, if known.
        path: Where `value` stands in report.json, e.g. "energy.accounts[0].dynamic.mean".
        value: As it stands there; of an accuracy the count of correct samples.
        note: What to know about it.
    """

    label: str
    text: str
    path: str
    value: float
    note: str


def headline(report: Report) -> tuple[Fact, ...]:
    """Return accuracy, energies, latency and cores, as far as the run went."""
    return (
        *_accuracy(report),
        *_storage(report),
        *_energies(report),
        *_latency(report),
        *_cores(report),
    )


def _known(report: Report) -> dict[str, Estimate]:
    return {e.name: e for e in report.estimates}


def _accuracy(report: Report) -> Iterator[Fact]:
    for i, a in enumerate(report.accuracy):
        if a.stage == "chip":
            e = _known(report).get("accuracy chip")
            text = share(a.value) if e is None else estimated(e)
            note = f"{a.correct} of {a.samples} samples{undecided(a)}"
            yield Fact("Accuracy", text, f"accuracy[{i}].correct", a.correct, note)


def _storage(report: Report) -> Iterator[Fact]:
    """Yield how many projections are stored twice, which decides half of the energy."""
    s = report.storage
    if s is None:
        return
    text, why = storage_words(s)
    label = "Projections stored twice"
    yield Fact(label, text, "storage.projections", s.projections, why)


def _energies(report: Report) -> Iterator[Fact]:
    for i, account in enumerate(report.energy.accounts if report.energy else ()):
        yield _energy(report, i, account)


def _energy(report: Report, i: int, account: Account) -> Fact:
    label = f"Energy per inference, {account.name}"
    path = f"energy.accounts[{i}].dynamic"
    kinds = sorted({line.kind for line in account.lines if line.price is not None})
    note = f"cores and network on chip; prices are {', '.join(kinds)}"
    if account.dynamic.mean is None:
        text = spread(account.dynamic, "J")
        return Fact(label, text, f"{path}.high", account.dynamic.high, note)
    e = _known(report).get(f"energy {account.name}")
    text = spread(account.dynamic, "J") if e is None else estimated(e)
    return Fact(label, text, f"{path}.mean", account.dynamic.mean, note)


def _latency(report: Report) -> Iterator[Fact]:
    time = report.latency
    if time is None or time.answer_s.mean is None:
        return
    e = _known(report).get("answer time")
    text = spread(time.answer_s, "s") if e is None else estimated(e)
    steps = f"{at_most(report)}{time.steps + time.behind} chip steps"
    note = f"after {steps}, by model {time.time_model!r}"
    if report.energy is not None and report.energy.basis == "bounds":
        note += ", if every neuron fires in every step"
    value = time.answer_s.mean
    yield Fact("Time to answer", text, "latency.answer_s.mean", value, note)
    if time.answer_p95_s is not None:
        text = quantity(time.answer_p95_s, "s")
        note = "95 % of the samples take no longer"
        yield Fact(
            "Time to answer, p95", text, "latency.answer_p95_s", time.answer_p95_s, note
        )


def _cores(report: Report) -> Iterator[Fact]:
    used = report.utilization
    if used is not None:
        note = f"on {used.chips} chip{'s' * (used.chips > 1)}, of {report.target.cores}"
        yield Fact("Cores", str(used.cores), "utilization.cores", used.cores, note)
