"""Maximum pooling of levels, exactly, by neurons that rectify a difference.

max(a, b) = b + relu(a - b), and levels are whole numbers, so the rectifier is a quantizer
with a theta of one. The maximum of a window is a tournament: as many layers deep as the
logarithm of its size.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from snn_deploy.arrays import IntArray
from snn_deploy.conversion.brevitas.meeting import Levels, Meeting
from snn_deploy.frontends.torch.functions import add, sub
from snn_deploy.frontends.torch.pooling import Window
from snn_deploy.frontends.torch.signal import picked
from snn_deploy.frontends.torch.tensor import Traced
from snn_deploy.maps import Scale


def max_pool(session: Meeting, module: Any, x: Traced) -> Traced:
    """MaxPool1d, MaxPool2d of what a quantizer gave."""
    name = session.name_of(module)
    window = Window.of(
        module.kernel_size, module.stride, module.padding, module.dilation,
        module.ceil_mode, x.signal.shape,
    )  # fmt: skip
    levels = _given(session, x)
    padded = bool(_places(window).min() < 0)
    if levels is None or (padded and levels.low < 0):
        session.refuse(
            f"{name!r} takes the maximum of "
            + ("levels below 0, padded" if levels else "values that are no levels yet")
            + "; put it behind a QuantReLU, where it gives the same, or use AvgPool2d"
        )
        return _picked(session, x, _places(window)[0], window)
    return _tournament(session, name, x, window, levels)


def _given(session: Meeting, x: Traced) -> Levels | None:
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


def _places(window: Window) -> IntArray:
    """Return where element k of each window comes from [k, n_out]; -1: padding."""
    channels, height, width = window.in_shape
    rows, columns = np.indices(window.out_shape[1:])
    found = []
    for ky, kx in np.ndindex(*window.kernel):
        y = rows * window.stride[0] + ky * window.dilation[0] - window.padding[0]
        x = columns * window.stride[1] + kx * window.dilation[1] - window.padding[1]
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        one = np.where(inside, y * width + x, -1).ravel()
        offset = np.arange(channels)[:, None] * height * width
        found.append(np.where(one < 0, -1, one + offset).ravel())
    return np.stack(found).astype(np.int64)


def _picked(session: Meeting, x: Traced, places: IntArray, window: Window) -> Traced:
    return session.traced(picked(session.maps, x.signal, places, window.result), x)


def _tournament(
    session: Meeting, name: str, x: Traced, window: Window, levels: Levels
) -> Traced:
    """Return the maximum of each window; as in a cup, one sits out an odd round."""
    span = replace(levels, low=0, high=levels.high - levels.low, rectifies=True)
    players = [_picked(session, x, p, window) for p in _places(window)]
    while len(players) > 1:
        pairs = zip(players[::2], players[1::2], strict=False)
        winners = [_winner(session, name, a, b, span) for a, b in pairs]
        players = winners + players[len(winners) * 2 :]
    return players[0]


def _winner(session: Meeting, name: str, a: Traced, b: Traced, span: Levels) -> Traced:
    more: Traced = session.quantized(name, sub(session, a, b), span)
    total: Traced = add(session, b, more)
    return total
