"""The straight line: a model file in, a report out, one stage after the other.

Each stage is a function from one frozen type to the next; the types force the order.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from snn_deploy.arrays import AnyArray
from snn_deploy.board.board import Board, load_board
from snn_deploy.errors import DoesNotFitError, InputError
from snn_deploy.evaluation.decode import choose_answer, reread
from snn_deploy.evaluation.simulate import (
    ending_rules,
    quantize_on,
    rates_of,
    run_reference,
    simulate,
    simulate_extremes,
)
from snn_deploy.evaluation.stages import STAGES, Run, with_framework
from snn_deploy.files.folder import write_file, write_folder
from snn_deploy.frontends.read_model import read_model
from snn_deploy.inputs.data import Data, check_data, load_data
from snn_deploy.inputs.framework_trace import Trace
from snn_deploy.ir.batches import Tell, untold
from snn_deploy.ir.network import Network
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.mapping.check import check
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.place import place
from snn_deploy.mapping.route import route
from snn_deploy.options.choices import Choices, limited
from snn_deploy.options.intake import AS_IT_IS, Intake
from snn_deploy.passes.fuse import fuse
from snn_deploy.passes.lower import lower as lower_spikes
from snn_deploy.passes.normalize import normalize
from snn_deploy.passes.retime import retime
from snn_deploy.pipeline.checks import Asked, check_labels, refuse
from snn_deploy.pipeline.choices import check_given, numbered
from snn_deploy.pipeline.emission import (
    VERIFIED_BY,
    emitted_files,
    refuse_inexpressible,
    verified,
)
from snn_deploy.pipeline.finetuned import fine_tuned, lesson_of
from snn_deploy.pipeline.output_files import deployment_files, trace_file
from snn_deploy.report.facts.summary import summarize
from snn_deploy.report.forms.forms import chosen_forms
from snn_deploy.report.report import Report

Progress: TypeAlias = Callable[[str], None]
Samples: TypeAlias = str | Path | AnyArray | Mapping[str, AnyArray]


def deploy(
    model: Any,
    target: str | Path | Board,
    *,
    input: Samples | None = None,
    intake: Intake = AS_IT_IS,
    out: str | Path | None = None,
    formats: str | None = None,
    trace: str | Path | None = None,
    framework_trace: Trace | None = None,
    profile: str | None = None,
    dt: float | None = None,
    reset: str | None = None,
    threshold: str | None = None,
    spikes_per_step: str | None = None,
    steps: int | None = None,
    samples: int | None = None,
    batch: int | None = None,
    decode: str | None = None,
    min_accuracy: float | None = None,
    max_drop: float | None = None,
    finetune: Samples | None = None,
    finetune_epochs: int | None = None,
    backend: str | None = None,
    verify: bool = False,
    lava_python: Path | None = None,
    partition: str = "intel",
    placement: str = "local",
    time_model: str = "bound",
    weight_bits: int = 8,
    spike_bits: int | None = None,
    until_quiet: bool = False,
    exit_when_stable: int | None = None,
    lower: str | None = None,
    stop_after: str | None = None,
    seed: int = 0,
    progress: Progress = lambda stage: None,
) -> Report:
    """Deploy `model` (a NIR file or graph) on `target` (a board, its name or file) and
    report.

    input: file or arrays of samples [N, T, *shape] or [N, *shape], or recordings of events;
    without it the energy is bounded. intake: how that is read and encoded. out: folder for
    the results; formats: of the report there, e.g. "html,tex", all by default. trace: .npz
    for every population's output in every simulator, [N, T, *shape] in model time.
    framework_trace: what the framework's own populations sent, as `read_framework` takes
    it. profile, dt (seconds), reset, threshold, spikes_per_step: how the file is meant.
    steps: model steps per sample; samples: how many of the input. batch: how many are run
    at once, which bounds the memory and changes nothing else. decode: how a class is read.
    min_accuracy: only checked to be decidable, the caller compares, as for max_drop, the
    percentage points of accuracy that may be lost. finetune: samples to train on where more
    is lost, for at most finetune_epochs (30). backend: writes its program into `out`, too.
    verify: runs the Lava program (in lava_python, or the first interpreter that has Lava)
    and compares it. partition, placement, time_model, weight_bits, spike_bits, until_quiet,
    exit_when_stable, lower: see Choices. stop_after: one of STAGES. progress: is told each
    stage before it starts.

    Raises:
        InputError: Something cannot be read, or can be read in two ways.
        DoesNotFitError: The target cannot hold or express the network; all violations.
    """
    choices = Choices(
        partition=partition,
        placement=placement,
        time_model=time_model,
        weight_bits=weight_bits,
        spike_bits=spike_bits,
        until_quiet=until_quiet,
        exit_when_stable=exit_when_stable,
        lower=lower,
        store_twice=finetune is None,
    )
    asked = Asked(
        input=input is not None,
        out=None if out is None else Path(out),
        trace=None if trace is None else Path(trace),
        min_accuracy=min_accuracy,
        max_drop=max_drop,
        finetune=finetune is not None,
        finetune_epochs=finetune_epochs,
        backend=backend,
        emits=backend or (VERIFIED_BY if verify else None),
        verify=verify,
        batch=batch,
        stop_after=stop_after,
        seed=seed,
    )
    refuse(asked, choices)
    forms = chosen_forms(formats)

    progress(STAGES[0])
    board = target if isinstance(target, Board) else load_board(str(target))
    board = limited(board, choices)
    net, given = read_model(
        model, profile=profile, dt=dt, reset=reset, threshold=threshold,
        spikes_per_step=spikes_per_step,
    )  # fmt: skip
    check_given(given, choices)
    start = begin(
        model, board, net, input, steps, samples, decode, seed, given, intake=intake,
        choices=choices,
    )  # fmt: skip
    start = with_framework(start, framework_trace, simulated=asked.simulated)
    check_labels(start, min_accuracy)
    train = None if finetune is None else _load(finetune, net, steps, None, intake)
    lesson = lesson_of(start, max_drop, train, finetune_epochs)

    def again(net: Network) -> Run:
        tuned = replace(start, net=net, as_read=net, framework=None)
        return _finished(tuned, asked, steps, progress)

    first = _finished(start, asked, steps, progress)
    run, tuning, files = fine_tuned(first, lesson, again, progress)
    report = msgspec.structs.replace(summarize(run, stop_after), tuning=tuning)
    return _written(run, report, asked, forms, files, lava_python, progress)


def _written(
    run: Run,
    report: Report,
    asked: Asked,
    forms: Iterable[str],
    files: Mapping[str, bytes],
    lava_python: Path | None,
    progress: Progress,
) -> Report:
    """Verify what is emitted, write what was asked for, and return the report.

    files: of fine-tuning, by name.
    """
    emitted = emitted_files(run, asked.emits) if asked.emits is not None else {}
    if asked.verify:
        progress(f"verify on {VERIFIED_BY}")
        report = msgspec.structs.replace(report, verified=verified(emitted, lava_python))
    if asked.out is not None:
        program = {**files, **emitted} if asked.backend else files
        write_folder(asked.out, {**deployment_files(run, report, forms), **program})
    if asked.trace is not None:
        write_file(asked.trace, trace_file(run))
    return report


def _finished(start: Run, asked: Asked, steps: int | None, progress: Progress) -> Run:
    """Take `start` to the stage that was asked for, and tell each before it starts."""
    keep_all, emits = asked.trace is not None, asked.emits
    stage = STAGES[0]

    def tell(done: int, total: int) -> None:
        progress(f"{stage} {done}/{total}")

    run = start
    for run in line(start, steps=steps, keep_all=keep_all, batch=asked.batch, tell=tell):
        if run.stage == "quantize" and run.quant is not None and emits is not None:
            refuse_inexpressible(emits, run.quant)
        if run.stage == (asked.stop_after or STAGES[-1]):
            break
        stage = STAGES[STAGES.index(run.stage) + 1]
        progress(stage)
    return run


def begin(
    model: Any,
    board: Board,
    net: Network,
    input: Samples | None = None,
    steps: int | None = None,
    samples: int | None = None,
    decode: str | None = None,
    seed: int = 0,
    given: QuantNetwork | None = None,
    *,
    intake: Intake = AS_IT_IS,
    choices: Choices | None = None,
) -> Run:
    """Return the run after its first stage: the network as read, and its input.

    given: the integers of the network, if its file held them.
    """
    data = None if input is None else _load(input, net, steps, samples, intake)
    answer = choose_answer(net, decode)
    who = _identity(model)
    run = Run("read", board, net, data, answer, seed, *who, as_read=net, given=given)
    return run if choices is None else replace(run, choices=choices)


def line(
    run: Run,
    *,
    steps: int | None = None,
    keep_all: bool = False,
    batch: int | None = None,
    tell: Tell = untold,
) -> Iterator[Run]:
    """Take `run` from the first stage to the last, and give what there is after each.

    steps: of the bounds, when there is no input. keep_all: record every population on every
    sample. batch: samples that are run at once; tell: is told after each batch.
    """
    board, data, choices = run.board, run.data, run.choices
    yield run

    low = run.net if run.given else lower_spikes(fuse(run.net), choices.lower)
    net, answer = retime(normalize(low)), reread(run.answer, low)
    yield (run := replace(run, stage="normalize", net=net, answer=answer))

    floats, quant = run.reference, run.quant or run.given  # if known from another run
    if floats is None and data is not None:
        floats = run_reference(net, data, keep_all=keep_all, batch=batch, tell=tell)
    if quant is None:
        quant = quantize_on(
            floats, net, board, data, run.answer, choices=choices, batch=batch
        )
    yield (run := replace(run, stage="quantize", reference=floats, quant=quant))

    violations = check(quant, board, method=choices.partition)
    if violations:
        raise DoesNotFitError(*violations)
    rates = None if data is None or floats is None else rates_of(floats, quant, data.steps)
    anew, method = numbered(quant, board, choices, run.seed), choices.partition
    pieces = partition(anew.net, board, method=method, rates=rates, seams=anew.seams)
    yield (run := replace(run, stage="partition", partition=pieces, order=anew.order))

    placement = place(pieces, anew.net, board, seed=run.seed, method=choices.placement)
    yield (run := replace(run, stage="place", placement=placement))

    routes = route(anew.net, pieces, placement, board)
    program = Program(anew.net, pieces, placement, routes, board)
    yield (run := replace(run, stage="route", program=program))

    if data is None or floats is None:
        extremes = simulate_extremes(program, steps or 1, time_model=choices.time_model)
        yield replace(run, stage="simulate", extremes=extremes)
    else:
        until = ending_rules(quant, data.steps, run.answer, choices)
        simulated = simulate(
            program,
            data,
            floats,
            own=quant,
            order=anew.order,
            time_model=choices.time_model,
            until=until,
            batch=batch,
            tell=tell,
        )
        yield replace(run, stage="simulate", simulated=simulated)


def _load(
    input: Samples,
    net: Network,
    steps: int | None,
    samples: int | None,
    intake: Intake,
) -> Data:
    if isinstance(input, str | Path):
        return load_data(input, net, steps=steps, samples=samples, intake=intake)
    if intake.labels is not None:
        raise InputError(
            f"--labels {intake.labels}: the samples are arrays in memory; give labels as y"
        )
    return check_data(input, net, steps=steps, samples=samples, intake=intake)


def _identity(model: Any) -> tuple[str, str | None]:
    """Return file name and SHA-256 of a model file; a graph in memory has neither."""
    if not isinstance(model, str | Path):
        return "(in memory)", None
    return Path(model).name, hashlib.sha256(Path(model).read_bytes()).hexdigest()
