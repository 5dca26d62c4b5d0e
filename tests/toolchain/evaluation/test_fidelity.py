"""The gap between two stages, worked out by hand, and against loops over all bins."""

import numpy as np
import pytest
from numpy.typing import NDArray

from snn_deploy.evaluation.fidelity import gap

STAGES = ("reference", "integer")


def test_the_gap_of_spikes_is_what_is_counted_by_hand() -> None:
    first = np.zeros((2, 3, 4), np.float32)
    second = np.zeros((2, 3, 4), np.int8)
    first[0, 1, :3] = 1  # three spikes
    second[0, 1, 1:3] = 1  # two of them
    second[1, 2, 0] = 1  # and one that nobody expects
    found = gap(first, second, STAGES, spiking=True)
    assert (found.first, found.second, found.values) == (*STAGES, 24)
    assert found.differing == 2
    assert found.loss == 2 / 4  # two of four are in one stage only
    assert (found.rate_first, found.rate_second) == (3 / 24, 3 / 24)
    assert (found.rate_error, found.rate_error_relative) == (0, 0)
    assert (found.sample, found.step) == (0, 1)


def test_a_payload_counts_as_so_many_spikes() -> None:
    first = np.array([[[5.0, 3.0, 0.0, -2.0]]])
    second = np.array([[[4, 3, 1, 2]]])
    found = gap(first, second, STAGES, spiking=True)
    assert found.differing == 3
    assert found.loss == (1 + 0 + 1 + 4) / (5 + 3 + 1 + 4)
    assert found.rate_error == pytest.approx((10 - 6) / 4)
    assert found.rate_error_relative == pytest.approx(4 / 6)


@pytest.mark.parametrize("seed", range(5))
def test_the_first_difference_is_the_earliest_step_and_its_first_sample(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = (rng.random((6, 30, 5)) < 0.3).astype(np.float32)
    second = np.where(rng.random(first.shape) < 0.01, 1 - first, first)
    found = gap(first, second, STAGES, spiking=True)
    places = [(t, n) for n in range(6) for t in range(30) if (first != second)[n, t].any()]
    assert (found.step, found.sample) == min(places)
    assert found.differing == int((first != second).sum())


def test_equal_outputs_have_no_gap_and_no_place() -> None:
    spikes = np.ones((2, 3, 4))
    found = gap(spikes, spikes.astype(np.int32), STAGES, spiking=True)
    assert (found.differing, found.loss, found.sample, found.step) == (0, 0, None, None)


def test_where_nothing_fires_nothing_can_be_lost() -> None:
    silent = np.zeros((2, 3, 4))
    found = gap(silent, silent, STAGES, spiking=True)
    assert (found.differing, found.loss, found.rate_error_relative) == (0, None, None)


def test_membranes_are_compared_by_their_size() -> None:
    first = np.array([[[3.0, 4.0]], [[0.0, 0.0]]])
    found = gap(first, first + 0.5, STAGES, spiking=False)
    assert found.loss == pytest.approx(0.5 / 2.5)  # rms of 3, 4, 0, 0 is 2.5
    assert (found.differing, found.rate_first, found.step) == (None, None, None)


def test_membranes_of_integers_are_compared_bit_by_bit() -> None:
    first: NDArray[np.int32] = np.array([[[30, 40]], [[0, 0]]], np.int32)
    second = first.copy()
    second[1, 0, 1] = 5
    found = gap(first, second, ("integer", "chip"), spiking=False)
    assert (found.differing, found.sample, found.step) == (1, 1, 0)
    assert found.loss == pytest.approx(2.5 / 25)
