"""The line on networks and samples in memory, without a request to spell out."""

from typing import Any

from snn_deploy.board.board import Board
from snn_deploy.evaluation.stages import Opened
from snn_deploy.ir.network import Network
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.options.request import gathered
from snn_deploy.pipeline.deploy import opened


def begin(
    board: Board,
    net: Network,
    input: Any = None,
    *,
    given: QuantNetwork | None = None,
    model: Any = None,
    **fields: Any,
) -> Opened:
    """Return the first stage of `net` on `board`; fields: options as of `deploy`."""
    return opened(gathered({"input": input, **fields}), board, net, given, model)
