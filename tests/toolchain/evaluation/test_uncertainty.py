"""Intervals cover what they promise to cover, and repeat."""

import numpy as np
import pytest

from snn_deploy.evaluation.uncertainty import bootstrap, mean_of, p95_of, wilson


def test_bootstrap_repeats_with_its_seed_and_not_with_another() -> None:
    values = np.random.default_rng(0).normal(size=50)
    assert bootstrap(values, mean_of, 3) == bootstrap(values, mean_of, 3)
    assert bootstrap(values, mean_of, 3) != bootstrap(values, mean_of, 4)


def test_bootstrap_of_a_mean_is_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(1).normal(10, 2, 400)
    low, high = bootstrap(values, mean_of, 0)
    error = values.std(ddof=1) / np.sqrt(400)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_bootstrap_covers_the_true_mean_about_95_times_in_100() -> None:
    rng = np.random.default_rng(2)
    hits = 0
    for trial in range(200):
        low, high = bootstrap(rng.exponential(1.0, 60), mean_of, trial)
        hits += low <= 1 <= high
    assert 175 <= hits <= 199


def test_percentile_is_a_value_that_occurs_and_at_least_95_percent_are_within() -> None:
    values = np.array([1.0, 2.0, 3.0, 10.0])
    assert p95_of(values) == 10
    many = np.arange(1000.0)
    assert np.mean(many <= p95_of(many)) >= 0.95


def test_many_samples_are_drawn_in_blocks() -> None:
    values = np.random.default_rng(3).normal(size=5000)
    low, high = bootstrap(values, mean_of, 0)
    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(5000), rel=0.15)


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    # Wilson's formula, worked out by hand for 8 of 10 and for the ends.
    [(8, 10, 0.4902, 0.9433), (10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775)],
)
def test_wilson_interval(hits: int, total: int, low: float, high: float) -> None:
    assert wilson(hits, total) == pytest.approx((low, high), abs=2e-4)
