"""A chain of maps with real factors -> one map of whole numbers, and what they are worth.

What lies between two quantizers is integer weights, sums and moves on one hand, and gains
on the other: weight scales, BatchNorm, the divisor of an average. Gains are pushed to the
end of the chain, where they become one real number per output: the unit of its sum.
"""

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray, FloatArray
from snn_deploy.errors import InputError
from snn_deploy.ir.linear import fold, matrix, pool_as_conv
from snn_deploy.ir.maps import Chain, Connection, Conv, Dense, Pool, Scale, Sparse

# Relative; by what shares such as 1/9 or 1/49, stored as float32, may miss whole multiples.
ROUNDING = 1e-5


def fold_whole(
    maps: tuple[Dense | Sparse | Conv | Pool | Scale, ...], scale: FloatArray
) -> tuple[Connection, FloatArray]:
    """Return the map of whole numbers, and the unit [n_post] of what it sums up.

    scale [n_pre]: what a level of the source is worth.

    Raises:
        InputError: Weights are no multiples of one number per output, or values of
            different scales are summed.
    """
    unit, whole = np.array(scale, np.float64), []
    for m in maps:
        if isinstance(m, Scale):
            unit = unit * m.factor
            continue
        counts, share = _whole_rows(m)
        unit = _summed_unit(counts, unit) * share
        whole.append(counts)
    folded = fold(Chain(tuple(whole), scale.size))
    return folded.with_stored(np.rint(folded.stored).astype(np.int64)), unit


def _whole_rows(m: Dense | Sparse | Conv | Pool) -> tuple[Connection, FloatArray]:
    """Return (whole, share [n_post]) such that m = share * whole, row by row."""
    if isinstance(m, Pool):
        area = m.kernel[0] * m.kernel[1] if m.average else 1
        conv = pool_as_conv(m)
        return conv.with_stored(np.ones_like(conv.weight)), np.full(m.n_post, 1.0 / area)
    if _is_whole(m.stored):
        return m, np.ones(m.n_post)
    rows = sp.csr_array(matrix(m))
    rows.eliminate_zeros()
    smallest = _per_row(np.minimum, np.abs(rows.data), rows)
    counts = rows.data / np.repeat(smallest, np.diff(rows.indptr))
    if not bool(np.allclose(counts, np.rint(counts), rtol=ROUNDING, atol=0.0)):
        raise InputError(
            "its weights are real numbers; quantize them (QuantLinear, QuantConv2d)"
        )
    whole = rows.copy()
    whole.data = np.rint(counts)
    return Sparse(whole), smallest


def _is_whole(values: AnyArray) -> bool:
    return bool((values == np.rint(values)).all())


def _summed_unit(m: Connection, unit: FloatArray) -> FloatArray:
    """Return the unit [n_post] of sums of values of the given units [n_pre]."""
    if bool((unit == unit[:1]).all()):
        return np.full(m.n_post, unit[0])
    rows = sp.csr_array(matrix(m))
    rows.eliminate_zeros()
    taken = unit[rows.indices]
    low, high = (_per_row(f, taken, rows) for f in (np.minimum, np.maximum))
    if bool((low != high).any()):
        raise InputError(
            "values of different scales are summed, as behind a BatchNorm or a scale per "
            "channel without a quantizer; put a QuantIdentity in between"
        )
    return low


def _per_row(choose: np.ufunc, values: FloatArray, rows: sp.csr_array) -> FloatArray:
    """Return the smallest or largest value of each row; 1 for a row without entries."""
    result = np.ones(rows.shape[0])
    filled = np.diff(rows.indptr) > 0
    if filled.any():
        result[filled] = choose.reduceat(values, rows.indptr[:-1][filled])
    return result
