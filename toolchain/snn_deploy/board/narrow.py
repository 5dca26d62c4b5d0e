"""Boards as they are used: spikes as narrow as was asked for."""

import msgspec

from snn_deploy.board.board import Board
from snn_deploy.errors import InputError, command_line_words, option
from snn_deploy.options.mapping import MappingOptions


def narrowed(board: Board, mapping: MappingOptions) -> Board:
    """Return `board` with spikes as narrow as `mapping` wants them.

    Raises:
        InputError: The board has no weights or spikes of so many bits.
    """
    most = board.synapse.weight_bits.value
    if mapping.weight_bits > most:
        raise InputError(
            f"{option('weight_bits', mapping.weight_bits)}: {board.name} stores weights of "
            f"1 to {most} bits"
        )
    bits, limit = mapping.spike_bits, board.synapse.payload_bits_max
    if bits is None:
        return board
    if bits > limit.value:
        raise InputError(
            f"{option('spike_bits', bits)}: spikes of {board.name} carry 0 to "
            f"{limit.value} bits"
        )
    wish = command_line_words("spike_bits", str(bits))  # the same in every report
    narrow = msgspec.structs.replace(
        limit,
        value=bits,
        kind="assumed",
        source=f"{wish}, of {limit.value}: {limit.source}",
    )
    synapse = msgspec.structs.replace(board.synapse, payload_bits_max=narrow)
    return msgspec.structs.replace(board, synapse=synapse)
