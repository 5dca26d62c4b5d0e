from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_deploy.conversion.integers.ann import SUM_LIMIT, bound
from snn_deploy.conversion.integers.units import HEAVIEST, Term, Wanted, on_eight_bits, snap
from snn_deploy.ir.maps import Dense

REACH = {"a": (-8, 7), "b": (0, 15)}
N = 6
factors = st.floats(1e-3, 1e3)


def wanted(*units: Any, scale: Any = 1.0, bias: float = 0.3, bits: Any = (8, 1)) -> Wanted:
    rng = np.random.default_rng(1)
    terms = []
    for name, unit, width in zip("ab", units, bits, strict=False):
        most = (1 << (width - 1)) - 1 if width > 1 else 1
        terms.append(
            Term(name, Dense(_weights(rng, most)), np.broadcast_to(unit, N).astype(float))
        )
    wide = None if scale is None else np.broadcast_to(scale, N).astype(float)
    return Wanted("x", (N,), tuple(terms), np.full(N, bias), wide, 0, 15)


def _weights(rng: Any, most: int) -> Any:
    weight = rng.integers(-most, most + 1, (N, 4))
    weight[0, 0] = most
    return weight


def real(layer: Any, i: int, unit: Any) -> Any:
    """Return what the layer's weights from source i are worth."""
    return layer.sources[i].map.stored * unit[:, None]


@given(factors, factors)
def test_one_unit_moves_only_the_scale_of_the_level(unit: float, level: float) -> None:
    layer, moved = snap(wanted(unit, scale=unit * 100 * level, bias=0.0), REACH)
    assert layer.theta is not None
    assert (layer.theta % 2 == 1).all()
    ones = layer.scale / layer.theta
    np.testing.assert_allclose(
        real(layer, 0, ones), wanted(1).terms[0].map.stored * unit, rtol=1e-9
    )
    assert moved.gain == pytest.approx(0.0, abs=1e-12)
    assert layer.scale[0] == pytest.approx((1 + moved.scale) * unit * 100 * level)
    reach = bound(layer, REACH | {"x": (0, 15)})
    assert reach < SUM_LIMIT or moved.finer == 1
    most = np.abs(wanted(1).terms[0].map.stored).max()
    finest = min(1 << 12, HEAVIEST / most, SUM_LIMIT * moved.finer / reach / 4)
    # The nearest odd number is at most one away.
    assert abs(moved.scale) <= max(0.0002, 1 / (100 * level * finest))


@given(
    st.lists(factors, min_size=N, max_size=N),
    st.lists(st.booleans(), min_size=N, max_size=N),
)
def test_units_per_channel_move_gains_and_keep_the_scale(
    units: list[float], signs: list[bool]
) -> None:
    unit = np.array(units) * np.where(signs, -1, 1) / 100
    layer, moved = snap(wanted(unit, scale=10.0), REACH)
    if np.ptp(np.abs(unit)) == 0:
        return
    assert layer.theta is not None
    assert (layer.scale == 10.0).all()
    got = real(layer, 0, layer.scale / layer.theta)
    asked = wanted(1).terms[0].map.stored * unit[:, None]
    np.testing.assert_allclose(got, asked, rtol=moved.gain * 1.01 + 1e-12)


def test_two_terms_share_a_unit_within_a_percent_and_in_eight_bits() -> None:
    layer, moved = snap(wanted(0.013, 0.2718, scale=4.0), REACH)
    assert moved.gain <= 0.01
    ratio = layer.sources[1].map.stored.max() / layer.sources[0].map.stored.max() * 127
    assert ratio == pytest.approx(0.2718 / 0.013, rel=0.011)
    for s in layer.sources:
        peak = int(np.abs(s.map.stored).max())
        assert peak // (peak & -peak) <= 127  # eight bits times a power of two


@given(st.floats(0.01, 1.0))
def test_small_weights_take_a_multiple_that_fits_the_units_of_both_terms(
    ratio: float,
) -> None:
    made = wanted(1.0, ratio, scale=40.0, bits=(3, 3))
    layer, moved = snap(made, REACH)
    # Weights up to 3 take factors up to 42, and fractions of those are 1/42 apart near 1.
    assert moved.gain <= 1 / 82
    for s in layer.sources:
        peak = int(np.abs(s.map.stored).max())
        assert peak // (peak & -peak) <= 127  # eight bits times a power of two


def test_a_channel_without_gain_keeps_its_bias_alone() -> None:
    unit = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    layer, _ = snap(wanted(unit, scale=1.0, bias=2.2), REACH)
    assert layer.theta is not None
    assert not layer.sources[0].map.stored[0].any()
    assert layer.sources[0].map.stored[1:].any()
    np.testing.assert_allclose(layer.bias / layer.theta, 2.2, rtol=0.02)


def test_coarse_weights_get_a_finer_grid_until_sums_fill_24_bits() -> None:
    fine, moved = snap(wanted(0.1, scale=0.4, bits=(3,)), REACH)
    assert moved.finer > 1
    assert abs(moved.scale) <= 0.0002
    _, tight = snap(wanted(0.1, scale=0.4, bits=(3,)), {"a": (-(1 << 16), 1 << 16)})
    assert tight.finer < moved.finer
    assert bound(fine, REACH | {"x": (0, 15)}) < SUM_LIMIT


def test_weights_beyond_eight_bits_are_told_from_those_on_eight() -> None:
    fine, _ = snap(wanted(0.013, 0.2718, scale=4.0), REACH)
    wide, moved = snap(wanted(0.013, 0.2718, scale=4.0, bits=(8, 8)), REACH)
    assert on_eight_bits(fine)
    assert not on_eight_bits(wide)
    assert moved.gain <= 0.0125


def test_a_readout_keeps_its_unit() -> None:
    layer, moved = snap(wanted(0.25, scale=None), REACH)
    assert layer.theta is None
    assert moved.scale == 0.0
    np.testing.assert_allclose(layer.scale * moved.finer, 0.25)
