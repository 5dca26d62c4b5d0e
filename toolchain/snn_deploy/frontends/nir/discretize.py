"""Discretize: a neuron node, in seconds -> a `Lif`, in steps.

All profiles are forward Euler here, since `corrections` has put those that are not into
such terms; they differ in the order of the update, in reset and threshold, and in how
exactly their numbers come back from the file. Gains of a synaptic
current go into `gain`, since the current is linear in its input.
"""

import math
from typing import Any

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, Shape
from snn_deploy.errors import option
from snn_deploy.frontends.nir.graph.graph import (
    MULTI_LEVEL,
    RESETTING,
    Node,
    above_threshold,
)
from snn_deploy.frontends.nir.linear_nodes import vector
from snn_deploy.frontends.nir.settled import Settings
from snn_deploy.neurons import Lif, MultiLevel

FLOAT32_NOISE = 1e-6  # relative; a dt this little above tau is equal to it
FLOAT64_NOISE = 1e-12


def discretize(node: Node, shape: Shape, settings: Settings, *, recurrent: bool) -> Lif:
    """Return the neurons of a node of this shape, flattened.

    recurrent: whether it is the framework's own recurrent layer (a loop through one linear
    node).

    Raises:
        InputError: dt is longer than a time constant, or r is infinite where tau is not.
    """
    n = math.prod(shape)
    if node.kind == "Threshold":
        threshold = vector(node, "threshold", shape)
        return Lif.of(n, beta=0.0, threshold=threshold, inclusive=settings.inclusive)
    values = membrane(node, shape, settings)
    if node.kind == MULTI_LEVEL:
        return _multi_level(node, n, values, settings)
    if node.kind in RESETTING:
        if settings.many or settings.floor != -math.inf:
            return _several(node, shape, settings, values)
        values |= firing(node, shape, settings, recurrent=recurrent)
    else:
        values |= {"spiking": False, "threshold": np.inf, "amount": 0.0}
    return Lif.of(n, v0=start(node, shape, settings), **values)


def _several(
    node: Node, shape: Shape, settings: Settings, values: dict[str, Any]
) -> MultiLevel:
    """Return neurons that send several spikes per step, or whose membranes have a floor."""
    threshold = vector(node, "v_threshold", shape)
    _check_threshold(node, threshold, np.zeros(threshold.shape), settings)
    return MultiLevel.of(
        math.prod(shape),
        threshold=threshold,
        high=np.inf if settings.many else 1.0,
        v_min=-threshold if settings.floor is None else settings.floor,
        v0=start(node, shape, settings),
        inclusive=settings.inclusive,
        **values,
    )


def _multi_level(
    node: Node, n: int, values: dict[str, Any], settings: Settings
) -> MultiLevel:
    """Return the neurons of a node that `gather` made; its membrane is measured from v0."""
    v0, own = node.real("v0"), ("threshold", "low", "high", "floor", "ceiling")
    values["bias"] = values.get("bias", 0.0) - (values["beta"] - 1.0) * v0
    levels = {key: node.real(key) for key in own}
    return MultiLevel.of(n, v0=v0, inclusive=settings.inclusive, **values, **levels)


def readout(n: int) -> Lif:
    """Return neurons that pass on their input of the step: v = x."""
    return Lif.of(n, beta=0.0, threshold=np.inf, amount=0.0, spiking=False)


def start(node: Node, shape: Shape, settings: Settings) -> FloatArray | float:
    """Return the membrane before the first step; 0 where the profile's key is no parameter,
    or at rest where 0 is no value below the threshold.

    A v_reset that the user overrides is no start either.
    """
    key = settings.profile.starts_at
    if above_threshold(node) and not node.has(key):
        return vector(node, "v_leak" if node.has("v_leak") else "v_reset", shape)
    if not node.has(key) or (key == "v_reset" and settings.reset != "v_reset"):
        return 0.0
    return vector(node, key, shape)


def membrane(node: Node, shape: Shape, settings: Settings) -> dict[str, Any]:
    """Return alpha, beta, gain and bias of a node with dynamics."""
    dt = settings.dt
    if dt is None:
        raise node.fail(f"the time step is not in the file; give {option('dt', 'SECONDS')}")
    r = vector(node, "r", shape)
    if node.values.get("integrator", node.kind) in ("I", "IF"):
        _check_finite(node, r)
        return {"beta": 1.0, "gain": _near_one(r * dt, settings.profile.rounding)}
    tau_key = "tau_mem" if node.kind.startswith("Cuba") else "tau"
    tau = vector(node, tau_key, shape)
    values = {
        "beta": decay(node, tau_key, tau, settings),
        "gain": drive(node, r, tau, settings),
        "bias": vector(node, "v_leak", shape) * (dt / tau),
    }
    if tau_key == "tau_mem":
        tau_syn, w_in = vector(node, "tau_syn", shape), vector(node, "w_in", shape)
        values["alpha"] = decay(node, "tau_syn", tau_syn, settings)
        values["gain"] = values["gain"] * drive(node, w_in, tau_syn, settings)
    return values


def decay(node: Node, key: str, tau: FloatArray, settings: Settings) -> FloatArray:
    """Return what is left after a step, 1 - dt/tau [n]; `key` names tau in messages."""
    dt = settings.dt or 0.0
    with np.errstate(over="ignore"):  # -inf is refused like any other below 0
        left: FloatArray = 1.0 - dt / tau
    if (left < -FLOAT32_NOISE).any():
        raise node.fail(
            f"{key} {tau.min():g} s is shorter than the time step {dt:g} s, so that a step "
            f"would turn the sign (1 - dt/tau = {left.min():.3g}); "
            f"give a {option('dt')} of at most {tau.min():g}"
        )
    left = np.maximum(left, 0.0)
    return _as_float32(left, tau) if settings.profile.float32 else left


def drive(node: Node, gain: FloatArray, tau: FloatArray, settings: Settings) -> FloatArray:
    """Return gain * dt/tau [n]: what an input of 1 adds in a step.

    Infinite gain and tau are how frameworks with unit gain write an integrator without
    leak.
    """
    endless = np.isinf(gain) & np.isinf(tau) & settings.profile.current_first
    _check_finite(node, gain[~endless])
    with np.errstate(invalid="ignore"):
        share = np.where(endless, 1.0, gain * ((settings.dt or 0.0) / tau))
    return _near_one(share, settings.profile.rounding)


def firing(
    node: Node, shape: Shape, settings: Settings, *, recurrent: bool
) -> dict[str, Any]:
    """Return threshold and reset of a node that fires."""
    profile, threshold = settings.profile, vector(node, "v_threshold", shape)
    as_in_file = settings.reset == "v_reset"
    v_reset = vector(node, "v_reset", shape) if as_in_file else np.zeros(threshold.shape)
    holds = profile.zero_holds and (node.kind == "CubaLIF" or recurrent)
    late = "subtract_late" if profile.late else "subtract"
    _check_threshold(node, threshold, v_reset, settings)
    forms = {"subtract": late, "none": "subtract"}  # nothing is taken off by "none"
    return {
        "threshold": threshold,
        "v_reset": v_reset,
        "amount": 0.0 if settings.reset == "none" else threshold,
        "reset": forms.get(settings.reset, "zero"),
        "inclusive": settings.inclusive,
        "hold": int(holds and settings.reset == "zero"),
    }


def _check_threshold(
    node: Node, threshold: FloatArray, v_reset: FloatArray, settings: Settings
) -> None:
    """Refuse a threshold that is not above where a spike leaves the membrane at least."""
    if (threshold > v_reset).all():
        return
    worst = int(np.argmin(threshold - v_reset))
    own, others = node.real("v_reset"), "correct it and export again"
    if settings.reset != "v_reset" and (node.real("v_threshold") > own).all():
        others = f"give {option('reset', 'v_reset')}, which is {own.min():g} in the file"
    raise node.fail(
        f"v_threshold {threshold[worst]:g} is not above {v_reset[worst]:g}, so that it "
        f"would fire for ever with reset {settings.reset!r}; {others}"
    )


def _check_finite(node: Node, gain: AnyArray) -> None:
    if not np.isfinite(gain).all():
        raise node.fail(
            "r or w_in is infinite, which means something only where a framework wrote it "
            "with an infinite tau; give a finite one, or "
            f"{option('profile', 'snntorch|spikingjelly')}"
        )


def _near_one(gain: FloatArray, rounding: float) -> FloatArray:
    """Return gains with those that are 1 but for rounding made 1."""
    return np.where(np.abs(gain - 1.0) <= rounding, 1.0, gain)


def _as_float32(left: FloatArray, tau: FloatArray) -> FloatArray:
    """Return the float32 decay from which tau was computed; as it is if that was none.

    A tau that is a float32 number was computed in float32, from a float32 decay. Otherwise
    it was computed in float64, so that a float32 decay comes back within float64 rounding.
    """
    with np.errstate(over="ignore"):  # beyond float32 is no float32 number
        nearest = left.astype(np.float32).astype(np.float64)
        computed_in_float32 = tau.astype(np.float32) == tau
    return np.where(
        computed_in_float32 | (np.abs(nearest - left) <= FLOAT64_NOISE), nearest, left
    )
