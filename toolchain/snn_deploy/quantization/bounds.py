"""How far inputs, currents and membranes can go: interval analysis of one population.

Bounds assume every source sends its largest payload in every step, so they can never be
exceeded.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from snn_deploy.arrays import FloatArray
from snn_deploy.ir.linear import apply
from snn_deploy.ir.maps import Connection, Map
from snn_deploy.neurons import Lif, MultiLevel


def input_bounds(
    maps: Sequence[Map], highest: Sequence[float], lowest: Sequence[float], n: int
) -> tuple[FloatArray, FloatArray]:
    """Return (largest, smallest) summed input of each of n neurons in one step.

    highest, lowest: largest and smallest value a source of each map can send.
    """
    up, down = np.zeros(n), np.zeros(n)
    for m, high, low in zip(maps, highest, lowest, strict=True):
        ones = np.ones((1, m.n_pre))
        positive, negative = (apply(_part(m, sign), ones)[0] for sign in (1, -1))
        up += positive * max(high, 0.0) + negative * min(low, 0.0)
        down += negative * max(high, 0.0) + positive * min(low, 0.0)
    return up, down


def state_bounds(neuron: Lif, up: FloatArray, down: FloatArray) -> tuple[float, float]:
    """Return the magnitudes that gain * u and v can never exceed (inf if there are none).

    up, down: bounds of the summed input. The membrane after a step is at most the threshold
    (readouts: the steady state), before the reset it is one step's drive above that.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        high = _settled(np.maximum(up, 0), neuron.alpha) * neuron.gain
        low = _settled(np.minimum(down, 0), neuron.alpha) * neuron.gain
        drive_up, drive_down = high + neuron.bias, low + neuron.bias
        floor = _settled(np.minimum(drive_down, 0), neuron.beta)
        ceiling = _settled(np.maximum(drive_up, 0), neuron.beta)
    if neuron.spiking and neuron.reset == "zero":
        ceiling = np.minimum(ceiling, neuron.threshold + np.maximum(drive_up, 0))
    if isinstance(neuron, MultiLevel):  # one step's drive below the lowest membrane
        floor = np.maximum(floor, neuron.v_min + np.minimum(drive_down, 0))
    floor = np.minimum(floor, -np.abs(neuron.v0))
    current = max(_top(high), _top(low))
    return current, max(_top(ceiling), _top(floor))


def _settled(drive: FloatArray, keep: FloatArray) -> FloatArray:
    """Return what a leaky sum of a constant drive tends to; 0 stays 0 without a leak."""
    return np.where(drive == 0, 0.0, drive / (1.0 - keep))


def _top(values: FloatArray) -> float:
    return float(np.abs(values).max(initial=0.0))


def _part(m: Map, sign: int) -> Connection:
    """Return the map with only its positive (or only its negative) weights."""
    folded = _folded(m)
    return folded.with_stored(_clip(folded.stored, sign))


def magnitudes(m: Map) -> Connection:
    """Return the folded map with the magnitudes of its weights."""
    folded = _folded(m)
    return folded.with_stored(np.abs(folded.stored))


def _folded(m: Map) -> Connection:
    if not isinstance(m, Connection):
        raise TypeError(f"bounds need a folded map, not {type(m).__name__}")
    return m


def _clip(weight: FloatArray, sign: int) -> FloatArray:
    return np.maximum(weight, 0) if sign > 0 else np.minimum(weight, 0)


def measured(peaks: Mapping[str, float] | None, key: str, factor: float) -> float | None:
    """Return a peak of the calibration run times `factor`, None without one."""
    return None if peaks is None else peaks[key] * factor
