"""The straight line: from a model as read to what the chip does, one stage after the other.

Each stage is a function from one frozen type to the next; the types force the order.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from snn_deploy.errors import DoesNotFitError
from snn_deploy.evaluation.decode import reread
from snn_deploy.evaluation.progress import BatchProgress, uncounted
from snn_deploy.evaluation.simulate import (
    ending_rules,
    quantize_on,
    rates_of,
    run_extremes,
    run_reference,
    run_simulators,
)
from snn_deploy.evaluation.stages import (
    Bounded,
    Normalized,
    Opened,
    Partitioned,
    Placed,
    Quantized,
    Reference,
    Routed,
    Simulated,
    advanced,
)
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.mapping.check import check
from snn_deploy.mapping.partition import METHODS, partition
from snn_deploy.mapping.place import place
from snn_deploy.mapping.reorder import Reordered, reorder
from snn_deploy.mapping.route import route
from snn_deploy.passes.fuse import fuse
from snn_deploy.passes.lower import lower
from snn_deploy.passes.normalize import normalize
from snn_deploy.passes.retime import retime


@dataclass(frozen=True, eq=False)
class Known:
    """What another run of the same model has worked out already; None is unknown.

    Attributes:
        reference: What the float network does.
        quant: The integers.
    """

    reference: Reference | None = None
    quant: QuantNetwork | None = None


def line(
    run: Opened,
    *,
    steps: int | None = None,
    keep_all: bool = False,
    known: Known | None = None,
    progress: BatchProgress = uncounted,
) -> Iterator[Opened]:
    """Take `run` from the first stage to the last, and give what there is after each.

    Args:
        run: The model as read.
        steps: Model steps of the bounds, where there are no samples; 1 if None.
        keep_all: Record every population on every sample, whatever memory that takes.
        known: What need not be worked out again.
        progress: Is told after each batch of samples.

    Raises:
        DoesNotFitError: The board cannot hold the network; all violations.
    """
    yield run
    yield (whole := normalized(run))
    yield (rounded := quantized(whole, known or Known(), keep_all, progress))
    yield (cut := partitioned(rounded))
    yield (placed := on_cores(cut))
    yield (mapped := routed(placed))
    yield finished(mapped, steps or 1, progress)


def normalized(run: Opened) -> Normalized:
    """Return the network with parts of one neuron made one, folded and retimed."""
    low = run.net if run.given else lower(fuse(run.net), run.mapping.lower)
    net, answer = retime(normalize(low)), reread(run.answer, low)
    return advanced(run, Normalized, net=net, answer=answer)


def quantized(
    run: Normalized, known: Known, keep_all: bool, progress: BatchProgress
) -> Quantized:
    """Return the board's integers, chosen on the samples if there are any."""
    floats, quant, batch = known.reference, known.quant or run.given, run.simulation.batch
    if floats is None and run.data is not None:
        floats = run_reference(
            run.net, run.data, keep_all=keep_all, batch=batch, progress=progress
        )
    if quant is None:
        quant = quantize_on(floats, run)
    return advanced(run, Quantized, quant=quant, reference=floats)


def partitioned(run: Quantized) -> Partitioned:
    """Return the pieces that fit a core each.

    Raises:
        DoesNotFitError: No pieces would; all violations.
    """
    method = run.mapping.partition
    violations = check(run.quant, run.board, method=method)
    if violations:
        raise DoesNotFitError(*violations)
    found = Reordered(run.quant, {}, {})
    if METHODS[method].reorders:
        found = reorder(run.quant, run.board, seed=run.seed)
    pieces = partition(
        found.net,
        run.board,
        method=method,
        rates=rates_of(run),
        cut_points=found.cut_points,
    )
    return advanced(run, Partitioned, cut=found.net, order=found.order, partition=pieces)


def on_cores(run: Partitioned) -> Placed:
    """Return the core of each piece."""
    method = run.mapping.placement
    placement = place(run.partition, run.cut, run.board, seed=run.seed, method=method)
    return advanced(run, Placed, placement=placement)


def routed(run: Placed) -> Routed:
    """Return the whole program: who is told of each spike, over which links."""
    routes = route(run.cut, run.partition, run.placement, run.board)
    program = Program(run.cut, run.partition, run.placement, routes, run.board)
    return advanced(run, Routed, program=program)


def finished(run: Routed, steps: int, progress: BatchProgress) -> Simulated | Bounded:
    """Return what the chip does on the samples; without any, the least and the most.

    Args:
        run: The whole program.
        steps: Model steps of the bounds.
        progress: Is told after each batch of samples.
    """
    if run.data is None or run.reference is None:
        time_model = run.simulation.time_model
        silent, firing = run_extremes(run.program, steps, time_model=time_model)
        return advanced(run, Bounded, silent=silent, firing=firing)
    until = ending_rules(run.quant, run.data.steps, run.answer, run.simulation)
    found = run_simulators(run, run.data, run.reference, until=until, progress=progress)
    return advanced(run, Simulated, recordings=found)
