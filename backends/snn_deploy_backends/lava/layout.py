"""Lava's order of neurons: images run x, y, channel, where ours run channel, y, x.

A population or input is an image only if a stock Conv touches it; everything else keeps
its order. All Lava processes here are flat; a Conv sees its ends reshaped to (W, H, C).
"""

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Connection, Conv
from snn_deploy.ir.quant import QuantNetwork, QuantProjection

CONV_LIMIT = 1 << 23  # Lava's Conv wraps its sums to 24 bits (proc/conv/models.py)
INT8_MAX = 127  # its geometry registers are int8

ImageShape = tuple[int, int, int]


def image_shapes(net: QuantNetwork) -> dict[str, ImageShape]:
    """Return (C, H, W) of every node that a stock Conv touches; the first Conv decides."""
    shapes: dict[str, ImageShape] = {}
    for p in net.projections:
        if isinstance(p.map, Conv) and _is_stock(net, p, p.map):
            ends = {p.pre: p.map.in_shape, p.post: p.map.out_shape}
            if all(shapes.get(name, shape) == shape for name, shape in ends.items()):
                shapes.update(ends)
    return shapes


def conv_kernel(
    net: QuantNetwork, p: QuantProjection, images: Mapping[str, ImageShape]
) -> Conv | None:
    """Return the Conv with Lava's kernel [C_out, K_x, K_y, C_in / groups]; None if Lava's
    Conv does not do this one. Lava convolves (ours correlates) and ignores exponents,
    which are folded into the kernel.
    """
    m = p.map
    if not isinstance(m, Conv) or not _is_stock(net, p, m):
        return None
    if images.get(p.pre) != m.in_shape or images.get(p.post) != m.out_shape:
        return None
    folded = _folded(m.weight, p.weight_exp)
    return m.with_stored(folded[:, :, ::-1, ::-1].transpose(0, 3, 2, 1))


def _folded(weight: AnyArray, exponent: int) -> AnyArray:
    """Return weight * 2**exponent, rounded down."""
    wide = weight.astype(np.int32)
    return wide << exponent if exponent >= 0 else wide >> -exponent


def _is_stock(net: QuantNetwork, p: QuantProjection, m: Conv) -> bool:
    """Whether Lava's Conv computes exactly this: in one step, with an exponent that its
    kernel can take in without rounding, sums that it does not wrap, and a geometry that it
    knows.
    """
    folded = _folded(m.weight, p.weight_exp)
    whole = p.weight_exp >= 0 or bool((folded << -p.weight_exp == m.weight).all())
    registers = (m.groups, *m.stride, *m.padding, *m.dilation, *m.weight.shape[2:])
    payload = 1 << net.payload_bits(p.pre) if p.payload_bits else 1
    largest = int(np.abs(folded.astype(np.int64)).sum(axis=(1, 2, 3)).max(initial=0))
    return (
        net.chip_delay(p) == 1
        and whole
        and m.padded_evenly
        and max(registers) <= INT8_MAX
        and largest * payload < CONV_LIMIT
    )


def lava_order(n: int, image: ImageShape | None) -> IntArray:
    """Return [n]: our index of the neuron at each Lava position."""
    ours = np.arange(n)
    return ours if image is None else ours.reshape(image).transpose(2, 1, 0).ravel()


def lava_matrix(m: Connection, pre: IntArray, post: IntArray) -> sp.csr_array:
    """Return the weights [n_post, n_pre] in Lava's order, canonical; stored zeros are
    dropped.
    """
    result = sp.csr_array(sp.csr_array(matrix(m))[post][:, pre])
    result.eliminate_zeros()
    result.sort_indices()
    return result
