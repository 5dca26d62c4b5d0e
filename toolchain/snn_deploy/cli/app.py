"""The command line: arguments in, `deploy` and its neighbours, a printed result out.

Exit codes: 0 done, 1 our bug, 2 usage or unreadable input, 3 does not fit, 4 over budget or
below a required accuracy, 130 interrupted, 141 the reader of stdout went away. Results go
to stdout, all else to stderr. What is heavy is imported by the verb that needs it.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Optional, TypeAlias

import typer

from snn_deploy.cli.flags import (
    JsonFlag,
    Lists,
    ModelArgument,
    Request,
    TargetFlag,
    takes_options,
)
from snn_deploy.cli.frame import Group, complain, show_version
from snn_deploy.errors import DeployError, command_line_words, speaking
from snn_deploy.files.manifest import read_manifest
from snn_deploy.options.base import Options
from snn_deploy.options.conversion import ConversionOptions
from snn_deploy.options.running import RunningOptions
from snn_deploy.pipeline.backends import backend_options

OwnOptions: TypeAlias = dict[str, Options]  # of each backend, by its name
# `Optional`: Typer reads annotations at run time, and old ones only know this spelling.
OptionalPath: TypeAlias = Optional[Path]  # noqa: UP045


def main(words: Sequence[str]) -> None:
    """Do what the words of a command line say, and end the process with its exit code."""
    with speaking(command_line_words):
        try:
            app = make_app(named_backends(words))
        except DeployError as error:
            complain(str(error))
            sys.exit(error.exit_code)
    app(list(words))


def named_backends(words: Sequence[str]) -> tuple[str, ...]:
    """Return the backends that are named, by an option or by the manifest of a folder that
    is run; their options become flags, too."""
    pairs = zip(words, [*words[1:], ""], strict=True)
    named = [
        word.partition("=")[2] or after
        for word, after in pairs
        if word.partition("=")[0] == "--backend"
    ]
    for word in words[1:] if list(words[:1]) == ["run"] else ():
        with suppress(DeployError, OSError, ValueError):  # said where the folder is run
            found = read_manifest(Path(word)) if Path(word).is_dir() else None
            named += [found.backend] if found and found.backend else []
    return tuple(named)


def make_app(backends: Sequence[str] = ()) -> typer.Typer:
    """Return the command line; `backends` name those of others whose options it takes."""
    app = typer.Typer(
        cls=Group,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        epilog="`snn-deploy MODEL ...` is short for `snn-deploy deploy MODEL ...`.",
        callback=root,
    )
    own = backend_options(backends)
    for verb in (deploy, run, check, gate, compare, convert, boards, doctor):
        app.command()(takes_options(verb.__name__, own)(verb))
    return app


def root(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True)
    ] = False,
) -> None:
    """Fit a trained spiking network to a neuromorphic chip, simulate it, report its
    cost."""


def deploy(
    model: ModelArgument,
    target: TargetFlag,
    request: Request,
    json: JsonFlag = False,
) -> None:
    """Map MODEL onto a target, simulate it there, and report (the default verb)."""
    from snn_deploy.cli.deploy import run_deploy

    run_deploy(model, target, request, json=json)


def run(
    build: Annotated[Path, typer.Argument(metavar="BUILD", help="What a backend wrote.")],
    options: RunningOptions,
    backend_options: OwnOptions,
    json: JsonFlag = False,
) -> None:
    """Run an emitted program and compare its every state and spike."""
    from snn_deploy.cli.run import run_build_folder

    run_build_folder(build, options, backend_options, json=json)


def check(
    model: ModelArgument,
    target: TargetFlag,
    request: Request,
    compare_readings: Annotated[
        bool,
        typer.Option(
            "--compare-readings",
            help="Run every reading that the file allows on --input, side by side.",
        ),
    ] = False,
    json: JsonFlag = False,
) -> None:
    """List how MODEL can be read, what is assumed, and everything that does not fit."""
    from snn_deploy.cli.check import run_check

    run_check(model, target, request, compare_readings=compare_readings, json=json)


def gate(
    file: Annotated[Path, typer.Argument(metavar="DEPLOY.YAML", help="What, and budgets.")],
    baseline: Annotated[
        OptionalPath,
        typer.Option(help="report.json to compare with, or a folder with NAME.json each."),
    ] = None,
    junit: Annotated[OptionalPath, typer.Option(help="Write JUnit XML here.")] = None,
    out: Annotated[
        OptionalPath,
        typer.Option(help="Folder for NAME.json of each deployment, a later baseline."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Deploy what a file lists; exit with 4 where a budget or the baseline is missed."""
    from snn_deploy.cli.gate import run_gate

    run_gate(file, json=json, baseline=baseline, junit_file=junit, out=out)


def compare(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="REPORT... | MODEL", help="report.json files or their folders; a model."
        ),
    ],
    request: Request,
    lists: Lists,
    targets: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Deploy one MODEL on all of these, e.g. loihi2,loihi1."),
    ] = None,
    out: Annotated[
        OptionalPath, typer.Option(help="Draw the comparison here (.svg or .pdf).")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Put reports side by side; or deploy one MODEL in every way that the lists give.

    With --targets: one table, and in --out one picture, of accuracy, energy, time and
    cores, e.g. compare model.nir --input x.npz --targets loihi2,loihi1 --weight-bits 8,4.
    """
    from snn_deploy.cli.compare import run_either

    run_either(tuple(files), targets, lists, request, json=json, out=out)


def convert(
    factory: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FUNCTION",
            help="Your function that returns the trained torch model; or FILE.py:FUNCTION.",
        ),
    ],
    calibrate: Annotated[Path, typer.Option(help="Samples: .npz with x [N, ...], y [N].")],
    out: Annotated[Path, typer.Option(help="Folder for model.nir, input.npz, the record.")],
    options: ConversionOptions,
    input: Annotated[
        OptionalPath,
        typer.Option(help="Samples to encode as input.npz, if others than --calibrate."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Convert a trained ANN into a spiking network with the same integers."""
    from snn_deploy.cli.convert import run_convert

    run_convert(factory, calibrate, out, options, input=input, json=json)


def boards(
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[NAME]", help="Board name or file."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """List the boards, or every number of one with its unit, kind, source and
    confidence."""
    from snn_deploy.cli.boards import run_boards

    run_boards(name, json=json)


def doctor(
    install: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Set up what this backend needs first: lava."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Show what this installation has: Python, packages, kernel cache, backends."""
    from snn_deploy.cli.doctor import run_doctor

    run_doctor(json=json, install=install)
