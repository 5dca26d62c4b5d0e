"""What maps mean: apply one to values, turn one into a matrix, compose two into one.

`apply` and `matrix` are two independent readings of the same definition (PyTorch's
cross-correlation and pooling, zeros outside the image); the tests hold them against each
other and against PyTorch.
"""

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray, IntArray, frozen
from snn_deploy.ir.maps import Chain, Connection, Conv, Dense, Map, Pool, Scale, Sparse


def apply(m: Map, x: AnyArray) -> AnyArray:
    """Return the map of x [N, n_pre] as [N, n_post], in the common type of both."""
    match m:
        case Dense():
            return x @ m.weight.T
        case Sparse():
            return np.asarray((m.matrix @ x.T).T)
        case Scale():
            return x * m.factor
        case Conv():
            return _apply_conv(m, x)
        case Pool():
            return _apply_conv(pool_as_conv(m), x)
        case Chain():
            for part in m.maps:
                x = apply(part, x)
            return x


def shift(total: IntArray, exponent: int) -> IntArray:
    """Return total * 2**exponent, rounded down: the weight exponent after accumulation."""
    return total << exponent if exponent >= 0 else total >> -exponent


def matrix(m: Map) -> sp.csr_array:
    """Return the map as a sparse matrix [n_post, n_pre]; stored zero weights stay
    stored."""
    match m:
        case Dense():
            rows, columns = np.indices(m.weight.shape)
            entries = (m.weight.ravel(), (rows.ravel(), columns.ravel()))
            return sp.csr_array(sp.coo_array(entries, shape=m.weight.shape))
        case Sparse():
            return m.matrix
        case Scale():
            return sp.csr_array(sp.diags_array(m.factor))
        case Conv():
            return _conv_matrix(m)
        case Pool():
            return _conv_matrix(pool_as_conv(m))
        case Chain():
            total = sp.csr_array(sp.eye_array(m.n))
            for part in m.maps:
                total = sp.csr_array(matrix(part) @ total)
            return total


def pool_as_conv(pool: Pool) -> Conv:
    """Return the depthwise convolution that a pooling is."""
    ky, kx = pool.kernel
    channels = pool.in_shape[0]
    value = 1.0 / (ky * kx) if pool.average else 1.0
    return Conv(
        weight=frozen(np.full((channels, 1, ky, kx), value)),
        in_shape=pool.in_shape,
        out_shape=pool.out_shape,
        stride=pool.stride,
        padding=pool.padding,
        groups=channels,
    )


def fold(chain: Map) -> Connection:
    """Compose all maps of `chain` into one Dense, Conv or Sparse that means the same.

    A convolution stays one wherever that is exact; a Dense anywhere in the chain makes a
    Dense; everything else becomes Sparse.
    """
    if not isinstance(chain, Chain):
        return _single(chain)
    if not chain.maps:
        return Sparse(sp.csr_array(sp.eye_array(chain.n)))
    total: Map = chain.maps[0]
    for part in chain.maps[1:]:
        total = compose(total, part)
    return _single(total)


def compose(first: Map, then: Map) -> Map:
    """Return one map that does `first`, then `then`."""
    first, then = (pool_as_conv(m) if isinstance(m, Pool) else m for m in (first, then))
    result: Map | None = None
    if isinstance(first, Scale) and isinstance(then, Scale):
        result = Scale(frozen(first.factor * then.factor))
    elif isinstance(then, Scale):
        result = _scale_rows(first, then.factor)
    elif isinstance(first, Scale):
        result = _scale_columns(then, first.factor)
    elif isinstance(first, Conv) and isinstance(then, Conv):
        result = _compose_convs(first, then)
    if result is not None:
        return result
    product = matrix(then) @ matrix(first)
    if isinstance(first, Dense) or isinstance(then, Dense):
        return Dense(frozen(product.toarray()))
    return Sparse(_canonical(product))


def _single(m: Map) -> Connection:
    match m:
        case Pool():
            return pool_as_conv(m)
        case Dense() | Conv() | Sparse():
            return m
        case _:
            return Sparse(_canonical(matrix(m)))


def _canonical(m: sp.csr_array) -> sp.csr_array:
    result = sp.csr_array(m)
    result.sum_duplicates()
    result.sort_indices()
    return result


def _scale_rows(m: Map, factor: AnyArray) -> Map | None:
    if isinstance(m, Dense):
        return Dense(frozen(m.weight * factor[:, None]))
    if isinstance(m, Conv):
        channel = _per_channel(factor, m.out_shape[0])
        if channel is not None:
            return m.with_stored(m.weight * channel[:, None, None, None])
    return None


def _scale_columns(m: Map, factor: AnyArray) -> Map | None:
    if isinstance(m, Dense):
        return Dense(frozen(m.weight * factor[None, :]))
    if isinstance(m, Conv):
        channel = _per_channel(factor, m.in_shape[0])
        if channel is not None and m.groups == 1:
            return m.with_stored(m.weight * channel[None, :, None, None])
        if channel is not None and m.weight.shape[1] == 1:
            repeats = m.out_shape[0] // m.groups
            return m.with_stored(
                m.weight * np.repeat(channel, repeats)[:, None, None, None]
            )
    return None


def _per_channel(factor: AnyArray, channels: int) -> AnyArray | None:
    """Return the factor of each channel, or None if it varies within one."""
    table = factor.reshape(channels, -1)
    return table[:, 0] if bool((table == table[:, :1]).all()) else None


def _compose_convs(first: Conv, then: Conv) -> Conv | None:
    """Return the convolution that both are in a row, or None if there is none."""
    if first.dilation != (1, 1) or then.dilation != (1, 1):
        return None
    if not all(_padding_stays_zero(first, then, axis) for axis in (0, 1)):
        return None
    depthwise = first.groups == then.groups == first.in_shape[0] == then.out_shape[0]
    if depthwise:
        pairs = zip(first.weight[:, None], then.weight[:, None], strict=True)
        weight = np.concatenate([_merge_kernels(a, b, first.stride) for a, b in pairs])
    else:
        weight = _merge_kernels(_ungroup(first), _ungroup(then), first.stride)
    return Conv(
        weight=frozen(weight),
        in_shape=first.in_shape,
        out_shape=then.out_shape,
        stride=(first.stride[0] * then.stride[0], first.stride[1] * then.stride[1]),
        padding=(
            first.padding[0] + then.padding[0] * first.stride[0],
            first.padding[1] + then.padding[1] * first.stride[1],
        ),
        groups=first.groups if depthwise else 1,
    )


def _padding_stays_zero(first: Conv, then: Conv, axis: int) -> bool:
    """Whether positions outside the intermediate image, where `then` reads zeros, would
    also be zero if `first` were computed there."""
    size, middle = first.in_shape[1 + axis], first.out_shape[1 + axis]
    kernel, stride, pad = (
        first.weight.shape[2 + axis],
        first.stride[axis],
        first.padding[axis],
    )
    lowest = -then.padding[axis]
    last_out = then.out_shape[1 + axis] - 1
    highest = (
        last_out * then.stride[axis] - then.padding[axis] + then.weight.shape[2 + axis] - 1
    )
    below_ok = lowest >= 0 or -stride - pad + kernel - 1 < 0
    above_ok = highest < middle or middle * stride - pad >= size
    return below_ok and above_ok


def _merge_kernels(a: AnyArray, b: AnyArray, stride: tuple[int, int]) -> AnyArray:
    """Return the kernel [O, I, ...] of a [M, I, ...] followed by b [O, M, ...]."""
    (ay, ax), (by, bx) = a.shape[2:], b.shape[2:]
    height, width = ay + (by - 1) * stride[0], ax + (bx - 1) * stride[1]
    merged = np.zeros((b.shape[0], a.shape[1], height, width), np.result_type(a, b))
    for y, x in np.ndindex(by, bx):
        top, left = y * stride[0], x * stride[1]
        merged[:, :, top : top + ay, left : left + ax] += np.einsum(
            "om,miyx->oiyx", b[:, :, y, x], a
        )
    return merged


def _ungroup(conv: Conv) -> AnyArray:
    """Return the kernel [C_out, C_in, K_y, K_x] with zeros between the groups."""
    if conv.groups == 1:
        return conv.weight
    full = np.zeros((conv.out_shape[0], conv.in_shape[0], *conv.weight.shape[2:]))
    full = full.astype(conv.weight.dtype)
    n_out, n_in = conv.out_shape[0] // conv.groups, conv.weight.shape[1]
    for g in range(conv.groups):
        outs, ins = slice(g * n_out, (g + 1) * n_out), slice(g * n_in, (g + 1) * n_in)
        full[outs, ins] = conv.weight[outs]
    return full


def taps(conv: Conv) -> Iterator[tuple[int, int, slice, slice, slice, slice]]:
    """Yield (ky, kx, rows out, columns out, rows in, columns in) of each kernel element.

    The slices are those output and input positions that the element joins; elements that
    join nothing are left out.
    """
    for ky, kx in np.ndindex(*conv.weight.shape[2:]):
        y = _span(conv, 0, ky)
        x = _span(conv, 1, kx)
        if y and x:
            yield ky, kx, y[0], x[0], y[1], x[1]


def _span(conv: Conv, axis: int, k: int) -> tuple[slice, slice] | None:
    """Return the output and the input positions along one axis that kernel element k
    joins."""
    stride = conv.stride[axis]
    offset = k * conv.dilation[axis] - conv.padding[axis]
    low = max(0, -(offset // stride)) if offset < 0 else 0
    high = min(
        conv.out_shape[1 + axis], (conv.in_shape[1 + axis] - 1 - offset) // stride + 1
    )
    if high <= low:
        return None
    first = low * stride + offset
    return slice(low, high), slice(first, first + (high - low - 1) * stride + 1, stride)


def _apply_conv(conv: Conv, x: AnyArray) -> AnyArray:
    image = x.reshape(-1, *conv.in_shape)
    out = np.zeros((len(image), *conv.out_shape), np.result_type(x, conv.weight))
    n_out, n_in = conv.out_shape[0] // conv.groups, conv.weight.shape[1]
    for ky, kx, y_out, x_out, y_in, x_in in taps(conv):
        for g in range(conv.groups):
            outs, ins = slice(g * n_out, (g + 1) * n_out), slice(g * n_in, (g + 1) * n_in)
            part = np.tensordot(
                image[:, ins, y_in, x_in], conv.weight[outs, :, ky, kx], (1, 1)
            )
            out[:, outs, y_out, x_out] += np.moveaxis(part, -1, 1)
    return out.reshape(len(image), -1)


def _conv_matrix(conv: Conv) -> sp.csr_array:
    index_in = np.arange(conv.n_pre).reshape(conv.in_shape)
    index_out = np.arange(conv.n_post).reshape(conv.out_shape)
    n_out, n_in = conv.out_shape[0] // conv.groups, conv.weight.shape[1]
    rows, columns, values = [], [], []
    for ky, kx, y_out, x_out, y_in, x_in in taps(conv):
        for o in range(conv.out_shape[0]):
            ins = slice(o // n_out * n_in, (o // n_out + 1) * n_in)
            source = index_in[ins, y_in, x_in]
            target = np.broadcast_to(index_out[o, y_out, x_out], source.shape)
            weight = np.broadcast_to(conv.weight[o, :, ky, kx][:, None, None], source.shape)
            rows.append(target.ravel())
            columns.append(source.ravel())
            values.append(weight.ravel())
    if not rows:
        return sp.csr_array((conv.n_post, conv.n_pre), dtype=conv.weight.dtype)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return _canonical(sp.csr_array(sp.coo_array(entries, shape=(conv.n_post, conv.n_pre))))
