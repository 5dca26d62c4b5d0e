"""How an input is fed: binary spikes, graded payloads, or a bias per sample."""

from collections.abc import Iterator, Mapping

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.network import Assumption, Input
from snn_deploy.ir.quant import QuantInput

PIECE = 1 << 22  # values that are looked at at once: 32 MB in float64; ours
PAYLOAD_BITS = 8  # Intel's brief calls 8 bits typical and 32 the most
WHOLE_BITS = 16  # of values that are whole numbers already


def quantize_input(
    port: Input, values: AnyArray | None, payload_bits_max: int
) -> tuple[QuantInput, Assumption]:
    """Return how `port` is fed on a chip whose spikes carry at most payload_bits_max bits.

    values: what will be fed (any shape), None if unknown. Binary if all non-zero values are
    one and the same positive number; else graded, with a power-of-two scale if that
    represents every value exactly.

    Raises:
        DoesNotFitError: The values are graded and the chip has binary spikes only.
    """
    name = f"coding of input {port.name!r}"
    if values is None:
        made = QuantInput(port.name, port.shape, 0, 1.0, port.lag)
        return made, Assumption(name, "binary spikes", "no data was given to look at")
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if low >= 0 and bool(((values == 0) | (values == high)).all()):
        made = QuantInput(port.name, port.shape, 0, 1.0 / high if high else 1.0, port.lag)
        return made, Assumption(name, "binary spikes", f"every value is 0 or {high:g}")
    bits = min(PAYLOAD_BITS, payload_bits_max)
    if bits < 2:
        raise DoesNotFitError(
            f"input {port.name!r}: its values are graded ({low:g} .. {high:g}), but the "
            "spikes of this target are binary; encode them as spikes or use a target with "
            "graded spikes (loihi2)"
        )
    if _is_whole(values):  # difference coding of 8-bit values needs 9 bits
        needed = int(max(high, -low)).bit_length() + (low < 0)
        bits = min(max(bits, needed), WHOLE_BITS, payload_bits_max)
    limit = (1 << bits) - 1 if low >= 0 else (1 << (bits - 1)) - 1
    scale = _exact_scale(values, limit) or limit / max(high, -low)
    made = QuantInput(port.name, port.shape, bits, scale, port.lag)
    return made, Assumption(
        name,
        f"graded spikes, {bits} bit, {scale:g} per unit",
        f"values from {low:g} to {high:g}"
        + (", all represented exactly" if _is_whole(values, scale) else ""),
    )


def is_binary(values: AnyArray | None) -> bool:
    """Whether these values can be fed as binary spikes (assumed of unknown ones)."""
    if values is None:
        return True
    high = values.max(initial=0)
    return bool(((values == 0) | (values == high)).all())


def input_error(port: QuantInput, values: Mapping[str, AnyArray]) -> tuple[float, float]:
    """Return the largest and the rms rounding error of the payloads, in units of the
    largest value."""
    x = values[port.name]
    top = max(-float(x.min(initial=0)), float(x.max(initial=0))) or 1.0
    largest, squares = 0.0, 0.0
    for piece in _pieces(x):
        wide = np.asarray(piece, np.float64)
        error = (np.rint(wide * port.scale) / port.scale - wide) / top
        largest = max(largest, float(np.abs(error).max(initial=0)))
        squares += float(np.mean(error**2)) * (piece.size / x.size)
    return largest, float(np.sqrt(squares))


def _exact_scale(values: AnyArray, limit: int) -> float | None:
    """Return the smallest power of two that makes every value a whole number within
    +-limit."""
    top = max(-float(values.min()), float(values.max()))
    scale = 1.0
    while top * scale <= limit:
        if _is_whole(values, scale):
            return scale
        scale *= 2
    return None


def _is_whole(values: AnyArray, scale: float = 1.0) -> bool:
    """Whether every value times `scale` is a whole number."""
    repeated = values.ndim > 1 and values.strides[1] == 0  # one frame, shown in every step
    seen = values[:, :1] if repeated else values
    return all(bool((x == np.rint(x)).all()) for x in (p * scale for p in _pieces(seen)))


def _pieces(values: AnyArray) -> Iterator[AnyArray]:
    """Yield `values` in pieces along the first axis, so that what is worked out of them
    stays small."""
    rows = max(1, PIECE * max(1, len(values)) // max(1, values.size))
    for start in range(0, len(values), rows):
        yield values[start : start + rows]
