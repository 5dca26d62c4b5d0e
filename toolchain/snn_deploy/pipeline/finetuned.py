"""Fine-tuning in the line: when calibration loses more than may be lost, train and go
again.

PyTorch is imported only once it is needed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from snn_deploy.errors import InputError
from snn_deploy.evaluation.stages import Run
from snn_deploy.frontends.nir_writer.write_nir import Written, write_nir
from snn_deploy.inputs.data import Data
from snn_deploy.ir.network import Network
from snn_deploy.report.facts.summary import predictions
from snn_deploy.report.tuning import TUNED_FILE, Tuning

EPOCHS = 30  # at most, by default; on digits the best one was reached well before

Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Lesson:
    """Train on `data` for at most `epochs` if more than `max_drop` percentage points of
    accuracy are lost."""

    data: Data
    epochs: int
    max_drop: float


def check_wish(
    max_drop: float | None, finetune: bool, epochs: int | None, simulated: bool
) -> None:
    """Refuse options of fine-tuning that contradict each other, before any work.

    Raises:
        InputError: As said, or PyTorch is missing.
    """
    if max_drop is not None and not 0 <= max_drop <= 100:
        raise InputError(
            f"--max-drop {max_drop:g}: must be percentage points of accuracy, 0 to 100"
        )
    if max_drop is not None and not simulated:
        raise InputError(
            "--max-drop: nothing is simulated without samples or with --stop-after; give "
            "--input with labels, and all stages"
        )
    if epochs is not None and not finetune:
        raise InputError(
            f"--finetune-epochs {epochs}: nothing to train on; give --finetune"
        )
    if epochs is not None and epochs < 1:
        raise InputError(f"--finetune-epochs {epochs}: must be at least 1")
    if finetune and max_drop is None:
        raise InputError(
            "--finetune: say with --max-drop POINTS how much accuracy may be lost"
        )
    if finetune and find_spec("torch") is None:
        raise InputError(
            "--finetune: needs PyTorch, which is not installed; "
            "pip install 'snn-deploy[finetune]'"
        )


def lesson_of(
    run: Run, max_drop: float | None, train: Data | None, epochs: int | None
) -> Lesson | None:
    """Return the lesson that `check_wish` let pass, None if none is wanted; refuse samples
    that cannot tell how much was lost, or that are trained and tested on.

    run: as of its first stage. train: of --finetune, if given.

    Raises:
        InputError: As said, or the network consists of integers already.
    """
    test = run.data
    if max_drop is None or test is None:
        return None
    if test.y is None:
        raise InputError(f"--max-drop: {test.source} has no labels; add y [N]")
    if train is None:
        return None
    if run.given is not None:
        raise InputError(
            "--finetune: the file holds integers already, which are deployed as they are; "
            "leave it out"
        )
    from snn_deploy.finetune.overlap import refuse_overlap

    refuse_overlap(train, test)
    return Lesson(train, epochs or EPOCHS, max_drop)


def correct(run: Run, stage: str) -> int:
    """Return how many samples of a simulated run `stage` puts into their class."""
    labels = None if run.data is None else run.data.y
    if labels is None:
        raise ValueError("no labels: lesson_of comes first")
    return int(np.count_nonzero(predictions(run)[stage] == labels))


def fine_tuned(
    run: Run, lesson: Lesson | None, again: Callable[[Network], Run], tell: Tell
) -> tuple[Run, Tuning | None, dict[str, bytes]]:
    """Return the run of the fine-tuned network, the record, and its file by name; `run`
    itself if there is no lesson or it loses little enough.

    run: all stages of the network as read. again: takes another network through them.

    Raises:
        InputError: The training samples cannot be used, or NIR cannot express the network.
        DoesNotFitError: The network sends levels instead of spikes.
    """
    data, quant = run.data, run.quant
    if lesson is None or data is None or quant is None:
        return run, None, {}
    floats, chip = correct(run, "reference"), correct(run, "chip")
    if points(floats - chip, data.samples) <= lesson.max_drop:
        return run, None, {}
    from snn_deploy.finetune.tune import fine_tune

    nir_file(_strict(run.net))  # says now, not after the training, what NIR cannot express
    bits = run.choices.weight_bits
    net, done = fine_tune(
        run.net, quant, run.board, lesson.data, run.answer,
        weight_bits=bits, epochs=lesson.epochs, seed=run.seed, tell=tell,
    )  # fmt: skip
    content, written = nir_file(net)
    record = Tuning(
        source=lesson.data.source,
        samples=lesson.data.samples,
        held_out=done.held_out,
        seed=run.seed,
        epochs=lesson.epochs,
        course=done.course,
        best=done.best,
        max_drop=lesson.max_drop,
        float_correct=floats,
        chip_correct=chip,
        tested=data.samples,
        weight_bits=bits,
        flags=written.flags,
    )
    return again(net), record, {TUNED_FILE: content}


def points(samples: int, of: int) -> float:
    """Return a number of samples as percentage points, free of the rounding of floats."""
    return round(100.0 * samples / of, 9)


def nir_file(net: Network) -> tuple[bytes, Written]:
    """Return the bytes of `net` as a NIR file, and how it is to be read.

    Raises:
        InputError: NIR cannot express the network.
    """
    with TemporaryDirectory(prefix="snn-deploy-") as folder:
        written = write_nir(net, Path(folder) / TUNED_FILE)
        return written.path.read_bytes(), written


def _strict(net: Network) -> Network:
    """Return `net` comparing with > alone, as fine-tuned networks do."""
    return replace(
        net,
        populations=tuple(
            replace(p, neuron=replace(p.neuron, inclusive=False)) for p in net.populations
        ),
    )
