"""The frame: chip steps from the start of one sample to the start of the next."""

from snn_deploy.board import Board
from snn_deploy.quant import QuantNetwork


def frame_steps(net: QuantNetwork, board: Board, steps: int) -> int:
    """Return steps + guard, padded to a power of two where the board's reset needs that."""
    frame = steps + net.guard
    if board.io.frame_power_of_two:
        return 1 << max(frame - 1, 0).bit_length()
    return frame
