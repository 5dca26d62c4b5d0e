"""The shape of a lava-dl network's input: what the file says, implies or leaves open."""

import math

import numpy as np

from snn_deploy.arrays import IntArray
from snn_deploy.errors import InputError, option
from snn_deploy.frontends.netx.images import KINDS, ImageLayer, read_image_layer
from snn_deploy.frontends.netx.net_file import (
    NetxLayer,
    check_size,
    matrix,
    shape_of,
    size,
)
from snn_deploy.ir.network import Assumption

LONGEST_SIDE = 1 << 14  # pixels of an image; ours, far above any sensor
SHOWN = 4  # lengths that a message lists one by one


def input_shape(
    first: NetxLayer, said: tuple[int, ...] | None
) -> tuple[tuple[int, ...], tuple[Assumption, ...]]:
    """Return the shape of the input, channels first, and what was assumed of it.

    Args:
        first: First layer of the file.
        said: The shape that the user says, None for none.

    Raises:
        InputError: The file does not tell and the user does not say, or they disagree.
    """
    if first.kind in KINDS:
        return _of_image_layer(read_image_layer(first), said)
    if first.kind == "input":
        shape = shape_of(first)
    elif first.kind == "flatten":
        shape = (size(first),)
    elif first.kind in ("dense", "dense_rec"):
        shape = (matrix(first, "weight", size(first)).shape[1],)
    else:
        raise InputError(
            f"{first.where}: the file begins with a layer {first.kind!r}, so the shape of "
            "the input is unknown; export it with an input layer"
        )
    if said is None or said == shape:
        return shape, ()
    if first.kind != "input" and math.prod(said) == math.prod(shape):
        return said, (_assumed(said, "given by the user"),)
    raise InputError(
        f"{option('input_shape', written(said))}: {first.where} takes {written(shape)}; "
        "leave it out"
    )


def written(shape: tuple[int, ...]) -> str:
    """Return a shape as the option `input_shape` has it, e.g. 2x34x34."""
    return "x".join(map(str, shape))


def _of_image_layer(
    layer: ImageLayer, said: tuple[int, ...] | None
) -> tuple[tuple[int, ...], tuple[Assumption, ...]]:
    sides = np.arange(1, LONGEST_SIDE + 1)
    high, wide = (sides[layer.length(i, sides) == layer.shape[1 + i]] for i in (0, 1))
    if not (high.size and wide.size):
        raise InputError(
            f"{layer.where}: no input makes {written(layer.shape)} of this {layer.kind}; "
            "export the network again"
        )
    made = (
        f"{layer.where}: the first layer makes {written(layer.shape)} of {layer.channels} "
        f"channels with {_either(high)} rows and {_either(wide)} columns"
    )
    if said is None and (high.size > 1 or wide.size > 1):
        raise InputError(
            f"{made}, and the file does not say which; give "
            f"{option('input_shape', 'CxHxW')}, or export it with an input layer"
        )
    shape = said or (layer.channels, int(high[0]), int(wide[0]))
    fits = len(shape) == 3 and shape[0] == layer.channels
    if not (fits and shape[1] in high and shape[2] in wide):
        raise InputError(
            f"{option('input_shape', written(shape))}: {made}; give one of them"
        )
    check_size(math.prod(shape), layer.where)
    why = "the only one that makes the output of the first layer"
    return shape, (_assumed(shape, why if said is None else "given by the user"),)


def _either(lengths: IntArray) -> str:
    """Return lengths in words, e.g. "7 or 8"."""
    if lengths.size > SHOWN:
        return f"{lengths[0]} to {lengths[-1]}"
    return " or ".join(map(str, lengths))


def _assumed(shape: tuple[int, ...], why: str) -> Assumption:
    return Assumption("input shape", written(shape), why)
