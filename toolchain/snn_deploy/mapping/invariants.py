"""Verify: whether a Program is what it says, from its own data alone.

Run by tests on every program, and on programs that were not made by our passes. Nothing
here is a limit of the user's network (that is `check`): a sentence means that a pass, or
whoever wrote the program, made a mistake.
"""

from collections.abc import Iterator

import numpy as np

from snn_deploy.arrays import IntArray
from snn_deploy.ir.program import Program, Window, grid_of
from snn_deploy.mapping.fanout import fan_out_of, synapses_heard
from snn_deploy.mapping.resources import over, use_of
from snn_deploy.mapping.traffic import homes


def check_program(program: Program) -> tuple[str, ...]:
    """Return one sentence for each thing in `program` that cannot be right."""
    shape = (*_coverage(program), *_cores(program))
    if shape:  # the rest would not make sense
        return shape
    return (*_limits(program), *_listeners(program), *_pairs(program), *_paths(program))


def _coverage(program: Program) -> Iterator[str]:
    """Every neuron is in exactly one piece, and every piece in its population."""
    for pop in program.net.populations:
        grid, times = grid_of(program.net, pop.name), np.zeros(pop.n, np.int64)
        for index in program.partition.of(pop.name):
            window = program.partition.pieces[index].window
            if not _inside(window, grid):
                yield f"piece {index}: {window} is not a part of the {grid} of {pop.name!r}"
            else:
                times[window.members(grid)] += 1
        for what, wrong in (("no piece", times == 0), ("several pieces", times > 1)):
            if wrong.any():
                yield f"population {pop.name!r}: {wrong.sum()} neurons are in {what}"
    known = {p.name for p in program.net.populations}
    for index, piece in enumerate(program.partition.pieces):
        if piece.population not in known:
            yield f"piece {index}: there is no population {piece.population!r}"


def _inside(w: Window, grid: tuple[int, int, int]) -> bool:
    edges = zip((w.c0, w.y0, w.x0), (w.c1, w.y1, w.x1), grid, strict=True)
    return all(0 <= low < high <= size for low, high, size in edges)


def _cores(program: Program) -> Iterator[str]:
    """Every piece is on a live core of its own."""
    core, pieces = program.placement.core, len(program.partition.pieces)
    if core.shape != (pieces,):
        yield f"placement: {core.size} cores for {pieces} pieces"
        return
    dead = np.flatnonzero(~np.isin(core, program.board.live_cores))
    for index in dead:
        yield f"piece {index}: core {core[index]} of {program.board.name} cannot be used"
    if np.unique(core).size < core.size:
        yield f"placement: {core.size} pieces share {np.unique(core).size} cores"


def _limits(program: Program) -> Iterator[str]:
    """Every piece states what it uses, and that fits its core."""
    net, board, pieces = program.net, program.board, program.partition.pieces
    names = [p.name for p in net.populations]
    cuts = {n: [p.window for p in pieces if p.population == n] for n in names}
    heard = {n: fan_out_of(net, n, cuts) for n in names}
    for index, piece in enumerate(pieces):
        name = piece.population
        use = use_of(net, board, name, piece.window, heard[name])
        if use != piece.use:
            yield f"piece {index} of {name!r}: states {piece.use}, but needs {use}"
        for resource, times in over(use, board).items():
            yield f"piece {index} of {name!r}: {times:.2f}x the {resource} of a core"


def _listeners(program: Program) -> Iterator[str]:
    """Every source with a synapse in a piece is heard there."""
    net = program.net
    heard = {(r.pre, r.piece): r.listens for r in program.routes.routes}
    for p in net.projections:
        for index in program.partition.of(p.post):
            window = program.partition.pieces[index].window
            needed = synapses_heard(p, grid_of(net, p.post), window) > 0
            missed = needed & ~heard.get((p.pre, index), np.zeros_like(needed))
            if missed.any():
                yield (
                    f"piece {index} of {p.post!r} does not hear {missed.sum()} of the "
                    f"{needed.sum()} neurons of {p.pre!r} that have synapses there"
                )


def _pairs(program: Program) -> Iterator[str]:
    """Every route has a way from each piece that its neurons are in."""
    routes, home = program.routes, homes(program.net, program.partition)
    ways = set(zip(routes.pair_source.tolist(), routes.pair_target.tolist(), strict=True))
    for r in routes.routes:
        for source in np.unique(home[r.pre][r.listens]).tolist():
            if (source, r.piece) not in ways:
                yield f"there is no way from {_source(source, program)} to piece {r.piece}"


def _paths(program: Program) -> Iterator[str]:
    """Every way starts and ends where it says, and its links join up."""
    routes = program.routes
    ends = [name.split(" (")[0].split(" -> ") for name in routes.links]
    number = {
        place: i for i, place in enumerate(sorted({e for pair in ends for e in pair}))
    }
    start: IntArray = np.array([number[e[0]] for e in ends], np.int64)
    stop: IntArray = np.array([number[e[1]] for e in ends], np.int64)
    for r, (source, target) in enumerate(
        zip(routes.pair_source, routes.pair_target, strict=True)
    ):
        path = routes.path_link[routes.path_first[r] : routes.path_first[r + 1]]
        first = number.get(_place(int(source), program))
        last = number.get(_place(int(target), program))
        joined = len(path) > 0 and bool((stop[path[:-1]] == start[path[1:]]).all())
        if not joined or start[path[0]] != first or stop[path[-1]] != last:
            who = _source(int(source), program)
            yield f"the links from {who} to piece {target} do not join up"


def _source(source: int, program: Program) -> str:
    inputs = program.net.inputs
    return f"piece {source}" if source >= 0 else f"input {inputs[-1 - source].name!r}"


def _place(source: int, program: Program) -> str:
    return f"core {program.placement.core[source]}" if source >= 0 else "host"
