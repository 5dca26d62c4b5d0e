"""Prepare the synapses of a projection, inside a window of its target, for the sums."""

from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import AnyArray, BoolArray, IntArray
from snn_deploy.ir.maps import Conv, Dense, Sparse
from snn_deploy.ir.program import Window
from snn_deploy.ir.quant import QuantProjection
from snn_deploy_simulators.engine.conv_block import conv_run
from snn_deploy_simulators.engine.engine import Block, Run, SpikeEvents
from snn_deploy_simulators.kernels import sums


@dataclass(frozen=True, eq=False)
class Place:
    """The part of a population that a block serves.

    Attributes:
        window: Its box of the feature map.
        members: Flat indices of the neurons inside, rising, [members].
    """

    window: Window
    members: IntArray


def block(
    projection: QuantProjection,
    place: Place | None = None,
    listens: BoolArray | None = None,
) -> Block:
    """Return the synapses of `projection` that end in `place` (everywhere if None).

    listens: [n_pre], which events reach them; all if None.
    """
    m = projection.map
    heard = np.ones(m.n_pre, np.bool_) if listens is None else listens
    members = np.arange(m.n_post) if place is None else place.members
    match m:
        case Dense():
            run = _dense(projection, m, members, heard)
        case Sparse():
            run = _sparse(projection, m, members, heard)
        case Conv():
            channels, rows, columns = m.out_shape
            everything = Window(0, channels, 0, rows, 0, columns)
            run = conv_run(projection, m, place.window if place else everything, heard)
    return Block(projection.pre, run)


def _dense(p: QuantProjection, m: Dense, members: IntArray, listens: BoolArray) -> Run:
    rows = m.weight if len(members) == m.n_post else m.weight[members]
    pre_shift, weight = _by_row(rows)
    binary, delay, exponent = p.payload_bits == 0, p.delay, p.weight_exp
    stored = (listens, weight, pre_shift, exponent)

    def add(
        events: SpikeEvents, start: int, column: int, total: AnyArray, touched: AnyArray
    ) -> None:
        if binary and weight.dtype == np.int8:
            sums.dense_binary(
                events.first, events.index, start, delay, *stored, column, total, touched
            )
        else:
            sums.dense_graded(
                events.first, events.index, events.value, start, delay, binary, *stored,
                column, total, touched,
            )  # fmt: skip

    def run(events: SpikeEvents, start: int, total: AnyArray, touched: AnyArray) -> None:
        add(events, start, int(members[0]), total, touched)

    def run_scattered(
        events: SpikeEvents, start: int, total: AnyArray, touched: AnyArray
    ) -> None:
        part = np.zeros((len(total), len(members)), np.int32)
        part_touched = np.zeros((len(touched), len(members)), np.uint8)
        add(events, start, 0, part, part_touched)
        total[:, members] += part
        if len(touched):
            touched[:, members] |= part_touched

    adjacent = members[-1] - members[0] + 1 == len(members)
    return run if adjacent else run_scattered


def _sparse(p: QuantProjection, m: Sparse, members: IntArray, listens: BoolArray) -> Run:
    synapses = m.matrix.nnz
    first = np.empty(m.n_pre + 1, np.int64)
    post = np.empty(synapses, np.uint16 if m.n_post <= 1 << 16 else np.uint32)
    weight = np.empty(synapses, np.int16)
    listed = (m.matrix.indptr, m.matrix.indices, m.matrix.data)
    sums.by_source(*listed, first, post, weight)
    if len(members) < m.n_post:
        inside = np.zeros(m.n_post, np.bool_)
        inside[members] = True
        kept = inside[post]
        first = np.concatenate([[0], np.cumsum(kept)])[first]
        post, weight = post[kept], weight[kept]
    rows = (first, post, weight)  # small and unsigned: Numba trusts the sign of `post`
    binary, delay, exponent = p.payload_bits == 0, p.delay, p.weight_exp
    most = int(np.diff(m.matrix.indptr).max(initial=0))

    def run(events: SpikeEvents, start: int, total: AnyArray, touched: AnyArray) -> None:
        if binary and most <= sums.MANY:
            sums.sparse_binary(
                events.first, events.index, start, delay, listens, *rows, exponent, total,
                touched,
            )  # fmt: skip
            return
        sums.sparse(
            events.first, events.index, events.value, start, delay, binary, listens,
            *rows, exponent, total, touched,
        )  # fmt: skip

    return run


def _by_row(weight: AnyArray) -> tuple[int, AnyArray]:
    """Return (shift, weight [n_post, n_pre] >> shift, transposed) as int8 if that loses
    nothing, else as int16."""
    shift, bits = 0, 16
    low, high = int(weight.min(initial=0)), int(weight.max(initial=0))
    if low >= -128 and high <= 127:
        bits = 8
    elif low >= -256 and high <= 255 and not int(np.bitwise_or.reduce(weight, None)) & 1:
        shift, bits = 1, 8
    result = np.empty(weight.shape[::-1], np.int8 if bits == 8 else np.int16)
    sums.transpose(weight, shift, result)
    return shift, result
