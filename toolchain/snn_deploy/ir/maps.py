"""Linear maps: what a projection does to the spikes of a population.

A map takes a vector of `n_pre` values to one of `n_post`, both flattened in C order
(channels
first for images: [C, H, W]). Float networks hold `Chain`s of maps as they stand in the
file; `normalize` folds each chain into one `Dense`, `Conv` or `Sparse`. Integer networks
hold the same three classes with integer weights. Every map can become a SciPy matrix: the
meaning against which folding is tested.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray


@dataclass(frozen=True, eq=False)
class Dense:
    """All-to-all: `weight` [n_post, n_pre], zeros included."""

    weight: AnyArray

    @property
    def n_pre(self) -> int:
        return int(self.weight.shape[1])

    @property
    def n_post(self) -> int:
        return int(self.weight.shape[0])


@dataclass(frozen=True, eq=False)
class Sparse:
    """A list of synapses: `matrix` [n_post, n_pre] in canonical CSR form (explicit zeros
    kept)."""

    matrix: sp.csr_array

    @property
    def n_pre(self) -> int:
        return int(self.matrix.shape[1])

    @property
    def n_post(self) -> int:
        return int(self.matrix.shape[0])


@dataclass(frozen=True, eq=False)
class Conv:
    """2-D cross-correlation as in PyTorch: out[o, y, x] = sum w[o, i, ky, kx] * in[i, ...].

    weight: [C_out, C_in / groups, K_y, K_x]. in_shape: (C_in, H, W). out_shape: (C_out, H',
    W').
    stride, padding, dilation: (y, x). `padding` is what is added on the top and on the
    left; bottom and right are padded by whatever `out_shape` needs (so "same" and cropped
    outputs are expressible). Conv1d is the case H = 1.
    """

    weight: AnyArray
    in_shape: tuple[int, int, int]
    out_shape: tuple[int, int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def n_pre(self) -> int:
        return int(np.prod(self.in_shape))

    @property
    def n_post(self) -> int:
        return int(np.prod(self.out_shape))


@dataclass(frozen=True, eq=False)
class Pool:
    """Pooling by sum (`average` False) or mean over the whole kernel, padding counted as
    zeros.

    in_shape (C, H, W), out_shape (C, H', W'); kernel, stride, padding: (y, x).
    """

    kernel: tuple[int, int]
    in_shape: tuple[int, int, int]
    out_shape: tuple[int, int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    average: bool

    @property
    def n_pre(self) -> int:
        return int(np.prod(self.in_shape))

    @property
    def n_post(self) -> int:
        return int(np.prod(self.out_shape))


@dataclass(frozen=True, eq=False)
class Scale:
    """Element-wise gain: `factor` [n]."""

    factor: AnyArray

    @property
    def n_pre(self) -> int:
        return int(self.factor.size)

    @property
    def n_post(self) -> int:
        return int(self.factor.size)


@dataclass(frozen=True, eq=False)
class Chain:
    """Maps applied one after the other, first to last; an empty chain is the identity on
    `n`."""

    maps: tuple["Dense | Sparse | Conv | Pool | Scale", ...]
    n: int  # values that enter the chain

    @property
    def n_pre(self) -> int:
        return self.n

    @property
    def n_post(self) -> int:
        return self.maps[-1].n_post if self.maps else self.n


Map: TypeAlias = Dense | Sparse | Conv | Pool | Scale | Chain
Connection: TypeAlias = Dense | Sparse | Conv
