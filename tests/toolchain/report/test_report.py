"""Report: its JSON is documented, stable, and read back without loss."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from snn_deploy import InputError
from snn_deploy.report.report import read_report, report_schema, to_json
from support.made_by_hand import report


def test_json_says_what_the_record_says(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(to_json(report()))
    assert read_report(file) == report()


def test_json_fits_its_schema_and_the_schema_notices() -> None:
    facts = json.loads(to_json(report()))
    jsonschema.validate(facts, report_schema())
    for broken in ({**facts, "seed": "0"}, {**facts, "extra": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, report_schema())


def test_same_report_gives_the_same_bytes() -> None:
    assert to_json(report()) == to_json(report())
    keys = list(json.loads(to_json(report())))
    assert keys == sorted(keys)
    assert to_json(report()).endswith(b"}\n")


def test_every_part_and_every_field_of_the_schema_is_described() -> None:
    fields: dict[str, Any] = {}
    for name, part in report_schema()["$defs"].items():
        fields[name] = part
        fields |= {f"{name}.{k}": v for k, v in part.get("properties", {}).items()}
    assert len(fields) > 200
    assert [name for name, field in fields.items() if not field.get("description")] == []
    assert [n for n, f in fields.items() if "Attributes:" in f["description"]] == []


def test_files_that_are_no_report_are_refused(tmp_path: Path) -> None:
    old = msgspec.structs.replace(report(), schema_version="0")
    no_seed = {k: v for k, v in json.loads(to_json(report())).items() if k != "seed"}
    refused = [
        (b"", "not a readable report.json"),
        (b"[1, 2]", "not a readable report.json"),
        (b'{"a": 1}', "a report of schema version None, but this is version '1'"),
        (to_json(old), "a report of schema version '0'"),
        (json.dumps(no_seed).encode(), "missing required field `seed`"),
    ]
    file = tmp_path / "report.json"
    for content, message in refused:
        file.write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_report(file)
    with pytest.raises(InputError, match="not a readable"):
        read_report(tmp_path / "none.json")
