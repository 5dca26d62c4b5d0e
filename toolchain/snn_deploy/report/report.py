"""Report: everything a run found out, as one immutable record; report.json is its text.

The screen and Markdown are written from this record alone, so that all forms agree. Numbers
keep full precision here and are rounded where they are shown. Nothing in it depends on the
time, the machine or the folder: same input, same seed, same bytes.
"""

import inspect
import re
from pathlib import Path
from typing import Any

import msgspec

from snn_deploy.backend import Verified
from snn_deploy.errors import InputError
from snn_deploy.evaluation.decode import Answer
from snn_deploy.evaluation.fidelity import Fidelity
from snn_deploy.evaluation.ledger import Ledger
from snn_deploy.ir.network import Assumption
from snn_deploy.ir.quant import Loss, Range, Storage
from snn_deploy.report.activity_parts import Ending, Graded, Settled
from snn_deploy.report.parts import (
    Accuracy,
    Agreement,
    Estimate,
    Example,
    InputFacts,
    Latency,
    LayerFacts,
    Model,
    StepAccuracy,
    Support,
    Target,
    Utilization,
)
from snn_deploy.report.tuning import Tuning
from snn_deploy.software.estimates import Software

SCHEMA_VERSION = "1"


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A deployment. Parts that were not reached or not asked for are null or empty.

    Attributes:
        schema_version: Of this record.
        tool: Name and version of what wrote it.
        model: The model file.
        target: The board.
        seed: Of everything that was drawn at random.
        stopped_after: Last stage that was asked for, by --stop-after; null if none was.
        support: How each population runs on the target.
        caveats: What is inherited, assumed, unknown or at risk, one sentence each.
        assumptions: What was decided that could be otherwise, and on what evidence.
        input: What was fed in, null without samples.
        answer: How a class is read from the output.
        accuracy: Of each stage, empty without labels.
        agreement: Of the predictions of pairs of stages.
        layers: Each population, in the order of the network.
        utilization: What the network takes of the board.
        losses: What rounding cost.
        ranges: How far accumulators and states can go, and went.
        latency: Modelled time.
        energy: Joules per inference.
        accuracy_by_step: What fewer model steps would give, empty without labels.
        example: The output of the first sample.
        estimates: 95 % intervals over samples.
        software: Estimates that know of no chip.
        fidelity: How far the stages of each population are apart.
        graded: Every sender of spikes with a payload.
        settled: When answers stand.
        endings: What ending samples early gives, the whole frame first.
        verified: The emitted program, run and compared with the integers.
        storage: How often weights are stored, None where the integers were given.
        tuning: Of fine-tuning, if it was done; the rest is of the network after it.
        origins: How each number in here was found: the counter, or where its source stands,
            by the path of the number; "[]" stands for any index.
    """

    schema_version: str = SCHEMA_VERSION
    tool: str
    model: Model
    target: Target
    seed: int
    stopped_after: str | None
    support: tuple[Support, ...]
    caveats: tuple[str, ...]
    assumptions: tuple[Assumption, ...]
    input: InputFacts | None
    answer: Answer | None
    accuracy: tuple[Accuracy, ...]
    agreement: tuple[Agreement, ...]
    layers: tuple[LayerFacts, ...]
    utilization: Utilization | None
    losses: tuple[Loss, ...]
    ranges: tuple[Range, ...]
    latency: Latency | None
    energy: Ledger | None
    accuracy_by_step: tuple[StepAccuracy, ...] = ()
    example: Example | None = None
    estimates: tuple[Estimate, ...] = ()
    software: Software | None = None
    fidelity: Fidelity | None = None
    graded: tuple[Graded, ...] = ()
    settled: Settled | None = None
    endings: tuple[Ending, ...] = ()
    verified: Verified | None = None
    tuning: Tuning | None = None
    storage: Storage | None = None
    origins: dict[str, str] = {}


def to_json(report: Report) -> bytes:
    """Return report.json: sorted keys, two spaces of indent, a newline at the end."""
    return (
        msgspec.json.format(msgspec.json.encode(report, order="sorted"), indent=2) + b"\n"
    )


def read_report(file: Path) -> Report:
    """Read a report.json.

    Raises:
        InputError: It is missing, is no report, or is one of another schema version.
    """
    try:
        raw = file.read_bytes()
        version = msgspec.json.decode(raw).get("schema_version")
    except (OSError, msgspec.MsgspecError, AttributeError) as error:
        raise InputError(f"{file}: not a readable report.json ({error})") from error
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{file}: a report of schema version {version!r}, but this is version "
            f"{SCHEMA_VERSION!r}; write it again with this version of snn-deploy"
        )
    try:
        return msgspec.json.decode(raw, type=Report)
    except msgspec.MsgspecError as error:
        raise InputError(f"{file}: not a readable report.json ({error})") from error


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of report.json; each field says what it is."""
    schema = msgspec.json.schema(Report)
    for definition in schema["$defs"].values():
        _describe_fields(definition)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _describe_fields(definition: dict[str, Any]) -> None:
    """Move each entry of the class's documentation to the property that it is about."""
    whole = inspect.cleandoc(definition["description"])
    text, _, entries = whole.partition("\n\nAttributes:\n")
    for name, said in re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", entries, re.MULTILINE):
        definition["properties"][name]["description"] = " ".join(said.split())
    definition["description"] = text
