"""Samples in memory: whatever holds numbers -> plain arrays by name.

Tensors come to the host without their gradients, tables as their values; a pair is (x, y).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError

PAIR = ("x", "y")


def in_memory(samples: Any) -> Mapping[str, AnyArray]:
    """Return arrays by name: `samples` is a mapping, a pair (x, y), or x alone.

    Raises:
        InputError: Something in it is no array of numbers.
    """
    if isinstance(samples, Mapping):
        return {str(name): _plain(values, str(name)) for name, values in samples.items()}
    if isinstance(samples, tuple):
        if len(samples) != len(PAIR):
            raise InputError(
                f"a tuple of {len(samples)} is no samples; give (x, y), or x alone"
            )
        return {n: _plain(v, n) for n, v in zip(PAIR, samples, strict=True)}
    return {"x": _plain(samples, "x")}


def _plain(values: Any, name: str) -> AnyArray:
    """Return a tensor, table, list or array as an array."""
    if isinstance(values, np.ndarray):
        return values
    if hasattr(values, "detach"):
        values = values.detach().cpu().resolve_conj().numpy()
    elif hasattr(values, "to_numpy"):
        values = values.to_numpy()
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise _no_numbers(name, type(values).__name__) from error
    if array.dtype.kind not in "biuf":
        what = type(values).__name__
        raise _no_numbers(name, what if array.ndim == 0 else f"{what} of {array.dtype}")
    return array


def _no_numbers(name: str, what: str) -> InputError:
    return InputError(
        f"data: {name!r} is a {what}, but samples are arrays of numbers; give a NumPy "
        "array, a tensor, a table of numbers, a mapping of such by name, or a pair (x, y)"
    )
