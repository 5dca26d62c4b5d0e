"""Linear maps: what a projection does to the spikes of a population.

A map takes a vector of `n_pre` values to one of `n_post`, both flattened in C order
(channels first for images: [C, H, W]). Float networks hold `Chain`s of maps as they stand
in the file; `normalize` folds each chain into one `Dense`, `Conv` or `Sparse`. Integer
networks hold the same three classes with integer weights. Every map can become a SciPy
matrix: the meaning against which folding is tested.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray, frozen


@dataclass(frozen=True, eq=False)
class Dense:
    """All-to-all synapses.

    Attributes:
        weight: [n_post, n_pre], zeros included; integers (int16) in integer networks.
    """

    weight: AnyArray

    @property
    def n_pre(self) -> int:
        return int(self.weight.shape[1])

    @property
    def n_post(self) -> int:
        return int(self.weight.shape[0])

    @property
    def stored(self) -> AnyArray:
        """The weights that are kept, [n_post, n_pre]."""
        return self.weight

    def with_stored(self, weight: AnyArray) -> "Dense":
        """Return the map with other weights, in the shape of `stored`."""
        return Dense(frozen(weight))


@dataclass(frozen=True, eq=False)
class Sparse:
    """A list of synapses.

    Attributes:
        matrix: Weights, [n_post, n_pre], in canonical CSR form; explicit zeros are kept.
    """

    matrix: sp.csr_array

    @property
    def n_pre(self) -> int:
        return int(self.matrix.shape[1])

    @property
    def n_post(self) -> int:
        return int(self.matrix.shape[0])

    @property
    def stored(self) -> AnyArray:
        """The weights of the listed synapses, in the order of the list."""
        return np.asarray(self.matrix.data)

    def with_stored(self, weight: AnyArray) -> "Sparse":
        """Return the map with other weights, in the shape of `stored`."""
        m = self.matrix
        return Sparse(sp.csr_array((weight, m.indices, m.indptr), shape=m.shape))


class _Images:
    """What maps from images to images have in common."""

    in_shape: tuple[int, int, int]
    out_shape: tuple[int, int, int]

    @property
    def n_pre(self) -> int:
        return int(np.prod(self.in_shape))

    @property
    def n_post(self) -> int:
        return int(np.prod(self.out_shape))


@dataclass(frozen=True, eq=False)
class Conv(_Images):
    """2-D cross-correlation as in PyTorch: out[o, y, x] = sum w[o, i, ky, kx] * in[i, ...].

    Conv1d is the case H = 1.

    Attributes:
        weight: Kernel, [C_out, C_in / groups, K_y, K_x].
        in_shape: (C_in, H, W).
        out_shape: (C_out, H', W').
        stride: (y, x), in input positions.
        padding: (y, x): the zeros added on the top and on the left. Bottom and right are
            padded by whatever `out_shape` needs, so that "same" and cropped outputs are
            expressible.
        dilation: (y, x): input positions from one kernel element to the next.
        groups: Number of groups of channels that do not mix; it divides C_in and C_out.
    """

    weight: AnyArray
    in_shape: tuple[int, int, int]
    out_shape: tuple[int, int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def evenly(self) -> tuple[int, ...]:
        """(H', W') if bottom and right are padded as top and left are."""
        padding = [2 * pad for pad in self.padding]
        kernel = self.weight.shape[2:]
        return window_counts(self.in_shape[1:], kernel, self.stride, padding, self.dilation)

    @property
    def padded_evenly(self) -> bool:
        """Whether the padding on the bottom and right is that on the top and left."""
        return self.evenly == self.out_shape[1:]

    @property
    def stored(self) -> AnyArray:
        """The kernel, [C_out, C_in / groups, K_y, K_x]."""
        return self.weight

    def with_stored(self, weight: AnyArray) -> "Conv":
        """Return the map with another kernel, of any size."""
        return replace(self, weight=frozen(weight))


def window_counts(
    image: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> tuple[int, ...]:
    """Return the positions of a sliding kernel along each axis, as PyTorch counts them.

    Args:
        image: Size of the image along each axis, without padding.
        kernel: Elements of the kernel.
        stride: Input positions from one window to the next, at least 1.
        padding: Zeros on both sides together.
        dilation: Input positions from one kernel element to the next.
    """
    axes = zip(image, kernel, stride, padding, dilation, strict=True)
    return tuple((n + pad - d * (k - 1) - 1) // s + 1 for n, k, s, pad, d in axes)


@dataclass(frozen=True, eq=False)
class Pool(_Images):
    """Pooling by sum or mean over the whole kernel, padding counted as zeros.

    Attributes:
        kernel: (y, x), size of the window.
        in_shape: (C, H, W).
        out_shape: (C, H', W').
        stride: (y, x), in input positions.
        padding: (y, x): zeros, added as those of Conv are.
        average: Whether the mean is taken; the sum if False.
    """

    kernel: tuple[int, int]
    in_shape: tuple[int, int, int]
    out_shape: tuple[int, int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    average: bool


@dataclass(frozen=True, eq=False)
class Scale:
    """Element-wise gain.

    Attributes:
        factor: What each value is multiplied by, [n].
    """

    factor: AnyArray

    @property
    def n_pre(self) -> int:
        return int(self.factor.size)

    @property
    def n_post(self) -> int:
        return int(self.factor.size)


@dataclass(frozen=True, eq=False)
class Chain:
    """Maps applied one after the other; an empty chain is the identity.

    Attributes:
        maps: First to last; each takes what the one before gives.
        n: Values that enter the chain.
    """

    maps: tuple["Dense | Sparse | Conv | Pool | Scale", ...]
    n: int

    @property
    def n_pre(self) -> int:
        return self.n

    @property
    def n_post(self) -> int:
        return self.maps[-1].n_post if self.maps else self.n


Map: TypeAlias = Dense | Sparse | Conv | Pool | Scale | Chain
Connection: TypeAlias = Dense | Sparse | Conv
