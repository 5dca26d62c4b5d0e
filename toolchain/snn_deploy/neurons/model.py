"""What every integer neuron model states about itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class NeuronModel:
    """One integer neuron model: the single definition that every consumer reads.

    step: scalar or array function (*states, a, *params) -> (*states, payload); it uses only
    + - * << >>, comparisons and the intrinsics of the arithmetic. `a` is the summed input
    of the step. states, params: names in the order of the arguments.
    register_params: parameters as they are stored in a QuantPopulation; `prepare` turns
    those into the step's `params` (e.g. shifts the bias mantissa by its exponent).
    lava: name of the stock Lava process with exactly this behaviour, or None.
    """

    name: str
    step: Callable[..., Any]
    states: tuple[str, ...]
    params: tuple[str, ...]
    lava: str | None
