"""Maximum pooling of levels, exactly, by neurons that rectify a difference.

max(a, b) = b + relu(a - b), and levels are whole numbers, so the rectifier is a quantizer
with a theta of one. The maximum of a window is a tournament: as many layers deep as the
logarithm of its size.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from snn_deploy.arrays import frozen
from snn_deploy.conversion.brevitas.trace import BrevitasTrace, Levels
from snn_deploy.frontends.torch.arithmetic import add, sub
from snn_deploy.frontends.torch.pooling import PoolWindow
from snn_deploy.frontends.torch.signal import through
from snn_deploy.frontends.torch.tensor import Traced
from snn_deploy.ir.maps import Conv, Scale


def max_pool(session: BrevitasTrace, module: Any, x: Traced) -> Traced:
    """MaxPool1d, MaxPool2d of what a quantizer gave."""
    name = session.name_of(module)
    window = PoolWindow.of(
        module.kernel_size, module.stride, module.padding, module.dilation,
        module.ceil_mode, x.signal.shape,
    )  # fmt: skip
    levels = _given(session, x)
    padded = window.padding != (0, 0) or module.ceil_mode
    if levels is None or (padded and levels.low < 0):
        session.refuse(
            f"{name!r} takes the maximum of "
            + ("levels below 0, padded" if levels else "values that are no levels yet")
            + "; put it behind a QuantReLU, where it gives the same, or use AvgPool2d"
        )
        return _element(session, x, window, 0, 0)
    return _tournament(session, name, x, window, levels)


def _given(session: BrevitasTrace, x: Traced) -> Levels | None:
    """Return the levels of x if it is the output of one quantizer, moved at most."""
    terms = x.signal.terms
    if len(terms) != 1 or x.signal.constants:
        return None
    if any(isinstance(m, Scale) for m in terms[0].maps):
        return None
    known = session.quantizers.get(terms[0].pre)
    quantizer = known if known is not None else session.port
    if quantizer is None or quantizer.levels.scale.size > 1:
        return None
    return quantizer.levels


def _element(
    session: BrevitasTrace, x: Traced, window: PoolWindow, y: int, column: int
) -> Traced:
    """Return element (y, column) of each window: a convolution with a single one."""

    def make() -> Conv:
        kernel = np.zeros((window.in_shape[0], 1, *window.kernel))
        kernel[:, :, y, column] = 1.0
        return Conv(
            frozen(kernel), window.in_shape, window.out_shape, window.stride,
            window.padding, window.dilation, window.in_shape[0],
        )  # fmt: skip

    part = session.maps.once(("element", window, y, column), make)
    return session.traced(through(session.maps, x.signal, part, window.result), x)


def _tournament(
    session: BrevitasTrace, name: str, x: Traced, window: PoolWindow, levels: Levels
) -> Traced:
    """Return the maximum of each window; as in a cup, one sits out an odd round."""
    span = replace(levels, low=0, high=levels.high - levels.low, rectifies=True)
    places = np.ndindex(*window.kernel)
    players = [_element(session, x, window, y, column) for y, column in places]
    while len(players) > 1:
        pairs = zip(players[::2], players[1::2], strict=False)
        winners = [_winner(session, name, a, b, span) for a, b in pairs]
        players = winners + players[len(winners) * 2 :]
    return players[0]


def _winner(
    session: BrevitasTrace, name: str, a: Traced, b: Traced, span: Levels
) -> Traced:
    more: Traced = session.quantized(name, sub(session, a, b), span)
    total: Traced = add(session, b, more)
    return total
