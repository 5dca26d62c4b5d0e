"""Integer networks built by hand, shape by shape, for tests of the mapper."""

from collections.abc import Sequence

import msgspec
import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import IntArray, frozen
from snn_deploy.board.board import Board
from snn_deploy.ir.maps import Connection, Conv, Dense, Sparse
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import (
    QuantInput,
    QuantNetwork,
    QuantPopulation,
    QuantProjection,
    SignMode,
)
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.place import place
from snn_deploy.mapping.route import route
from snn_deploy.names import PlacementName

# PilotNet LIF of lava-dl: (channels, height, width), kernel 3 x 3 each, (y, x) stride and padding,
# and the bits its weights need
PILOTNET_INPUT = (3, 66, 200)
PILOTNET_CONVS = (
    ((24, 32, 99), (2, 2), (0, 0), 5),
    ((36, 15, 49), (2, 2), (0, 0), 4),
    ((48, 7, 24), (2, 2), (0, 0), 4),
    ((64, 4, 22), (2, 1), (1, 0), 4),
    ((64, 2, 20), (1, 1), (0, 0), 4),
)
PILOTNET_DENSE = ((100, 3), (50, 4), (10, 5), (1, 6))


def population(
    name: str, shape: Sequence[int], lag: int = 0, model: str = "lif", **params: object
) -> QuantPopulation:
    """Return a population with one parameter set, or the given values per parameter."""
    n = int(np.prod(shape))
    values = {"du": 4095, "dv": 0, "bias_mant": 0, "bias_exp": 0, "vth": 100, **params}
    arrays: dict[str, IntArray] = {
        k: np.array(np.broadcast_to(np.asarray(v, np.int64), n)) for k, v in values.items()
    }
    zero, one = np.zeros(n), np.ones(n)
    return QuantPopulation(
        name, tuple(shape), model, arrays, zero.astype(np.int64), one, zero, lag
    )


def projection(
    pre: str, post: str, m: Connection, weight_bits: int = 8, delay: int = 0
) -> QuantProjection:
    """Return a binary projection with mixed signs and exponent 0."""
    return QuantProjection(pre, post, m, SignMode.MIXED, weight_bits, 0, delay, 0)


def network(
    inputs: Sequence[tuple[str, Sequence[int]]],
    populations: Sequence[QuantPopulation],
    projections: Sequence[QuantProjection],
    outputs: Sequence[str] | None = None,
) -> QuantNetwork:
    """Return a network; its output is the last population unless it is said."""
    ports = tuple(QuantInput(name, tuple(shape), 0, 1.0) for name, shape in inputs)
    last = (populations[-1].name,)
    return QuantNetwork(
        ports, (), tuple(populations), tuple(projections), tuple(outputs or last), "loihi"
    )


def zeros(n_post: int, n_pre: int) -> Dense:
    """Return an all-to-all map of stored zeros, without the memory it would take."""
    return Dense(np.broadcast_to(np.int16(0), (n_post, n_pre)))


def layers(*sizes: int, weight_bits: int = 8) -> QuantNetwork:
    """Return a dense feed-forward net: an input "in", then populations "l1", "l2", ..."""
    names = ["in", *(f"l{i}" for i in range(1, len(sizes)))]
    hops = list(zip(names, names[1:], sizes, sizes[1:], strict=False))
    return network(
        [("in", (sizes[0],))],
        [population(post, (n,), i + 1) for i, (_, post, _, n) in enumerate(hops)],
        [projection(pre, post, zeros(n, m), weight_bits) for pre, post, m, n in hops],
    )


def sparse(n_post: int, n_pre: int, fan_in: int, seed: int = 0) -> Sparse:
    """Return a map in which each target has `fan_in` different random sources."""
    rng = np.random.default_rng(seed)
    columns = np.sort(
        rng.random((n_post, n_pre)).argpartition(fan_in - 1)[:, :fan_in], axis=1
    )
    first = np.arange(n_post + 1) * fan_in
    data = np.ones(columns.size, np.int16)
    return Sparse(sp.csr_array((data, columns.ravel(), first), shape=(n_post, n_pre)))


def kernel(
    before: tuple[int, int, int],
    after: tuple[int, int, int],
    size: tuple[int, int] = (3, 3),
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    groups: int = 1,
) -> Conv:
    """Return a convolution between maps [C, H, W] with a kernel of ones."""
    weight = np.ones((after[0], before[0] // groups, *size), np.int16)
    return Conv(frozen(weight), before, after, stride, padding, (1, 1), groups)


def pilotnet() -> QuantNetwork:
    """Return PilotNet LIF as Intel maps it: its input layer is a population, too."""
    populations = [population("input", PILOTNET_INPUT)]
    projections = []
    before, name = PILOTNET_INPUT, "input"
    for i, (shape, stride, padding, bits) in enumerate(PILOTNET_CONVS, 1):
        m = kernel(before, shape, stride=stride, padding=padding)
        populations.append(population(f"conv{i}", shape, i))
        projections.append(projection(name, f"conv{i}", m, bits))
        before, name = shape, f"conv{i}"
    size = int(np.prod(before))
    for i, (n, bits) in enumerate(PILOTNET_DENSE, 1):
        populations.append(population(f"dense{i}", (n,), len(PILOTNET_CONVS) + i))
        projections.append(projection(name, f"dense{i}", zeros(n, size), bits))
        size, name = n, f"dense{i}"
    return network([], populations, projections)


def yolo_kp() -> QuantNetwork:
    """Return YOLO-KP's convolutions; weight bits are those that its published words imply."""
    shapes = (
        ((16, 224, 224), 3, 2, 6),
        ((32, 112, 112), 3, 2, 6),
        ((64, 56, 56), 3, 2, 5),
        ((128, 28, 28), 3, 2, 5),
        ((256, 28, 28), 3, 1, 5),
        ((256, 14, 14), 3, 2, 4),
        ((512, 14, 14), 3, 1, 5),
        ((256, 14, 14), 1, 1, 5),
        ((512, 14, 14), 3, 1, 5),
        ((48, 14, 14), 1, 1, 6),
    )
    before, name = (3, 448, 448), "in"
    populations, projections = [], []
    for i, (shape, size, stride, bits) in enumerate(shapes, 1):
        pad = (size // 2, size // 2)
        m = kernel(before, shape, (size, size), (stride, stride), pad)
        populations.append(population(f"conv{i}", shape, i))
        projections.append(projection(name, f"conv{i}", m, bits))
        before, name = shape, f"conv{i}"
    return network([("in", (3, 448, 448))], populations, projections)


def mapped(
    net: QuantNetwork, board: Board, seed: int = 0, method: PlacementName = "random"
) -> Program:
    """Return the network on the board."""
    pieces = partition(net, board)
    placement = place(pieces, net, board, seed=seed, method=method)
    return Program(net, pieces, placement, route(net, pieces, placement, board), board)


def with_synapses(board: Board, words: int) -> Board:
    """Return the board with so many words of synapse memory a core."""
    limit = msgspec.structs.replace(board.pool.synapse, value=words)
    return msgspec.structs.replace(
        board, pool=msgspec.structs.replace(board.pool, synapse=limit)
    )
