"""Choices: what a user may decide about a deployment beside model, target and input."""

import msgspec

from snn_deploy.board.board import Board
from snn_deploy.errors import InputError


class Choices(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to quantize, map and time.

    partition, placement: keys of METHODS in those passes; time_model: of the simulators'
    TIME_MODELS. weight_bits: 1..8, sign included. spike_bits: most bits that a spike may
    carry, 0 for binary ones; None is what the board has. until_quiet: a sample ends at
    rest. exit_when_stable: also report what it gives to end a sample when its class was the
    same for so many steps, at least 1. lower: how graded spikes are made binary, a key of
    METHODS of passes/lower; None leaves them. store_twice: whether weights may take two
    arrays where one changes predictions.
    """

    partition: str = "intel"
    placement: str = "local"
    time_model: str = "bound"
    weight_bits: int = 8
    spike_bits: int | None = None
    until_quiet: bool = False
    exit_when_stable: int | None = None
    lower: str | None = None
    store_twice: bool = True


def limited(board: Board, choices: Choices) -> Board:
    """Return `board` with spikes as narrow as `choices` wants them.

    Raises:
        InputError: The board has no weights or spikes of so many bits.
    """
    most = board.synapse.weight_bits.value
    if not 1 <= choices.weight_bits <= most:
        raise InputError(
            f"--weight-bits {choices.weight_bits}: {board.name} stores weights of 1 to "
            f"{most} bits"
        )
    bits, limit = choices.spike_bits, board.synapse.payload_bits_max
    if bits is None:
        return board
    if not 0 <= bits <= limit.value:
        raise InputError(
            f"--spike-bits {bits}: spikes of {board.name} carry 0 to {limit.value} bits"
        )
    narrow = msgspec.structs.replace(
        limit,
        value=bits,
        kind="assumed",
        source=f"--spike-bits {bits}, of {limit.value}: {limit.source}",
    )
    synapse = msgspec.structs.replace(board.synapse, payload_bits_max=narrow)
    return msgspec.structs.replace(board, synapse=synapse)


def check_endings(choices: Choices, *, simulated: bool) -> None:
    """Refuse ends of samples where none is simulated, and of no step.

    Raises:
        InputError: As said.
    """
    window = choices.exit_when_stable
    if window is not None and window < 1:
        raise InputError(f"--exit-when-stable {window}: must be at least 1 step")
    for option, wish in (
        ("--until-quiet", choices.until_quiet),
        ("--exit-when-stable", window is not None),
    ):
        if wish and not simulated:
            raise InputError(
                f"{option}: no sample is simulated; give --input, and no --stop-after"
            )
