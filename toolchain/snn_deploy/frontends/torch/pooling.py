"""Pooling of traced tensors: means, and the maximum of spikes, which is an OR.

An OR is a population of its own (one threshold over a sum), so on the chip it costs a step
of latency that the framework does not have; what it computes is exact.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from snn_deploy.arrays import FloatArray, frozen
from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.linear_nodes import MapPart
from snn_deploy.frontends.torch.session import Session
from snn_deploy.frontends.torch.signal import through
from snn_deploy.frontends.torch.tensor import Traced
from snn_deploy.ir.linear import apply, pool_as_conv
from snn_deploy.ir.maps import Conv, Pool, Scale
from snn_deploy.neurons import Lif


@dataclass(frozen=True)
class PoolWindow:
    """A sliding window over images [C, H, W], or lines [C, L] taken as [C, 1, L].

    Attributes:
        kernel: Size of the window, (y, x).
        stride: Values from one window to the next, (y, x).
        padding: Zeros (0 or more) in front of the image, (y, x); behind it too, or more
            where the last window reaches further (ceil_mode).
        dilation: Distance of neighbours within the window, (y, x); 1 if they touch.
        in_shape: Of the image, (C, H, W).
        out_shape: One value per window, (C, H', W').
        rank: Dimensions of the image without channels: 1 for lines, 2 for images.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    in_shape: tuple[int, int, int]
    out_shape: tuple[int, int, int]
    rank: int

    @staticmethod
    def of(
        kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool, shape: Any
    ) -> "PoolWindow":
        """Return the window of torch's pooling arguments on values of `shape`."""
        rank = len(shape) - 1
        if rank not in (1, 2):
            raise InputError(f"pooling takes [C, L] or [C, H, W], but gets {list(shape)}")
        image = (shape[0], 1, shape[1]) if rank == 1 else tuple(shape)
        k, p, d = (_pair(v, rank, o) for v, o in ((kernel, 1), (padding, 0), (dilation, 1)))
        s = k if stride is None or stride == [] else _pair(stride, rank, 1)
        size = [_size(image[1 + a], k[a], s[a], p[a], d[a], ceil) for a in (0, 1)]
        out = (image[0], size[0], size[1])
        return PoolWindow(k, s, p, d, (image[0], image[1], image[2]), out, rank)

    @property
    def result(self) -> tuple[int, ...]:
        """Shape of what leaves the window."""
        return self.out_shape if self.rank == 2 else (self.out_shape[0], self.out_shape[2])

    def sums(self) -> MapPart:
        """Return the map that adds up each window."""
        pool = Pool(
            self.kernel, self.in_shape, self.out_shape, self.stride, self.padding, False
        )
        if self.dilation == (1, 1):
            return pool
        conv = pool_as_conv(pool)
        return Conv(
            conv.weight, conv.in_shape, conv.out_shape, conv.stride, conv.padding,
            self.dilation, conv.groups,
        )  # fmt: skip

    def means(self) -> MapPart:
        """Return the map that takes the mean of each window, zeros around it included."""
        return Pool(
            self.kernel, self.in_shape, self.out_shape, self.stride, self.padding, True
        )

    def counts(self, padded: bool) -> FloatArray:
        """Return how many values torch counts in each window [n]."""
        pad = self.padding if padded else (0, 0)
        wide = tuple(s + 2 * p for s, p in zip(self.in_shape[1:], pad, strict=True))
        rest = tuple(p - q for p, q in zip(self.padding, pad, strict=True))
        shape = (self.in_shape[0], wide[0], wide[1])
        pool = Pool(
            self.kernel, shape, self.out_shape, self.stride, (rest[0], rest[1]), False
        )
        return np.asarray(apply(pool, np.ones((1, int(np.prod(shape)))))[0], np.float64)


def _pair(value: Any, rank: int, other: int) -> tuple[int, int]:
    values = tuple(value) if isinstance(value, list | tuple) else (value,) * rank
    values = values * rank if len(values) < rank else values
    return (other, int(values[0])) if rank == 1 else (int(values[0]), int(values[1]))


def _size(size: int, kernel: int, stride: int, pad: int, dilation: int, ceil: bool) -> int:
    """Return how many windows there are; with `ceil` the last may reach beyond, if it
    starts inside the image or the padding before it."""
    span = size + 2 * pad - dilation * (kernel - 1) - 1
    count = (span + stride - 1 if ceil else span) // stride + 1
    return count - 1 if ceil and (count - 1) * stride >= size + pad else count


def average(
    session: Session, x: Traced, window: PoolWindow, include_pad: bool, divisor: Any
) -> Traced:
    """Return the mean of each window as torch's average pooling takes it."""
    maps, area = session.maps, window.kernel[0] * window.kernel[1]
    counts = window.counts(include_pad)
    if divisor is not None:
        counts = np.full(counts.size, float(divisor))
    if bool((counts == area).all()):
        part = maps.once(("mean", window), window.means)
        return session.traced(through(maps, x.signal, part, window.result), x)
    part = maps.once(("sum", window), window.sums)
    scale = Scale(frozen(1.0 / counts))
    share = maps.once(("share", window, counts.tobytes()), lambda: scale)
    summed = through(maps, x.signal, part, window.result)
    return session.traced(through(maps, summed, share, window.result), x)


def any_spike(
    session: Session, x: Traced, window: PoolWindow, label: str, module: Any = None
) -> Traced:
    """Return the maximum of each window of spikes: 1 if one of them is, by a threshold."""
    if not x.signal.binary:
        session.refuse(
            f"{label!r} takes the maximum of values that are no spikes, which is not "
            "linear; put the pooling behind a layer of neurons, or use AvgPool2d"
        )
    part = session.maps.once(("sum", window), window.sums)
    summed = session.traced(through(session.maps, x.signal, part, window.result), x)
    return _threshold(session, summed, 0.5, label, module)


def both(session: Session, total: Traced) -> Traced:
    """Return 1 where a sum of two spikes is 2."""
    return _threshold(session, total, 1.5, "and", None)


def _threshold(
    session: Session, x: Traced, level: float, label: str, module: Any
) -> Traced:
    def make(shape: tuple[int, ...]) -> Lif:
        return Lif.of(int(np.prod(shape)), beta=0.0, threshold=level)

    out = (
        session.functional(label, x, make)
        if module is None
        else session.fire(module, x, make)
    )
    name = out.signal.terms[0].pre
    session.neutral.add(name)
    session.assume(
        "logic of spikes",
        f"{name!r} fires if a sum of spikes is above {level:g}",
        "exact; a layer of neurons of its own, one more step on the chip",
    )
    return out


def over_time(session: Session, x: Traced, *, mean: bool) -> Traced:
    """Return x [T, ...] or [B, T, ...] without its time dimension: a mean or sum over all
    steps, left to us."""
    lead = tuple(n for i, n in enumerate(x.lead) if i != x.time)
    steps = x.lead[x.time or 0]
    summed = replace(x.signal, summed=1 if mean else steps, binary=False)
    session.assume(
        "decoding",
        "the mean or sum over time at the end of forward is left out",
        "a network gives its output in every step; see --decode",
    )
    return Traced.of(session, summed, lead, None, True)
