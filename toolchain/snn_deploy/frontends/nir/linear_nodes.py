"""What a linear node does: the maps of `snn_deploy.ir.maps`, its delay, and its bias.

A node is one or several parallel `Branch`es, whose outputs add up: one for all nodes but a
Delay whose elements differ, which has one branch per distinct delay. Values are flattened
in C order, so that Flatten and Port are the identity.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray, FloatArray, Shape, frozen
from snn_deploy.errors import option
from snn_deploy.frontends.nir.graph.graph import Node
from snn_deploy.frontends.nir.shapes import paddings
from snn_deploy.ir.maps import Conv, Dense, Pool, Scale, Sparse

MAX_DELAY = 2**16  # model steps; ours, so that a wrong unit is not taken for a long delay
ROUNDING = 1e-6  # relative; by what a delay may miss whole steps (float32 rounds by 6e-8)

MapPart: TypeAlias = Dense | Sparse | Conv | Pool | Scale  # a map that is no chain


@dataclass(frozen=True, eq=False)
class Branch:
    """One of the parallel ways through a linear node.

    Attributes:
        maps: Applied one after the other; empty is the identity.
        delay: Model steps, 0 to MAX_DELAY.
    """

    maps: tuple[MapPart, ...]
    delay: int = 0


def branches(
    node: Node, before: Shape, after: Shape, dt: float | None
) -> tuple[Branch, ...]:
    """Return what a linear node does to its input of shape `before`; `dt` in seconds.

    Raises:
        InputError: A delay is no whole number of steps, or longer than MAX_DELAY.
    """
    match node.kind:
        case "Affine" | "Linear":
            return (Branch((_matrix(node.real("weight")),)),)
        case "Scale":
            return (Branch((Scale(vector(node, "scale", after)),)),)
        case "Conv1d" | "Conv2d":
            return (Branch((_convolution(node, before, after),)),)
        case "AvgPool2d" | "SumPool2d":
            return (Branch((_pooling(node, before, after),)),)
        case "Delay":
            return _delays(node, steps_of(node, after, dt))
        case _:
            return (Branch(()),)


def vector(node: Node, key: str, shape: Shape) -> FloatArray:
    """Return a parameter of an element-wise node, broadcast to `shape` and flattened."""
    value = node.real(key)
    value = value.reshape(value.shape[max(0, value.ndim - len(shape)) :])
    return frozen(np.array(np.broadcast_to(value, shape)).ravel())


def bias(node: Node, after: Shape) -> FloatArray | None:
    """Return what the node adds to its output in every step, flattened; None if nothing.

    Raises:
        InputError: The bias does not fit the output.
    """
    if not node.has("bias"):
        return None
    value = node.real("bias")
    is_conv = node.kind.startswith("Conv")
    wanted = after[:1] if is_conv else after
    if value.size != 1 and _squeezed(value.shape) != _squeezed(wanted):
        raise node.fail(
            f"bias {list(value.shape)} does not fit its outputs {list(wanted)}; correct it"
        )
    full = (
        np.broadcast_to(value.ravel()[0], wanted)
        if value.size == 1
        else value.reshape(wanted)
    )
    if is_conv:
        full = full.reshape(-1, *(1,) * (len(after) - 1))
    return frozen(np.array(np.broadcast_to(full, after)).ravel()) if value.any() else None


def steps_of(node: Node, shape: Shape, dt: float | None) -> AnyArray:
    """Return the delay of each element in whole model steps."""
    seconds = vector(node, "delay", shape)
    if not seconds.any():
        return np.zeros(seconds.shape, np.int64)
    if dt is None:
        raise node.fail(
            "delays are in seconds and the file has no time step; give "
            f"{option('dt', 'SECONDS')}"
        )
    exact = seconds / dt
    if exact.max() > MAX_DELAY:
        raise node.fail(
            f"delay {seconds.max():g} s is {exact.max():.3g} steps of {dt:g} s, more than "
            f"{MAX_DELAY}; correct it or give another {option('dt')}"
        )
    steps = np.rint(exact)
    off = np.abs(exact - steps) > ROUNDING * np.maximum(exact, 1.0)
    if off.any():
        raise node.fail(
            f"delay {seconds[off][0]:g} s is {exact[off][0]:.6g} steps of {dt:g} s, which "
            f"is no whole number; correct it or give another {option('dt')}"
        )
    return steps.astype(np.int64)


def _delays(node: Node, steps: AnyArray) -> tuple[Branch, ...]:
    values = np.unique(steps).tolist()
    if len(values) == 1:
        return (Branch((), values[0]),)
    return tuple(
        Branch((Scale(frozen((steps == d).astype(np.float64))),), d) for d in values
    )


def _matrix(weight: FloatArray) -> MapPart:
    """Return a weight [..., out, in]; leading dimensions are blocks that do not mix."""
    n_out, n_in = weight.shape[-2:]
    blocks = weight.size // (n_out * n_in)
    if blocks == 1:
        return Dense(frozen(weight.reshape(n_out, n_in)))
    first = np.arange(blocks) * n_in
    columns = np.broadcast_to(
        first[:, None, None] + np.arange(n_in), (blocks, n_out, n_in)
    ).ravel()
    rows = np.arange(0, weight.size + 1, n_in)
    shape = (blocks * n_out, blocks * n_in)
    return Sparse(sp.csr_array((weight.ravel(), columns, rows), shape=shape))


def _convolution(node: Node, before: Shape, after: Shape) -> Conv:
    """Return the 2-D convolution; a Conv1d is one of height 1."""
    weight = node.real("weight")
    rank = weight.ndim - 2
    stride, dilation = (_image_pair(node, key, rank) for key in ("stride", "dilation"))
    kernel = weight.shape[2:]
    pads = [first for first, _ in paddings(node, kernel, dilation[2 - rank :])]
    return Conv(
        weight=frozen(weight if rank == 2 else weight[:, :, None, :]),
        in_shape=_image(before),
        out_shape=_image(after),
        stride=stride,
        padding=(pads[0], pads[1]) if rank == 2 else (0, pads[0]),
        dilation=dilation,
        groups=node.ints("groups")[0],
    )


def _pooling(node: Node, before: Shape, after: Shape) -> Pool:
    kernel, stride, padding = (
        _image_pair(node, key, 2) for key in ("kernel_size", "stride", "padding")
    )
    return Pool(
        kernel, _image(before), _image(after), stride, padding, node.kind == "AvgPool2d"
    )


def _image(shape: Shape) -> tuple[int, int, int]:
    channels, *size = shape
    height, width = size if len(size) == 2 else (1, *size)
    return channels, height, width


def _image_pair(node: Node, key: str, rank: int) -> tuple[int, int]:
    """Return (y, x) of a parameter that is one number, or one per dimension."""
    values = node.ints(key)
    if rank == 1:
        return 1, values[0]
    return values[0], values[-1]


def _squeezed(shape: Shape) -> Shape:
    return tuple(s for s in shape if s != 1)
