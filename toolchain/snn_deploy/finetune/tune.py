"""Fine-tune: a float network and what calibration made of it -> a network on the grid."""

from dataclasses import replace

from snn_deploy.arrays import IntArray
from snn_deploy.board.board import Board
from snn_deploy.errors import InputError, option
from snn_deploy.evaluation.decode import Answer
from snn_deploy.evaluation.progress import Progress, unheard
from snn_deploy.finetune.grid import on_grid, payloads
from snn_deploy.finetune.training import Trained, TrainingSamples, train
from snn_deploy.inputs.data import Data
from snn_deploy.ir.network import Assumption, Network
from snn_deploy.ir.quant import QuantNetwork

FEWEST = 20  # samples: two held out


def fine_tune(
    net: Network,
    quant: QuantNetwork,
    board: Board,
    data: Data,
    answer: Answer,
    *,
    weight_bits: int,
    epochs: int,
    seed: int,
    progress: Progress = unheard,
) -> tuple[Network, Trained]:
    """Return normalized `net` trained onto the integers of `board`, and how that went.

    Membranes of the result are in units of 64, thresholds and weights whole numbers (times
    a payload's scale at the inputs): `quantize` takes them as they are. quant: the integers
    by calibration alone. data: labelled samples that are not tested on.

    Raises:
        DoesNotFitError: The network sends levels instead of spikes.
        InputError: There are no labels, or too few samples.
    """
    labels = _labels(data, net, answer)
    grid = on_grid(net, quant, board, weight_bits)
    fed = {i.name: payloads(grid, i.name, data.x[i.name]) for i in net.inputs}
    done = train(
        grid,
        TrainingSamples(fed, labels),
        answer,
        epochs=epochs,
        seed=seed,
        progress=progress,
    )
    note = Assumption(
        "weights, thresholds, decays",
        f"fine-tuned to {weight_bits}-bit weights, membranes in units of 64",
        f"epoch {done.best} of {len(done.course) - 1} on {data.source}, seed {seed}",
    )
    tuned = done.model.network()
    return replace(tuned, assumptions=(*net.assumptions, note)), done


def _labels(data: Data, net: Network, answer: Answer) -> IntArray:
    if data.y is None:
        raise InputError(
            f"{option('finetune', data.source)}: has no labels to train on; add y [N]"
        )
    if data.samples < FEWEST:
        raise InputError(
            f"{option('finetune', data.source)}: holds {data.samples} samples, fewer than "
            f"{FEWEST}; nothing can be held out of so few"
        )
    classes = net.population(answer.output).neuron.n
    if data.y.max() >= classes:
        raise InputError(
            f"{option('finetune', data.source)}: label {data.y.max()} has no output "
            f"neuron, {answer.output!r} has {classes} (0 to {classes - 1})"
        )
    return data.y
