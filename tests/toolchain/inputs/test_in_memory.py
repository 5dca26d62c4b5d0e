"""Samples in memory come as people hold them: tensors, lists, pairs, tables."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from snn_deploy.errors import InputError
from snn_deploy.inputs.in_memory import in_memory

X, Y = np.arange(24.0).reshape(2, 3, 4), np.array([1, 0])


class Table:
    """What a data frame offers of itself."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def to_numpy(self) -> Any:
        return self.values


@pytest.mark.parametrize(
    "samples",
    [
        X,
        X.tolist(),
        torch.tensor(X),
        torch.tensor(X, requires_grad=True),
        Table(X),
        {"x": torch.tensor(X)},
    ],
)
def test_values_are_those_that_were_given(samples: Any) -> None:
    found = in_memory(samples)
    assert list(found) == ["x"]
    np.testing.assert_array_equal(found["x"], X)


def test_a_pair_is_values_and_labels() -> None:
    for pair in ((X, Y), (torch.tensor(X), Y.tolist())):
        found = in_memory(pair)
        np.testing.assert_array_equal(found["x"], X)
        np.testing.assert_array_equal(found["y"], Y)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (None, "'x' is a NoneType, but samples are arrays"),
        ((X, Y, Y), r"a tuple of 3 is no samples; give \(x, y\)"),
        (SimpleNamespace(), "'x' is a SimpleNamespace"),
        ([[1.0], [1.0, 2.0]], "'x' is a list, but samples are arrays of numbers"),
        (["a", "b"], "'x' is a list of <U1"),
        (Table(np.array([["a"]], object)), "ndarray of object"),
        ({"x": X, "y": SimpleNamespace()}, "'y' is a SimpleNamespace"),
    ],
)
def test_what_holds_no_numbers_is_refused(samples: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        in_memory(samples)
