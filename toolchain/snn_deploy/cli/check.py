"""The verb `check`: how a model can be read, what was assumed, and all that does not
fit."""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from snn_deploy.board.board import load_board
from snn_deploy.cli.printing import print_json
from snn_deploy.cli.progress import progress
from snn_deploy.errors import DoesNotFitError, InputError, option
from snn_deploy.evaluation.stages import Opened, Quantized
from snn_deploy.frontends.foreign import refuse_foreign
from snn_deploy.frontends.nir.frameworks.profile import Reading
from snn_deploy.frontends.nir.read_nir import readings
from snn_deploy.frontends.read_model import is_netx
from snn_deploy.inputs.finding import InputFinding, describe
from snn_deploy.ir.network import Assumption
from snn_deploy.mapping.check import check
from snn_deploy.options.request import Request
from snn_deploy.pipeline.backends import load_backend
from snn_deploy.pipeline.checks import check_cut
from snn_deploy.pipeline.deploy import opened
from snn_deploy.pipeline.line import line
from snn_deploy.pipeline.models import read
from snn_deploy.pipeline.readings import ReadingOutcome, side_by_side
from snn_deploy.report.facts.summary import summarize
from snn_deploy.report.forms.screen import screen, show_section
from snn_deploy.report.parts import Support
from snn_deploy.report.text.numbers import quantity, share, significant
from snn_deploy.report.text.sections import Section, Table


class Findings(msgspec.Struct, frozen=True):
    """What `check` found.

    Attributes:
        readings: Profiles that the file is consistent with, none for a lava-dl file.
        assumptions: What was decided that could be otherwise, and on what evidence.
        support: How each population runs on the target; empty if there are no integers.
        caveats: What is inherited, assumed, unknown or at risk, one sentence each.
        violations: One sentence each; none means that it fits.
        input: What the samples were read as, None without samples.
    """

    readings: tuple[Reading, ...]
    assumptions: tuple[Assumption, ...]
    support: tuple[Support, ...]
    caveats: tuple[str, ...]
    violations: tuple[str, ...]
    input: InputFinding | None = None


class ReadingComparison(msgspec.Struct, frozen=True):
    """What `check --compare-readings` found.

    Attributes:
        readings: Profiles that the file is consistent with.
        compared: What each of them would give.
    """

    readings: tuple[Reading, ...]
    compared: tuple[ReadingOutcome, ...]


def run_check(
    model: Path, target: str, request: Request, *, compare_readings: bool, json: bool
) -> None:
    """Print the findings, as JSON if wanted; or the readings side by side.

    Raises:
        DoesNotFitError: With every violation, after they are out.
        InputError: Readings of a lava-dl file are to be compared: it has one.
    """
    refuse_foreign(model)
    if compare_readings and is_netx(model):
        raise InputError(
            f"{model}: a .net of lava-dl holds the integers of one reading; there is "
            f"nothing to compare, leave out {option('compare_readings')}"
        )
    possible = () if is_netx(model) else readings(model)
    if not json:
        show_section(_readings(possible), screen())
    if compare_readings:
        _compare(possible, json, model, target, request)
        return
    with progress() as told:
        told("check")
        findings = find(possible, model, target, request)
    if json:
        print_json(findings, "sorted")
    else:
        for section in _sections(findings):
            show_section(section, screen())
    sys.stdout.flush()
    if findings.violations:
        raise DoesNotFitError(*findings.violations)


def _compare(
    possible: tuple[Reading, ...], json: bool, model: Path, target: str, request: Request
) -> None:
    with progress() as told:
        told("compare readings")
        compared = side_by_side(model, target, possible, request)
    if json:
        print_json(ReadingComparison(possible, compared), "sorted")
    else:
        show_section(_compared(compared), screen())
    sys.stdout.flush()


def find(
    possible: tuple[Reading, ...], model: Path, target: str, request: Request
) -> Findings:
    """Take the model as far as its integers and hold them against the board, and against
    the backend if one is named."""
    check_cut(request.mapping)
    board = load_board(target)
    net, given = read(model, request.reading)
    start = opened(request, board, net, given, model)
    run, violations = _violations(start, request.output.backend)
    report = summarize(run, run.stage)
    fed = None if run.data is None else describe(run.data, run.net.step_s)
    return Findings(
        possible, report.assumptions, report.support, report.caveats, violations, fed
    )


def _violations(start: Opened, backend: str | None) -> tuple[Opened, tuple[str, ...]]:
    """Return the run as far as it got, and what stood in its way."""
    run = start
    try:
        for run in line(start):
            if isinstance(run, Quantized):
                found = check(run.quant, run.board, method=run.mapping.partition)
                own = () if backend is None else load_backend(backend).check(run.quant)
                return run, (*found, *own)
    except DoesNotFitError as error:
        return run, error.violations
    return run, ()


def _readings(found: tuple[Reading, ...]) -> Section:
    rows = tuple(
        (r.profile, "-" if r.dt is None else f"{r.dt:g} s", r.evidence) for r in found
    )
    return Section("Readings", table=Table(("profile", "step", "evidence"), rows))


def _compared(outcomes: tuple[ReadingOutcome, ...]) -> Section:
    columns = (
        "profile", "reset", "per step", "floor", "norm", "step", "spikes", "float", "chip",
        "energy",
    )  # fmt: skip
    rows = tuple(
        (
            o.profile,
            o.reset or "-",
            o.spikes_per_step or "-",
            o.floor or "-",
            o.norm_input or "-",
            quantity(o.step_s, "s"),
            significant(o.spikes),
            share(o.reference),
            share(o.chip),
            f"{quantity(o.energy_low, 'J')} to {quantity(o.energy_high, 'J')}",
        )
        for o in outcomes
        if not o.refused
    )
    refused = tuple(
        ", ".join(_choices(o)) + f": {o.refused}" for o in outcomes if o.refused
    )
    meaning = "spikes and energy per inference on the chip; float and chip: accuracy"
    table = Table(columns, rows, frozenset(columns[5:])) if rows else None
    return Section("Side by side", (meaning, *refused), table)


def _choices(o: ReadingOutcome) -> Iterator[str]:
    yield o.profile
    yield f"reset {o.reset}"
    if o.spikes_per_step is not None:
        yield f"{o.spikes_per_step} per step"
    if o.floor is not None:
        yield f"floor {o.floor}"
    if o.norm_input is not None:
        yield f"norm input {o.norm_input}"


def _sections(found: Findings) -> list[Section]:
    assumed = tuple((a.name, a.value, a.evidence) for a in found.assumptions)
    runs = tuple((s.population, s.model, s.runs, s.note) for s in found.support)
    verdict = "fits" if not found.violations else f"{len(found.violations)} violations"
    return [
        *(() if found.input is None else (_fed(found.input),)),
        Section("Assumed", table=Table(("what", "value", "evidence"), assumed)),
        Section("Neurons", table=Table(("population", "neuron", "runs as", "note"), runs)),
        Section("Caveats", found.caveats),
        Section("Verdict", (verdict,)),
    ]


def _fed(found: InputFinding) -> Section:
    """Return what the samples were read as."""
    rows = tuple(
        (
            f.name,
            "x".join(map(str, f.shape)),
            f.type,
            f.kind,
            f"{f.low:g} to {f.high:g}",
            share(f.rate),
            quantity(f.duration_s, "s"),
        )
        for f in found.inputs
    )
    columns = (
        "input",
        "samples x steps x shape",
        "type",
        "kind",
        "values",
        "not 0",
        "time",
    )
    how = "one value for all steps" if found.static else "a value per step"
    labels = "no labels"
    if found.labels is not None:
        n = found.labels
        labels = f"labels of {n.classes} classes, {n.least} to {n.most} samples of each"
    what = (
        f"{found.source}: {found.samples} samples of {found.steps} steps, {how}; {labels}"
    )
    return Section("Input", (what,), Table(columns, rows, frozenset(columns[5:])))
