"""Intervals: what other samples of the same kind would give, at 95 %.

Means and percentiles by the bootstrap (percentiles of resampled values, seeded); shares by
Wilson's score interval, since resampling says nothing where every sample is right.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray

LEVEL = 0.95
Z = 1.959963984540054  # of a normal distribution at LEVEL, two-sided
RESAMPLES = 1000
BLOCK_VALUES = 1 << 22  # drawn at a time


def bootstrap(
    values: FloatArray, statistic: Callable[[AnyArray], AnyArray], seed: int
) -> tuple[float, float]:
    """Return the 95 % interval of `statistic` over samples `values` [N].

    statistic: takes [R, N], returns [R].
    """
    rng = np.random.default_rng(seed)
    per_block = max(1, min(RESAMPLES, BLOCK_VALUES // len(values)))
    drawn: list[AnyArray] = []
    while sum(map(len, drawn)) < RESAMPLES:
        wanted = min(per_block, RESAMPLES - sum(map(len, drawn)))
        picks = rng.integers(0, len(values), (wanted, len(values)))
        drawn.append(statistic(values[picks]))
    low, high = np.quantile(np.concatenate(drawn), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def mean_of(values: AnyArray) -> AnyArray:
    """Return the mean of each row, [R, N] -> [R]."""
    return np.asarray(values.mean(axis=-1))


def p95_of(values: AnyArray) -> AnyArray:
    """Return the 95th percentile of each row, [R, N] -> [R]: a value that occurs."""
    return np.asarray(np.quantile(values, 0.95, axis=-1, method="higher"))


def surely_below(share: float, hits: int, total: int) -> bool:
    """Return whether a share of `hits` in `total` is below `share` at 95 %: whether even
    the lower bound of the share of misses is above 1 - share."""
    low, _ = wilson(total - hits, total)
    return low > 1 - share


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of the share hits / total."""
    share, z2 = hits / total, Z * Z / total
    middle = (share + z2 / 2) / (1 + z2)
    half = sqrt(share * (1 - share) * z2 + z2 * z2 / 4) / (1 + z2)
    return max(0.0, middle - half), min(1.0, middle + half)
