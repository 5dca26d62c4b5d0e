"""Every number in report.json has a counter or a source; nothing is an orphan."""

import json
from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest

from snn_deploy.ir.activity import CHIP_COUNTERS, CORE_COUNTERS
from snn_deploy.report.facts.origins import Path, evidence, numbers, origin
from snn_deploy.report.facts.summary import ORIGINS
from snn_deploy.report.report import Report, to_json
from support.deployed import bounded, levels, measured, readout, stopped

KINDS = ("given", "count", "coefficient", "derived")
RUNS = [measured, bounded, readout, stopped, levels]
DERIVED_COUNTERS = ("synops", "inactive")


def facts(report: Report) -> dict[str, Any]:
    return dict(json.loads(to_json(report)))


def at(value: Any, path: Path) -> Any:
    return reduce(lambda part, key: part[key], path, value)


@pytest.mark.parametrize("make", RUNS)
def test_no_number_is_an_orphan(make: Callable[[], Report]) -> None:
    found = facts(make())
    origins = found["origins"]
    paths = [path for path, _ in numbers(found)]
    assert len(paths) > 20
    orphans = [path for path in paths if origin(path, origins) is None]
    assert not orphans


def test_the_walk_notices_an_orphan() -> None:
    found = {**facts(measured()), "surprise": {"watts": 3.0}}
    orphans = [p for p, _ in numbers(found) if origin(p, found["origins"]) is None]
    assert orphans == [("surprise", "watts")]


@pytest.mark.parametrize("make", RUNS)
def test_every_coefficient_names_evidence_that_is_there(make: Callable[[], Report]) -> None:
    found = facts(make())
    checked = 0
    for path, _ in numbers(found):
        _, text = origin(path, found["origins"]) or ("", "")
        if text.startswith("coefficient"):
            where = evidence(path, text)
            assert where is not None, path
            assert at(found, where).strip(), path
            checked += 1
    assert checked > 0


def test_every_priced_line_names_a_counter_of_the_simulator() -> None:
    known = {*CORE_COUNTERS, *CHIP_COUNTERS, *DERIVED_COUNTERS}
    for account in facts(measured())["energy"]["accounts"]:
        assert {line["counter"] for line in account["lines"]} <= known


def test_every_origin_is_of_a_kind_and_is_used() -> None:
    assert all(text.split(":")[0] in KINDS for text in ORIGINS.values())
    used = {
        (origin(path, ORIGINS) or ("", ""))[0]
        for make in RUNS
        for path, _ in numbers(facts(make()))
    }
    unused = {key for key in set(ORIGINS) - used if key.split(".")[0] != "tuning"}
    assert unused == {
        "verified"
    }  # of a program that Lava ran; tuning: test_pipeline_finetune


def test_longest_key_wins() -> None:
    keys = {"a": "count: all", "a.b[]": "derived: some", "a.b[].c": "given: one"}
    assert origin(("a", "x"), keys) == ("a", "count: all")
    assert origin(("a", "b", 3, "d", 1), keys) == ("a.b[]", "derived: some")
    assert origin(("a", "b", 3, "c"), keys) == ("a.b[].c", "given: one")
    assert origin(("b",), keys) is None
