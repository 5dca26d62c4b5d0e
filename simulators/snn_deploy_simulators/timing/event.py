"""`event`: messages one by one through the cores and links of a step.

The semi-analytical model of SANA-FE (Boyle et al., IEEE TCAD 44(8), 2025), which calls it
`detailed`. A core updates its neurons in order, sends the messages of each that fires, and
goes on. A message waits while the links of its way hold more messages than their buffers,
for as long as the surplus takes to be received; then it travels, longer where the links are
full, and is received when the target core has finished what came before. The messages on a
way are counted as densities: each one under way counts as one, spread over its links. The
step ends when all have been sent and received, and the barrier follows.

What happens link by link is not looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, IntArray
from snn_deploy.board.board import Bound
from snn_deploy.errors import BoardError
from snn_deploy.ir.program import Program, grid_of
from snn_deploy.mapping.traffic import homes
from snn_deploy_simulators.counting.tables import COSTS, Fan
from snn_deploy_simulators.engine.engine import SpikeEvents, Trace
from snn_deploy_simulators.timing import schedule
from snn_deploy_simulators.timing.model import (
    StepCounts,
    TimeModel,
    Timer,
    barrier_seconds,
    core_rates,
    seconds,
)

BOUNDS = ("barrier", "sending", "receiving")


@dataclass(frozen=True, eq=False)
class _Sources:
    """All neurons that send, inputs before populations, numbered through: n in all.

    names, first [Q + 1]: inputs and populations, and where each starts. core [n]: the piece
    that sends, or the number of pieces for inputs. place [n]: how many neurons of the piece
    are updated before the message leaves; 0 for inputs.
    """

    names: tuple[str, ...]
    first: IntArray
    core: AnyArray
    place: AnyArray


@dataclass(frozen=True, eq=False)
class _Targets:
    """Who hears what. kind [n]: of each neuron, numbered through over all sources.

    first [kinds + 1]: CSR of the messages of each kind in the order in which they are sent:
    pair (index of Routes.pair_source), and seconds that it takes to be received.
    """

    kind: AnyArray
    first: IntArray
    pair: AnyArray
    receive: FloatArray


def prepare(program: Program, fans: Mapping[str, Fan]) -> Timer:
    """Return the timer of `program`.

    Raises:
        BoardError: The board does not say how many messages its links hold.
    """
    if program.board.time.event is None:
        raise BoardError(
            f"board {program.board.name!r} has no time.event.link_buffer, how many "
            "messages a link holds, which the time model 'event' needs; add it, or use "
            "another model"
        )
    sources = _sources(program)
    targets, paths = _targets(program, sources, fans), _paths(program)
    rates, barrier = core_rates(program), barrier_seconds(program)
    buffer = program.board.time.event.link_buffer.value

    def timer(counts: StepCounts, trace: Trace) -> tuple[FloatArray, IntArray]:
        updates, active = counts.pieces["updates"], counts.pieces["active"]
        events = _events(program, sources, trace, len(updates))
        sent, received = schedule.run(
            *events, sources.first, sources.core, sources.place, targets.kind,
            targets.first, targets.pair, targets.receive, *paths,
            program.routes.pair_target,
            len(program.routes.links), updates, active, rates, buffer,
        )  # fmt: skip
        longest = np.maximum(sent, received)
        set_by = np.where(longest < barrier, 0, np.where(sent >= received, 1, 2))
        return longest + barrier, set_by

    return timer


def _sources(program: Program) -> _Sources:
    net, partition = program.net, program.partition
    home, n_pieces = homes(net, partition), len(partition.pieces)
    names = (*(p.name for p in net.inputs), *(p.name for p in net.populations))
    sizes = [net.size(name) for name in names]
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    place = np.zeros(first[-1], np.int32)
    for piece in partition.pieces:
        members = piece.window.members(grid_of(net, piece.population))
        start = first[names.index(piece.population)]
        place[start + members] = np.arange(1, len(members) + 1)
    core = np.concatenate([np.where(home[n] < 0, n_pieces, home[n]) for n in names])
    return _Sources(names, first, core.astype(np.int32), place)


def _targets(program: Program, sources: _Sources, fans: Mapping[str, Fan]) -> _Targets:
    rates = _rates(program.board.time.bound)
    kinds: list[AnyArray] = []
    firsts, pairs, receive = [np.zeros(1, np.int64)], [], []
    count = 0  # of kinds so far
    for name in sources.names:
        fan = fans.get(name, _silent(name, program.net.size(name)))
        kinds.append(fan.kind + count)
        count += fan.first.size - 1
        sent = fan.pair >= 0
        kept = np.concatenate([[0], np.cumsum(sent)])[fan.first]
        firsts.append(kept[1:] + firsts[-1][-1])
        pairs.append(fan.pair[sent])
        receive.append((rates[0] + fan.cost @ rates[1:])[sent])
    return _Targets(
        kind=np.concatenate(kinds).astype(np.int32),
        first=np.concatenate(firsts).astype(np.int64),
        pair=np.concatenate(pairs).astype(np.int32),
        receive=np.concatenate(receive),
    )


def _silent(name: str, n: int) -> Fan:
    """Return the table of neurons that nobody hears."""
    none: IntArray = np.zeros(0, np.int64)
    cost: IntArray = np.zeros((0, len(COSTS)), np.int64)
    kind, first = np.zeros(n, np.int64), np.zeros(2, np.int64)
    return Fan(name, kind, first, none, none, cost, frozenset())


def _rates(t: Bound) -> FloatArray:
    """Return the seconds that a core takes for a message, and for each of COSTS."""
    synops = (t.synop_dense_s, t.synop_sparse_s, t.synop_conv_s)
    return np.array([seconds(t.message_in_s), *(seconds(f) for f in synops), 0.0])


def _paths(program: Program) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the links of each pair but the last (first [R + 1], links), and its latency.

    The last link, into the target core, is where the core takes messages one by one. A hop
    between chips takes the time of one east-west hop: nothing is published.
    """
    routes, t = program.routes, program.board.time.bound
    is_last = np.zeros(len(routes.path_link), np.bool_)
    is_last[routes.path_first[1:] - 1] = True
    first = routes.path_first - np.arange(len(routes.path_first))
    hops_x = routes.hops_x + routes.hops_chip
    latency = hops_x * seconds(t.hop_x_s) + routes.hops_y * seconds(t.hop_y_s)
    return first, routes.path_link[~is_last], latency


def _events(
    program: Program, sources: _Sources, trace: Trace, frame: int
) -> tuple[IntArray, AnyArray, AnyArray]:
    """Return all events by chip step: first [Q, frame + 1], index and rank."""
    first = np.zeros((len(sources.names), frame + 1), np.int64)
    none = np.zeros(0, np.int32)
    index, rank, start = [none], [none], 0
    for q, name in enumerate(sources.names):
        first[q] = start
        events = trace.events.get(name)
        if events is None or len(trace.membrane.get(name, ())):
            continue
        first[q] += _shifted(events, program.net.lag(name), frame)
        index.append(events.index[: events.count])
        own = trace.rank.get(name, np.zeros(events.count, np.int32))
        rank.append(own[: events.count])
        start += events.count
    return first, np.concatenate(index), np.concatenate(rank)


def _shifted(events: SpikeEvents, lag: int, frame: int) -> IntArray:
    """Return Events.first for chip steps: [frame + 1]."""
    steps = np.clip(np.arange(frame + 1) - lag, 0, events.first.size - 1)
    return np.asarray(events.first[steps])


EVENT = TimeModel(BOUNDS, prepare, ranked=True)
