"""Chip simulator: the same integers, run piece by piece, counted per core and timed.

Every piece gets its own synapses and hears only the spikes that the Program's routes bring
to its core, so its spikes equal the integer simulator's only if partition, placement and
routes are right. (Pieces that are brought all they have synapses for run as one; whether
they are is looked up once per program, `counting.tables`.) Counts are taken where things
happen: synapse operations, words read, messages and hops in the chip step in which the
source fires, neuron updates in the step in which they are made. Chip time of a frame: a
population of lag L makes its model step t in chip step t + L; steps beyond the last model
step are the guard.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from snn_deploy.arrays import IntArray
from snn_deploy.ir.activity import Activity
from snn_deploy.ir.program import Program, grid_of
from snn_deploy.ir.quant import QuantPopulation, QuantProjection, Stimulus
from snn_deploy.names import TimeModelName
from snn_deploy_simulators.counter import Counter
from snn_deploy_simulators.counting.tables import Fan, fans
from snn_deploy_simulators.engine.blocks import Place, block
from snn_deploy_simulators.engine.engine import (
    Block,
    PopulationUpdate,
    Recorder,
    Trace,
    cell,
)
from snn_deploy_simulators.engine.engine import run as run_engine
from snn_deploy_simulators.engine.quiescence import Endings, EndRule
from snn_deploy_simulators.timing import TIME_MODELS


def run(
    program: Program,
    stimulus: Stimulus,
    *,
    keep: Iterable[str] | None = None,
    threads: int | None = None,
    time_model: TimeModelName = "bound",
    until: EndRule | None = None,
    tables: Mapping[str, Fan] | None = None,
) -> Activity:
    """Run all samples on the chip of `program`.

    Args:
        program: A network on its cores.
        stimulus: What is fed in.
        keep: Populations whose output is kept, beside those that are read out; all if None.
        threads: Samples that are run at once, one a thread; as many as cores if None.
        time_model: Key of timing.TIME_MODELS.
        until: When a sample is done before its frame is (see quiescence.py); only what it
            takes until then is counted.
        tables: `fans(program)`, for those who run one program several times; made here if
            None.
    """
    net = program.net
    model = TIME_MODELS[time_model]
    where_to = fans(program) if tables is None else tables
    cells = {
        p.name: _cell(program, p, stimulus, where_to, model.ranked) for p in net.populations
    }
    recorder = Recorder(net, stimulus, keep)
    counter = Counter(program, stimulus, model, where_to)
    if until is None:
        endings = None
    else:
        endings = Endings(net, until, stimulus.samples, counter.frame)
        cells = {n: replace(c, watched=until.watches) for n, c in cells.items()}

    def sink(sample: int, trace: Trace) -> None:
        if endings is not None:
            trace = endings.cut(sample, trace)
        recorder.add(sample, trace)
        counter.add(sample, trace)

    run_engine(net, cells, stimulus, sink, threads or os.cpu_count() or 1)
    activity = counter.activity(recorder.recording(), time_model)
    return activity if endings is None else replace(activity, stops=endings.stops())


def _cell(
    program: Program,
    pop: QuantPopulation,
    stimulus: Stimulus,
    where_to: Mapping[str, Fan],
    ranked: bool,
) -> PopulationUpdate:
    """Return the population with its pieces' synapses, and the piece of each neuron."""
    net, pieces = program.net, program.partition.pieces
    numbers: IntArray = np.full(pop.n, -1, np.int64)
    places = {}
    for number, index in enumerate(program.partition.of(pop.name)):
        window = pieces[index].window
        places[index] = Place(window, window.members(grid_of(net, pop.name)))
        numbers[places[index].members] = number
    blocks = [
        b
        for p in net.into(pop.name)
        for b in _blocks(program, p, places, where_to[p.pre].filtered)
    ]
    if numbers.min() < 0:
        raise ValueError(f"population {pop.name!r}: not every neuron is in a piece")
    return cell(pop, blocks, stimulus, numbers, ranked=ranked)


def _blocks(
    program: Program,
    projection: QuantProjection,
    places: Mapping[int, Place],
    filtered: frozenset[str],
) -> Iterator[Block]:
    """Return the synapses of all pieces, in one block if the routes bring each piece all
    that it listens to; what no route brings to a piece does not reach it."""
    if projection.post not in filtered:
        yield block(projection)
        return
    for route in program.routes.routes:
        if route.pre == projection.pre and route.piece in places:
            yield block(projection, places[route.piece], route.listens)
