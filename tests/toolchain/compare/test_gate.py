"""The gate: budgets and baselines are held, failures say by how much and who did it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snn_deploy import InputError
from snn_deploy.compare.gate import Finding, blame, judge, layer_joules, risers
from snn_deploy.compare.gate_file import Budgets, Regression, read_gate_file
from snn_deploy.evaluation.ledger import Account, Stat
from snn_deploy.pipeline.backends import backend_options
from snn_deploy.report.report import Report
from support.deployed import bounded, measured, unlabelled
from support.made_by_hand import report as by_hand

SET = "tiny"


def first_set(report: Report) -> Account:
    assert report.energy is not None
    return report.energy.accounts[0]


def names(report: Report) -> list[str]:
    return [layer.name for layer in report.layers]


def heavier(report: Report, layer: str, factor: float) -> Report:
    """Return `report` as if all events of `layer` took `factor` times the energy."""
    assert report.energy is not None
    accounts = []
    for account in report.energy.accounts:
        more = layer_joules(account)[layer] * (factor - 1)
        lines = tuple(
            msgspec.structs.replace(
                x, parts={n: j * (factor if n == layer else 1) for n, j in x.parts.items()}
            )
            for x in account.lines
        )
        s = account.dynamic
        dynamic = Stat((s.mean or 0) + more, s.std, s.low, s.high)
        accounts.append(msgspec.structs.replace(account, lines=lines, dynamic=dynamic))
    energy = msgspec.structs.replace(report.energy, accounts=tuple(accounts))
    return msgspec.structs.replace(report, energy=energy)


def of(findings: tuple[Finding, ...], what: str) -> Finding:
    return {f.what: f for f in findings}[what]


def budgets(**given: Any) -> Budgets:
    return msgspec.convert(given, Budgets)


def test_silent_and_tied_samples_are_bounded() -> None:
    report = measured()
    (chip,) = (a for a in report.accuracy if a.stage == "chip")
    dumb = msgspec.structs.replace(chip, silent=chip.samples // 2, tied=1)
    worse = msgspec.structs.replace(report, accuracy=(*report.accuracy[:-1], dumb))
    found = judge(worse, budgets(max_silent=0.1, max_tied=0.5), None, Regression())
    silent, tied = of(found, "silent samples"), of(found, "tied samples")
    assert (silent.value, silent.limit) == (dumb.silent / dumb.samples, 0.1)
    assert (tied.value, tied.limit) == (1 / dumb.samples, 0.5)
    assert (silent.passed, tied.passed) == (False, True)
    with pytest.raises(InputError, match="no labels were given"):
        judge(unlabelled(), budgets(max_silent=0.1), None, Regression())


def test_values_are_those_of_the_report() -> None:
    report = measured()
    account = first_set(report)
    found = judge(
        report,
        budgets(
            accuracy=0,
            max_drop=1,
            energy_uJ={account.name: 1e6},
            latency_p95_us=1e9,
            cores=999,
            chips=9,
            utilization={"synapse": 1},
            fidelity=0,
        ),
        None,
        Regression(),
    )
    accuracy = {a.stage: a.value for a in report.accuracy}
    assert report.latency is not None
    assert report.utilization is not None
    synapse = {r.name: r for r in report.utilization.resources}["synapse"]
    assert [(f.what, f.value) for f in found] == [
        ("accuracy", accuracy["chip"]),
        ("accuracy drop", accuracy["reference"] - accuracy["chip"]),
        (
            "fidelity",
            {(a.first, a.second): a for a in report.agreement}["reference", "chip"].value,
        ),
        (f"energy {account.name}", account.dynamic.mean),
        ("latency p95", report.latency.answer_p95_s),
        ("cores", report.utilization.cores),
        ("chips", report.utilization.chips),
        ("utilization synapse", synapse.largest / (synapse.limit or 0)),
    ]
    assert all(f.passed for f in found)


@pytest.mark.parametrize(
    "make",
    [
        lambda r, v: ("accuracy", budgets(accuracy=min(1, v["accuracy"] + 0.01))),
        lambda r, v: ("cores", budgets(cores=v["cores"] - 1)),
        lambda r, v: ("latency p95", budgets(latency_p95_us=v["latency"] * 1e6 * 0.999)),
        lambda r, v: ("energy", budgets(energy_uJ={v["set"]: v["energy"] * 1e6 * 0.999})),
        lambda r, v: (
            "utilization total",
            budgets(utilization={"total": v["total"] * 0.999}),
        ),
    ],
)
def test_a_budget_just_missed_fails(make: Callable[..., tuple[str, Budgets]]) -> None:
    report = msgspec.structs.replace(measured(), accuracy=by_hand().accuracy)
    account, time, used = first_set(report), report.latency, report.utilization
    assert time is not None
    assert used is not None
    total = {r.name: r for r in used.resources}["total"]
    values = {
        "accuracy": 0.75,
        "cores": used.cores,
        "latency": time.answer_p95_s,
        "set": account.name,
        "energy": account.dynamic.mean,
        "total": total.largest / (total.limit or 1),
    }
    what, asked = make(report, values)
    (finding,) = judge(report, asked, None, Regression())
    assert finding.what.startswith(what)
    assert not finding.passed
    assert finding.over > 0


def test_energy_that_rose_by_ten_percent_fails_and_names_the_layer() -> None:
    base = measured()
    name = names(base)[0]
    share = layer_joules(first_set(base))[name] / (first_set(base).dynamic.mean or 1)
    now = heavier(base, name, 1 + 0.10 / share)
    finding = of(
        judge(now, Budgets(), base, Regression()),
        f"energy {first_set(base).name} against baseline",
    )
    assert not finding.passed
    assert finding.value / (first_set(base).dynamic.mean or 1) == pytest.approx(1.10)
    assert finding.over == pytest.approx(1.10 / 1.05 - 1)
    assert finding.note.startswith(f"rose: {name} +")
    assert names(base)[1] not in finding.note


def test_energy_that_rose_less_than_allowed_passes() -> None:
    base = measured()
    now = heavier(base, names(base)[0], 1.02)
    assert all(f.passed for f in judge(now, Budgets(), base, Regression()))
    strict = judge(now, Budgets(), base, Regression(energy=0.001))
    assert not all(f.passed for f in strict)


def test_same_report_is_no_regression() -> None:
    found = judge(
        measured(), Budgets(), measured(), Regression(energy=0, latency=0, accuracy=0)
    )
    assert len(found) >= 4
    assert all(f.passed for f in found)


def test_layers_that_rose_most_come_first_and_new_ones_are_called_so() -> None:
    base = first_set(measured())
    a, b = names(measured())
    now = first_set(heavier(heavier(measured(), a, 1.1), b, 1.1))
    order = sorted((a, b), key=lambda n: -layer_joules(base)[n])
    assert [row[0] for row in risers(base, now)] == order
    gone = msgspec.structs.replace(
        base,
        lines=tuple(
            msgspec.structs.replace(x, parts={n: j for n, j in x.parts.items() if n == a})
            for x in base.lines
        ),
    )
    assert f"{b} +" in blame(gone, base)
    assert "(new)" in blame(gone, base)
    assert blame(base, base) == ""


def test_layers_of_an_account_add_up_to_its_cores() -> None:
    account = first_set(measured())
    assert sum(layer_joules(account).values()) == pytest.approx(account.totals["core"].mean)


def test_bounds_are_judged_by_their_upper_end() -> None:
    account = first_set(bounded())
    asked = budgets(energy_uJ={account.name: account.dynamic.high * 1e6 * 0.99})
    (finding,) = judge(bounded(), asked, None, Regression())
    assert finding.value == account.dynamic.high
    assert not finding.passed


CANNOT = [
    (
        measured,
        {"energy_uJ": {"cheap": 1}},
        "budget energy_uJ.cheap: no such coefficient set; tiny has ",
    ),
    (
        measured,
        {"utilization": {"glue": 1}},
        "budget utilization.glue: no such resource with a limit; there are axon_in",
    ),
    (unlabelled, {"accuracy": 0.5}, "budget accuracy: no labels were given"),
    (unlabelled, {"max_drop": 0.5}, "budget accuracy: no labels were given"),
    (bounded, {"latency_p95_us": 5}, "budget latency_p95_us: nothing was simulated"),
    (bounded, {"fidelity": 0.5}, "budget fidelity: nothing was simulated"),
]


@pytest.mark.parametrize(("make", "asked", "message"), CANNOT)
def test_budget_of_what_is_not_there_is_refused(
    make: Callable[[], Report], asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        judge(make(), budgets(**asked), None, Regression())


def test_baseline_of_something_else_is_refused() -> None:
    other = msgspec.structs.replace(measured().target, name="loihi9")
    cases = [
        (
            msgspec.structs.replace(measured(), target=other),
            "is of target loihi9, this run of tiny",
        ),
        (bounded(), r"is of input \(samples, steps\) none, this run of 10, 8"),
    ]
    for baseline, message in cases:
        with pytest.raises(InputError, match=message):
            judge(measured(), Budgets(), baseline, Regression())


def write(folder: Path, text: str) -> Path:
    file = folder / "deploy.yaml"
    file.write_text(text)
    return file


def test_one_deployment_may_stand_alone_and_paths_are_the_files(tmp_path: Path) -> None:
    text = "{model: nets/a.nir, target: boards/b.yaml, input: x.npz, baseline: old.json}"
    (gated,) = read_gate_file(write(tmp_path, text), backend_options)
    d = gated.deployment
    assert d.title == "a-b"
    assert (d.model, d.target) == (f"{tmp_path}/nets/a.nir", f"{tmp_path}/boards/b.yaml")
    assert (d.input, d.baseline) == (f"{tmp_path}/x.npz", f"{tmp_path}/old.json")


BASE = "model: a.nir\ntarget: tiny\n"
REFUSED = [
    (BASE + "budget: {}", r"unknown field `budget`"),
    (BASE + "budgets: {energy_uj: {a: 1}}", r"unknown field `energy_uj` - at `\$.budgets`"),
    (BASE + "budgets: {accuracy: 98}", r"<= 1.* - at `\$.budgets.accuracy`"),
    (BASE + "budgets: {cores: 0}", r">= 1 - at `\$.budgets.cores`"),
    (BASE + "budgets: {energy_uJ: {a: -1}}", r"> 0.* - at `\$.budgets.energy_uJ\[...\]`"),
    (BASE + "options: {step: 3}", r"\$.options.step: no such option; did you mean"),
    ("target: tiny", "missing required field `model`"),
    (BASE + "name: a/b", r"matching regex .* - at `\$.name`"),
    ("deployments: []", r"length >= 1 - at `\$.deployments`"),
    ("deployments: [{model: a.nir, target: t, x: 1}]", r"`x` - at `\$.deployments\[0\]`"),
    (
        "deployments: [{model: a, target: t}, {model: a, target: t}]",
        "2 deployments are called 'a-t'",
    ),
    ("a: [", "not a readable deploy.yaml"),
    ("", "Expected `object`, got `null`"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_file_that_says_something_else_is_refused(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=rf"deploy\.yaml: .*{message}"):
        read_gate_file(write(tmp_path, text), backend_options)


def test_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a readable deploy\.yaml .*No such file"):
        read_gate_file(tmp_path / "deploy.yaml", backend_options)
