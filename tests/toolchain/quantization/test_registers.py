import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from snn_deploy.ir.quant import SignMode
from snn_deploy.quantization.registers import (
    WEIGHT_LIMITS,
    bias_registers,
    current_decay,
    few_groups,
    membrane_decay,
    needed_bits,
    store_weights,
)

EXPONENTS = range(-8, 8)
factors = arrays(np.float64, 5, elements=st.floats(0, 1))


@given(factors)
def test_decay_registers_are_the_nearest_of_4096(beta: np.ndarray) -> None:
    kept = (4096 - membrane_decay(beta)) / 4096
    assert np.abs(kept - beta).max() <= 0.5 / 4096
    du = current_decay(beta)
    assert du.min() >= 0
    assert du.max() <= 4095
    assert np.abs((4095 - du) / 4096 - np.minimum(beta, 4095 / 4096)).max() <= 0.5 / 4096


def test_no_memory_and_no_leak_are_exact() -> None:
    assert current_decay(np.array([0.0])) == 4095
    assert membrane_decay(np.array([1.0, 0.0])).tolist() == [0, 4096]


@given(arrays(np.float64, 6, elements=st.floats(-524_000, 524_000)))
def test_bias_is_rounded_by_at_most_half_a_step_of_its_exponent(bias: np.ndarray) -> None:
    mantissa, exponent = bias_registers(bias, 7)
    assert mantissa.min() >= -4096
    assert mantissa.max() <= 4095
    assert np.all(np.abs((mantissa << exponent) - bias) <= 0.5 * 2.0**exponent)
    unshifted = np.abs(bias) < 4095
    assert np.all(exponent[unshifted] == 0)


weights = arrays(np.float64, (4, 3), elements=st.floats(-300, 300, allow_subnormal=False))


@given(weights, st.integers(1, 8), st.sampled_from([1, -1, 0]))
def test_stored_weights_are_legal_and_nearest(w: np.ndarray, bits: int, sign: int) -> None:
    w = np.abs(w) * sign if sign else w
    stored = store_weights(w, bits, EXPONENTS)
    low, high = WEIGHT_LIMITS[stored.mode]
    integer = stored.integer.astype(int)
    assert integer.min() >= low
    assert integer.max() <= high
    step = 1 << (8 - bits + (stored.mode is SignMode.MIXED))
    assert np.all(integer % step == 0)
    clipped_low, clipped_high = -(-low // step) * step, high // step * step
    exact = w / 2.0**stored.exponent
    inside = (exact >= clipped_low) & (exact <= clipped_high)
    assert np.all(np.abs(integer - exact)[inside] <= step / 2 + 1e-9)
    assert stored.bits <= bits


def test_whole_numbers_are_stored_as_they_are() -> None:
    w = np.array([[-256.0, 2.0], [254.0, 0.0]])
    stored = store_weights(w, 8, range(0, 8))
    np.testing.assert_array_equal(stored.integer, w)
    assert (stored.exponent, stored.bits, stored.mode) == (0, 8, SignMode.MIXED)


@pytest.mark.parametrize(
    ("weight", "mode", "bits"),
    [
        ([2, -4], SignMode.MIXED, 8),
        ([8, -16], SignMode.MIXED, 6),
        ([3, 4], SignMode.EXCITATORY, 8),
        ([128, 0], SignMode.EXCITATORY, 1),
        ([0, 0], SignMode.EXCITATORY, 1),
    ],
)
def test_needed_bits_drops_common_zeros(
    weight: list[int], mode: SignMode, bits: int
) -> None:
    assert needed_bits(np.array(weight), mode) == bits


@given(arrays(np.int64, 30, elements=st.integers(0, 4096)), st.integers(5, 8))
def test_few_groups_leaves_few_values_near_the_old_ones(
    values: np.ndarray, limit: int
) -> None:
    result = few_groups(values, limit)
    assert len(np.unique(result)) <= limit
    assert np.all(result[values == 0] == 0)
    if len(np.unique(values)) <= limit and 0 not in values:
        np.testing.assert_array_equal(result, values)


def test_small_whole_numbers_keep_exponent_zero() -> None:
    stored = store_weights(np.array([1.0, 3.0]), 8, EXPONENTS)
    assert (stored.integer.tolist(), stored.exponent) == ([1, 3], 0)


@given(weights, st.integers(1, 8))
def test_dropping_zero_bits_changes_no_value(w: np.ndarray, bits: int) -> None:
    w = w / 1024
    stored = store_weights(w, bits, EXPONENTS)
    step = 1 << (8 - bits + (stored.mode is SignMode.MIXED))
    assert np.all(stored.integer % step == 0)
    if stored.exponent < 0 and stored.integer.any():
        assert np.any(stored.integer // step % 2)
