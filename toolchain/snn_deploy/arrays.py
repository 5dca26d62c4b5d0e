"""Types of arrays and shapes, and the helpers that need nothing but an array."""

from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
AnyArray: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]

A = TypeVar("A", bound=AnyArray)


def is_static(x: AnyArray) -> bool:
    """Whether x [N, T, ...] repeats its first step throughout."""
    return x.strides[1] == 0 or bool((x == x[:, :1]).all())


def frozen(array: A) -> A:
    """Return `array` itself, contiguous in C order and no longer writable."""
    result = np.ascontiguousarray(array) if not array.flags.c_contiguous else array
    result.setflags(write=False)
    return result  # type: ignore[return-value]
