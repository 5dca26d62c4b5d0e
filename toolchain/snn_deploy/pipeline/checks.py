"""Refusals of what was asked for, before any work: options that contradict each other."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snn_deploy.errors import InputError
from snn_deploy.evaluation.stages import STAGES, Run
from snn_deploy.files.folder import check_folder, check_place
from snn_deploy.options.choices import Choices, check_endings
from snn_deploy.pipeline.choices import check_methods, check_numbering
from snn_deploy.pipeline.emission import check_emission
from snn_deploy.pipeline.finetuned import check_wish
from snn_deploy.pipeline.output_files import OUR_FILES


@dataclass(frozen=True, eq=False)
class Asked:
    """What a deployment is to do beside its choices; fields as the arguments of `deploy`.

    input, finetune: whether they are given. emits: the backend whose program is made, for
    `out` or to verify it.
    """

    input: bool
    out: Path | None
    trace: Path | None
    min_accuracy: float | None
    max_drop: float | None
    finetune: bool
    finetune_epochs: int | None
    backend: str | None
    emits: str | None
    verify: bool
    batch: int | None
    stop_after: str | None
    seed: int

    @property
    def simulated(self) -> bool:
        """Whether samples are simulated."""
        return self.input and self.stop_after in (None, STAGES[-1])


def refuse(asked: Asked, choices: Choices) -> None:
    """Refuse wishes that contradict each other or name what does not exist.

    Raises:
        InputError: As said, or a place to write to cannot be written.
    """
    check_wishes(asked)
    check_methods(choices)
    check_endings(choices, simulated=asked.simulated)
    check_emission(asked.backend, asked.out, asked.verify, asked.simulated)
    check_numbering(choices, asked.emits)
    check_wish(asked.max_drop, asked.finetune, asked.finetune_epochs, asked.simulated)
    if asked.out is not None:
        check_folder(asked.out, OUR_FILES)
    if asked.trace is not None:
        check_place(asked.trace, "--trace")


def check_wishes(asked: Asked) -> None:
    """Refuse values out of range, and results that nothing would give.

    Raises:
        InputError: As said.
    """
    stop_after, least = asked.stop_after, asked.min_accuracy
    if stop_after is not None and stop_after not in STAGES:
        raise InputError(
            f"--stop-after {stop_after}: no such stage; one of {', '.join(STAGES)}"
        )
    if asked.seed < 0:
        raise InputError(f"--seed {asked.seed}: must not be negative")
    if asked.batch is not None and asked.batch < 1:
        raise InputError(f"--batch {asked.batch}: must be at least 1")
    if least is not None and not 0 <= least <= 1:
        raise InputError(f"--min-accuracy {least:g}: must be a share, from 0 to 1")
    wishes: tuple[tuple[str, Any], ...] = (
        ("--trace", asked.trace),
        ("--min-accuracy", least),
    )
    for option, wish in wishes:
        if wish is not None and not asked.input:
            raise InputError(
                f"{option}: nothing is simulated without samples; give --input"
            )
        if wish is not None and not asked.simulated:
            raise InputError(
                f"{option}: nothing is simulated with --stop-after {stop_after}"
            )


def check_labels(run: Run, min_accuracy: float | None) -> None:
    """Refuse labels that no output neuron stands for, and their lack where they are needed.

    Raises:
        InputError: As said.
    """
    labels = None if run.data is None else run.data.y
    if labels is None:
        if min_accuracy is not None and run.data is not None:
            raise InputError(
                f"--min-accuracy {min_accuracy:g}: {run.data.source} has no labels; add y "
                f"[N]"
            )
        return
    output = run.net.outputs[0]
    classes = int(np.prod(run.net.population(output).shape))
    if labels.max() >= classes:
        raise InputError(
            f"{run.data.source if run.data else ''}: label {labels.max()} has no output "
            f"neuron, {output!r} has {classes} (0 to {classes - 1})"
        )
