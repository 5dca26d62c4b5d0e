"""The fast engine under the integer and the chip simulator.

Model time, one sample after the other. Populations are run in the order of their strongly
connected components: one that is in no cycle runs all its steps before the next begins (in
blocks that fit the cache); one that projects only onto itself runs as many steps at once as
its shortest delay allows; a longer cycle goes step by step. A population's synapses come as
`Block`s, one per projection for the integer simulator, one per projection and piece for the
chip: same kernels, other windows.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.ir.activity import Recording
from snn_deploy.ir.order import components
from snn_deploy.ir.quant import QuantNetwork, QuantPopulation, Stimulus
from snn_deploy.neurons import MODELS
from snn_deploy_simulators.kernels import sums
from snn_deploy_simulators.kernels.updates import CODES, update

NEVER = 1 << 62  # later than any step
BLOCK = 1 << 16  # summed inputs (int32) per block of steps: 256 kB, stays in the cache


@dataclass(frozen=True, eq=False)
class SpikeEvents:
    """Spikes of one population or input in one sample of T model steps (see
    kernels/sums.py).

    `index` and `value` may be longer than `count`: what is behind it means nothing.

    Attributes:
        first: Where the events of each step begin in `index` and `value`, [T + 1].
        index: The neuron of each event, rising within a step, from 0.
        value: The payload of each event, not 0.
    """

    first: IntArray
    index: AnyArray
    value: AnyArray

    @property
    def count(self) -> int:
        return int(self.first[-1])


Run = Callable[[SpikeEvents, int, AnyArray, AnyArray], None]


@dataclass(frozen=True, eq=False)
class Block:
    """Some synapses of one projection, ready for a kernel.

    Attributes:
        pre: Name of the input or population they start from.
        run: run(events of `pre`, start, total, touched) adds what arrives in the steps of
            `total` [steps, n], of which `start` is the first, and marks who gets an event
            in `touched` [steps, n], or [0, 0] if nobody asks.
    """

    pre: str
    run: Run


@dataclass(frozen=True, eq=False)
class PopulationUpdate:
    """A population of n neurons with all that its update needs.

    Attributes:
        pop: The population.
        blocks: The synapses that end in it.
        parameter: Values of the neuron model's `params`, a row each, [params, n], int32.
        pieces: As `update` wants them, numbered from 0: the piece of each neuron [n], the
            neurons in order of their pieces [n], where each piece starts in that [pieces
            + 1], and after how many neurons the first repeats itself.
        n_pieces: How many there are, 0 if nothing is counted.
        sample_bias: Added to the parameter "bias" in each sample, [N, n]; None if there
            is none.
        ranked: Whether Trace.rank is wanted.
        watched: Whether Trace.changed is wanted.
    """

    pop: QuantPopulation
    blocks: tuple[Block, ...]
    parameter: AnyArray
    pieces: tuple[IntArray, IntArray, IntArray, int]
    n_pieces: int
    sample_bias: IntArray | None
    ranked: bool
    watched: bool = False


@dataclass(frozen=True, eq=False)
class Trace:
    """What happened in one sample of T model steps, by name of the population.

    Attributes:
        events: Spikes of each population and input.
        rank: For each spike, the active neurons of its piece up to it, itself included,
            in the order of `events`; empty where it was not wanted.
        membrane: Membranes of readouts, [T, n], in units of v; [0, n] of others.
        active: Neurons of each piece that had something to do in a step, [T, pieces]; [0,
            0] where nothing is counted.
        fired: Neurons of each piece that fired in a step, [T, pieces], or [0, 0]
            likewise.
        peak: Largest |summed input|, |u| and |v|, [3].
        changed: The last step that changed a state, -1 if none did, [1]; [0] where it was
            not wanted.
        end: Chip steps after which nothing is updated any more, NEVER if the frame is
            whole.
        frame: Chip steps after which the next sample begins, NEVER if the frame is whole.
    """

    events: Mapping[str, SpikeEvents]
    rank: Mapping[str, AnyArray]
    membrane: Mapping[str, AnyArray]
    active: Mapping[str, IntArray]
    fired: Mapping[str, IntArray]
    peak: Mapping[str, IntArray]
    changed: Mapping[str, IntArray] = field(default_factory=dict)
    end: int = NEVER
    frame: int = NEVER


Sink = Callable[[int, Trace], None]


def cell(
    pop: QuantPopulation,
    blocks: Iterable[Block],
    stimulus: Stimulus,
    piece: IntArray | None = None,
    *,
    ranked: bool = False,
) -> PopulationUpdate:
    """Return the cell of `pop`; piece: [n] piece numbers; nothing is counted if None."""
    values = pop.step_arguments()
    rows = np.stack([values[name] for name in MODELS[pop.model].params]).astype(np.int32)
    pieces = np.zeros(pop.n, np.int64) if piece is None else piece
    bias = stimulus.bias.get(pop.name)
    n_pieces = 0 if piece is None else int(pieces.max(initial=0)) + 1
    return PopulationUpdate(
        pop, tuple(blocks), rows, _grouped(pieces, pop.shape), n_pieces, bias, ranked
    )


def _grouped(
    piece: IntArray, shape: tuple[int, ...]
) -> tuple[IntArray, IntArray, IntArray, int]:
    """Return `piece`, the neurons in order of their pieces, where each piece starts, and
    after how many neurons `piece` repeats itself: a channel, or not at all."""
    order = np.argsort(piece, kind="stable").astype(np.int64)
    first = np.concatenate([[0], np.cumsum(np.bincount(piece))]).astype(np.int64)
    channels = piece.reshape(shape[0] if len(shape) == 3 else 1, -1)
    alike = bool((channels == channels[0]).all())
    return piece, order, first, channels.shape[1] if alike else piece.size


def run(
    net: QuantNetwork,
    cells: Mapping[str, PopulationUpdate],
    stimulus: Stimulus,
    sink: Sink,
    threads: int,
) -> None:
    """Run every sample and hand its Trace to `sink` (called in order of the samples)."""
    groups = components(net)
    with ThreadPoolExecutor(threads) as pool:
        one = lambda sample: _sample(net, cells, groups, stimulus, sample)  # noqa: E731
        step = max(1, 4 * threads)
        for low in range(0, stimulus.samples, step):
            batch = range(low, min(low + step, stimulus.samples))
            traces = pool.map(one, batch) if threads > 1 else map(one, batch)
            for sample, trace in zip(batch, traces, strict=True):
                sink(sample, trace)


def _sample(
    net: QuantNetwork,
    cells: Mapping[str, PopulationUpdate],
    groups: list[list[str]],
    stimulus: Stimulus,
    sample: int,
) -> Trace:
    work = _Work(net, cells, stimulus, sample)
    for group in groups:
        together = _steps_at_once(net, group, stimulus.steps)
        for start in range(0, stimulus.steps, together):
            stop = min(start + together, stimulus.steps)
            for name in group:
                for low in range(start, stop, work.block[name]):
                    work.advance(name, low, min(low + work.block[name], stop))
    return work.trace()


def _steps_at_once(net: QuantNetwork, group: list[str], steps: int) -> int:
    """Return how many steps the populations of a component may run before they must
    alternate."""
    inside = [p.delay for p in net.projections if p.pre in group and p.post in group]
    if not inside:
        return steps
    return min(inside) if len(group) == 1 else 1


class _Work:
    """The state of one sample on its way through the network."""

    def __init__(
        self,
        net: QuantNetwork,
        cells: Mapping[str, PopulationUpdate],
        stimulus: Stimulus,
        sample: int,
    ) -> None:
        self.cells, self.sample, steps = cells, sample, stimulus.steps
        self.events = {n: _input_events(x[sample]) for n, x in stimulus.spikes.items()}
        self.state, self.block, self.bias = {}, {}, {}
        self.membrane, self.active, self.fired, self.peak = {}, {}, {}, {}
        self.rank, self.changed = {}, {}
        for name, c in cells.items():
            n = c.pop.n
            self.block[name] = max(1, BLOCK // n)
            self.events[name] = SpikeEvents(
                np.zeros(steps + 1, np.int64),
                np.empty(steps * n + 1, np.int32),
                np.empty(steps * n + 1, np.int32),
            )
            self.state[name] = np.zeros((len(MODELS[c.pop.model].states), n), np.int32)
            self.state[name][1] = c.pop.v0
            row = c.parameter[MODELS[c.pop.model].params.index("bias")]
            self.bias[name] = (
                row
                if c.sample_bias is None
                else (row + c.sample_bias[sample]).astype(np.int32)
            )
            self.rank[name] = np.empty(steps * n if c.ranked else 0, np.int32)
            self.membrane[name] = np.empty((0 if c.pop.spiking else steps, n), np.int32)
            counted = steps if c.n_pieces else 0
            self.active[name] = np.zeros((counted, c.n_pieces), np.int64)
            self.fired[name] = np.zeros((counted, c.n_pieces), np.int64)
            self.peak[name] = np.zeros(3, np.int64)
            self.changed[name] = np.full(int(c.watched), -1, np.int64)

    def advance(self, name: str, start: int, stop: int) -> None:
        """Run population `name` from step start to step stop (excluded)."""
        c, events = self.cells[name], self.events[name]
        total = np.zeros((stop - start, c.pop.n), np.int32)
        touched = np.zeros(total.shape if c.n_pieces else (0, 0), np.uint8)
        for block in c.blocks:
            block.run(self.events[block.pre], start, total, touched)
        update(
            CODES[c.pop.model], self.state[name], c.parameter, self.bias[name], total,
            touched, start, events.first, events.index, events.value, self.rank[name],
            self.membrane[name][start:stop], c.pieces,
            self.active[name][start:stop], self.fired[name][start:stop], self.peak[name],
            self.changed[name],
        )  # fmt: skip

    def trace(self) -> Trace:
        return Trace(
            self.events, self.rank, self.membrane, self.active, self.fired, self.peak,
            self.changed,
        )  # fmt: skip


def _input_events(raster: AnyArray) -> SpikeEvents:
    """Return the events of raster [T, n]; a frame that repeats is scanned once."""
    steps = len(raster)
    if raster.strides[0] == 0 and steps > 1:
        _, index, value = sums.events_of(np.ascontiguousarray(raster[:1]))
        first = np.arange(steps + 1, dtype=np.int64) * len(index)
        return SpikeEvents(first, np.tile(index, steps), np.tile(value, steps))
    return SpikeEvents(*sums.events_of(np.ascontiguousarray(raster)))


class Recorder:
    """Collects traces into a Recording."""

    def __init__(
        self, net: QuantNetwork, stimulus: Stimulus, keep: Iterable[str] | None
    ) -> None:
        kept = {p.name for p in net.populations}
        if keep is not None:
            kept = {*keep, *net.outputs}
        shape = (stimulus.samples, stimulus.steps)
        self.pops = net.populations
        self.shape = shape
        self.outputs: dict[str, AnyArray] = {
            p.name: np.zeros((*shape, p.n), _dtype(p))
            for p in net.populations
            if p.name in kept
        }
        names = [p.name for p in net.inputs] + [p.name for p in net.populations]
        self.events = {name: np.zeros(shape[0], np.int64) for name in names}
        self.peak = {p.name: np.zeros(3, np.int64) for p in net.populations}

    def add(self, sample: int, trace: Trace) -> None:
        for name, events in trace.events.items():
            self.events[name][sample] = (
                0 if len(trace.membrane.get(name, ())) else events.count
            )
        for name, out in self.outputs.items():
            if len(trace.membrane[name]):
                out[sample] = trace.membrane[name]
            else:
                e = trace.events[name]
                steps = np.repeat(np.arange(self.shape[1]), np.diff(e.first))
                out[sample, steps, e.index[: e.count]] = e.value[: e.count]
        for name, peak in trace.peak.items():
            np.maximum(self.peak[name], peak, out=self.peak[name])

    def recording(self) -> Recording:
        shaped = {
            p.name: self.outputs[p.name].reshape(*self.shape, *p.shape)
            for p in self.pops
            if p.name in self.outputs
        }
        keys = ("a_in", "u", "v")
        peaks = {
            n: dict(zip(keys, map(float, p), strict=True)) for n, p in self.peak.items()
        }
        return Recording(shaped, self.events, peaks)


def _dtype(pop: QuantPopulation) -> type[Any]:
    """Return the smallest type of an output: membranes int32, binary spikes int8."""
    return np.int8 if pop.spiking and pop.payload_bits == 0 else np.int32
