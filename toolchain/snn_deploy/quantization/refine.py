"""Refine: quantize again with wider weights where it matters, until predictions agree.

Eight bits are not enough for every trained network: where two outputs are nearly tied,
rounding flips the answer. A synapse can be stored twice, coarse and fine, which costs
memory and synaptic operations. This pass widens the projection that buys the most agreement
with the float network, again and again; where no single one helps it widens all, then takes
back every one that is not needed. What it bought is recorded as an Assumption. Whether it
is called for at all is decided before, on an interval (`evaluation/simulate.py`).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from snn_deploy.board.board import Board
from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.network import Assumption, Network
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.quantization.quantize import Calibration, quantize

Scoring = Callable[[QuantNetwork], float]
Fits = Callable[[QuantNetwork], bool]
Wide = frozenset[int]  # indices into Network.projections

TARGET = 0.99  # least agreement with the float network; ours


def refine(
    net: Network,
    board: Board,
    calibration: Calibration,
    agreement: Scoring,
    fits: Fits,
    plain: QuantNetwork,
    once: float,
    *,
    target: float = TARGET,
    weight_bits: int = 8,
) -> QuantNetwork:
    """Return the integer network with few wide projections that reaches `target`.

    If nothing reaches the target, the best network found is returned.

    Args:
        net: Normalized and retimed.
        board: Whose integers.
        calibration: Samples, on which `agreement` is measured too.
        agreement: Share of samples (0..1) on which an integer network predicts what the
            float one does.
        fits: Whether a network fits the board; a widening that does not is not taken.
        plain: The same network with all weights stored once.
        once: Its agreement, 0..1.
        target: Least share that is wanted.
        weight_bits: Of a stored weight, 1..8.
    """

    def attempt(wide: Wide) -> _Attempt | None:
        try:
            quant = quantize(net, board, calibration, weight_bits=weight_bits, wide=wide)
        except DoesNotFitError:
            return None
        if not fits(quant):
            return None
        return _Attempt(wide, quant, agreement(quant))

    narrow = _Attempt(frozenset(), plain, once)
    best = narrow
    while best.agreement < target:
        better = _widened(attempt, best, len(net.projections), target)
        if better is None:
            break
        best = better
    best = _pruned(attempt, best, target)
    notes = _notes(net, narrow, best, target)
    return replace(best.quant, assumptions=(*best.quant.assumptions, *notes))


def everything_wide(
    net: Network,
    board: Board,
    calibration: Calibration | None,
    fits: Fits,
    *,
    weight_bits: int = 8,
) -> QuantNetwork:
    """Return the integer network in which all weights are stored twice, or as many as fit,
    the last projections first to be left out."""
    for n in range(len(net.projections), 0, -1):
        wide = frozenset(range(n))
        try:
            quant = quantize(net, board, calibration, weight_bits=weight_bits, wide=wide)
        except DoesNotFitError:
            continue
        if fits(quant):
            return quant
    return quantize(net, board, calibration, weight_bits=weight_bits)


def stored_twice(quant: QuantNetwork, net: Network) -> tuple[str, ...]:
    """Return which projections of `net` have a coarse and a fine array, "pre -> post"."""
    arrays, own = (Counter((p.pre, p.post) for p in n.projections) for n in (quant, net))
    return tuple(f"{e[0]} -> {e[1]}" for e in own if arrays[e] > own[e])


@dataclass(frozen=True, eq=False)
class _Attempt:
    """An integer network, which projections are wide in it, and how well it agrees."""

    wide: Wide
    quant: QuantNetwork
    agreement: float


_Try = Callable[[Wide], _Attempt | None]


def _widened(attempt: _Try, best: _Attempt, n: int, target: float) -> _Attempt | None:
    """Return the best attempt with one more wide projection, or with all; None if none
    helps."""
    found = best
    for index in sorted(set(range(n)) - best.wide):
        candidate = attempt(best.wide | {index})
        if candidate is not None and candidate.agreement > found.agreement:
            found = candidate
        if found.agreement >= target:
            return found
    if found is best and len(best.wide) < n:
        everything = attempt(frozenset(range(n)))
        if everything is not None and everything.agreement > best.agreement:
            found = everything
    return None if found is best else found


def _pruned(attempt: _Try, best: _Attempt, target: float) -> _Attempt:
    """Return `best` without the wide projections it can do without."""
    enough = min(target, best.agreement)
    for index in sorted(best.wide) if len(best.wide) > 1 else ():
        candidate = attempt(best.wide - {index})
        if candidate is not None and candidate.agreement >= enough:
            best = candidate
    return best


def _notes(
    net: Network, narrow: _Attempt, best: _Attempt, target: float
) -> tuple[Assumption, ...]:
    bought = (
        "together they raise the agreement with the float network from "
        f"{narrow.agreement:.2%} to {best.agreement:.2%} on the calibration data (target "
        f"{target:.0%})"
    )
    wide = [net.projections[i] for i in sorted(best.wide)]
    return tuple(
        Assumption(
            f"weights of {p.pre} -> {p.post}", "stored twice, coarse and fine", bought
        )
        for p in wide
    )
