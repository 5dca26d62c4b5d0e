"""deploy: a model in, a report out."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from snn_deploy.board.board import Board, load_board
from snn_deploy.board.narrow import narrowed
from snn_deploy.evaluation.decode import choose_answer
from snn_deploy.evaluation.progress import Progress, unheard
from snn_deploy.evaluation.stages import Opened, Quantized, Simulated
from snn_deploy.files.folder import write_file, write_folder
from snn_deploy.files.manifest import NAME as MANIFEST
from snn_deploy.inputs.data import read_samples
from snn_deploy.inputs.framework_trace import read_framework
from snn_deploy.ir.network import Network
from snn_deploy.ir.outputs import with_output
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.names import StageName, names
from snn_deploy.options.goal import GoalOptions
from snn_deploy.options.inputs import InputOptions
from snn_deploy.options.mapping import MappingOptions
from snn_deploy.options.output import OutputOptions
from snn_deploy.options.reading import ReadingOptions
from snn_deploy.options.request import Request, gathered
from snn_deploy.options.simulation import SimulationOptions
from snn_deploy.pipeline.backends import backend_options
from snn_deploy.pipeline.checks import check_given, check_labels, refuse
from snn_deploy.pipeline.emission import (
    check_apart,
    emitted_files,
    emitting,
    refuse_inexpressible,
    verified,
)
from snn_deploy.pipeline.finetuned import fine_tuned, training_of
from snn_deploy.pipeline.line import line
from snn_deploy.pipeline.models import read, source_of
from snn_deploy.pipeline.output_files import deployment_files, trace_file
from snn_deploy.report.facts.summary import summarize
from snn_deploy.report.forms.forms import chosen_forms
from snn_deploy.report.report import Report

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from snn_deploy.options.keywords import DeployFields

STAGES = names(StageName)


def deploy(
    model: Any,
    target: str | Path | Board,
    *,
    sample: Any = None,
    reading: ReadingOptions | None = None,
    inputs: InputOptions | None = None,
    mapping: MappingOptions | None = None,
    simulation: SimulationOptions | None = None,
    goal: GoalOptions | None = None,
    output: OutputOptions | None = None,
    progress: Progress = unheard,
    **fields: "Unpack[DeployFields]",
) -> Report:
    """Deploy `model` on `target`, simulate it there, and report.

    Args:
        model: A NIR file or graph, a lava-dl `.net` file, a Network (as `from_torch`
            returns), or a live torch module.
        target: A board, its name or its file.
        sample: Of a live module: what its forward takes, batch included.
        reading: How the model file is meant.
        inputs: What is fed in, and how it is read. Without samples energies are bounds.
        mapping: How the network becomes integers on cores.
        simulation: How samples are run, timed, ended and read.
        goal: What must be reached. It is checked to be decidable; the caller compares.
        output: What is written, emitted and verified.
        progress: Is told each stage before it starts.
        fields: Any option of these groups by its own name, e.g. `weight_bits=4`.

    Raises:
        InputError: Something cannot be read, or can be read in two ways; an option is
            unknown, contradicts another or has a value that cannot be.
        DoesNotFitError: The target cannot hold or express the network; all violations.
    """
    groups = {
        "reading": reading,
        "inputs": inputs,
        "mapping": mapping,
        "simulation": simulation,
        "goal": goal,
        "output": output,
    }
    wished = {fields.get("backend"), output.backend if output else None}
    ours = backend_options(name for name in wished if isinstance(name, str))
    request = gathered(fields, groups, ours)
    return carry_out(request, model, target, sample=sample, progress=progress)


def carry_out(
    request: Request,
    model: Any,
    target: str | Path | Board,
    *,
    sample: Any = None,
    progress: Progress = unheard,
) -> Report:
    """Do what `request` asks for; model, target, sample and progress as of `deploy`.

    Raises:
        InputError: As of `deploy`.
        DoesNotFitError: As of `deploy`.
    """
    refuse(request, model, target)
    progress(STAGES[0])
    board = target if isinstance(target, Board) else load_board(str(target))
    net, given = read(model, request.reading, sample)
    start = opened(request, board, net, given, model)
    check_labels(start, request.goal.min_accuracy)
    training = training_of(start, request)

    def rerun(net: Network) -> Opened:
        tuned = replace(start, net=net, as_read=net, framework=None)
        return finished(tuned, request, progress)

    first = finished(start, request, progress)
    run, tuning, files = fine_tuned(first, training, rerun, progress)
    report = summarize(run, request.simulation.stop_after)
    report = msgspec.structs.replace(report, tuning=tuning)
    return written(run, report, request, files, progress)


def opened(
    request: Request,
    board: Board,
    net: Network,
    given: QuantNetwork | None = None,
    model: Any = None,
) -> Opened:
    """Return the first stage: the network as read, and its samples.

    Args:
        request: What is asked.
        board: The target.
        net: What the model means.
        given: Its integers, if it held them.
        model: Where it came from; a file is named in the report.

    Raises:
        InputError: The samples cannot be read, or a class not as asked.
    """
    check_given(given, request.mapping)
    net = with_output(net, request.simulation.head)
    board = narrowed(board, request.mapping)
    inputs = request.inputs
    data = None if inputs.input is None else read_samples(inputs.input, net, inputs)
    trace, shown = inputs.framework_trace, data if request.simulated else None
    return Opened(
        source=source_of(model),
        board=board,
        as_read=net,
        net=net,
        given=given,
        data=data,
        answer=choose_answer(net, request.simulation.decode),
        framework=None if trace is None else read_framework(trace, net, shown),
        mapping=stored_once(request),
        simulation=request.simulation,
    )


def stored_once(request: Request) -> MappingOptions:
    """Return how the network is mapped; what is fine-tuned is stored once."""
    if request.goal.finetune is None:
        return request.mapping
    return msgspec.structs.replace(request.mapping, store_twice="never")


def finished(start: Opened, request: Request, progress: Progress) -> Opened:
    """Take `start` to the stage that was asked for, and tell each before it starts.

    Raises:
        DoesNotFitError: The board cannot hold the network, or a backend not express it.
    """
    emits, last = emitting(request.output), request.simulation.stop_after or STAGES[-1]
    stage = STAGES[0]

    def tell(done: int, total: int) -> None:
        progress(f"{stage} {done}/{total}")

    keep_all, steps = request.output.trace is not None, request.inputs.steps
    run = start
    for run in line(start, steps=steps, keep_all=keep_all, progress=tell):
        if emits is not None and type(run) is Quantized:
            refuse_inexpressible(emits, run.quant)
        if run.stage == last:
            break
        stage = STAGES[STAGES.index(run.stage) + 1]
        progress(stage)
    return run


def written(
    run: Opened,
    report: Report,
    request: Request,
    files: Mapping[str, bytes],
    progress: Progress,
) -> Report:
    """Verify what is emitted, write what was asked for, and return the report.

    Args:
        run: As far as it went.
        report: Of it.
        request: What is asked.
        files: Of fine-tuning, by name.
        progress: Is told before a program is run.
    """
    output, emits = request.output, emitting(request.output)
    emitted: Mapping[str, bytes] = {}
    if emits is not None and isinstance(run, Simulated):
        emitted = emitted_files(run, emits)
        if output.verify:
            progress(f"verify on {emits}")
            found = verified(emitted, emits, request)
            report = msgspec.structs.replace(report, verified=found)
    if output.out is not None:
        forms = chosen_forms(output.formats)
        program = {**files, **emitted} if output.backend else files
        ours = deployment_files(run, report, forms)
        check_apart([*ours, MANIFEST], program, output.backend)
        write_folder(output.out, {**ours, **program}, backend=output.backend)
    if output.trace is not None and isinstance(run, Simulated):
        write_file(output.trace, trace_file(run, output.trace), "trace")
    return report
