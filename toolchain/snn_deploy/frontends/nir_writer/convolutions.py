"""Channels that are picked, placed or mixed are written as convolutions.

NIR can neither concatenate nor slice. A Network has both as lists of ones: `torch.cat` of
two branches is one projection per branch, each a list behind its layers that says where its
channels go, and a slice is a list in front of them. Where such a list treats every position
of an image alike, it is a kernel of one element, zero where no channel goes to another::

    conv -> list           the convolution, its other output channels with zero weights
    list -> conv           the convolution, its other input channels with zero weights
    pool -> list, list     a convolution of kernel 1, beside pooling or alone

All edges then end in the same neurons, where they add up. Weights stay what they are.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray, Shape, frozen
from snn_deploy.frontends.nir.linear_nodes import MapPart
from snn_deploy.ir.maps import Chain, Conv, Map, Pool, Scale, Sparse
from snn_deploy.ir.network import Network

_ImageShape: TypeAlias = tuple[int, int, int]


def with_kernels(net: Network) -> Network:
    """Return `net` with its lists of channels as convolutions; what it computes stays."""
    shapes = {p.name: _image(p.shape) for p in net.inputs}
    shapes |= {p.name: _image(p.shape) for p in net.populations}
    drawn = [
        replace(p, map=_written(p.map, shapes[p.pre], shapes[p.post]))
        for p in net.projections
    ]
    return replace(net, projections=tuple(drawn))


def ungrouped(conv: Conv) -> AnyArray:
    """Return the kernel [C_out, C_in, K_y, K_x] with zeros between the groups."""
    n_out, n_in = conv.out_shape[0] // conv.groups, conv.weight.shape[1]
    full = np.zeros((conv.out_shape[0], conv.in_shape[0], *conv.weight.shape[2:]))
    for g in range(conv.groups):
        outs = slice(g * n_out, (g + 1) * n_out)
        full[outs, g * n_in : (g + 1) * n_in] = conv.weight[outs]
    return full


def _image(shape: Shape) -> _ImageShape | None:
    """Return [C, H, W] of an image, or of a line as one of height 1; None of a vector."""
    if len(shape) == 3:
        return (shape[0], shape[1], shape[2])
    return (shape[0], 1, shape[1]) if len(shape) == 2 else None


def _written(m: Map, inside: _ImageShape | None, outside: _ImageShape | None) -> Map:
    """Return the map between images of these shapes, its lists as kernels where they are
    some."""
    parts = _picked_once(m.maps if isinstance(m, Chain) else (m,))
    kernels = [
        _kernel(part, _behind(parts[:i], inside), _ahead(parts[i + 1 :], outside))
        for i, part in enumerate(parts)
    ]
    if all(made is None for made in kernels):
        return m
    made = [part if k is None else k for part, k in zip(parts, kernels, strict=True)]
    return Chain(_joined(made), m.n_pre)


def _picked_once(parts: tuple[MapPart, ...]) -> tuple[MapPart, ...]:
    """Return the maps with lists in a row as one, where the later one only picks."""
    done: list[MapPart] = []
    for part in parts:
        last = done[-1] if done else None
        if isinstance(last, Sparse) and isinstance(part, Sparse) and _picks(part):
            both = sp.csr_array(part.matrix @ last.matrix)
            both.sort_indices()
            done[-1] = Sparse(both)
        else:
            done.append(part)
    return tuple(done)


def _picks(m: Sparse) -> bool:
    """Whether each value is one of those that enter, or 0."""
    most = int(np.diff(m.matrix.indptr).max(initial=0))
    return most <= 1 and bool((m.matrix.data == 1).all())


def _behind(parts: tuple[MapPart, ...], inside: _ImageShape | None) -> _ImageShape | None:
    """Return the image that comes out of the maps; None if it is not known to be one."""
    for part in reversed(parts):
        if not isinstance(part, Scale):
            return part.out_shape if isinstance(part, Conv | Pool) else None
    return inside


def _ahead(parts: tuple[MapPart, ...], outside: _ImageShape | None) -> _ImageShape | None:
    """Return the image that the maps take; None if it is not known to be one."""
    for part in parts:
        if not isinstance(part, Scale):
            return part.in_shape if isinstance(part, Conv | Pool) else None
    return outside


def _kernel(
    m: MapPart, inside: _ImageShape | None, outside: _ImageShape | None
) -> Conv | None:
    """Return the convolution with one kernel element that a list is, if it is one."""
    if not isinstance(m, Sparse) or inside is None or outside is None:
        return None
    if max(np.prod(inside[1:]), np.prod(outside[1:])) == 1:
        return None  # a matrix, and no image
    entries = m.matrix.tocoo()
    on = entries.data != 0
    rows, columns, values = entries.row[on], entries.col[on], entries.data[on]
    if m.n_pre == m.n_post and (rows == columns).all():
        return None  # a Scale, which has no zeros
    outs, ins = np.unravel_index(rows, outside), np.unravel_index(columns, inside)
    weight = np.zeros((outside[0], inside[0], 1, 1))
    weight[outs[0], ins[0], 0, 0] = values
    alike = bool((weight[outs[0], ins[0], 0, 0] == values).all())
    y, x = (_axis(outs[k], ins[k], outside[k], inside[k]) for k in (1, 2))
    if y is None or x is None or not alike:
        return None
    conv = Conv(
        frozen(weight), inside, outside, (y.stride, x.stride), (y.padding, x.padding)
    )
    everywhere = rows.size == np.count_nonzero(weight) * y.places * x.places
    return conv if everywhere and conv.padded_evenly else None


@dataclass(frozen=True)
class _Axis:
    """How a kernel of one element goes along one axis of an image.

    Attributes:
        places: Outputs whose input is inside of the image.
        stride: In input positions, 1 or more.
        padding: Zeros in front, 0 or more.
    """

    places: int
    stride: int
    padding: int


def _axis(out: AnyArray, into: AnyArray, size: int, size_before: int) -> _Axis | None:
    """Return the way that leads from each `into` to its `out`, positions of the synapses
    [synapses] on axes of these sizes; None if none does."""
    if out.size == 0:
        return _Axis(min(size, size_before), 1, 0)
    low, high = int(out.argmin()), int(out.argmax())
    far = int(out[high] - out[low])
    stride = int(into[high] - into[low]) // far if far else 1
    padding = int(out[low]) * stride - int(into[low])
    if stride < 1 or padding < 0 or (out * stride - padding != into).any():
        return None
    starts = np.arange(size) * stride - padding
    inside = (starts >= 0) & (starts < size_before)
    return _Axis(int(inside.sum()), stride, padding)


# --- kernels in a row -----------------------------------------------------------------


def _joined(parts: list[MapPart]) -> tuple[MapPart, ...]:
    """Return the maps with channels picked by the convolution in front or behind."""
    done: list[MapPart] = []
    for part in parts:
        both = _both(done[-1], part) if done else None
        if both is None:
            done.append(part)
        else:
            done[-1] = both
    return tuple(done)


def _both(first: MapPart, then: MapPart) -> Conv | None:
    """Return the convolution that both are, of which one only picks channels."""
    if not isinstance(first, Conv) or not isinstance(then, Conv):
        return None
    after, before = _picked_channels(then), _picked_channels(first)
    if after is not None and (np.count_nonzero(after, axis=1) <= 1).all():
        weight = np.tensordot(after, ungrouped(first), (1, 0))
        return Conv(
            frozen(weight), first.in_shape, then.out_shape,
            first.stride, first.padding, first.dilation,
        )  # fmt: skip
    if before is not None and (np.count_nonzero(before, axis=0) <= 1).all():
        weight = np.moveaxis(np.tensordot(ungrouped(then), before, (1, 0)), -1, 1)
        return Conv(
            frozen(weight), first.in_shape, then.out_shape,
            then.stride, then.padding, then.dilation,
        )  # fmt: skip
    return None


def _picked_channels(conv: Conv) -> AnyArray | None:
    """Return [C_out, C_in] of ones and zeros if that is all that it multiplies by."""
    alone = conv.weight.shape[2:] == (1, 1) and conv.groups == 1
    if not alone or (conv.stride, conv.padding) != ((1, 1), (0, 0)):
        return None
    table = conv.weight[:, :, 0, 0]
    return table if bool(((table == 0) | (table == 1)).all()) else None
