"""What an update costs: operations of a neuron's integer step, counted from the step.

The step runs once on things that only note what is done with them. Each + - * << >>,
comparison and intrinsic counts as one operation, as one microcode instruction would;
finding the level of a b-bit spike takes b comparisons and b subtractions on a core without
divider. What the chip's own instructions are is not published: the ratio of two counts is
our estimate of the ratio of two times, no more.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from snn_deploy.arrays import IntArray
from snn_deploy.neurons import MODELS
from snn_deploy.neurons.model import NeuronModel
from snn_deploy.neurons.multi_level import OFF

STOCK = "lif"  # the neuron that boards' times are of
ONCE = ("where", "decay", "wrap24", "sat24", "clip")  # intrinsics of one operation


def operations(model: NeuronModel, params: Mapping[str, IntArray]) -> Mapping[str, int]:
    """Return how often one update of `model` does each operation, by name.

    params: [n] of a population; they decide how wide a level is and whether slices are
    sent, nothing else.

    Raises:
        TypeError: The step branches, or calls what is no intrinsic of the arithmetic.
    """
    tally: Counter[str] = Counter()
    if not isinstance(model.step, FunctionType):
        raise TypeError(f"model {model.name!r}: its step is no plain function")
    known = _intrinsics(tally, params)
    step = FunctionType(model.step.__code__, {**model.step.__globals__, **known})
    step(*(_Noted(tally) for _ in range(len(model.states) + 1 + len(model.params))))
    return dict(tally)


def relative_operations(name: str, params: Mapping[str, IntArray]) -> float:
    """Return the operations of an update over those of `lif`; 1 for `lif` itself.

    name: key of MODELS.
    """
    if name == STOCK:
        return 1.0
    stock = sum(operations(MODELS[STOCK], {}).values())
    return sum(operations(MODELS[name], params).values()) / stock


def level_bits(params: Mapping[str, IntArray]) -> int:
    """Return the bits of the largest level that one step of these neurons can have; 0 for
    neurons without levels."""
    if "high" not in params:
        return 0
    largest = np.maximum(params["high"], -params["low"])
    floor, ceiling = params.get("floor", -OFF), params.get("ceiling", OFF)
    traced = (np.abs(floor) < OFF) & (np.abs(ceiling) < OFF)
    span = np.where(traced, np.subtract(ceiling, floor), OFF)
    return int(np.minimum(largest, span).max(initial=0)).bit_length()


def _intrinsics(
    tally: Counter[str], params: Mapping[str, IntArray]
) -> Mapping[str, Callable[..., Any]]:
    """Return what stands in for each intrinsic of the arithmetic."""
    bits = level_bits(params)
    slices = any(bool(np.any(params.get(p, 0))) for p in ("member", "plane"))
    costs: dict[str, dict[str, int]] = {name: {name: 1} for name in ONCE}
    costs["levels"] = {"compare": bits, "subtract": bits}
    costs["part"] = {"part": int(slices)}  # without slices a program has no such line

    def standing_in(cost: dict[str, int]) -> Callable[..., Any]:
        def note(*_: Any) -> _Noted:
            tally.update({name: n for name, n in cost.items() if n})
            return _Noted(tally)

        return note

    return {name: standing_in(cost) for name, cost in costs.items()}


def _noting(operation: str) -> Callable[..., "_Noted"]:
    def note(self: "_Noted", _: Any) -> "_Noted":
        self.tally[operation] += 1
        return _Noted(self.tally)

    return note


class _Noted:
    """A number whose value is of no interest: it notes each operation on it."""

    def __init__(self, tally: Counter[str]) -> None:
        self.tally = tally

    def __bool__(self) -> bool:
        raise TypeError("a neuron's step branches on a value; use `where`")

    __add__ = __radd__ = _noting("add")
    __sub__ = __rsub__ = _noting("subtract")
    __mul__ = __rmul__ = _noting("multiply")
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _noting("shift")
    __gt__ = __ge__ = __lt__ = __le__ = _noting("compare")
