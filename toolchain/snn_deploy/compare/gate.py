"""Gate: hold a report against budgets and against an earlier report.

Only numbers of the reports are compared, so the same reports give the same verdict.
"""

from collections.abc import Iterator
from math import inf

import msgspec

from snn_deploy.compare.gate_file import Budgets, Regression
from snn_deploy.errors import InputError, option
from snn_deploy.evaluation.ledger import DYNAMIC, Account
from snn_deploy.options.goal import GoalOptions
from snn_deploy.report.report import Report

MICRO = 1e-6
NAMED = 3  # layers that are blamed, at most


class Finding(msgspec.Struct, frozen=True):
    """One thing that was asked.

    Attributes:
        what: E.g. "energy inherited-sanafe".
        value: What was reached, in `unit`.
        limit: What was asked for, in `unit`.
        unit: "share" (0..1), "J", "s", or "" for a count.
        least: Whether the limit is a least value; else it is a largest one.
        note: Who is to blame, "" if not known.
    """

    what: str
    value: float
    limit: float
    unit: str
    least: bool
    note: str = ""

    @property
    def passed(self) -> bool:
        return self.value >= self.limit if self.least else self.value <= self.limit

    @property
    def over(self) -> float:
        """By how much `limit` is missed, as a share of it; negative: room left; inf if it
        is 0 and `value` is not."""
        if self.limit == 0:
            return 0.0 if self.value == 0 else inf
        share = self.value / self.limit - 1
        return -share if self.least else share


class Verdict(msgspec.Struct, frozen=True):
    """What was found of one deployment.

    Attributes:
        name: Its title in deploy.yaml.
        target: Name of the board.
        findings: Everything that was asked, in a fixed order.
    """

    name: str
    target: str
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if not f.passed)


def judge(
    report: Report, budgets: Budgets, baseline: Report | None, regression: Regression
) -> tuple[Finding, ...]:
    """Return everything that was asked, in a fixed order.

    Raises:
        InputError: A budget is of something the report does not hold, or the baseline is of
            another target or input.
    """
    found = [*_accuracy(report, budgets), *_energy(report, budgets)]
    found += [*_latency(report, budgets), *_cores(report, budgets)]
    if baseline is not None:
        check_comparable(report, baseline)
        found += [*_regressed_energy(report, baseline, regression)]
        found += [*_regressed_rest(report, baseline, regression)]
    return tuple(found)


def with_goals(budgets: Budgets, goal: GoalOptions) -> Budgets:
    """Return the budgets with what options ask for beside them.

    Raises:
        InputError: Both ask for the same.
    """
    asked = {
        "accuracy": ("min_accuracy", goal.min_accuracy),
        "max_drop": ("max_drop", None if goal.max_drop is None else goal.max_drop / 100),
    }
    for name, (wish, limit) in asked.items():
        if limit is not None and getattr(budgets, name) is not None:
            raise InputError(f"{option(wish)}: budgets.{name} says it too; say it once")
    new = {name: limit for name, (_, limit) in asked.items() if limit is not None}
    return msgspec.structs.replace(budgets, **new)


def check_comparable(report: Report, baseline: Report) -> None:
    """Refuse a baseline of another target or of other samples.

    Raises:
        InputError: As said, with both sides.
    """
    pairs = {
        "target": (baseline.target.name, report.target.name),
        "input (samples, steps)": (_input(baseline), _input(report)),
        "decoder": (baseline.answer and baseline.answer.decoder,
                    report.answer and report.answer.decoder),
    }  # fmt: skip
    for what, (before, now) in pairs.items():
        if before != now:
            raise InputError(
                f"baseline: is of {what} {before}, this run of {now}; make a new baseline "
                f"with `snn-deploy gate --out`"
            )


def layer_joules(account: Account) -> dict[str, float]:
    """Return joules per inference by population, of the scopes core and noc."""
    total: dict[str, float] = {}
    for line in account.lines:
        if line.scope in DYNAMIC:
            for name, joules in line.parts.items():
                total[name] = total.get(name, 0.0) + joules
    return total


def dynamic_joules(account: Account) -> float:
    """Return the mean joules per inference, the upper bound where nothing was simulated."""
    mean = account.dynamic.mean
    return account.dynamic.high if mean is None else mean


def risers(before: Account, now: Account) -> tuple[tuple[str, float, float], ...]:
    """Return (population, joules before, joules now) of those that rose, most first."""
    old, new = layer_joules(before), layer_joules(now)
    rose = [(n, old.get(n, 0.0), j) for n, j in new.items() if j > old.get(n, 0.0)]
    return tuple(sorted(rose, key=lambda row: row[1] - row[2]))


def _input(report: Report) -> str:
    i = report.input
    return "none" if i is None else f"{i.samples}, {i.steps}"


def _accuracy(report: Report, budgets: Budgets) -> Iterator[Finding]:
    reached = {a.stage: a.value for a in report.accuracy}
    of_labels = (
        budgets.accuracy,
        budgets.max_drop,
        budgets.max_silent,
        budgets.max_tied,
    )
    if any(limit is not None for limit in of_labels):
        _need(bool(reached), "accuracy", "no labels were given; add y to the input")
    yield from _undecided(report, budgets)
    if budgets.accuracy is not None:
        yield Finding("accuracy", reached["chip"], budgets.accuracy, "share", True)
    if budgets.max_drop is not None:
        drop = reached["reference"] - reached["chip"]
        yield Finding("accuracy drop", drop, budgets.max_drop, "share", False)
    if budgets.fidelity is not None:
        same = [a for a in report.agreement if (a.first, a.second) == ("reference", "chip")]
        _need(bool(same), "fidelity", "nothing was simulated; give an input")
        yield Finding("fidelity", same[0].value, budgets.fidelity, "share", True)


def _undecided(report: Report, budgets: Budgets) -> Iterator[Finding]:
    for a in report.accuracy:
        if a.stage != "chip":
            continue
        limits = {"silent": budgets.max_silent, "tied": budgets.max_tied}
        for what, limit in limits.items():
            if limit is not None:
                value = getattr(a, what) / a.samples
                yield Finding(f"{what} samples", value, limit, "share", False)


def _energy(report: Report, budgets: Budgets) -> Iterator[Finding]:
    accounts = {a.name: a for a in report.energy.accounts} if report.energy else {}
    for name, limit in budgets.energy_uj.items():
        known = f"no such coefficient set; {report.target.name} has {', '.join(accounts)}"
        _need(name in accounts, f"energy_uJ.{name}", known)
        account = accounts[name]
        blamed = sorted(layer_joules(account).items(), key=lambda row: -row[1])[:NAMED]
        note = "mostly " + ", ".join(f"{n} {j / MICRO:.3g} µJ" for n, j in blamed)
        joules = dynamic_joules(account)
        yield Finding(f"energy {name}", joules, limit * MICRO, "J", False, note)


def _latency(report: Report, budgets: Budgets) -> Iterator[Finding]:
    if budgets.latency_p95_us is None:
        return
    time = report.latency
    known = time is not None and time.answer_p95_s is not None
    _need(known, "latency_p95_us", "nothing was simulated")
    value = (time.answer_p95_s if time else None) or 0.0
    yield Finding("latency p95", value, budgets.latency_p95_us * MICRO, "s", False)


def _cores(report: Report, budgets: Budgets) -> Iterator[Finding]:
    used = report.utilization
    if used is None:
        return
    for what, value in (("cores", used.cores), ("chips", used.chips)):
        limit = getattr(budgets, what)
        if limit is not None:
            yield Finding(what, value, limit, "", False)
    limits = {r.name: r for r in used.resources if r.limit}
    for name, share in budgets.utilization.items():
        known = f"no such resource with a limit; there are {', '.join(limits)}"
        _need(name in limits, f"utilization.{name}", known)
        full = limits[name].largest / (limits[name].limit or 1)
        yield Finding(f"utilization {name}", full, share, "share", False)


def _regressed_energy(
    report: Report, baseline: Report, allowed: Regression
) -> Iterator[Finding]:
    before = {a.name: a for a in baseline.energy.accounts} if baseline.energy else {}
    for now in report.energy.accounts if report.energy else ():
        if now.name in before:
            old = before[now.name]
            limit = dynamic_joules(old) * (1 + allowed.energy)
            yield Finding(
                f"energy {now.name} against baseline", dynamic_joules(now), limit, "J",
                False, blame(old, now),
            )  # fmt: skip


def blame(before: Account, now: Account) -> str:
    """Return who rose and by how much, in a line; empty if nobody did."""
    rose = [
        f"{name} +{(new - old) / MICRO:.3g} µJ"
        + (f" (+{100 * (new / old - 1):.1f} %)" if old else " (new)")
        for name, old, new in risers(before, now)[:NAMED]
    ]
    return f"rose: {', '.join(rose)}" if rose else ""


def _regressed_rest(
    report: Report, baseline: Report, allowed: Regression
) -> Iterator[Finding]:
    before, now = baseline.latency, report.latency
    if before and now and before.answer_p95_s is not None and now.answer_p95_s is not None:
        limit = before.answer_p95_s * (1 + allowed.latency)
        yield Finding("latency p95 against baseline", now.answer_p95_s, limit, "s", False)
    old = {a.stage: a.value for a in baseline.accuracy}
    for a in report.accuracy:
        if a.stage == "chip" and "chip" in old:
            least = max(0.0, old["chip"] - allowed.accuracy)
            yield Finding("accuracy against baseline", a.value, least, "share", True)
    if baseline.utilization and report.utilization:
        most = baseline.utilization.cores + allowed.cores
        cores = report.utilization.cores
        yield Finding("cores against baseline", cores, most, "", False)


def _need(known: bool, key: str, why: str) -> None:
    if not known:
        raise InputError(f"budget {key}: {why}")
