"""Balance: cut on, where the busiest core works longest, as long as that shortens a step.

A step takes as long as its busiest core (Yik et al., arXiv:2511.21549: time follows the
largest work of any core, not the network's). What a step takes is estimated as the time
model `simple` has it: all cores update and send while all take in messages and visit
synapses, and inputs enter one by one. Smaller pieces have fewer neurons and synapses, but
each of them must be told of every spike, so cutting on stops where that costs more.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import FloatArray, IntArray
from snn_deploy.board.board import Board
from snn_deploy.board.evidence import Figure
from snn_deploy.ir.maps import Conv, Dense
from snn_deploy.ir.program import Window, grid_of
from snn_deploy.ir.quant import QuantNetwork, QuantProjection
from snn_deploy.mapping.fanout import TileGrid, between, sources_heard, synapses_heard
from snn_deploy.mapping.traffic import Rates
from snn_deploy.neurons.cost import relative_operations

SHRINK = 0.85  # the next size of a piece: ours, small steps that still end
WORTH = 0.98  # a cut that leaves more of a step than this is not worth its cores: ours


@dataclass(eq=False)
class _Estimate:
    """Seconds of a step if neurons fire at `rates`.

    heard: per (source, target), how many pieces hear each neuron of the source [n].
    receive: per target, seconds of each piece.
    """

    net: QuantNetwork
    board: Board
    rates: Rates
    heard: dict[tuple[str, str], IntArray]
    receive: dict[str, FloatArray]


def balanced(
    net: QuantNetwork,
    board: Board,
    cuts: Mapping[str, Sequence[Window]],
    recut: Callable[[str, int], Sequence[Window]],
    rates: Rates | None = None,
) -> dict[str, Sequence[Window]]:
    """Return the windows of every population, smaller ones where that shortens a step.

    cuts: windows that fit. recut(population, most) -> windows that fit, of at most so many
    neurons. rates: spikes per step [n] by source; every neuron in every step if None. No
    more pieces are made than `board` has live cores.
    """
    estimate = _Estimate(net, board, rates or {}, {}, {})
    tried: dict[str, Sequence[Window]] = dict(cuts)
    for population, windows in tried.items():
        _look_at(estimate, population, windows)
    work, name = _busiest(estimate, tried)
    best, least = tried, work + _barrier(board, tried)
    while name is not None and (size := max(w.size for w in tried[name])) > 1:
        tried = {**tried, name: recut(name, max(1, int(SHRINK * size)))}
        if sum(map(len, tried.values())) > len(board.live_cores):
            break
        _look_at(estimate, name, tried[name])
        before, (work, name) = work, _busiest(estimate, tried)
        if work > WORTH * before:
            break
        time = work + _barrier(board, tried)
        if time < WORTH * least:
            best, least = tried, time
    return best


def _barrier(board: Board, cuts: Mapping[str, Sequence[Window]]) -> float:
    """Return the seconds of a barrier over as few routers as the pieces need."""
    sharing = board.cores_per_chip // (board.routers[0] * board.routers[1])
    return board.time.bound.barrier_s(-(-sum(map(len, cuts.values())) // sharing))


def _look_at(e: _Estimate, name: str, windows: Sequence[Window]) -> None:
    """Work out what the pieces of a population take in."""
    grid, bound = grid_of(e.net, name), e.board.time.bound
    receive = np.zeros(len(windows))
    for pre, into in between(e.net, name).items():
        rate = _rate(e, pre)
        heard: IntArray = np.zeros(rate.size, np.int64)
        for i, window in enumerate(windows):
            sources = sources_heard(into, grid, window)
            heard[sources] += 1
            receive[i] += rate[sources].sum() * _s(bound.message_in_s)
            receive[i] += sum(_synapses(e, p, grid, window) @ rate for p in into)
        e.heard[pre, name] = heard
    e.receive[name] = receive


def _synapses(
    e: _Estimate, p: QuantProjection, grid: TileGrid, window: Window
) -> FloatArray:
    """Return the seconds that a spike of each source of `p` takes in `window`: [n_pre]."""
    bound = e.board.time.bound
    each = bound.synop_sparse_s
    if isinstance(p.map, Dense):
        each = bound.synop_dense_s
    elif isinstance(p.map, Conv):
        each = bound.synop_conv_s
    return np.asarray(synapses_heard(p, grid, window) * _s(each), np.float64)


def _busiest(
    e: _Estimate, cuts: Mapping[str, Sequence[Window]]
) -> tuple[float, str | None]:
    """Return the seconds of a step, and the population of the busiest core, or None if the
    inputs take longer."""
    longest, busiest = _inputs(e), None
    for name, windows in cuts.items():
        send = _send(e, name, windows)
        most = max(float(send.max(initial=0)), float(e.receive[name].max(initial=0)))
        if most > longest:
            longest, busiest = most, name
    return longest, busiest


def _inputs(e: _Estimate) -> float:
    out = _s(e.board.time.bound.message_out_s)
    return sum(float(_rate(e, p.name) @ _messages(e, p.name)) * out for p in e.net.inputs)


def _send(e: _Estimate, name: str, windows: Sequence[Window]) -> FloatArray:
    """Return the seconds in which each piece updates its neurons and sends their spikes."""
    bound = e.board.time.bound
    spike = _s(bound.spike_s) + _messages(e, name) * _s(bound.message_out_s)
    pop = e.net.population(name)
    work = relative_operations(pop.model, pop.params)
    each = work * (_s(bound.neuron_s) + _s(bound.active_s)) + _rate(e, name) * spike
    grid = each.reshape(grid_of(e.net, name))
    return np.array(
        [grid[w.c0 : w.c1, w.y0 : w.y1, w.x0 : w.x1].sum() for w in windows], np.float64
    )


def _messages(e: _Estimate, name: str) -> IntArray:
    """Return the messages that a spike of each neuron becomes: [n]."""
    total: IntArray = np.zeros(e.net.size(name), np.int64)
    for (pre, _), heard in e.heard.items():
        if pre == name:
            total += heard
    return total


def _rate(e: _Estimate, name: str) -> FloatArray:
    known = e.rates.get(name)
    return np.ones(e.net.size(name)) if known is None else known


def _s(figure: Figure) -> float:
    return figure.value or 0.0
