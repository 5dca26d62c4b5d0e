"""`cycle`: every message on every link, one per link and cycle, with limited buffers.

For small networks, to see how far `bound` and `event` are off. Cores update their neurons
in order and send the messages of each that fires; a core waits while its link takes
nothing. The cycle of a link is the time in which the board's mesh does one hop in its
direction (the chip's mesh has no clock), or the time that its capacity allows, if that is
longer; links between a core and its router have the latter only. The step ends when all
has been sent and received, and the barrier follows. What happens on the links stands in
`mesh.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from snn_deploy.arrays import FloatArray, IntArray
from snn_deploy.errors import BoardError, InputError, option
from snn_deploy.ir.program import Program, grid_of
from snn_deploy.mapping.traffic import homes
from snn_deploy_simulators.counting.tables import Fan
from snn_deploy_simulators.engine.engine import Trace
from snn_deploy_simulators.timing import model
from snn_deploy_simulators.timing.mesh import Message, Passage, simulate

BOUNDS = ("barrier", "sending", "receiving")
MOST_MESSAGES = 20_000  # in one step; each takes some ten microseconds per link here


@dataclass(frozen=True, eq=False)
class _Source:
    """An input or population. core [n]: the piece that sends, or the number of pieces for
    inputs. place [n]: neurons of the piece that are updated before the message leaves.
    heard [n]: the messages of each, by core: pair, and seconds to receive."""

    name: str
    lag: int
    core: IntArray
    place: IntArray
    heard: list[tuple[tuple[int, float], ...]]


def prepare(program: Program, fans: Mapping[str, Fan]) -> model.Timer:
    """Return the timer of `program`; fans: its tables.

    Raises:
        InputError: The network may send too many messages in one step.
        BoardError: The board does not say how many messages its links hold.
    """
    _check_size(program)
    buffer, barrier = _link_buffer(program), model.barrier_seconds(program)
    sources, ways, cycle = _sources(program, fans), _ways(program), link_cycles(program)
    rates = model.core_rates(program).tolist()

    def timer(counts: model.StepCounts, trace: Trace) -> tuple[FloatArray, IntArray]:
        updates, active = counts.pieces["updates"], counts.pieces["active"]
        frame, pieces = updates.shape
        sent, received = np.zeros(frame), np.zeros(frame)
        for f in range(frame):
            step = _Step(pieces, rates)
            for source in sources:
                step.add(source, trace, f - source.lag, ways, program)
            passage = simulate(step.messages, cycle, buffer)
            sent[f] = _last_sent(passage, step.rest(updates[f], active[f]))
            received[f] = max((max(r) for r in passage.received if r), default=0.0)
        longest = np.maximum(sent, received)
        set_by = np.where(longest < barrier, 0, np.where(sent >= received, 1, 2))
        return longest + barrier, set_by

    return timer


def link_cycles(program: Program) -> FloatArray:
    """Return the seconds in which each link moves one message: [L].

    A hop between chips takes as long as one east-west, at least: nothing is published.
    """
    routes, t = program.routes, program.board.time.bound
    link_s, chip_link_s = model.seconds(t.link_s), model.seconds(t.chip_link_s)
    hop: FloatArray = np.zeros(len(routes.links))
    for r in range(len(routes.pair_source)):
        way = routes.path_link[routes.path_first[r] : routes.path_first[r + 1]]
        turn = 1 + int(routes.hops_x[r] + routes.hops_chip[r])
        hop[way[1:turn]], hop[way[turn:-1]] = (
            model.seconds(t.hop_x_s),
            model.seconds(t.hop_y_s),
        )
    chip = np.array(["chip link" in name for name in routes.links], np.bool_)
    return np.maximum(hop, np.where(chip, chip_link_s, link_s))


class _Step:
    """Lists the messages of one chip step by source: one per piece, and the inputs."""

    def __init__(self, pieces: int, rates: list[list[float]]) -> None:
        self.neuron, self.active, self.spike, self.message = rates
        self.messages: list[list[Message]] = [[] for _ in range(pieces + 1)]
        self.pending = [0.0] * (pieces + 1)  # work since the last message
        self.done, self.busy = [0] * (pieces + 1), [0] * (pieces + 1)

    def add(
        self, source: _Source, trace: Trace, step: int, ways: list[list[int]], p: Program
    ) -> None:
        """Append what `source` sends in its model step `step`."""
        events = trace.events.get(source.name)
        silent = events is None or len(trace.membrane.get(source.name, ()))
        if events is None or silent or not 0 <= step < events.first.size - 1:
            return
        rank = trace.rank.get(source.name)  # inputs have none, and update nothing
        for e in range(int(events.first[step]), int(events.first[step + 1])):
            i = int(events.index[e])
            core = int(source.core[i])
            if rank is not None:
                self._update(core, int(source.place[i]), int(rank[e]))
            for pair, receive in source.heard[i]:
                work = self.pending[core] + self.message[core]
                target = int(p.routes.pair_target[pair])
                self.messages[core].append(Message(work, ways[pair], target, receive))
                self.pending[core] = 0.0

    def _update(self, core: int, place: int, rank: int) -> None:
        """Count the updates up to a neuron that fires."""
        self.pending[core] += (
            (place - self.done[core]) * self.neuron[core]
            + (rank - self.busy[core]) * self.active[core]
            + self.spike[core]
        )
        self.done[core], self.busy[core] = place, rank

    def rest(self, updates: IntArray, active: IntArray) -> list[float]:
        """Return the work that each source has left after its last message."""
        cores = [
            self.pending[core]
            + (int(updates[core]) - self.done[core]) * self.neuron[core]
            + (int(active[core]) - self.busy[core]) * self.active[core]
            for core in range(len(updates))
        ]
        return [*cores, 0.0]


def _last_sent(passage: Passage, rest: list[float]) -> float:
    return max(
        (messages[-1][0] if messages else 0.0) + left
        for messages, left in zip(passage.entered, rest, strict=True)
    )


def _sources(program: Program, fans: Mapping[str, Fan]) -> list[_Source]:
    net, partition = program.net, program.partition
    home, pieces = homes(net, partition), len(partition.pieces)
    names = [*(p.name for p in net.inputs), *(p.name for p in net.populations)]
    place = {name: np.zeros(net.size(name), np.int64) for name in names}
    for piece in partition.pieces:
        members = piece.window.members(grid_of(net, piece.population))
        place[piece.population][members] = np.arange(1, len(members) + 1)
    return [
        _Source(
            name,
            net.lag(name),
            np.where(home[name] < 0, pieces, home[name]),
            place[name],
            _heard(program, fans[name]) if name in fans else [()] * net.size(name),
        )
        for name in names
    ]


def _heard(program: Program, fan: Fan) -> list[tuple[tuple[int, float], ...]]:
    """Return, per neuron, pair and seconds to receive of each message: the axon, then the
    synapses, whose memory is read at the same time."""
    t = program.board.time.bound
    rates = (t.synop_dense_s, t.synop_sparse_s, t.synop_conv_s)
    synapses = fan.cost[:, :3] @ np.array([model.seconds(rate) for rate in rates])
    memory = fan.cost[:, 3] * model.seconds(t.memory_read_s)
    receive = model.seconds(t.message_in_s) + np.maximum(synapses, memory)
    messages = list(zip(fan.pair.tolist(), receive.tolist(), strict=True))
    ends = fan.first.tolist()
    of_kind = [
        tuple((pair, s) for pair, s in messages[low:high] if pair >= 0)
        for low, high in pairwise(ends)
    ]
    return [of_kind[kind] for kind in fan.kind.tolist()]


def _ways(program: Program) -> list[list[int]]:
    routes = program.routes
    ends, links = routes.path_first.tolist(), routes.path_link.tolist()
    return [links[low:high] for low, high in pairwise(ends)]


def _check_size(program: Program) -> None:
    most = sum(int(route.listens.sum()) for route in program.routes.routes)
    if most > MOST_MESSAGES:
        raise InputError(
            f"{option('time_model', 'cycle')}: this network can send {most} messages in "
            f"one step, more than the {MOST_MESSAGES} that are followed link by link; use "
            "event"
        )


def _link_buffer(program: Program) -> int:
    event = program.board.time.event
    if event is None:
        raise BoardError(
            f"board {program.board.name!r} has no time.event.link_buffer, how many "
            "messages a link holds, which the time model 'cycle' needs; add it, or use "
            "another model"
        )
    return int(event.link_buffer.value)


CYCLE = model.TimeModel(BOUNDS, prepare, ranked=True)
