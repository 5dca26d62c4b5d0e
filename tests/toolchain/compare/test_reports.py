"""`snn-deploy compare`: numbers side by side, within one set, with what differs."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from typer.testing import CliRunner, Result

from snn_deploy.compare.comparison import comparison_figure, comparison_section
from snn_deploy.compare.reports import Comparison, Row, compare
from snn_deploy.report.report import to_json
from support.command_line import app
from support.deployed import bounded, measured, readout
from support.made_by_hand import report as by_hand


def rows(found: Comparison) -> dict[str, Row]:
    return {row.name: row for row in found.rows}


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, words)])


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = []
    for name, report in (("before", measured()), ("after", readout())):
        (tmp_path / name).mkdir()
        made.append(tmp_path / name / "report.json")
        made[-1].write_bytes(to_json(report))
    return made


def test_numbers_are_those_of_the_reports() -> None:
    found = rows(compare((measured(), readout())))
    for i, report in enumerate((measured(), readout())):
        assert report.energy is not None
        for account in report.energy.accounts:
            cell = found[f"energy {account.name}"].cells[i]
            assert cell is not None
            assert cell.value == account.dynamic.mean
            assert cell.interval is not None
        chip = {a.stage: a.value for a in report.accuracy}["chip"]
        assert found["accuracy chip"].cells[i].value == chip  # type: ignore[union-attr]


def test_a_report_against_itself_changes_nothing() -> None:
    found = compare((measured(), measured()))
    assert found.differences == ()
    assert found.names == ("(in memory) on tiny (1)", "(in memory) on tiny (2)")
    assert all(row.change(1) in (0, None) for row in found.rows)
    cells = [c for row in comparison_section(found).table.rows for c in row]  # type: ignore[union-attr]
    assert not any("%)" in c for c in cells)


def test_sets_that_one_report_lacks_leave_a_gap() -> None:
    found = rows(compare((measured(), by_hand())))
    assert found["energy cheap"].cells[0] is None
    assert found["energy cheap"].change(1) is None
    assert found["energy cheap"].cells[1] is not None


def test_bounds_never_stand_beside_means() -> None:
    found = rows(compare((measured(), bounded())))
    both = [
        r for r in found.values() if r.name.startswith("energy") and None not in r.cells
    ]
    assert both == []
    assert any(name.endswith("upper bound") for name in found)


def test_what_was_run_differently_is_said() -> None:
    found = compare((measured(), readout(), bounded()))
    assert "decoder differs: count, mean, count" in found.differences
    assert "steps differs: 8, 8, 0" in found.differences


def test_changes_are_relative_to_the_first() -> None:
    more = msgspec.structs.replace(measured().layers[0], synops=200.0)
    less = msgspec.structs.replace(more, synops=150.0)
    pair = [msgspec.structs.replace(measured(), layers=(x,)) for x in (more, less)]
    found = compare((pair[0], pair[1]))
    assert rows(found)["synaptic operations"].change(1) == pytest.approx(-0.25)
    texts = {row[0]: row[2] for row in comparison_section(found).table.rows}  # type: ignore[union-attr]
    assert texts["synaptic operations"] == "150 (-25.0 %)"


def test_bars_are_the_values() -> None:
    found = compare((measured(), readout()))
    figure = comparison_figure(found)
    drawn = {
        axes.get_title(loc="left"): axes
        for axes in figure.axes
        if axes.get_title(loc="left")
    }
    cores = [cell.value for cell in rows(found)["cores"].cells if cell]
    assert [p.get_width() for p in drawn["cores"].patches] == cores  # type: ignore[attr-defined]
    assert any(name.startswith("energy ") for name in drawn)


def test_verb_prints_a_table_and_draws_the_same_picture_twice(
    files: list[Path], tmp_path: Path
) -> None:
    result = invoke(*files, "--out", tmp_path / "a.svg")
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.search(r"before +after", result.stdout)
    assert "energy " in result.stdout
    assert (
        invoke(files[0].parent, files[1], "--out", tmp_path / "b.svg").stdout
        == result.stdout
    )
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert ET.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    invoke(*files, "--out", tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_json_is_the_comparison(files: list[Path]) -> None:
    found = json.loads(invoke(*files, "--json").stdout)
    assert found["names"] == ["before", "after"]
    assert {row["name"] for row in found["rows"]} >= {"accuracy chip", "cores"}


REFUSED = [
    (["a.json"], "compare: takes two or more report.json files, not 1"),
    (["a.json", "b.json"], "a.json: not a readable report.json"),
    (["a.json", "b.json", "--out", "x.png"], r"--out x\.png: a picture is \.svg or \.pdf"),
    (["a.json", "b.json", "--out", "/dev/null/x.svg"], "--out .*cannot be written"),
]


@pytest.mark.parametrize(("words", "message"), REFUSED)
def test_what_cannot_be_compared_is_said_in_a_line(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(rf"error: .*{message}.*\n", result.stderr)
