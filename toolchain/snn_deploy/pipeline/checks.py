"""Refusals of what was asked for, before any work: options that contradict each other."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from snn_deploy.errors import InputError, option
from snn_deploy.evaluation.stages import Opened
from snn_deploy.files.targets import check_file, check_folder, files_in, own_board
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.mapping.partition import METHODS
from snn_deploy.mapping.reorder import partitioner
from snn_deploy.options.goal import GoalOptions
from snn_deploy.options.mapping import MappingOptions
from snn_deploy.options.request import Request
from snn_deploy.pipeline.backends import load_backend
from snn_deploy.pipeline.emission import emitting
from snn_deploy.report.forms.forms import chosen_forms

# What a file of integers decides.
OF_INTEGERS = ("weight_bits", "spike_bits", "lower", "store_twice")


def refuse(request: Request, model: Any, target: Any) -> None:
    """Refuse options that contradict each other, and places that cannot be written.

    Args:
        request: What is asked.
        model: Where it is a file, nothing is written in its place.
        target: As `model`.

    Raises:
        InputError: As said.
    """
    check_simulated(request)
    check_cut(request.mapping)
    check_emission(request)
    check_training(request.goal)
    if request.goal.finetune is not None and request.mapping.store_twice == "always":
        raise InputError(
            f"{option('store_twice', 'always')}: {option('finetune')} trains weights that "
            "are stored once; leave out one of the two"
        )
    chosen_forms(request.output.formats)
    check_targets(request, model, target)


def check_targets(request: Request, model: Any, target: Any) -> None:
    """Refuse to write what cannot be written, or what is read.

    Raises:
        InputError: As said.
    """
    output, read = request.output, read_by(request, model, target)
    if output.out is not None:
        check_folder(output.out, read)
    if output.trace is not None:
        check_file(output.trace, "trace", read)


def read_by(request: Request, model: Any, target: Any = None) -> tuple[Path, ...]:
    """Return the files and folders that a deployment reads.

    Args:
        request: What is asked.
        model: What is deployed, a file or anything else.
        target: Name or file of a board, or the board itself; None for none.
    """
    inputs = request.inputs
    given = (inputs.input, inputs.framework_trace, inputs.labels)
    return files_in(model, own_board(target), *given)


def check_simulated(request: Request) -> None:
    """Refuse whatever needs a simulation where none will be run.

    Raises:
        InputError: As said.
    """
    if request.simulated:
        return
    why, way_out = "without samples", f"give {option('input')}"
    if request.inputs.input is not None:
        why = f"with {option('stop_after', request.simulation.stop_after)}"
        way_out = "leave that out"
    for name in _of_simulations(request):
        raise InputError(f"{option(name)}: nothing is simulated {why}; {way_out}")


def _of_simulations(request: Request) -> Iterator[str]:
    """Yield the names of given options that only a simulation can fulfil."""
    wished = {
        "trace": request.output.trace is not None,
        "min_accuracy": request.goal.min_accuracy is not None,
        "max_drop": request.goal.max_drop is not None,
        "until_quiet": request.simulation.until_quiet,
        "exit_when_stable": request.simulation.exit_when_stable is not None,
        "framework_trace": request.inputs.framework_trace is not None,
        "backend": request.output.backend is not None,
        "verify": request.output.verify,
    }
    return (name for name, wish in wished.items() if wish)


def check_cut(mapping: MappingOptions) -> None:
    """Refuse a way to cut that needs what is not installed.

    Raises:
        InputError: As said.
    """
    if METHODS[mapping.partition].reorders:
        partitioner()


def check_emission(request: Request) -> None:
    """Refuse a program that has no place, or whose neurons would be numbered anew.

    Raises:
        InputError: As said.
    """
    output, emits = request.output, emitting(request.output)
    if output.backend is not None:
        load_backend(output.backend)
    if output.backend is not None and output.out is None:
        raise InputError(
            f"{option('backend', output.backend)}: say with {option('out')} where its "
            f"program goes"
        )
    method = request.mapping.partition
    if emits is not None and METHODS[method].reorders:
        raise InputError(
            f"{option('partition', method)}: renumbers neurons, which a program of {emits} "
            f"could not undo; leave out {option('backend')} and {option('verify')}, or cut "
            f"it otherwise"
        )


def check_training(goal: GoalOptions) -> None:
    """Refuse options of fine-tuning that contradict each other.

    Raises:
        InputError: As said, or PyTorch is missing.
    """
    if goal.finetune_epochs is not None and goal.finetune is None:
        raise InputError(
            f"{option('finetune_epochs', goal.finetune_epochs)}: nothing to train on; give "
            f"{option('finetune')}"
        )
    if goal.finetune is not None and goal.max_drop is None:
        raise InputError(
            f"{option('finetune')}: say with {option('max_drop', 'POINTS')} how much "
            f"accuracy may be lost"
        )
    if goal.finetune is not None and find_spec("torch") is None:
        raise InputError(
            f"{option('finetune')}: needs PyTorch, which is not installed; "
            "pip install 'snn-deploy[finetune]'"
        )


def check_given(given: QuantNetwork | None, mapping: MappingOptions) -> None:
    """Refuse bits for a network that has its integers already.

    Raises:
        InputError: As said.
    """
    wished = [name for name in OF_INTEGERS if name in mapping.changed()]
    if given is not None and wished:
        raise InputError(
            f"{', '.join(map(option, wished))}: the file holds integers already, which are "
            f"deployed as they are; leave {'these' if len(wished) > 1 else 'this'} out"
        )


def check_labels(run: Opened, min_accuracy: float | None) -> None:
    """Refuse labels that no output neuron stands for, and their lack where they are needed.

    Raises:
        InputError: As said.
    """
    if run.data is None:
        return
    labels = run.data.y
    if labels is None:
        if min_accuracy is not None:
            raise InputError(
                f"{option('min_accuracy', f'{min_accuracy:g}')}: {run.data.source} has no "
                f"labels; add y [N]"
            )
        return
    output = run.net.outputs[0]
    classes = int(np.prod(run.net.population(output).shape))
    if labels.max() >= classes:
        raise InputError(
            f"{run.data.source}: label {labels.max()} has no output neuron, {output!r} has "
            f"{classes} (0 to {classes - 1})"
        )
