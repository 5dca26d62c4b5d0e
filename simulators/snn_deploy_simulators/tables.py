"""Tables made once from a Program: what a spike of each neuron costs, and where it goes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import IntArray
from snn_deploy.maps import Connection, Conv, Dense
from snn_deploy.passes.resources import synapses_heard, words_heard
from snn_deploy.passes.traffic import homes
from snn_deploy.program import Program, grid_of
from snn_deploy_simulators import kernels
from snn_deploy_simulators.engine import Events


@dataclass(frozen=True, eq=False)
class Cost:
    """What an event of neuron i of `pre` costs in the pieces `pieces`.

    table: [pieces, n_pre], or [pieces, 1] where every neuron costs the same.
    """

    pre: str
    counter: str
    pieces: IntArray
    table: IntArray

    def of(self, events: Events) -> IntArray:
        """Return the cost of each step [T, pieces]."""
        if self.table.shape[1] == 1:
            return np.diff(events.first)[:, None] * self.table[:, 0]
        total = np.zeros((events.first.size - 1, len(self.pieces)), np.int64)
        kernels.tally(events.first, events.index, self.table, total)
        return total


@dataclass(frozen=True, eq=False)
class Traffic:
    """Messages from `pre` to one piece.

    pair: [n_pre], index into Routes.pair_source of the pair that each neuron's piece and
    the target are; -1 where the neuron is not heard. whole: (source pieces, pairs) if every
    neuron is heard, else None.
    """

    pre: str
    pair: IntArray
    whole: tuple[IntArray, IntArray] | None


def costs(program: Program) -> Iterator[Cost]:
    """Yield the synapse operations and memory words of every projection."""
    net, board = program.net, program.board
    listens = {(r.pre, r.piece): r.listens for r in program.routes.routes}
    for p in net.projections:
        grid, pieces = grid_of(net, p.post), program.partition.of(p.post)
        heard = [i for i in pieces if (p.pre, i) in listens]
        if not heard:
            continue
        windows = [program.partition.pieces[i].window for i in heard]
        masks = np.stack([listens[p.pre, i] for i in heard])
        synops = np.stack([synapses_heard(p, grid, w) for w in windows]) * masks
        delayed = net.chip_delay(p) > 1
        lists = [words_heard(p, grid, w, board, delayed=delayed) for w in windows]
        words = np.stack(lists) * masks
        yield Cost(p.pre, f"synops_{_format(p.map)}", np.array(heard), _narrow(synops))
        yield Cost(p.pre, "words", np.array(heard), _narrow(words))


def _narrow(table: IntArray) -> IntArray:
    """Return the table with one column if all its columns are the same."""
    return table[:, :1] if bool((table == table[:, :1]).all()) else table


def _format(m: Connection) -> str:
    if isinstance(m, Dense):
        return "dense"
    return "conv" if isinstance(m, Conv) else "sparse"


def traffic(program: Program) -> Iterator[Traffic]:
    """Yield what goes over each route, in the order of Routes.routes."""
    routes, home = program.routes, homes(program.net, program.partition)
    pair = {
        (int(s), int(t)): r
        for r, (s, t) in enumerate(zip(routes.pair_source, routes.pair_target, strict=True))
    }
    for route in routes.routes:
        sources, place = np.unique(home[route.pre], return_inverse=True)
        pairs = np.array([pair.get((int(s), route.piece), -1) for s in sources], np.int64)
        whole = None
        if bool(route.listens.all()):
            whole = (np.maximum(sources - sources[0], 0), pairs)
        yield Traffic(route.pre, np.where(route.listens, pairs[place], -1), whole)
