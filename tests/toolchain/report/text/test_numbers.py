"""Numbers as people read them."""

import pytest

from snn_deploy.evaluation.ledger import Stat
from snn_deploy.report.text.numbers import quantity, share, significant, spread


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0 J"),
        (1.5261e-06, "1.53 µJ"),
        (15.261e-06, "15.3 µJ"),
        (152.61e-06, "153 µJ"),
        (9.996e-07, "1 µJ"),  # rounds up into the next prefix
        (0.232, "232 mJ"),
        (2.0, "2 J"),
        (-3e-3, "-3 mJ"),
        (2.5e10, "25 GJ"),
    ],
)
def test_quantities_have_three_digits_and_a_prefix(value: float | None, text: str) -> None:
    assert quantity(value, "J") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0, "0"),
        (12345678, "12345678"),
        (0.012345, "0.0123"),
        (12.345, "12.3"),
        (999.96, "1000"),
        (1.2e-7, "1.20e-07"),
    ],
)
def test_numbers_have_three_digits_and_counts_all(value: float | None, text: str) -> None:
    assert significant(value) == text


def test_spread_tells_measured_from_bounded() -> None:
    assert spread(Stat(2e-6, 1.5e-7, 1e-6, 3e-6), "J") == "2 µJ ± 150 nJ"
    assert spread(Stat(2e-6, None, 2e-6, 2e-6), "J") == "2 µJ"
    assert spread(Stat(None, None, 1e-9, 3e-6), "J") == "1 nJ to 3 µJ"
    assert spread(Stat(None, None, 0, 450), "") == "0 to 450"
    assert spread(None) == "-"


def test_shares_are_percent() -> None:
    assert share(0.97778) == "97.8 %"
    assert share(None) == "-"
