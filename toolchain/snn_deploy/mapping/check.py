"""Check: everything that keeps a QuantNetwork from running on a board, all at once.

Each violation is one sentence: who, how much, the limit, and a way out with its numbers.
Ways out are tried, not guessed: a board or a weight width is only named if the network
fits there.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.board.board import Board, load_board, shipped_boards
from snn_deploy.errors import DoesNotFitError, option
from snn_deploy.ir.quant import QuantNetwork, QuantPopulation, QuantProjection, SignMode
from snn_deploy.mapping.partition import METHODS, partition
from snn_deploy.names import PartitionName

NARROW_BITS = 4  # the weight width that is tried as a way out
REMEDY = {
    "du": "give it another decay",
    "dv": "give it another decay",
    "hold": "shorten its wait",
}


def check(
    net: QuantNetwork, board: Board, *, method: PartitionName = "intel"
) -> tuple[str, ...]:
    """Return one sentence for everything of `net` that `board` cannot hold or express.

    method: by which it will be cut, a key of the partition's METHODS.
    """
    # Cutting on changes nothing about what fits.
    fits: PartitionName = METHODS[method].base or method
    return (*_foreign(net, board), *_does_not_fit(net, board, fits))


def _foreign(net: QuantNetwork, board: Board) -> tuple[str, ...]:
    """Return the violations that have nothing to do with the size of the board."""
    sentences: list[str] = []
    if net.arithmetic != board.arithmetic:
        sentences.append(
            f"the network was quantized for the arithmetic {net.arithmetic!r}, but "
            f"{board.name} computes in {board.arithmetic!r}; quantize it for {board.name}"
        )
    for port in net.inputs:
        sentences += _payload(f"input {port.name!r}", port.payload_bits, board)
    for pop in net.populations:
        who, way = f"population {pop.name!r}", _lowering(pop, board)
        sentences += _payload(who, pop.payload_bits, board, way)
        sentences += [*_model(pop, board), *_parameters(pop, board)]
    for p in net.projections:
        sentences += _synapses(net, p, board)
    exponents = (0, board.neuron.bias_exp_max.value)
    for d in net.drives:
        who = f"drive {d.input!r} -> {d.post!r}"
        sentences += _range(who, "bias_exp", d.bias_exp, exponents, board)
    return tuple(sentences)


def _payload(who: str, bits: int, board: Board, way: str = "") -> Iterator[str]:
    """Yield what is wrong with spikes of so many bits; way: out, beside another board."""
    most = board.synapse.payload_bits_max.value
    if bits > most:
        what = f"{most}-bit payloads at most" if most else "binary spikes only"
        others = _boards(lambda b: b.synapse.payload_bits_max.value >= bits, board)
        yield (
            f"{who}: spikes carry {bits} bits, but {board.name} has {what}; "
            f"{_use(others)}{way or 'code the values as spikes over time'}"
        )


def _lowering(pop: QuantPopulation, board: Board) -> str:
    """Return how the levels of `pop` become binary spikes that `board` can send, if so."""
    if pop.model == "multi_level" and _runs(board, pop.model):
        return f"make them binary with {option('lower', 'bit-planes|unary')}"
    return ""


def _model(pop: QuantPopulation, board: Board) -> Iterator[str]:
    who = f"population {pop.name!r}"
    support = board.neuron.models.get(pop.model)
    if support is None or support.runs == "impossible":
        reason = support.source if support else "its board file does not list it"
        others = _boards(lambda b: _runs(b, pop.model), board)
        yield (
            f"{who}: neuron {pop.model!r} cannot run on {board.name} ({reason}); "
            f"{_use(others)}train with one of: {', '.join(_possible(board))}"
        )
        return
    for name, limit in support.limits.items():
        if name in pop.params:
            yield from _range(who, name, pop.params[name], (0, limit.value), board)


def _parameters(pop: QuantPopulation, board: Board) -> Iterator[str]:
    core = board.neuron
    mantissa = 1 << (core.bias_bits.value - 1)
    ranges = {
        "du": (0, (1 << core.decay_bits.value) - 1),
        "dv": (0, core.decay_v_max.value),
        "vth": (0, (1 << core.threshold_bits.value) - 1),
        "bias_mant": (-mantissa, mantissa - 1),
        "bias_exp": (0, core.bias_exp_max.value),
    }
    for name, limits in ranges.items():
        if name in pop.params:
            yield from _range(
                f"population {pop.name!r}", name, pop.params[name], limits, board
            )


def _range(
    who: str, name: str, values: AnyArray, limits: tuple[int, int], board: Board
) -> Iterator[str]:
    low, high = limits
    outside = values[(values < low) | (values > high)]
    if outside.size:
        worst = int(outside[np.abs(outside).argmax()])
        remedy = REMEDY.get(name, "rescale the population")
        yield (
            f"{who}: {name} is {worst} in {outside.size} of {values.size} neurons, but "
            f"{board.name} holds {low}..{high}; {remedy}"
        )


def _synapses(net: QuantNetwork, p: QuantProjection, board: Board) -> Iterator[str]:
    who, core = f"projection {p.pre!r} -> {p.post!r}", board.synapse
    yield from _payload(who, p.payload_bits, board)
    delay = net.chip_delay(p) - 1
    if not 0 <= delay <= core.max_delay.value:
        yield (
            f"{who}: its delay of {delay} steps is outside 0..{core.max_delay.value} of "
            f"{board.name}; shorten it, or relay it through a population on the way"
        )
    if p.weight_bits > core.weight_bits.value:
        yield (
            f"{who}: weights have {p.weight_bits} bits, but {board.name} stores "
            f"{core.weight_bits.value}; quantize to {core.weight_bits.value} bits"
        )
    low, high = core.weight_exp_min.value, core.weight_exp_max.value
    if not low <= p.weight_exp <= high:
        yield (
            f"{who}: weight exponent {p.weight_exp} is outside {low}..{high} of "
            f"{board.name}; rescale population {p.post!r}"
        )
    yield from _weights(who, p, board)


def _weights(who: str, p: QuantProjection, board: Board) -> Iterator[str]:
    """Weights are effective ones: mixed signs take one bit more, and only even values."""
    full = 1 << board.synapse.weight_bits.value
    low, high = {
        SignMode.MIXED: (-full, full - 2),
        SignMode.EXCITATORY: (0, full - 1),
        SignMode.INHIBITORY: (1 - full, 0),
    }[p.sign_mode]
    values = p.map.stored
    least, most = int(values.min(initial=0)), int(values.max(initial=0))
    if least < low or most > high:
        yield (
            f"{who}: weights go from {least} to {most}, but "
            f"{p.sign_mode.name.lower()} ones are {low}..{high} on {board.name}; "
            f"rescale population {p.post!r}"
        )


def _does_not_fit(
    net: QuantNetwork, board: Board, method: PartitionName
) -> tuple[str, ...]:
    """Return the sentences on memory: neurons too big for a core, too few cores."""
    try:
        pieces = partition(net, board, method=method).pieces
    except DoesNotFitError as error:
        return error.violations
    if len(pieces) <= len(board.live_cores):
        return ()
    largest = Counter(p.population for p in pieces).most_common(3)
    split = ", ".join(f"{n} for population {name!r}" for name, n in largest)
    return (
        f"the network needs {len(pieces)} cores ({split}), but {board.name} has "
        f"{len(board.live_cores)}; {_ways_out(net, board, method, len(pieces))}",
    )


def _ways_out(net: QuantNetwork, board: Board, method: PartitionName, needed: int) -> str:
    """Return what would fit: another cut, another board, narrower weights, or less.

    method: that did not. needed: cores of `board`.
    """
    ways = [
        f"use {option('partition', other)} ({n} cores)"
        for other in sorted(METHODS.keys() - {method})
        if METHODS[other].base is None and (n := _cores(net, board, other)) is not None
    ]
    ways += [
        f"use {elsewhere.name} ({len(elsewhere.live_cores)} cores, {n} needed)"
        for elsewhere in _others(board)
        if (n := _cores_elsewhere(net, board, elsewhere, method, needed)) is not None
    ]
    narrow = replace(
        net,
        projections=tuple(
            replace(p, weight_bits=min(p.weight_bits, NARROW_BITS)) for p in net.projections
        ),
    )
    cores = _cores(narrow, board, method)
    ways += [] if cores is None else [f"use {NARROW_BITS}-bit weights ({cores} cores)"]
    return ", or ".join(ways) or "no shipped board has enough: make the network smaller"


def _cores_elsewhere(
    net: QuantNetwork, board: Board, other: Board, method: PartitionName, needed: int
) -> int | None:
    """Return the cores that `net` takes on `other`, None if it does not run there."""
    if _foreign(net, other):
        return None
    if (other.pool, other.synapse, other.neuron) == (
        board.pool,
        board.synapse,
        board.neuron,
    ):
        return needed if needed <= len(other.live_cores) else None
    return _cores(net, other, method)


def _cores(net: QuantNetwork, board: Board, method: PartitionName) -> int | None:
    """Return the cores that `net` takes on `board`, None if it does not fit."""
    try:
        needed = len(partition(net, board, method=method).pieces)
    except DoesNotFitError:
        return None
    return needed if needed <= len(board.live_cores) else None


def _others(board: Board) -> list[Board]:
    """Return the other real boards of the same arithmetic that we ship, smallest first."""
    boards = [load_board(name) for name in shipped_boards() if name != board.name]
    alike = [b for b in boards if b.arithmetic == board.arithmetic and not b.fictitious]
    return sorted(alike, key=lambda b: len(b.live_cores))


def _boards(can: Callable[[Board], bool], board: Board) -> list[str]:
    return [b.name for b in _others(board) if can(b)]


def _use(names: list[str]) -> str:
    return f"use {' or '.join(names)}, or " if names else ""


def _runs(board: Board, model: str) -> bool:
    support = board.neuron.models.get(model)
    return support is not None and support.runs != "impossible"


def _possible(board: Board) -> list[str]:
    return [name for name in board.neuron.models if _runs(board, name)]
