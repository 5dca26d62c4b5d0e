"""The frame of every verb: the default verb, errors as one line, exit codes."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import typer
from typer.core import TyperGroup

from snn_deploy.errors import DeployError, command_line_words, speaking

DEFAULT_VERB = "deploy"
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
PIPE_CLOSED = 141  # 128 + SIGPIPE


class Group(TyperGroup):
    """A group of verbs that takes an unknown first word as the MODEL of the default
    verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else "--help"
        own = first in self.commands or first in ("--help", "--version")
        return super().parse_args(ctx, [first, *args[1:]] if own else [DEFAULT_VERB, *args])

    def main(self, *args: Any, **options: Any) -> Any:
        """Run, print a wrong use as one line, and end the process with the exit code."""
        try:
            with speaking(command_line_words):
                code = super().main(*args, **{**options, "standalone_mode": False})
        except Exception as error:  # of an option, before the verb has begun
            code = 2
            if hasattr(error, "format_message"):
                text = f"{_usage(error)}; see `snn-deploy --help`"
            else:
                code, text = _explain(error)
            complain(text)
        sys.exit(code or 0)


@dataclass
class Exit:
    """What a verb comes to.

    Attributes:
        code: Exit code of the process: 0 done, 1 our bug, 130 interrupted, 141 nobody reads
            on, 2 to 4 as in `errors.py`.
    """

    code: int = 0


@contextmanager
def reported(debug: bool) -> Iterator[Exit]:
    """Turn whatever goes wrong inside into one line on stderr and an exit code."""
    outcome = Exit()
    try:
        yield outcome
    except BrokenPipeError:
        # Whoever read our output has enough; the interpreter must not write there again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        outcome.code = PIPE_CLOSED
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exc()
        outcome.code, text = _explain(error)
        complain(text)


def complain(text: str) -> None:
    """Print one `error: ...` line on stderr per line of `text`."""
    for line in text.splitlines():
        typer.echo(f"error: {line}", err=True)


def show_version(wanted: bool) -> None:
    """Print the version and end, if `wanted`."""
    if wanted:
        typer.echo(f"snn-deploy {version('snn-deploy')}")
        raise typer.Exit


def _usage(error: Any) -> str:
    return " ".join(str(error.format_message()).split()).rstrip(".")


def _explain(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the text for the user."""
    if isinstance(error, DeployError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted; nothing was written"
    if isinstance(error, MemoryError):
        return 2, "out of memory; run fewer samples (--samples) or a smaller model"
    what = str(error).split("\n")[0]
    return 1, (
        f"a bug in snn-deploy, not in your input ({type(error).__name__}: {what}); run "
        f"again with --debug and report what it prints"
    )
