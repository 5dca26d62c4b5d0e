"""The training loop: samples and labels in, the best state on a held-out tenth out.

AdamW with a rate that falls along a cosine, cross entropy of the decoder's scores. The
temperature of the scores is the one at which the float network explains the labels best,
so that a count of spikes and a membrane are trained alike.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from snn_deploy.arrays import FloatArray, IntArray
from snn_deploy.evaluation.decode import Answer, decode
from snn_deploy.evaluation.progress import Progress, unheard
from snn_deploy.finetune.forward import run
from snn_deploy.finetune.grid import OnGrid
from snn_deploy.finetune.trainable import Trainable
from snn_deploy.report.tuning import TuningEpoch

BATCH = 64
PATIENCE = 10  # epochs without a better state on the held-out samples before it ends
MEMORY = 1 << 30  # bytes of all that is kept for the gradient of one batch, about
KEPT = 80  # bytes of that per neuron and step: twenty float32, counted on a current LIF
SHARPNESS = 2.0  # standard deviations of all scores to one unit of the softmax


@dataclass(frozen=True, eq=False)
class TrainingSamples:
    """Samples and what they are; N samples, T model steps.

    Attributes:
        x: What the chip is fed by input, [N, T, n]: payloads, or the values themselves
            where the host makes a bias of them.
        y: Labels, [N], class numbers from 0.
    """

    x: Mapping[str, FloatArray]
    y: IntArray

    def some(self, which: Tensor) -> dict[str, Tensor]:
        """Return what the samples `which` feed, as tensors."""
        at = which.numpy()
        return {
            name: torch.from_numpy(np.asarray(x[at], np.float32))
            for name, x in self.x.items()
        }


@dataclass(frozen=True, eq=False)
class Trained:
    """What training came to.

    Attributes:
        model: In its best state.
        course: What each epoch came to, the start first.
        best: The epoch of that state, from 1; 0 is as rounded, before training.
        held_out: How many samples it was judged on, a tenth of them, not trained on.
    """

    model: Trainable
    course: tuple[TuningEpoch, ...]
    best: int
    held_out: int


@dataclass(frozen=True, eq=False)
class _TrainingSet:
    """What stays the same through all epochs."""

    samples: TrainingSamples
    answer: Answer
    targets: Tensor
    temperature: float
    batch: int
    learn: Tensor
    judge: Tensor
    rng: torch.Generator = field(repr=False)


def train(
    grid: OnGrid,
    samples: TrainingSamples,
    answer: Answer,
    *,
    epochs: int,
    seed: int,
    progress: Progress = unheard,
) -> Trained:
    """Train the network of `grid` for at most `epochs`, and return its best state.

    One thread: sums in an order of their own would make every run another one.
    """
    with _one_thread():
        model = Trainable(grid)
        given = _training_set(model, samples, answer, seed)
        groups = model.groups()
        optimizer = torch.optim.AdamW(groups, lr=1.0)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
        course = [_judged(model, given, None)]
        best, kept = 0, deepcopy(model.state_dict())
        for epoch in range(1, epochs + 1):
            if epoch - best > PATIENCE:
                break
            loss = _epoch(model, given, optimizer)
            schedule.step()
            course.append(_judged(model, given, loss))
            progress(
                f"fine-tune {epoch}/{epochs}: {course[-1].correct} of "
                f"{len(given.judge)} held out"
            )
            if _better(course[-1], course[best]):
                best, kept = epoch, deepcopy(model.state_dict())
        model.load_state_dict(kept)
    return Trained(model, tuple(course), best, len(given.judge))


def score(output: Tensor, decoder: str) -> Tensor:
    """Return what the decoder compares, [N, classes], of output [N, T, classes].

    It has a gradient: "first" counts spikes, early ones for more.
    """
    steps = output.shape[1]
    if decoder == "first":
        worth = torch.arange(steps, 0, -1, dtype=output.dtype) / steps
        return (output * worth[:, None]).sum(1)
    if decoder in ("count", "payload"):
        return output.sum(1)
    found = {"mean": output.mean(1), "final": output[:, -1], "max": output.amax(1)}
    return found[decoder]


def _training_set(
    model: Trainable, samples: TrainingSamples, answer: Answer, seed: int
) -> _TrainingSet:
    rng = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(samples.y), generator=rng)
    held = max(1, len(order) // 10)
    learn, judge = order[held:], order[:held]
    steps = next(iter(samples.x.values())).shape[1]
    neurons = sum(p.neuron.n for p in model.grid.net.populations)
    fitting = MEMORY // (KEPT * steps * neurons)
    batch = max(1, min(BATCH, fitting, len(learn) // 4))
    unknown = torch.empty(0)
    return _taught(
        model, _TrainingSet(samples, answer, unknown, 1.0, batch, learn, judge, rng)
    )


@torch.no_grad()
def _taught(model: Trainable, given: _TrainingSet) -> _TrainingSet:
    """Return the given with what the float network makes of every sample."""
    every = torch.arange(len(given.samples.y))
    outputs = _outputs(model, given, every, on_grid=False)
    scores = torch.cat([score(o, given.answer.decoder) for o, _ in outputs])
    temperature = float(scores.std()) / SHARPNESS or 1.0
    soft = functional.softmax(scores / temperature, dim=1)
    labels = torch.tensor(given.samples.y)
    hard = functional.one_hot(labels, soft.shape[1])
    return replace(given, targets=(soft + hard) / 2, temperature=temperature)


def _epoch(
    model: Trainable, given: _TrainingSet, optimizer: torch.optim.Optimizer
) -> float:
    """Train once on every sample; return the mean loss."""
    order = torch.randperm(len(given.learn), generator=given.rng)
    total = 0.0
    for which in torch.split(given.learn[order], given.batch):
        x = given.samples.some(which)
        output = run(model.grid.net, *model.values(), x)[given.answer.output]
        loss = _loss(output, given.targets[which], given)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        model.clamp()
        total += loss.item() * len(which)
    return total / len(given.learn)


def _loss(output: Tensor, targets: Tensor, given: _TrainingSet) -> Tensor:
    scores = score(output, given.answer.decoder)
    return functional.cross_entropy(scores / given.temperature, targets)


@torch.no_grad()
def _judged(model: Trainable, given: _TrainingSet, loss: float | None) -> TuningEpoch:
    """Return how the rounded network does on the held-out samples."""
    correct, total = 0, 0.0
    for output, which in _outputs(model, given, given.judge):
        predicted = decode(output.numpy(), given.answer.decoder)
        correct += int(np.count_nonzero(predicted == given.samples.y[which.numpy()]))
        total += float(_loss(output, given.targets[which], given)) * len(which)
    return TuningEpoch(loss, total / len(given.judge), correct)


def _outputs(
    model: Trainable, given: _TrainingSet, which: Tensor, *, on_grid: bool = True
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the output of some samples at a time, and which they are."""
    for part in torch.split(which, 4 * given.batch):
        x = given.samples.some(part)
        yield run(model.grid.net, *model.values(on_grid), x)[given.answer.output], part


def _better(one: TuningEpoch, other: TuningEpoch) -> bool:
    return (one.correct, -one.held_out_loss) > (other.correct, -other.held_out_loss)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
