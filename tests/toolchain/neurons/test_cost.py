"""Operations of an update, counted from the integer step itself."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from snn_deploy.neurons import MODELS
from snn_deploy.neurons.cost import level_bits, operations, relative_operations
from snn_deploy.neurons.multi_level import OFF


def levels(low: int, high: int, **values: int) -> dict[str, Any]:
    """Return the parameters that decide what a multi-level neuron costs."""
    given = {"floor": -OFF, "ceiling": OFF, "member": 0, "plane": 0, **values}
    params = {"low": low, "high": high, **given}
    return {k: np.full(3, v) for k, v in params.items()}


def test_operations_of_lif_are_those_read_off_its_four_lines() -> None:
    """u: du + 1, decay, a << 6, +, wrap; v: decay, + u, + bias, saturate; vth << 6, >; two
    choices."""
    assert operations(MODELS["lif"], {}) == {
        "add": 4,
        "shift": 2,
        "decay": 2,
        "wrap24": 1,
        "sat24": 1,
        "compare": 1,
        "where": 2,
    }


def test_a_level_of_b_bits_takes_b_comparisons_and_subtractions() -> None:
    model, stock = MODELS["multi_level"], sum(operations(MODELS["lif"], {}).values())
    for bits in range(1, 9):
        params = levels(0, (1 << bits) - 1)
        found = operations(model, params)
        assert level_bits(params) == bits
        assert found["compare"] == bits
        assert found["subtract"] - bits == 3  # two bounds of the total, and the reset
        assert relative_operations("multi_level", params) == sum(found.values()) / stock
        assert "part" not in found


@pytest.mark.parametrize(
    ("params", "bits"),
    [
        (levels(-1, 1), 1),
        (levels(-8, 7), 4),
        (levels(-(1 << 20), 1 << 20, floor=0, ceiling=15), 4),
        (levels(0, 3, floor=0, ceiling=15), 2),
        ({}, 0),
    ],
)
def test_bits_of_a_level(params: dict[str, Any], bits: int) -> None:
    assert level_bits(params) == bits


def test_slices_cost_one_line_more() -> None:
    plain, sliced = levels(0, 7), levels(0, 7, member=2)
    model = MODELS["multi_level"]
    more = sum(operations(model, sliced).values()) - sum(operations(model, plain).values())
    assert more == 1


def test_every_model_costs_as_much_as_lif_or_more() -> None:
    costs = {name: relative_operations(name, levels(0, 1)) for name in MODELS}
    assert costs.pop("lif") == 1.0
    assert len(costs) >= 3
    assert all(1 < cost < 3 for cost in costs.values())


def branching(u: Any, v: Any, a: Any, du: Any, dv: Any, bias: Any, vth: Any) -> Any:
    return (u, v, 1) if v > vth else (u, v, 0)


def foreign(u: Any, v: Any, a: Any, du: Any, dv: Any, bias: Any, vth: Any) -> Any:
    return u, np.clip(v, 0, 1), a


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (branching, "a neuron's step branches on a value; use `where`"),
        (foreign, "branches on a value"),
        (sum, "model 'odd': its step is no plain function"),
    ],
)
def test_steps_that_cannot_be_counted(step: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        operations(replace(MODELS["lif"], name="odd", step=step), {})
