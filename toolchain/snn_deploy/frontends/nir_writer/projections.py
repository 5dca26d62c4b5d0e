"""Write one projection: a chain of maps -> Linear, Conv, pooling, Scale, Delay nodes.

Shapes decide: a convolution needs an image in front of it, a matrix a vector, and NIR can
flatten but not unflatten. nir 1.0.8 takes the channels of a convolution from its kernel and
calls every kernel square, so grouped kernels are written with zeros between the groups and
oblong ones with zeros around. What still does not fit is written as the matrix that it is.
"""

from collections.abc import Mapping

import nir
import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, Shape
from snn_deploy.errors import InputError
from snn_deploy.frontends.nir_writer.convolutions import ungrouped
from snn_deploy.frontends.nir_writer.graph_builder import Draft, NodeEnds
from snn_deploy.ir.linear import matrix, pool_as_conv
from snn_deploy.ir.maps import Chain, Conv, Dense, Map, Pool, Scale, Sparse, window_counts
from snn_deploy.ir.network import Projection

MAX_MATRIX = 2**26  # entries of one matrix; ours: half a gigabyte, written out


def shape_behind(m: Map, shape: Shape) -> Shape:
    """Return the shape in which values leave a map that they enter in `shape`."""
    for part in _parts(m):
        shape = _behind(part, shape)
    return shape


def add_layers(
    draft: Draft,
    projection: Projection,
    bias: FloatArray | None,
    shapes: Mapping[str, Shape],
    ends: Mapping[str, NodeEnds],
) -> None:
    """Add the nodes of a projection between the ends of its populations."""
    label = f"{projection.pre}_to_{projection.post}"
    node, shape = ends[projection.pre].leave, shapes[projection.pre]
    parts = _parts(projection.map)
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        for layer in _nodes(part, shape, bias if last else None, label):
            node = draft.follow(node, label, layer)
        shape = _behind(part, shape)
    if shape != shapes[projection.post]:
        node = draft.follow(node, label, _flatten(shape))
        shape = shapes[projection.post]
    if projection.delay:
        delay = nir.Delay(np.full(shape, projection.delay * draft.dt))
        node = draft.follow(node, f"{label}_delay", delay)
    draft.join(node, ends[projection.post].enter)


def _parts(m: Map) -> tuple[Map, ...]:
    """Return the maps in a row, without those that change nothing."""
    parts: tuple[Map, ...] = m.maps if isinstance(m, Chain) else (m,)
    simple = [_diagonal(part) or part for part in parts]
    return tuple(
        part
        for part in simple
        if not (isinstance(part, Scale) and bool((part.factor == 1).all()))
    )


def _diagonal(m: Map) -> Scale | None:
    """Return a square sparse map without anything beside its diagonal as a Scale."""
    if not isinstance(m, Sparse) or m.n_pre != m.n_post:
        return None
    entries = m.matrix.tocoo()
    beside = (entries.row != entries.col) & (entries.data != 0)
    return None if beside.any() else Scale(m.matrix.diagonal())


def _behind(m: Map, shape: Shape) -> Shape:
    match m:
        case Scale():
            return shape
        case Conv() | Pool() if _image(m, shape):
            size = m.out_shape[-(len(shape) - 1) :]
            return (m.out_shape[0], *size)
        case Sparse() if _blocks(m, shape) is not None:
            return (*shape[:-1], m.n_post // int(np.prod(shape[:-1])))
        case _:
            return (m.n_post,)


def _nodes(m: Map, shape: Shape, bias: FloatArray | None, label: str) -> list[nir.NIRNode]:
    """Return the nodes of one map whose input has `shape`."""
    if isinstance(m, Scale):
        return [nir.Scale(np.asarray(m.factor, np.float64).reshape(shape))]
    if isinstance(m, Pool) and len(shape) == 3 and _image(m, shape):
        kind = nir.AvgPool2d if m.average else nir.SumPool2d
        return [kind(np.array(m.kernel), np.array(m.stride), np.array(m.padding))]
    if isinstance(m, Conv | Pool) and _image(m, shape):
        return [_convolution(m, shape, bias)]
    blocks = _blocks(m, shape) if isinstance(m, Sparse) else None
    if blocks is not None:
        return [_affine(blocks, _behind(m, shape), bias)]
    if m.n_pre * m.n_post > MAX_MATRIX:
        raise InputError(
            f"projection {label!r}: written as a matrix it has {m.n_post} x {m.n_pre} "
            f"entries, more than {MAX_MATRIX}, because NIR has no node for it; use square "
            "kernels, padding that is the same on both sides, or smaller layers"
        )
    dense = m.weight if isinstance(m, Dense) else matrix(m).toarray()
    flat = [] if len(shape) == 1 else [_flatten(shape)]
    return [*flat, _affine(np.asarray(dense, np.float64), (m.n_post,), bias)]


def _affine(weight: AnyArray, shape: Shape, bias: FloatArray | None) -> nir.NIRNode:
    if bias is None:
        return nir.Linear(weight)
    return nir.Affine(weight, np.asarray(bias, np.float64).reshape(shape))


def _flatten(shape: Shape) -> nir.Flatten:
    return nir.Flatten({"input": np.array(shape)}, start_dim=0, end_dim=-1)


def _blocks(m: Sparse, shape: Shape) -> AnyArray | None:
    """Return weights [*shape[:-1], out, in] if the map treats each last dimension alone."""
    count = int(np.prod(shape[:-1]))
    if len(shape) == 1 or m.n_post % count:
        return None
    n_in, n_out = shape[-1], m.n_post // count
    entries = m.matrix.tocoo()
    rows, columns = entries.row, entries.col
    if (rows // n_out != columns // n_in).any():
        return None
    weight = np.zeros((count, n_out, n_in))
    weight[rows // n_out, rows % n_out, columns % n_in] = entries.data
    return weight.reshape(*shape[:-1], n_out, n_in)


def _image(m: Conv | Pool, shape: Shape) -> bool:
    """Whether NIR's own convolution or pooling of an image of this shape is the map."""
    line = m.in_shape[1] == m.out_shape[1] == 1
    if shape != m.in_shape and not (line and shape == (m.in_shape[0], m.in_shape[2])):
        return False
    if isinstance(m, Pool) and len(shape) == 3:
        made = window_counts(
            m.in_shape[1:], m.kernel, m.stride, [2 * pad for pad in m.padding], (1, 1)
        )
        return made == m.out_shape[1:]
    conv = pool_as_conv(m) if isinstance(m, Pool) else m
    if len(shape) == 3:
        square = _squared(conv)
        return square is not None and square.padded_evenly
    return conv.weight.shape[2] == 1 and conv.padded_evenly


def _squared(conv: Conv) -> Conv | None:
    """Return the convolution with a square kernel that is the same; None if there is
    none."""
    kernel = conv.weight.shape[2:]
    more = [(max(kernel) - k) for k in kernel]
    if any(m % 2 for m in more):
        return None
    half = [m // 2 for m in more]
    wide = np.pad(conv.weight, [(0, 0), (0, 0), (half[0],) * 2, (half[1],) * 2])
    padding = tuple(
        p + h * d for p, h, d in zip(conv.padding, half, conv.dilation, strict=True)
    )
    larger = conv.with_stored(wide)
    return Conv(
        larger.weight, conv.in_shape, conv.out_shape, conv.stride,
        (padding[0], padding[1]), conv.dilation, conv.groups,
    )  # fmt: skip


def _convolution(m: Conv | Pool, shape: Shape, bias: FloatArray | None) -> nir.NIRNode:
    conv = pool_as_conv(m) if isinstance(m, Pool) else m
    channels = conv.out_shape[0]
    add = np.zeros(channels) if bias is None else bias.reshape(channels, -1)[:, 0].copy()
    if len(shape) == 2:
        weight = ungrouped(conv)[:, :, 0]
        sizes = (conv.stride[1], conv.padding[1], conv.dilation[1])
        return nir.Conv1d(shape[1], weight, *sizes, groups=1, bias=add)
    square = _squared(conv) or conv
    return nir.Conv2d(
        shape[1:], ungrouped(square), square.stride, square.padding, square.dilation,
        groups=1, bias=add,
    )  # fmt: skip
