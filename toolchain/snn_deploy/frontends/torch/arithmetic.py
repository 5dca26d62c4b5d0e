"""Sums and gains of traced tensors: what `+`, `-`, `*` and `/` make of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import torch

from snn_deploy.arrays import FloatArray
from snn_deploy.frontends.torch import pooling
from snn_deploy.frontends.torch.moving import moved
from snn_deploy.frontends.torch.session import Session
from snn_deploy.frontends.torch.signal import plus, shifted_by, through
from snn_deploy.frontends.torch.tensor import Traced

Function: TypeAlias = Callable[..., Any]


def value_like(x: Traced, other: Any) -> FloatArray | None:
    """Return a number or tensor as [n], broadcast to one step of one sample of x; None if
    it differs between samples or steps."""
    if not torch.is_tensor(other):
        return np.full(x.signal.n, float(other))
    array = other.detach().cpu().double().numpy()
    full = (*x.lead, *x.signal.shape)
    try:
        wide = np.broadcast_to(array, full).reshape(-1, x.signal.n)
    except ValueError:
        return None
    return wide[0].copy() if bool((wide == wide[:1]).all()) else None


def add(session: Session, x: Any, y: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    """x + alpha * y."""
    if alpha != 1:
        y = y * alpha
    if not isinstance(x, Traced):
        x, y = y, x
    if not isinstance(y, Traced):
        value = value_like(x, y)
        return None if value is None else session.traced(shifted_by(x.signal, value), x)
    if x.signal.summed != y.signal.summed:
        return None
    if x.signal.shape != y.signal.shape or x.whole != y.whole:
        return _add_broadcast(session, x, y)
    both = [t.signal if t.whole else t.signal.kept() for t in (x, y)]
    return session.traced(plus(both[0], both[1]), x if x.time is not None else y)


def _add_broadcast(session: Session, x: Traced, y: Traced) -> Any:
    if x.whole != y.whole or x.lead != y.lead:
        return None
    shape = np.broadcast_shapes(tuple(x.shape), tuple(y.shape))
    wide = [moved(session, lambda t: t.expand(shape), (t,), {}) for t in (x, y)]
    if any(t is None or t.signal.shape != wide[0].signal.shape for t in wide):
        return None
    return session.traced(plus(wide[0].signal, wide[1].signal), wide[0])


def mul(session: Session, x: Any, y: Any, *, out: Any = None) -> Any:
    """x * y, where only one of them is traced; or both are spikes (AND)."""
    if isinstance(x, Traced) and isinstance(y, Traced):
        if not (x.signal.binary and y.signal.binary and x.signal.shape == y.signal.shape):
            return None
        return pooling.both(session, add(session, x, y))
    if not isinstance(x, Traced):
        x, y = y, x
    factor = value_like(x, y)
    if factor is None:
        return None
    if bool((factor == 1).all()):
        return x
    scaled = through(session.maps, x.signal, session.maps.scale(factor), x.signal.shape)
    return session.traced(scaled, x)


def div(session: Session, x: Any, y: Any, *, rounding_mode: Any = None) -> Any:
    """x / y, where only x is traced."""
    if isinstance(y, Traced) or rounding_mode is not None:
        return None
    reciprocal = 1.0 / (y.double() if torch.is_tensor(y) else float(y))
    return mul(session, x, reciprocal)


def neg(session: Session, x: Any) -> Any:
    """-x."""
    return mul(session, x, -1.0)


def sub(session: Session, x: Any, y: Any, *, alpha: Any = 1) -> Any:
    """x - alpha * y; what is not a spike, 1 - y, is 0 or 1 as well."""
    minus = neg(session, y) if isinstance(y, Traced) else -y
    made = None if minus is None else add(session, x, minus, alpha=alpha)
    is_one = isinstance(x, int | float) and x == 1 and alpha == 1
    if made is not None and is_one and y.signal.binary:
        return session.traced(replace(made.signal, binary=True), made)
    return made


def in_place(function: Function) -> Function:
    """Return the form of a function that changes its first argument, whoever holds it."""

    def changed(session: Session, x: Any, *args: Any, **kwargs: Any) -> Any:
        made = function(session, x, *args, **kwargs)
        if made is None or not isinstance(x, Traced) or made.signal.shape != x.signal.shape:
            return None
        x.signal = made.signal
        return x

    return changed


def rsub(session: Session, x: Any, y: Any) -> Any:
    """y - x."""
    return sub(session, y, x)
