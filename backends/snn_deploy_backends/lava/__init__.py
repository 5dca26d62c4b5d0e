"""Lava backend: a Python program that builds and runs the network on Lava 0.10.

`emit` writes a folder that stands alone: run.py (to be read), its parameters as data,
recorded inputs and expected answers. The same network always gives the same bytes.
Whatever Lava cannot express is refused before anything is written. `run_build` and
`verify` run the folder in a Python 3.10 that has Lava; nothing here imports it.
"""

from pathlib import Path

from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.activity import Recording
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy_backends.lava.emitted import folder_files
from snn_deploy_backends.lava.plan import plan, violations

NAME = "lava"

__all__ = ["NAME", "check", "emit", "plan", "render"]


def check(net: QuantNetwork) -> tuple[str, ...]:
    """Return everything Lava cannot express, one sentence each; empty if it can."""
    return violations(net)


def render(
    program: Program | QuantNetwork, stimulus: Stimulus, expected: Recording
) -> dict[str, bytes]:
    """Return the files of the emitted folder by their path in it.

    A bare QuantNetwork is emitted without a board, so with frames of any length.

    Raises:
        DoesNotFitError: Lava cannot express the network; all reasons at once.
    """
    net = program if isinstance(program, QuantNetwork) else program.net
    found = check(net)
    if found:
        raise DoesNotFitError(*found)
    power_of_two = isinstance(program, Program) and bool(
        program.board.io.frame_power_of_two.value
    )
    return folder_files(
        net, plan(net, frozenset(stimulus.bias)), stimulus, expected, power_of_two
    )


def emit(
    program: Program | QuantNetwork, stimulus: Stimulus, expected: Recording, out_dir: Path
) -> tuple[Path, ...]:
    """Write the Lava program into `out_dir` and return its files, run.py first.

    Raises:
        DoesNotFitError: Lava cannot express the network; nothing is written then.
    """
    files = render(program, stimulus, expected)
    for name, content in files.items():
        file = out_dir / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tuple(out_dir / name for name in files)
