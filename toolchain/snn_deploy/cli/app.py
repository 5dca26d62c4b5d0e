"""The command line: arguments in, `deploy` and its neighbours, a printed result out.

Exit codes: 0 done, 1 our bug, 2 usage or unreadable input, 3 does not fit, 4 over budget or
below a required accuracy, 130 interrupted. Results go to stdout, all else to stderr. What
is heavy is imported by the verb that needs it.
"""

from pathlib import Path
from typing import Annotated, Optional

import typer

from snn_deploy.cli.convert import convert
from snn_deploy.cli.frame import Group, reported, show_version
from snn_deploy.cli.intake import Batch, Input, takes_input
from snn_deploy.cli.options import (
    Backend,
    Debug,
    Decode,
    Dt,
    ExitWhenStable,
    Finetune,
    FinetuneEpochs,
    Formats,
    FrameworkTrace,
    Json,
    LavaPython,
    List,
    Lower,
    MaxDrop,
    MinAccuracy,
    Model,
    Out,
    Partition,
    Placement,
    Profile,
    Reset,
    Samples,
    Seed,
    SpikeBits,
    SpikesPerStep,
    Steps,
    StopAfter,
    Target,
    Threshold,
    TimeModel,
    TraceFile,
    UntilQuiet,
    Verify,
    WeightBits,
)
from snn_deploy.options.intake import AS_IT_IS, Intake

app = typer.Typer(
    cls=Group,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="`snn-deploy MODEL ...` is short for `snn-deploy deploy MODEL ...`.",
)


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True)
    ] = False,
) -> None:
    """Fit a trained spiking network to a neuromorphic chip, simulate it, report its
    cost."""


@app.command()
@takes_input
def deploy(
    model: Model,
    target: Target,
    input: Input = None,
    intake: Intake = AS_IT_IS,
    out: Out = None,
    formats: Formats = None,
    profile: Profile = None,
    dt: Dt = None,
    reset: Reset = None,
    threshold: Threshold = None,
    spikes_per_step: SpikesPerStep = None,
    steps: Steps = None,
    samples: Samples = None,
    batch: Batch = None,
    decode: Decode = None,
    min_accuracy: MinAccuracy = None,
    max_drop: MaxDrop = None,
    finetune: Finetune = None,
    finetune_epochs: FinetuneEpochs = None,
    trace: TraceFile = None,
    framework_trace: FrameworkTrace = None,
    backend: Backend = None,
    verify: Verify = False,
    lava_python: LavaPython = None,
    partition: Partition = "intel",
    placement: Placement = "local",
    time_model: TimeModel = "bound",
    weight_bits: WeightBits = 8,
    spike_bits: SpikeBits = None,
    until_quiet: UntilQuiet = False,
    exit_when_stable: ExitWhenStable = None,
    lower: Lower = None,
    stop_after: StopAfter = None,
    seed: Seed = 0,
    json: Json = False,
    debug: Debug = False,
) -> int:
    """Map MODEL onto a target, simulate it there, and report (the default verb)."""
    asked = locals()  # every option, under its own name
    with reported(asked.pop("debug")) as outcome:
        from snn_deploy.cli.deploy import run_deploy

        run_deploy(**asked)
    return outcome.code


@app.command()
def run(
    build: Annotated[Path, typer.Argument(metavar="BUILD", help="Folder with run.py.")],
    samples: Samples = None,
    steps: Steps = None,
    floating: Annotated[
        bool, typer.Option("--floating", help="Lava's floating point models instead.")
    ] = False,
    lava_python: LavaPython = None,
    json: Json = False,
    debug: Debug = False,
) -> int:
    """Run an emitted Lava program and compare its every state and spike."""
    with reported(debug) as outcome:
        from snn_deploy.cli.run import run_build_folder

        run_build_folder(
            build,
            samples=samples,
            steps=steps,
            floating=floating,
            lava_python=lava_python,
            json=json,
        )
    return outcome.code


@app.command()
@takes_input
def check(
    model: Model,
    target: Target,
    input: Input = None,
    intake: Intake = AS_IT_IS,
    profile: Profile = None,
    dt: Dt = None,
    reset: Reset = None,
    threshold: Threshold = None,
    spikes_per_step: SpikesPerStep = None,
    steps: Steps = None,
    samples: Samples = None,
    compare_readings: Annotated[
        bool,
        typer.Option(
            "--compare-readings",
            help="Run every reading that the file allows on --input, side by side.",
        ),
    ] = False,
    seed: Seed = 0,
    json: Json = False,
    debug: Debug = False,
) -> int:
    """List how MODEL can be read, what is assumed, and everything that does not fit."""
    asked = locals()
    with reported(asked.pop("debug")) as outcome:
        from snn_deploy.cli.check import run_check

        run_check(**asked)
    return outcome.code


@app.command()
def gate(
    file: Annotated[Path, typer.Argument(metavar="DEPLOY.YAML", help="What, and budgets.")],
    baseline: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="report.json to compare with, or a folder with NAME.json each."),
    ] = None,
    junit: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Write JUnit XML here."),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder for NAME.json of each deployment, a later baseline."),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> int:
    """Deploy what a file lists; exit with 4 where a budget or the baseline is missed."""
    with reported(debug) as outcome:
        from snn_deploy.cli.gate import run_gate

        run_gate(file, json=json, baseline=baseline, junit_file=junit, out=out)
    return outcome.code


@app.command()
@takes_input
def compare(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="REPORT... | MODEL", help="report.json files or their folders; a model."
        ),
    ],
    input: Input = None,
    intake: Intake = AS_IT_IS,
    targets: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Deploy one MODEL on all of these, e.g. loihi2,loihi1."),
    ] = None,
    weight_bits: List = None,
    spike_bits: List = None,
    partition: List = None,
    placement: List = None,
    time_model: List = None,
    profile: Profile = None,
    dt: Dt = None,
    reset: Reset = None,
    threshold: Threshold = None,
    spikes_per_step: SpikesPerStep = None,
    steps: Steps = None,
    samples: Samples = None,
    decode: Decode = None,
    seed: Seed = 0,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Draw the comparison here (.svg or .pdf)."),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> int:
    """Put reports side by side; or deploy one MODEL in every way that the lists give.

    With --targets: one table, and in --out one picture, of accuracy, energy, time and
    cores, e.g. compare model.nir --input x.npz --targets loihi2,loihi1 --weight-bits 8,4.
    """
    asked = locals()
    with reported(asked.pop("debug")) as outcome:
        from snn_deploy.cli.what_if import LISTS, run_either

        lists = {name: asked.pop(name) for name in LISTS}
        run_either(tuple(asked.pop("files")), lists, **asked)
    return outcome.code


app.command()(convert)


@app.command()
def boards(
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[NAME]", help="Board name or file."),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> int:
    """List the boards, or every number of one with its unit, kind, source and
    confidence."""
    with reported(debug) as outcome:
        from snn_deploy.cli.boards import run_boards

        run_boards(name, json=json)
    return outcome.code


@app.command()
def doctor(
    install: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Set up Lava in a Python 3.10 of its own first: lava."),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> int:
    """Show what this installation has: Python, packages, kernel cache, Lava."""
    with reported(debug) as outcome:
        from snn_deploy.cli.doctor import run_doctor

        run_doctor(json=json, install=install)
    return outcome.code
