"""Records are flat, equal to the report, and what pandas takes as a table."""

from typing import Any

import pandas as pd
import pytest

from snn_deploy.report.records import (
    energy_records,
    layer_records,
    piece_records,
    summary_record,
)
from support.deployed import bounded, measured, stopped


def test_energy_records_add_up_to_the_totals() -> None:
    report = measured()
    assert report.energy is not None
    table = pd.DataFrame(energy_records(report))
    for account in report.energy.accounts:
        mine = table[(table["set"] == account.name) & table["scope"].isin(["core", "noc"])]
        assert mine["joules_mean"].sum() == pytest.approx(account.dynamic.mean)
    assert table["set"].isna().sum() == len(report.energy.static)


def test_layers_and_pieces_have_a_record_each() -> None:
    report = measured()
    layers, pieces = (
        pd.DataFrame(layer_records(report)),
        pd.DataFrame(piece_records(report)),
    )
    assert list(layers["population"]) == [x.name for x in report.layers]
    assert layers["synops"].sum() == pytest.approx(pieces["synops"].sum())
    assert layers["integer_equals_chip"].eq(1).all()
    assert pieces["total"].max() > 0


@pytest.mark.parametrize("make", [measured, bounded, stopped])
def test_values_are_flat(make: Any) -> None:
    report = make()
    found = [summary_record(report), *energy_records(report), *piece_records(report)]
    for record in [*found, *layer_records(report)]:
        for key, value in record.items():
            assert value is None or isinstance(value, str | int | float) or key == "shape"


def test_summary_is_the_headline() -> None:
    record = summary_record(measured())
    assert (
        record["accuracy_chip"] == {a.stage: a.value for a in measured().accuracy}["chip"]
    )
    assert record["answer_p95_s"] == measured().latency.answer_p95_s  # type: ignore[union-attr]
    assert summary_record(stopped())["cores"] is None
