"""Ledger: every line is count times price, scopes stay apart, nothing unknown is counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_deploy.evaluation.ledger import Account, Ledger, bounds, ledger
from support.made_by_hand import activity, program


def account(result: Ledger, name: str) -> Account:
    return {a.name: a for a in result.accounts}[name]


def test_a_line_is_count_times_price() -> None:
    run = activity()
    line = account(ledger(run, program()), "cheap").lines[2]
    hops = run.per_sample["hops_x"]
    assert (line.counter, line.count.mean) == ("hops_x", hops.mean())
    assert line.joules is not None
    assert line.joules.mean == pytest.approx(hops.mean() * 3e-12)
    assert line.joules.std == pytest.approx(hops.std(ddof=1) * 3e-12)
    assert (line.joules.low, line.joules.high) == pytest.approx(
        (hops.min() * 3e-12, hops.max() * 3e-12)
    )
    assert (line.kind, line.source, line.voltage) == ("fitted", "a paper", 0.75)


def test_derived_counters_follow_from_others() -> None:
    run = activity()
    synops, inactive, _ = account(ledger(run, program()), "cheap").lines
    kinds = ("synops_dense", "synops_sparse", "synops_conv")
    assert synops.count.mean == np.mean(sum(run.per_sample[k] for k in kinds))
    assert inactive.count.mean == np.mean(
        run.per_sample["updates"] - run.per_sample["active"]
    )
    assert inactive.count.high > 0


@given(st.integers(0, 1000))
def test_populations_share_a_line_without_rest(seed: int) -> None:
    for line in account(ledger(activity(seed), program()), "cheap").lines[:2]:
        assert line.joules is not None
        assert line.joules.mean is not None
        assert set(line.parts) == {"a", "b"}
        assert sum(line.parts.values()) == pytest.approx(line.joules.mean)


def test_hops_belong_to_no_population() -> None:
    assert account(ledger(activity(), program()), "cheap").lines[2].parts == {}


def test_scopes_add_up_within_and_never_across() -> None:
    cheap, dear = ledger(activity(), program()).accounts
    joules = [line.joules.mean for line in cheap.lines if line.joules]
    assert cheap.totals["core"].mean == pytest.approx(joules[0] + joules[1])  # type: ignore[operator]
    assert cheap.totals["noc"].mean == pytest.approx(joules[2])
    assert set(dear.totals) == {"core", "io"}
    # The dear input messages are outside: dynamic is core and noc alone.
    assert dear.dynamic.mean == pytest.approx(dear.totals["core"].mean)
    assert dear.totals["io"].low > 100 * dear.dynamic.high


def test_spread_of_a_total_is_that_of_the_samples_sums() -> None:
    """Lines of one sample rise and fall together; adding up their deviations would not do."""
    run = activity(synops_dense=np.array([1, 2, 3, 4]), synops_conv=np.array([4, 3, 2, 1]))
    dear = account(ledger(run, program()), "dear")
    joules = np.array([20 + 120, 40 + 90, 60 + 60, 80 + 30]) * 1e-12
    assert dear.dynamic.std == pytest.approx(joules.std(ddof=1))
    assert dear.dynamic.low == pytest.approx(joules.min())


def test_what_is_not_published_is_listed_and_not_counted() -> None:
    dear = account(ledger(activity(), program()), "dear")
    line = dear.lines[2]
    assert line.count.mean is not None
    assert line.count.mean > 0
    assert (line.price, line.joules, line.kind, line.parts) == (None, None, "none", {})
    assert dear.unpublished == ("hops_chip price",)
    assert "noc" not in dear.totals


def test_static_power_flows_for_the_time_of_an_inference() -> None:
    run = activity()
    chip, core, management = ledger(run, program()).static
    seconds = run.step_s.sum(axis=1).mean()
    assert (chip.scope, core.scope) == ("static-chip", "static-core")
    assert chip.joules is not None
    assert core.joules is not None
    assert chip.joules.mean == pytest.approx(seconds * 0.5 * 2)  # pieces are on two chips
    assert core.joules.mean == pytest.approx(seconds * 0.1 * 3)  # and three cores
    assert (management.price, management.joules) == (None, None)


def test_interval_spans_the_sets() -> None:
    result = ledger(activity(), program())
    means = {a.name: a.dynamic.mean for a in result.accounts}
    assert result.interval.low == min(means.values())  # type: ignore[type-var]
    assert result.interval.high == max(means.values())  # type: ignore[type-var]
    assert {result.interval.low_set, result.interval.high_set} == {"cheap", "dear"}


def test_one_sample_has_no_deviation() -> None:
    result = ledger(activity(samples=1), program())
    line = result.accounts[0].lines[0]
    assert line.count.std is None
    assert line.count.low == line.count.high == line.count.mean


def test_bounds_go_from_silent_to_firing() -> None:
    silent, firing = (activity(seed, samples=1) for seed in (1, 2))
    result = bounds(silent, firing, program())
    line = account(result, "cheap").lines[2]
    assert (result.basis, result.samples) == ("bounds", 0)
    assert (line.count.mean, line.count.std) == (None, None)
    assert line.count.low == silent.per_sample["hops_x"][0]
    assert line.count.high == firing.per_sample["hops_x"][0]
    assert result.interval.low == min(a.dynamic.low for a in result.accounts)
    assert result.interval.high == max(a.dynamic.high for a in result.accounts)
