"""What every integer neuron model states about itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class NeuronModel:
    """One integer neuron model: the single definition that every consumer reads.

    A QuantPopulation stores the bias as bias_mant and bias_exp; the step takes it shifted.

    Attributes:
        name: Key in MODELS.
        step: Scalar or array function (*states, a, *params) -> (*states, payload); it uses
            only + - * << >>, comparisons and the intrinsics of the arithmetic. `a` is the
            summed input of the step.
        states: Names in the order of the arguments, "u" and "v" first.
        params: Names in the order of the arguments, "du", "dv" and "bias" first.
        lava: Name of the stock Lava process with exactly this behaviour; None if there is
            none.
    """

    name: str
    step: Callable[..., Any]
    states: tuple[str, ...]
    params: tuple[str, ...]
    lava: str | None
