"""Functions that only move values: run once on indices, they tell where each value goes.

Values of all traced arguments are numbered; batch and time count as rows. What comes back
is looked at: the leading dimensions have to be rows again (all, merged, swapped, or those
of one step), and every row has to be moved alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from snn_deploy.arrays import AnyArray, FloatArray
from snn_deploy.frontends.torch.session import Session, arriving
from snn_deploy.frontends.torch.signal import (
    Signal,
    SignalConstant,
    increments,
    picked,
)
from snn_deploy.frontends.torch.tensor import Traced, traced_in


@dataclass(frozen=True)
class Rows:
    """Which rows (samples and steps) came back in front of a result.

    Attributes:
        lead: Sizes of the leading dimensions, which hold the rows.
        time: Which of them is time, 0 or 1; None if none is, or it is merged with the
            batch.
        at: The one step whose rows they are, from 0; None if all rows came back.
    """

    lead: tuple[int, ...]
    time: int | None
    at: int | None = None


def moved(session: Session, func: Any, args: Any, kwargs: Any) -> Any:
    """Return the traced result(s), or None if it is no moving of values within samples."""
    found = traced_in((args, kwargs))
    first = found[0]
    steps = _stacked(session, func, args, kwargs)
    if steps is not None:
        return steps
    if any(
        t.lead != first.lead
        or t.whole != first.whole
        or t.signal.summed != first.signal.summed
        for t in found
    ):
        return None
    made = _run(func, args, kwargs, found)
    if made is None:
        return None
    results = [
        _result(session, first, found, r.numpy() - 1) if torch.is_tensor(r) else r
        for r in (made if isinstance(made, list | tuple) else (made,))
    ]
    if any(r is None for r in results):
        return None
    if func.__name__ == "__iter__":
        return iter(results)
    return type(made)(results) if isinstance(made, list | tuple) else results[0]


def _run(func: Any, args: Any, kwargs: Any, found: list[Traced]) -> Any:
    """Run `func` on indices from 1 on, so that 0 is what padding puts in."""
    total, start = sum(t.signal.n for t in found), 1
    numbered: dict[int, Any] = {}
    for t in found:
        rows = int(np.prod(t.lead))
        index = start + np.arange(rows)[:, None] * total + np.arange(t.signal.n)
        numbered.setdefault(id(t), torch.from_numpy(index.reshape(t.shape)))
        start += t.signal.n

    def swap(v: Any) -> Any:
        if isinstance(v, Traced):
            return numbered[id(v)]
        if isinstance(v, Mapping):
            return {k: swap(x) for k, x in v.items()}
        return type(v)(swap(x) for x in v) if type(v) in (list, tuple) else v

    if func.__name__ == "__get__":
        return func(swap(args[0]))
    if func.__name__ == "__iter__":
        return list(swap(args[0]).unbind(0))
    try:
        return func(*swap(args), **swap(kwargs))
    except (RuntimeError, TypeError, ValueError):
        return None


def _result(session: Session, first: Traced, found: list[Traced], index: AnyArray) -> Any:
    total = sum(t.signal.n for t in found)
    told = _rows(first, index, total)
    if told is None:
        return None
    rows, place = told
    signal = _side_by_side(session, found)
    shape = index.shape[len(rows.lead) :]
    signal = picked(session.maps, signal, place, shape)
    if rows.at is None:
        return Traced.of(session, signal, rows.lead, rows.time, first.whole)
    return Traced.of(session, signal.seen(rows.at), rows.lead, None, False)


def _rows(x: Traced, index: AnyArray, total: int) -> tuple[Rows, AnyArray] | None:
    """Return which rows `index` has, and where in its sample each value comes from."""
    each = range(1, index.ndim + 1)
    found = {k: told for k in each if (told := _rows_of(x, index, total, k)) is not None}
    for k in (len(x.lead), *each):  # all rows first, in front as they were
        if k in found and found[k][0].at is None:
            return found[k]
    return next(iter(found.values()), None)  # of one step: the batch alone, no channel


def _rows_of(
    x: Traced, index: AnyArray, total: int, k: int
) -> tuple[Rows, AnyArray] | None:
    """Return the same if the first k dimensions of `index` are rows."""
    count = int(np.prod(index.shape[:k]))
    if count == 0:
        return None
    table = index.reshape(count, -1)
    padding = table < 0
    row = np.where(padding, -1, table // total).max(axis=1, initial=-1)
    place = np.where(padding, -1, table - row[:, None] * total)
    if (place >= total).any() or (place < -1).any() or (place != place[:1]).any():
        return None
    told = _which(x, row, index.shape[:k])
    return None if told is None else (told, place[0])


def _which(x: Traced, row: AnyArray, lead: tuple[int, ...]) -> Rows | None:
    count = int(np.prod(x.lead))
    everything = np.arange(count)
    if row.size == count and (row == everything).all():
        kept = lead == x.lead
        return Rows(lead, x.time if kept else None)
    if x.time is None or len(x.lead) != 2:
        return None
    grid = everything.reshape(x.lead)
    if row.size == count and (row == grid.T.ravel()).all() and lead == x.lead[::-1]:
        return Rows(lead, 1 - x.time)
    steps = grid if x.time == 0 else grid.T
    if row.size == steps.shape[1]:
        for at, one in enumerate(steps):
            if (row == one).all():
                return Rows(lead, None, at)
    return None


def _side_by_side(session: Session, found: list[Traced]) -> Signal:
    """Return one signal that holds the values of all, one after the other."""
    if len(found) == 1:
        return found[0].signal
    total, start = sum(t.signal.n for t in found), 0
    parts: list[Signal] = []
    for t in found:
        index = np.full(total, -1)
        index[start : start + t.signal.n] = np.arange(t.signal.n)
        signal = t.signal if t.whole else t.signal.kept()
        flat = replace(signal, shape=(t.signal.n,))
        parts.append(picked(session.maps, flat, index, (total,)))
        start += t.signal.n
    return Signal(
        (total,),
        tuple(term for p in parts for term in p.terms),
        _summed([c for p in parts for c in p.constants]),
        binary=all(t.signal.binary for t in found),
        summed=found[0].signal.summed,
    )


def _summed(constants: list[SignalConstant]) -> tuple[SignalConstant, ...]:
    by_step: dict[int, FloatArray] = {}
    for c in constants:
        by_step[c.first] = by_step.get(c.first, 0.0) + c.value
    return tuple(SignalConstant(value, first) for first, value in by_step.items())


def _stacked(session: Session, func: Any, args: Any, kwargs: Any) -> Any:
    """Return the whole sequence if what is stacked are the steps of one tensor in turn."""
    if func.__name__ != "stack" or not isinstance(args[0], list | tuple):
        return None
    items = list(args[0])
    dim = kwargs.get("dim", args[1] if len(args) > 1 else 0)
    if dim not in (0, 1) or not all(isinstance(t, Traced) and not t.whole for t in items):
        return None
    last = len(items) - 1
    if last < 1 or not _in_turn(items) or items[-1].signal.summed is not None:
        return None
    final = items[-1]
    lead = (len(items), *final.lead) if dim == 0 else (*final.lead, len(items))
    if len(lead) != 2:
        return None
    course = [item.signal.constant(k) for k, item in enumerate(items)]
    signal = replace(final.signal.seen(-last), constants=increments(course))
    return Traced.of(session, signal, lead, dim, True)


def _in_turn(items: list[Traced]) -> bool:
    """Whether item k is the last one as it was in step k."""
    last = len(items) - 1
    final = [w.key for w in arriving(items[-1].signal, last).wires]
    for k, item in enumerate(items):
        keys = [w.key for w in arriving(item.signal, k).wires]
        if keys not in (final, [key for key in final if key[1] <= k]):
            return False
    return bool(final)
