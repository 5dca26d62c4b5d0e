"""The tables of messages say, kind by kind, what every neuron's synapses say one by one."""

from dataclasses import replace

import numpy as np
import pytest

from snn_deploy.arrays import BoolArray
from snn_deploy.board.board import load_board
from snn_deploy.ir.maps import Conv, Dense
from snn_deploy.ir.program import Program, grid_of
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.mapping.fanout import synapses_heard
from snn_deploy.mapping.resources import words_heard
from snn_deploy.mapping.traffic import homes
from snn_deploy_simulators import chip, integer
from snn_deploy_simulators.counting.tables import COSTS, Fan, fans
from support.networks import mapped
from support.random_networks import random_network
from support.sanafe_networks import gesture, raster, recurrent

Messages = dict[tuple[int, int], tuple[int, ...]]  # (neuron, piece) -> pair, *cost


def listed(fan: Fan) -> Messages:
    """Return the messages of every neuron, by way of its kind."""
    found: Messages = {}
    for neuron, kind in enumerate(fan.kind.tolist()):
        for m in range(fan.first[kind], fan.first[kind + 1]):
            key = (neuron, int(fan.piece[m]))
            assert key not in found
            found[key] = (int(fan.pair[m]), *fan.cost[m].tolist())
    return found


def counted(program: Program, pre: str) -> Messages:
    """Return the same from routes, homes and the synapses of every neuron."""
    net, routes = program.net, program.routes
    ways = list(zip(routes.pair_source.tolist(), routes.pair_target.tolist(), strict=True))
    home, found = homes(net, program.partition)[pre], {}
    for route in routes.routes:
        if route.pre != pre:
            continue
        cost = np.zeros((len(home), len(COSTS)), np.int64)
        piece = program.partition.pieces[route.piece]
        for p in net.projections:
            if (p.pre, p.post) == (pre, piece.population):
                name = {Dense: "dense", Conv: "conv"}.get(type(p.map), "sparse")
                grid, late = grid_of(net, p.post), net.chip_delay(p) > 1
                column = COSTS.index(f"synops_{name}")
                cost[:, column] += synapses_heard(p, grid, piece.window)
                words = words_heard(p, grid, piece.window, program.board, delayed=late)
                cost[:, -1] += words
        for i in np.flatnonzero(route.listens).tolist():
            way = ways.index((int(home[i]), route.piece))
            found[i, route.piece] = (way, *cost[i].tolist())
    return found


def filtered(program: Program, number: int, share: float, seed: int) -> Program:
    """Return the program with one route that leaves out some of what it should bring."""
    routes = list(program.routes.routes)
    heard = routes[number].listens.copy()
    heard &= np.random.default_rng(seed).random(heard.shape) >= share
    routes[number] = replace(routes[number], listens=heard)
    return replace(program, routes=replace(program.routes, routes=tuple(routes)))


@pytest.mark.parametrize("seed", range(20))
def test_tables_say_what_the_synapses_of_each_neuron_say(seed: int) -> None:
    net, _ = random_network(seed)
    whole = mapped(net, load_board("loihi1"), seed=seed)
    for program in (whole, filtered(whole, 0, 0.4, seed)):
        tables = fans(program)
        assert set(tables) == {p.pre for p in net.projections}
        assert any(listed(fan) for fan in tables.values())
        for pre, fan in tables.items():
            assert listed(fan) == counted(program, pre)


def test_a_feature_map_has_few_kinds_and_random_synapses_as_many_as_neurons() -> None:
    maps = fans(mapped(gesture(16), load_board("loihi1")))
    neurons = sum(len(fan.kind) for fan in maps.values())
    assert sum(len(fan.first) - 1 for fan in maps.values()) < neurons / 8
    assert listed(maps["conv 0"])
    (pool,) = (f for n, f in fans(sparse_program()).items() if n == "pool")
    assert len(pool.first) - 1 == len(pool.kind) == 300


def sparse_program() -> Program:
    return mapped(recurrent(300, 20, 10, 100), load_board("loihi1"))


def test_kinds_are_given_up_where_a_route_treats_their_neurons_differently() -> None:
    program = mapped(gesture(16), load_board("loihi1"))
    number = next(i for i, r in enumerate(program.routes.routes) if r.pre == "conv 0")
    before, after = (
        fans(p)["conv 0"] for p in (program, filtered(program, number, 0.5, 0))
    )
    assert len(before.first) < len(after.first) == len(after.kind) + 1
    assert (before.filtered, after.filtered) == (frozenset(), frozenset({"conv 1"}))


@pytest.mark.parametrize("make", [lambda: gesture(16), lambda: recurrent(300, 20, 10, 100)])
def test_what_one_route_leaves_out_is_missing_in_the_spikes_of_that_piece_first(
    make: object,
) -> None:
    assert callable(make)
    net: QuantNetwork = make()
    stimulus = raster(net.inputs[0].n, 12, 0.4, 0)
    program = mapped(net, load_board("loihi1"))
    whole = integer.run(net, stimulus, threads=1).outputs
    first = net.populations[0].name
    assert whole[first].sum() > 0
    for number, route in enumerate(program.routes.routes):
        if route.pre != "in":
            continue
        outputs = chip.run(filtered(program, number, 1, 0), stimulus).recording.outputs
        window = program.partition.pieces[route.piece].window
        inside: BoolArray = np.zeros(net.size(first), np.bool_)
        inside[window.members(grid_of(net, first))] = True
        changed = (outputs[first] != whole[first]).reshape(-1, net.size(first)).any(axis=0)
        assert changed[inside].any()
        assert first == "pool" or not changed[~inside].any()
