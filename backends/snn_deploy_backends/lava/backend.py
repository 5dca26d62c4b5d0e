"""Lava backend: a Python program that builds and runs the network on Lava 0.10.

`emit` gives a folder that stands alone: run.py (to be read), its parameters as data,
recorded inputs and expected answers. The same network always gives the same bytes.
Whatever Lava cannot express is refused before anything is made. `run` and `verify` start
the folder in a Python 3.10 that has Lava; nothing here imports it.
"""

from collections.abc import Mapping
from pathlib import Path

from snn_deploy.backend import Ran, Verified, VerifiedPopulation
from snn_deploy.errors import DoesNotFitError, InputError
from snn_deploy.ir.activity import Recording
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy_backends.lava import python
from snn_deploy_backends.lava.emitted import folder_files
from snn_deploy_backends.lava.options import LavaOptions
from snn_deploy_backends.lava.options import own_options as own_options
from snn_deploy_backends.lava.plan import plan, violations
from snn_deploy_backends.lava.verify import about, describe, outputs, verification

NAME = "lava"


def check(net: QuantNetwork) -> tuple[str, ...]:
    """Return everything Lava cannot express, one sentence each; empty if it can."""
    return violations(net)


def emit(program: Program, stimulus: Stimulus, expected: Recording) -> Mapping[str, bytes]:
    """Return the files of the emitted folder by their path in it.

    Raises:
        DoesNotFitError: Lava cannot express the network; all reasons at once.
    """
    power_of_two = bool(program.board.io.frame_power_of_two)
    return emit_network(program.net, stimulus, expected, power_of_two=power_of_two)


def emit_network(
    net: QuantNetwork, stimulus: Stimulus, expected: Recording, *, power_of_two: bool
) -> Mapping[str, bytes]:
    """As `emit`, for a network on no board.

    Args:
        net: Any integer network.
        stimulus: Recorded samples that the program brings along.
        expected: What every output is to give on them.
        power_of_two: Whether a frame takes a power of two of chip steps.

    Raises:
        DoesNotFitError: Lava cannot express the network; all reasons at once.
    """
    found = check(net)
    if found:
        raise DoesNotFitError(*found)
    planned = plan(net, frozenset(stimulus.bias))
    return folder_files(net, planned, stimulus, expected, power_of_two)


def verify(folder: Path, options: LavaOptions) -> Verified:
    """Run the samples whose states are recorded in `folder`; compare every state and spike.

    Raises:
        InputError: Not an emitted folder, no interpreter has Lava, or the program failed.
    """
    about(folder)
    interpreter, version = python.find_lava_python(options.lava_python)
    result = verification(folder, interpreter)
    return Verified(
        backend=NAME,
        version=version,
        samples=result.samples,
        steps=result.steps,
        values=result.compared,
        mismatches=result.mismatches,
        spikes=result.spikes,
        populations=tuple(
            VerifiedPopulation(p.name, p.process, p.compared, p.spikes, dict(p.mismatches))
            for p in result.populations
        ),
        sentences=describe(result),
    )


def run(
    folder: Path,
    options: LavaOptions,
    *,
    samples: int | None,
    steps: int | None,
    floating: bool,
) -> Ran:
    """Run the program; facts: per output, the share of values that are as recorded, and
    the seconds that Lava took.

    Raises:
        InputError: Not an emitted folder, no interpreter has Lava, the program failed, or
            more is asked for than is recorded.
    """
    about(folder)
    interpreter, version = python.find_lava_python(options.lava_python)
    facts = outputs(folder, interpreter, samples, steps, floating)
    return Ran(version, facts)


def status() -> tuple[str, str, bool]:
    """Return the first interpreter that can import Lava, of those where one is likely."""
    try:
        interpreter, version = python.find_lava_python()
    except InputError as error:
        return "lava-nc", str(error), False
    return "lava-nc", f"{version} ({interpreter})", True


def install() -> None:
    """Set up Lava in a Python 3.10 of its own; one that works is kept.

    Raises:
        InputError: There is no Python 3.10, or the installation failed.
    """
    python.install_lava()
