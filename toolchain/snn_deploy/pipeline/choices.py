"""What the line's choices may be, and refusals of those that cannot be, before any work."""

from snn_deploy.board.board import Board
from snn_deploy.errors import InputError
from snn_deploy.evaluation.simulate import TIME_MODELS
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.mapping.partition import METHODS as PARTITIONS
from snn_deploy.mapping.place import METHODS as PLACEMENTS
from snn_deploy.mapping.reorder import Reordered, partitioner, reorder
from snn_deploy.options.choices import Choices


def numbered(quant: QuantNetwork, board: Board, choices: Choices, seed: int) -> Reordered:
    """Return the network as it will be cut: renumbered, if the partition method asks."""
    if PARTITIONS[choices.partition].reorders:
        return reorder(quant, board, seed=seed)
    return Reordered(quant, {}, {})


def check_methods(choices: Choices) -> None:
    """Refuse methods that do not exist, before any work.

    Raises:
        InputError: As said; lists those that do.
    """
    for option, wish, known in (
        ("--partition", choices.partition, PARTITIONS),
        ("--placement", choices.placement, PLACEMENTS),
        ("--time-model", choices.time_model, TIME_MODELS),
    ):
        if wish not in known:
            raise InputError(f"{option} {wish}: unknown; one of {', '.join(known)}")
    if PARTITIONS[choices.partition].reorders:
        partitioner()


def check_numbering(choices: Choices, emits: str | None) -> None:
    """Refuse to emit a program of renumbered neurons.

    Raises:
        InputError: As said.
    """
    if emits is not None and PARTITIONS[choices.partition].reorders:
        raise InputError(
            f"--partition {choices.partition}: renumbers neurons, which a program of "
            f"{emits} could not undo; leave out --backend and --verify, or cut it otherwise"
        )


def check_given(given: QuantNetwork | None, choices: Choices) -> None:
    """Refuse bits for a network that has its integers already.

    Raises:
        InputError: As said.
    """
    wished = (choices.weight_bits, choices.spike_bits, choices.lower)
    if given is not None and wished != (Choices().weight_bits, None, None):
        raise InputError(
            "--weight-bits, --spike-bits, --lower: the file holds integers already, which "
            "are deployed as they are; leave these options out"
        )
