"""Axes: which likely order the axes of values have that do not fit an input, in a sentence.

Only sizes are looked at. Nothing is turned round here: the sentence says what to call.
"""

from itertools import permutations
from math import prod

from snn_deploy.arrays import AnyArray, Shape
from snn_deploy.ir.network import Assumption

PERMUTED = 5  # most axes of a sample whose orders are tried


def axes_hint(values: Shape, port: Shape) -> str:
    """Return what probably makes `values` [N, *] or [N, T, *] into samples of shape `port`,
    with a semicolon in front; empty if nothing does."""
    k = len(port)
    tail = values[-k:]
    if len(values) in (k + 1, k + 2) and len(port) > 1:
        if tail == (*port[1:], port[0]):
            last = -1 - len(port[1:])
            return (
                f"; its channels come last, so give numpy.moveaxis(x, -1, {last}), which "
                f"is [..., {_sizes(port)}]"
            )
        orders = permutations(range(k)) if k <= PERMUTED else ()
        if any(tuple(tail[i] for i in order) == port for order in orders):
            return (
                f"; the axes of a sample are in another order, so transpose them to "
                f"[..., {_sizes(port)}]"
            )
    if len(values) in (2, 3) and values[-1] == prod(port) and k > 1:
        return (
            f"; its samples are flattened, so give x.reshape(*x.shape[:-1], {_sizes(port)})"
        )
    if k > 1 and port[0] == 1 and len(values) >= k and values[1 - k :] == port[1:]:
        return f"; its one channel has no axis, so give numpy.expand_dims(x, {-k})"
    for lead in (1, 2):
        if k == 1 and len(values) > lead + 1 and prod(values[lead:]) == port[0]:
            return f"; flatten each sample: x.reshape(*x.shape[:{lead}], {port[0]})"
    return ""


def order_note(name: str, values: Shape, port: Shape) -> Assumption | None:
    """Return the order that is taken for the axes of values that fit the input `name`,
    where sizes cannot tell it."""
    if len(values) == len(port) + 2 and values[0] == values[1] > 1:
        order, why = "[samples, steps, ...]", f"both are {values[0]}"
    elif len(port) == 3 and len(set(port)) == 1 and port[0] > 1:
        order, why = "[channels, rows, columns]", f"all are {port[0]}"
    else:
        return None
    what = f"axes of input {name!r}"
    return Assumption(what, order, f"{why}, so that sizes cannot tell")


def time_first(x: AnyArray, labels: int) -> str:
    """Return the hint where there are as many labels as the second axis is long."""
    if x.ndim < 3 or x.shape[1] != labels:
        return ""
    return "; its second axis is so long, so time comes first: give numpy.swapaxes(x, 0, 1)"


def one_hot(y: AnyArray) -> str:
    """Return the hint for labels [N, classes] of which one in each row is 1."""
    if y.ndim != 2 or y.shape[1] < 2 or y.dtype.kind not in "biuf":
        return ""
    if not (((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all()):
        return ""
    return "; these are one-hot, so give y.argmax(axis=1)"


def _sizes(shape: Shape) -> str:
    return ", ".join(map(str, shape))
