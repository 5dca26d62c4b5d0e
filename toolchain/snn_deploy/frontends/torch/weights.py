"""Weights of a module as maps: dense, convolution, and what the unit vectors tell."""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from snn_deploy.arrays import FloatArray, frozen
from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.linear_nodes import MapPart
from snn_deploy.frontends.torch.session import Session
from snn_deploy.frontends.torch.signal import shifted_by, through
from snn_deploy.frontends.torch.tensor import Traced
from snn_deploy.ir.maps import Conv, Dense, Sparse, window_counts

MAX_PROBED = 4096  # values; ours: so many unit vectors are run at once


def numbers(tensor: Any) -> FloatArray:
    """Return a parameter as float64."""
    return np.asarray(tensor.detach().cpu().double().numpy(), np.float64)


def affine(
    session: Session,
    x: Traced,
    part: MapPart,
    shape: tuple[int, ...],
    bias: FloatArray | None,
) -> Traced:
    """Return part(x) + bias [n] as `shape`."""
    signal = through(session.maps, x.signal, part, shape)
    return session.traced(signal if bias is None else shifted_by(signal, bias), x)


def dense(session: Session, x: Traced, weight: Any, bias: Any) -> Traced:
    """Return weight [out, in] times the last dimension of x, plus bias [out]."""
    n_out, n_in = weight.shape
    rest = x.signal.shape[:-1]
    if not x.signal.shape or x.signal.shape[-1] != n_in:
        raise InputError(
            f"{session.title}: a linear layer takes {n_in} values in the last dimension, "
            f"but gets {list(x.signal.shape)}; is the batch the first dimension of the "
            "sample input?"
        )
    copies = int(np.prod(rest))

    def make() -> MapPart:
        matrix = numbers(weight)
        if copies == 1:
            return Dense(frozen(matrix))
        return Sparse(sp.csr_array(sp.kron(sp.eye_array(copies), matrix, "csr")))

    part = session.maps.once(("dense", copies, content(weight)), make)
    add = None if bias is None else np.tile(numbers(bias), copies)
    return affine(session, x, part, (*rest, n_out), add)


def zeros_only(session: Session, module: Any) -> None:
    """Refuse a convolution that pads with anything else."""
    if module.padding_mode != "zeros":
        session.refuse(
            f"{session.name_of(module)!r} pads with {module.padding_mode!r}; only zeros "
            "are expressible, so use padding_mode='zeros'"
        )


def content(weight: Any) -> object:
    """Return what a weight is told by: its values, which a layer may compute anew in every
    step."""
    if isinstance(weight, torch.nn.Parameter):  # lives as long as its module
        return id(weight)
    return tuple(weight.shape), hashlib.sha256(numbers(weight).tobytes()).digest()


def convolution(
    session: Session,
    x: Traced,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Traced:
    """Return the convolution of x [C, L] or [C, H, W], as torch's conv1d and conv2d.

    weight: [C_out, C_in / groups, K] or [C_out, C_in / groups, K_y, K_x]; bias: [C_out].
    """
    shape, rank = x.signal.shape, weight.dim() - 2
    if len(shape) != rank + 1:
        raise InputError(
            f"{session.title}: a convolution takes {rank + 1} dimensions "
            f"per sample, but gets {list(shape)}; is the batch the first dimension of the "
            "sample input? Give one with sample_input.unsqueeze if forward takes none, and "
            "flatten from dimension 1 on"
        )
    image = (shape[0], 1, shape[1]) if rank == 1 else (shape[0], shape[1], shape[2])
    kernel = _pair(tuple(weight.shape[2:]), rank, 1)
    stride, dilation = _pair(stride, rank, 1), _pair(dilation, rank, 1)
    before, after = _padding(padding, kernel, dilation, rank)
    padding = [a + b for a, b in zip(before, after, strict=True)]
    size = window_counts(image[1:], kernel, stride, padding, dilation)
    out = (int(weight.shape[0]), size[0], size[1])

    def make() -> MapPart:
        kernels = numbers(weight)
        return Conv(
            frozen(kernels if rank == 2 else kernels[:, :, None, :]),
            image, out, stride, before, dilation, int(groups),
        )  # fmt: skip

    key = ("conv", image, stride, before, after, dilation, int(groups), content(weight))
    part = session.maps.once(key, make)
    each = None if bias is None else np.repeat(numbers(bias), size[0] * size[1])
    return affine(session, x, part, out if rank == 2 else (out[0], out[2]), each)


def normalized(
    session: Session, x: Traced, mean: Any, variance: Any, weight: Any, bias: Any,
    eps: float,
) -> Traced:  # fmt: skip
    """Return x [C, ...] normalized by the statistics of each channel, all [C]: a gain and a
    bias, which become part of the layer in front."""
    gain = 1.0 / np.sqrt(numbers(variance) + eps)
    if weight is not None:
        gain = gain * numbers(weight)
    shift = -numbers(mean) * gain
    if bias is not None:
        shift = shift + numbers(bias)
    each = x.signal.n // x.signal.shape[0]
    scale = session.maps.scale(np.repeat(gain, each))
    scaled = through(session.maps, x.signal, scale, x.signal.shape)
    return session.traced(shifted_by(scaled, np.repeat(shift, each)), x)


def _pair(value: Any, rank: int, other: int) -> tuple[int, int]:
    """Return a size as (y, x); with one dimension, y is `other`."""
    values = tuple(value) if isinstance(value, list | tuple) else (value,) * rank
    values = values * rank if len(values) < rank else values
    return (other, int(values[0])) if rank == 1 else (int(values[0]), int(values[1]))


def _padding(
    padding: Any, kernel: tuple[int, int], dilation: tuple[int, int], rank: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the zeros before and after, (y, x); 'same' puts the odd one after."""
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        low, high = [t // 2 for t in total], [t - t // 2 for t in total]
        return (low[0], low[1]), (high[0], high[1])
    both = _pair(padding, rank, 0)
    return both, both


def probe(
    session: Session, x: Traced, run: Callable[[Any], Any], key: object
) -> Traced | None:
    """Return an affine function of x, told from what it does to each unit vector.

    run: the function of a batch [N, *shape]. None if it is not affine or mixes samples.
    """
    n, shape = x.signal.n, x.signal.shape
    if n > MAX_PROBED:
        raise InputError(
            f"{session.title}: a function without a rule of its own gets {n} values, more "
            f"than the {MAX_PROBED} that are tried one by one; use Linear, Conv2d, "
            "AvgPool2d or a module of these"
        )
    with torch.no_grad():
        zero = run(torch.zeros((1, *shape), dtype=torch.float64))
        eye = run(torch.eye(n, dtype=torch.float64).reshape(n, *shape))
        mixed = torch.linspace(-1, 2, n, dtype=torch.float64)
        check = run(mixed.reshape(1, *shape))
    if eye.shape[:1] != (n,) or zero.shape[:1] != (1,):
        return None
    offset = zero.reshape(-1)
    weight = (eye.reshape(n, -1) - offset).T
    if not torch.allclose(check.reshape(-1), weight @ mixed + offset, rtol=1e-6, atol=1e-6):
        return None
    matrix = sp.csr_array(weight.numpy())
    part = session.maps.once(("probe", key, shape), lambda: Sparse(matrix))
    return affine(session, x, part, tuple(eye.shape[1:]), offset.numpy())
