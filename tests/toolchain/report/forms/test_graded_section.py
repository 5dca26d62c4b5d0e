"""Graded spikes in the report: both prices of a spike are told, in every form."""

import json

import numpy as np
import pytest

from snn_deploy.ir.activity import Payloads
from snn_deploy.report.facts.graded import graded, graded_caveats
from snn_deploy.report.forms.html import to_html
from snn_deploy.report.forms.latex import to_latex
from snn_deploy.report.forms.markdown import to_markdown
from snn_deploy.report.forms.tables import sections
from snn_deploy.report.report import to_json
from support.deployed import levels, levels_run, measured


def test_rows_hold_what_the_spikes_carried() -> None:
    run, report = levels_run(), levels()
    outputs = run.recordings.outputs["chip"].outputs
    rows = {g.sender: g for g in report.graded}
    assert list(rows) == ["x", "h", "o"]
    for name, spikes in {"x": run.data.x["x"], **outputs}.items():
        g = rows[name]
        sent = spikes[spikes != 0]
        assert g.unary_spikes.mean == np.abs(sent).sum() / run.data.samples
        assert g.spikes.mean == np.count_nonzero(spikes) / run.data.samples
        assert (g.lowest, g.highest) == (sent.min(), sent.max())
        assert {x.low: x.spikes * run.data.samples for x in g.levels} == {
            level: np.count_nonzero(spikes == level) for level in np.unique(sent)
        }
    assert rows["x"].synops.high == 20 * rows["x"].spikes.high
    assert rows["h"].unary_synops.high == 3 * rows["h"].unary_spikes.high
    assert (rows["h"].unary_synops.mean or 0) > (rows["h"].synops.mean or 0) > 0


def test_spikes_of_minus_one_to_one_accumulate_and_others_multiply() -> None:
    assert {g.sender: (g.bits, g.operation) for g in levels().graded} == {
        "x": (8, "MAC"),
        "h": (3, "MAC"),
        "o": (2, "AC"),
    }


def test_synops_of_the_layers_are_those_of_their_senders() -> None:
    report = levels()
    (hidden, out) = report.layers
    by_sender = {g.sender: g.synops.mean for g in report.graded}
    assert (hidden.synops, out.synops) == (by_sender["x"], by_sender["h"])


def test_every_form_tells_macs_from_acs() -> None:
    report = levels()
    for text in (to_markdown(report), to_html(report, {}), to_latex(report, ())):
        assert "Graded spikes" in text
        assert "multiplies there (MAC) instead of accumulating (AC)" in text.replace(
            "\\", ""
        )
        assert "unary synops" in text
    facts = json.loads(to_json(levels()))["graded"]
    assert [g["operation"] for g in facts] == ["MAC", "MAC", "AC"]
    assert any("are graded: their" in c and "MAC" in c for c in levels().caveats)


def test_binary_networks_say_nothing_of_graded_spikes() -> None:
    report = measured()
    assert report.graded == ()
    assert not any("graded" in s.title.lower() for s in sections(report))
    assert graded_caveats(()) == []


def test_many_levels_are_told_in_a_few_rows() -> None:
    """200 levels, -100 to 99, each used twice by 2 samples."""
    levels_used = np.arange(-100, 100)
    run = levels_run()
    many = Payloads(
        levels_used, np.full(200, 2), *(np.zeros(5, np.int64) for _ in range(3))
    )
    run.recordings.activity.payloads["x"] = many  # type: ignore[index]
    (row, *_) = graded(run)
    assert len(row.levels) == 50
    assert (row.lowest, row.highest, row.distinct) == (-100, 99, 200)
    assert sum(x.spikes for x in row.levels) == pytest.approx(400 / 5)
    assert all(x.high - x.low == 3 for x in row.levels)
