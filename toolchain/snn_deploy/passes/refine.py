"""Refine: quantize again with wider weights where it matters, until predictions agree.

Eight bits are not enough for every trained network: where two outputs are nearly tied,
rounding flips the answer. A synapse can be stored twice, coarse and fine, which costs
memory and synaptic operations. This pass
finds the projections where that buys most: it widens one after the other, each time the one
after which the integer network agrees best with the float one, and stops at the target.
What each step bought is recorded as an Assumption. It measures on the data it is given and
promises nothing about other data.
"""

from collections.abc import Callable
from dataclasses import replace

from snn_deploy.board import Board
from snn_deploy.errors import DoesNotFitError
from snn_deploy.network import Assumption, Network
from snn_deploy.passes.quantize import Calibration, quantize
from snn_deploy.quant import QuantNetwork

Agreement = Callable[[QuantNetwork], float]
Fits = Callable[[QuantNetwork], bool]


def refine(
    net: Network,
    board: Board,
    calibration: Calibration,
    agreement: Agreement,
    fits: Fits,
    *,
    target: float = 0.99,
    weight_bits: int = 8,
) -> QuantNetwork:
    """Return the integer network with the fewest wide projections found that reaches
    `target`.

    agreement: share of samples (0..1) on which an integer network predicts what the float
    one does.
    fits: whether a network fits the board; a widening that does not is not taken. If
    nothing reaches the target, the best network found is returned.
    """
    wide: frozenset[int] = frozenset()
    best = quantize(net, board, calibration, weight_bits=weight_bits)
    reached = agreement(best)
    notes: list[Assumption] = []
    while reached < target and len(wide) < len(net.projections):
        found = _best_widening(
            net, board, calibration, agreement, fits, wide, target, weight_bits
        )
        if found is None:
            break
        index, candidate, score = found
        wide |= {index}
        p = net.projections[index]
        notes.append(
            Assumption(
                f"weights of {p.pre} -> {p.post}",
                "stored twice, coarse and fine",
                f"agreement with the float network {reached:.2%} -> {score:.2%} on the "
                "calibration "
                f"data (target {target:.0%})",
            )
        )
        best, reached = candidate, score
    return replace(best, assumptions=(*best.assumptions, *notes))


def _best_widening(
    net: Network,
    board: Board,
    calibration: Calibration,
    agreement: Agreement,
    fits: Fits,
    wide: frozenset[int],
    target: float,
    weight_bits: int,
) -> tuple[int, QuantNetwork, float] | None:
    """Return (projection, network, agreement) of the best next one; the first that reaches
    the target."""
    found: tuple[int, QuantNetwork, float] | None = None
    for index in range(len(net.projections)):
        if index in wide:
            continue
        try:
            candidate = quantize(
                net, board, calibration, weight_bits=weight_bits, wide=wide | {index}
            )
        except DoesNotFitError:
            continue
        if not fits(candidate):
            continue
        score = agreement(candidate)
        if found is None or score > found[2]:
            found = (index, candidate, score)
        if score >= target:
            break
    return found
