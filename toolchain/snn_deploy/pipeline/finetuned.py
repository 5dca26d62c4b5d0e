"""Fine-tuning in the line: when calibration loses more than may be lost, train and go
again.

PyTorch is imported only once it is needed.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from snn_deploy.errors import InputError, option
from snn_deploy.evaluation.progress import Progress
from snn_deploy.evaluation.stages import Opened, Simulated
from snn_deploy.frontends.nir_writer.write_nir import Written, write_nir
from snn_deploy.inputs.data import Data, read_samples
from snn_deploy.ir.network import Network
from snn_deploy.options.request import Request
from snn_deploy.report.facts.summary import decided
from snn_deploy.report.tuning import TUNED_FILE, Tuning

EPOCHS = 30  # at most, by default; on digits the best one was reached well before


@dataclass(frozen=True, eq=False)
class Training:
    """What to train on if too much is lost.

    Attributes:
        data: Labelled samples, none of them tested.
        epochs: At most so many.
        max_drop: Percentage points of accuracy that may be lost, 0..100.
    """

    data: Data
    epochs: int
    max_drop: float


def training_of(run: Opened, request: Request) -> Training | None:
    """Return the training that is asked for, None if none is; refuse samples that cannot
    tell how much was lost, or that are trained and tested on.

    Args:
        run: The model as read, and the samples tested on.
        request: Checked already.

    Raises:
        InputError: As said, or the network consists of integers already.
    """
    goal, test = request.goal, run.data
    if goal.max_drop is None or test is None:
        return None
    if test.y is None:
        raise InputError(f"{option('max_drop')}: {test.source} has no labels; add y [N]")
    if goal.finetune is None:
        return None
    if run.given is not None:
        raise InputError(
            f"{option('finetune')}: the file holds integers already, which are deployed as "
            f"they are; leave it out"
        )
    every = msgspec.structs.replace(request.inputs, samples=None)
    train = read_samples(goal.finetune, run.net, every)
    refuse_overlap(train, test)
    return Training(train, goal.finetune_epochs or EPOCHS, goal.max_drop)


def fine_tuned(
    run: Opened,
    training: Training | None,
    rerun: Callable[[Network], Opened],
    progress: Progress,
) -> tuple[Opened, Tuning | None, dict[str, bytes]]:
    """Return the run of the fine-tuned network, the record, and its file by name; `run`
    itself if no training is asked for or it loses little enough.

    Args:
        run: All stages of the network as read.
        training: What to train on, None if nothing.
        rerun: Takes another network through all stages.
        progress: Is told each epoch.

    Raises:
        InputError: The training samples cannot be used, or NIR cannot express the network.
        DoesNotFitError: The network sends levels instead of spikes.
    """
    if training is None or not isinstance(run, Simulated):
        return run, None, {}
    floats, chip = correct(run, "reference"), correct(run, "chip")
    if points(floats - chip, run.data.samples) <= training.max_drop:
        return run, None, {}
    from snn_deploy.finetune.tune import fine_tune

    nir_file(_strict(run.net))  # says now, not after the training, what NIR cannot express
    bits = run.mapping.weight_bits
    net, done = fine_tune(
        run.net, run.quant, run.board, training.data, run.answer,
        weight_bits=bits, epochs=training.epochs, seed=run.seed, progress=progress,
    )  # fmt: skip
    content, written = nir_file(net)
    record = Tuning(
        source=training.data.source,
        samples=training.data.samples,
        held_out=done.held_out,
        seed=run.seed,
        epochs=training.epochs,
        course=done.course,
        best=done.best,
        max_drop=training.max_drop,
        float_correct=floats,
        chip_correct=chip,
        tested=run.data.samples,
        weight_bits=bits,
        flags=written.flags,
    )
    return rerun(net), record, {TUNED_FILE: content}


def correct(run: Simulated, stage: str) -> int:
    """Return how many samples of a simulated run `stage` puts into their class."""
    return int(np.count_nonzero(decided(run)[stage].classes == run.data.y))


def refuse_overlap(train: Data, test: Data) -> None:
    """Refuse training samples that are identical to test samples, value for value.

    Raises:
        InputError: There are such; says how many, and the first pair.
    """
    known = {digest: i for i, digest in enumerate(_digests(test))}
    shared = [(i, known[d]) for i, d in enumerate(_digests(train)) if d in known]
    if shared:
        mine, other = shared[0]
        raise InputError(
            f"{option('finetune', train.source)}: {len(shared)} of {train.samples} samples "
            f"are also in {test.source} (the first: {mine} there is {other} here), so the "
            f"accuracy would prove nothing; train on samples that are not tested"
        )


def _digests(data: Data) -> Iterator[bytes]:
    """Yield a digest of each sample's values, whatever type they are stored as."""
    names = sorted(data.x)
    for i in range(data.samples):
        digest = hashlib.sha256()
        for name in names:
            values = data.x[name][i, :1] if data.static else data.x[name][i]
            plain = np.ascontiguousarray(values, np.float64) + 0.0  # -0 becomes 0
            digest.update(plain.tobytes())
        yield digest.digest()


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
