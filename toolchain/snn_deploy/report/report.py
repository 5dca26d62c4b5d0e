"""Report: everything a run found out, as one immutable record; report.json is its text.

The screen and Markdown are written from this record alone, so that all forms agree. Numbers
keep full precision here and are rounded where they are shown. Nothing in it depends on the
time, the machine or the folder: same input, same seed, same bytes.
"""

from pathlib import Path
from typing import Any

import msgspec

from snn_deploy.backend import Verified
from snn_deploy.errors import InputError
from snn_deploy.evaluation.decode import Answer
from snn_deploy.evaluation.fidelity import Fidelity
from snn_deploy.evaluation.ledger import Ledger, Stat
from snn_deploy.ir.network import Assumption
from snn_deploy.ir.quant import Loss, Range
from snn_deploy.report.activity_parts import Ending, Graded, Settled
from snn_deploy.report.tuning import Tuning
from snn_deploy.software.estimates import Software

SCHEMA_VERSION = "1"


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The model file. sha256: of its bytes, null if it came from memory. step_s: seconds
    per model step, null if nothing fixes it. inputs, outputs: shape of one step, by
    name."""

    file: str
    sha256: str | None
    step_s: float | None
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The board. source: where its numbers come from. cores: usable ones, on all its
    chips. columns, rows: of the core grid of one chip; unusable: cores (numbered chip by
    chip, row by row) that are dead or reserved."""

    name: str
    title: str
    source: str
    arithmetic: str
    chips: int
    cores: int
    columns: int | None = None
    rows: int | None = None
    unusable: tuple[int, ...] = ()


class Support(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one population runs on the target. runs: "stock" (the chip's own neuron),
    "microcode" (needs a custom neuron program) or "impossible". model: name of the integer
    neuron. relative_operations: of an update, over those of `lif`; null if unknown."""

    population: str
    model: str
    runs: str
    source: str
    note: str
    relative_operations: float | None = None


class InputFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was fed in. steps: model steps per sample. static: one value for all steps.
    compared: samples on which the layers were compared (fewer than `samples` where memory
    is short)."""

    source: str
    samples: int
    steps: int
    static: bool
    labels: bool
    compared: int


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Correct predictions of one stage: "framework" (where it was given), "reference"
    (float), "integer" or "chip"."""

    stage: str
    correct: int
    samples: int

    @property
    def value(self) -> float:
        return self.correct / self.samples


class Agreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Samples for which two stages predict the same class."""

    first: str
    second: str
    equal: int
    samples: int

    @property
    def value(self) -> float:
        return self.equal / self.samples


class LayerAgreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How equal a population's output is in two stages, over all neurons, steps and
    samples.

    equal: share of bins that are the same in both (readouts, integer and chip only: exact
    membranes). jaccard: bins with a spike in both, of those with a spike in either; null if
    nothing fires. rms: of the membranes' difference in float units, for readouts."""

    first: str
    second: str
    equal: float | None
    jaccard: float | None
    rms: float | None


class LayerFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One population. model: its integer neuron. synapses: stored ones that end in it.
    synops: mean per inference, at those synapses; spikes: per inference. rate: spikes per
    neuron and model step; the sparsity is 1 - rate. Null is what the run did not reach, or
    does not apply (a readout's spikes)."""

    name: str
    shape: tuple[int, ...]
    neurons: int
    model: str | None
    spiking: bool
    cores: int | None
    synapses: int | None
    synops: float | None
    spikes: Stat | None
    rate: float | None
    agreement: tuple[LayerAgreement, ...]


class Resource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One resource of the cores in use. limit: of one core, null if it has none of its
    own."""

    name: str
    unit: str
    limit: int | None
    largest: int
    mean: float
    total: int


class PieceRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One piece: the neurons of `population` in channels, rows and columns `window`
    [c0, c1, y0, y1, x0, x1] (ends excluded) on board core `core`. use: by resource name.
    synops: mean per inference, null if nothing was simulated."""

    population: str
    core: int
    chip: int
    neurons: int
    window: tuple[int, ...]
    use: dict[str, int]
    synops: float | None = None


class Utilization(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the network takes of the board. partition, placement: the methods by which it
    was cut and put on cores."""

    cores: int
    chips: int
    resources: tuple[Resource, ...]
    pieces: tuple[PieceRow, ...]
    partition: str = "intel"
    placement: str = "local"


class BoundShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A term of the time model and the share of chip steps whose time it set."""

    name: str
    share: float


class StepTime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mean time of the chip steps `first` to `last` (included, from 0) of a frame, in
    seconds per step, split by the term of the time model that set it; the parts add up to
    it."""

    first: int
    last: int
    seconds: dict[str, float]


class Latency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Modelled time. steps: model steps of a sample; behind: chip steps by which the last
    output runs behind its input; frame: chip steps from one sample to the next.
    step_mean_s, step_max_s: of a chip step. answer_s: until the last output step;
    inference_s: until the next sample; answer_p95_s, inference_p95_s: 95 % of the samples
    take no longer. course: how long the steps of a frame take, one after the other.
    source: of the coefficients of the time model."""

    time_model: str
    steps: int
    behind: int
    frame: int
    step_mean_s: float
    step_max_s: float
    answer_s: Stat
    inference_s: Stat
    bounds: tuple[BoundShare, ...]
    answer_p95_s: float | None = None
    inference_p95_s: float | None = None
    course: tuple[StepTime, ...] = ()
    source: str = ""


class StepAccuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Correct predictions of one stage if only the first `steps` model steps are read."""

    stage: str
    steps: int
    correct: int
    samples: int

    @property
    def value(self) -> float:
        return self.correct / self.samples


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The output of one sample on the chip. sample: its place in the input. predicted: by
    stage. steps, neurons: how many of each are shown, from the first. events: [step,
    neuron, payload] of each spike; membranes: of a readout instead, [steps][neurons] in
    float units."""

    sample: int
    label: int | None
    predicted: dict[str, int]
    output: str
    steps: int
    neurons: int
    events: tuple[tuple[int, int, int], ...]
    membranes: tuple[tuple[float, ...], ...]


class Estimate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What other samples of the same kind would give: 95 % interval [low, high] of a mean,
    a share or a percentile. method: how it was found."""

    name: str
    unit: str
    value: float
    low: float
    high: float
    samples: int
    method: str


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A deployment. Parts that were not reached (`stopped_after`) or not asked for are
    null.

    caveats: what is inherited, assumed, unknown or at risk, one sentence each.
    accuracy_by_step: what fewer model steps would give. graded: of every sender of spikes
    with a payload. settled: when answers stand. endings: what ending samples early gives,
    the whole frame first. estimates: intervals over samples.
    origins: for the path of every number in here ("[]" stands for any index, "{}" for any
    name), how it was found: the counter, or where its source stands."""

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
    """Return the JSON Schema of report.json."""
    schema = msgspec.json.schema(Report)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
