"""Encoders: values -> what is fed in each step. One small function per code.

All take values [N, *shape] or [N, T, *shape] and return [N, T, *shape]. The range a code
needs is checked here, with the gain that would bring the values into it.
"""

from collections.abc import Sequence

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray
from snn_deploy.errors import InputError, option
from snn_deploy.options.inputs import InputOptions


def rate(values: AnyArray, steps: int, seed: Sequence[int]) -> AnyArray:
    """Return Bernoulli spikes [N, T, *shape], uint8: a spike with probability `values`.

    values: [N, T, *shape] in [0, 1], or a view that repeats one frame. Sample i is drawn
    with the seed [*seed, i], so that it does not depend on how many samples are read.
    As `rate` of snnTorch (Eshraghian et al. 2023, section III.A: a Bernoulli trial per
    step).
    """
    out = np.empty((len(values), steps, *values.shape[2:]), np.uint8)
    for i, sample in enumerate(values):
        generator = np.random.default_rng([*seed, i])
        np.less(generator.random(out.shape[1:]), sample, out=out[i], casting="unsafe")
    return out


def latency(values: AnyArray, steps: int) -> AnyArray:
    """Return one spike per value [N, T, *shape], uint8: at step round((1 - x)(T - 1)).

    values: [N, *shape] in [0, 1]; 0 gives no spike. Halves round to the even step. The
    linear code of snnTorch (`latency(linear=True, normalize=True)`; Eshraghian et al. 2023,
    section III.A), which lets small values fire last where we let 0 alone be silent.
    """
    when = np.rint((1.0 - values.astype(np.float64)) * (steps - 1)).astype(np.int64)
    out = np.zeros((len(values), steps, *values.shape[1:]), np.uint8)
    fires = (values > 0).astype(np.uint8)
    np.put_along_axis(out, when[:, None], fires[:, None], axis=1)
    return out


def delta(values: AnyArray, threshold: float) -> AnyArray:
    """Return changes [N, T, *shape], int8: +1 where a value rose by `threshold` or more
    since the step before, -1 where it fell by as much.

    values: [N, T, *shape]; before the first step all is 0. As `delta` of snnTorch
    (`off_spike=True`).
    """
    wide = values.astype(np.float64)
    change = np.diff(wide, axis=1, prepend=np.zeros_like(wide[:, :1]))
    up, down = change >= threshold, change <= -threshold
    signed: AnyArray = up.astype(np.int8) - down.astype(np.int8)
    return signed


def as_channels(signed: AnyArray, shape: tuple[int, ...]) -> AnyArray:
    """Return events [N, T, ...] of sign -1 and +1 as spikes [N, T, *shape], uint8: first
    all places for falls (OFF), then all for rises (ON)."""
    both = np.stack([signed < 0, signed > 0], axis=2).astype(np.uint8)
    return both.reshape(*signed.shape[:2], *shape)


def scaled(values: AnyArray, gain: float) -> AnyArray:
    """Return values x gain; the array itself if the gain is 1."""
    if gain == 1.0:
        return values
    wide: FloatArray = values * float(gain)
    return wide


def check_share(values: AnyArray, options: InputOptions, source: str) -> None:
    """Refuse values that are no probabilities or shares.

    Raises:
        InputError: One lies outside 0..1.
    """
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        return
    way_out = (
        "shift them to positive ones before saving"
        if low < 0
        else f"{option('gain', f'{options.gain / high:.9g}')} brings the largest to 1"
    )
    raise InputError(
        f"{source}: values from {low:g} to {high:g}, but "
        f"{option('encode', options.encode)} takes 0 to 1; {way_out}"
    )
