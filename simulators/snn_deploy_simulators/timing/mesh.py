"""Messages of one step, link by link through the mesh: what the time model `cycle` runs.

A message is one flit. A link takes one flit per cycle of its own, hands it on one cycle
later at the earliest, and holds so many of them: those that travel and those that wait at
its end, in order. It serves first who asked first. A core that sends stops until its first
link takes the message; a core that receives takes in one message after the other. Ways go
east-west before north-south, so nobody ever waits in a circle.

Plain Python, on purpose: it is what faster models are measured with.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np

from snn_deploy.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Message:
    """One message on its way.

    Attributes:
        work: Seconds that its source works before it, since its last message.
        way: Indices of the links it takes in turn, at least one; the last ends in the
            core `target`.
        target: The core that receives it, by the index of its piece.
        receive: Seconds that this core takes for it.
    """

    work: float
    way: Sequence[int]
    target: int
    receive: float


@dataclass(frozen=True, eq=False)
class Passage:
    """What happened, in seconds from the start of the step.

    Attributes:
        entered: When each message entered each link of its way, by source, message and
            link.
        received: When its core was done with each message, by source and message.
    """

    entered: list[list[list[float]]]
    received: list[list[float]]


@dataclass(eq=False)
class _Flit:
    message: Message
    entered: list[float] = field(default_factory=list)
    received: float = np.nan


@dataclass(eq=False)
class _Link:
    """held: flits on it, in order. asks: links that want to hand on, or -1 - source."""

    cycle: float
    held: deque[_Flit] = field(default_factory=deque)
    asks: deque[int] = field(default_factory=deque)
    free: float = 0.0
    called: bool = False


def simulate(
    sources: Sequence[Sequence[Message]], cycle: FloatArray, buffer: int
) -> Passage:
    """Send all messages of each source, in order, and return when they got where.

    cycle [L]: seconds of each link. buffer: flits that one holds.
    """
    mesh = _Mesh(sources, cycle, buffer)
    mesh.run()
    return Passage(
        [[flit.entered for flit in flits] for flits in mesh.flits],
        [[flit.received for flit in flits] for flits in mesh.flits],
    )


class _Mesh:
    """A step under way. `agenda` holds (time, number, what to do, where), first first."""

    def __init__(
        self, sources: Sequence[Sequence[Message]], cycle: FloatArray, buffer: int
    ) -> None:
        self.flits = [[_Flit(message) for message in source] for source in sources]
        self.to_send = [deque(flits) for flits in self.flits]
        self.links = [_Link(float(seconds)) for seconds in cycle]
        self.buffer = buffer
        self.busy: set[int] = set()  # cores that take something in
        self.waiting: dict[int, int] = {}  # core -> link whose first flit is for it
        self.agenda: list[tuple[float, int, Callable[[float, int], None], int]] = []
        self.number = 0

    def run(self) -> None:
        """Go on until nothing is left to do."""
        for source in range(len(self.to_send)):
            self.work(0.0, source)
        while self.agenda:
            time, _, act, where = heappop(self.agenda)
            act(time, where)

    def later(self, time: float, act: Callable[[float, int], None], where: int) -> None:
        self.number += 1  # what was planned first is done first
        heappush(self.agenda, (time, self.number, act, where))

    def work(self, time: float, source: int) -> None:
        """Let the source do what comes before its next message, if there is one."""
        if self.to_send[source]:
            work = self.to_send[source][0].message.work
            self.later(time + work, self.ready, source)

    def ready(self, time: float, source: int) -> None:
        self.ask(time, self.to_send[source][0].message.way[0], -1 - source)

    def ask(self, time: float, link: int, asker: int) -> None:
        self.links[link].asks.append(asker)
        self.call(time, link)

    def call(self, time: float, link: int) -> None:
        """Have the link serve as soon as its cycle allows."""
        if not self.links[link].called:
            self.links[link].called = True
            self.later(max(time, self.links[link].free), self.serve, link)

    def serve(self, time: float, link: int) -> None:
        """Take a flit in, if there is one and room for it."""
        here = self.links[link]
        here.called = False
        if not here.asks or len(here.held) >= self.buffer:
            return
        asker = here.asks.popleft()
        flit = self.sent(time, -1 - asker) if asker < 0 else self.handed_on(time, asker)
        flit.entered.append(time)
        here.free = time + here.cycle
        here.held.append(flit)
        if len(here.held) == 1:
            self.later(here.free, self.arrived, link)
        if here.asks:
            self.call(time, link)

    def sent(self, time: float, source: int) -> _Flit:
        flit = self.to_send[source].popleft()
        self.work(time, source)
        return flit

    def handed_on(self, time: float, link: int) -> _Flit:
        """Take the first flit off a link; the next one comes to its end."""
        here = self.links[link]
        flit = here.held.popleft()
        if here.held:
            there = here.held[0].entered[-1] + here.cycle
            self.later(max(time, there), self.arrived, link)
        if here.asks:
            self.call(time, link)
        return flit

    def arrived(self, time: float, link: int) -> None:
        """The first flit of the link is at its end: it asks for the next link, or core."""
        flit = self.links[link].held[0]
        passed, way = len(flit.entered), flit.message.way
        if passed < len(way):
            self.ask(time, way[passed], link)
        elif flit.message.target in self.busy:
            self.waiting[flit.message.target] = link
        else:
            self.take_in(time, link)

    def take_in(self, time: float, link: int) -> None:
        flit = self.handed_on(time, link)
        flit.received = time + flit.message.receive
        self.busy.add(flit.message.target)
        self.later(flit.received, self.done, flit.message.target)

    def done(self, time: float, core: int) -> None:
        self.busy.remove(core)
        if core in self.waiting:
            self.take_in(time, self.waiting.pop(core))
