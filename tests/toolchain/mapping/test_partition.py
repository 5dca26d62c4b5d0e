"""Cutting populations: Intel's core counts, and what holds for every network."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_deploy.board.board import Board, load_board
from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.program import Partition, grid_of
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.mapping.partition import METHODS, equal_parts, partition, tiles
from snn_deploy.mapping.resources import over
from snn_deploy.names import PartitionName
from support.networks import (
    kernel,
    layers,
    network,
    pilotnet,
    population,
    projection,
    sparse,
    yolo_kp,
    zeros,
)
from support.random_networks import random_network

LOIHI2 = load_board("loihi2")


def shrunk(board: Board, **caps: int) -> Board:
    """Return `board` with other limits of its pool."""
    limits = {
        name: msgspec.structs.replace(getattr(board.pool, name), value=value)
        for name, value in caps.items()
    }
    return msgspec.structs.replace(
        board, pool=msgspec.structs.replace(board.pool, **limits)
    )


def cores(pieces: Partition, net: QuantNetwork) -> list[int]:
    return [len(pieces.of(p.name)) for p in net.populations]


def tile(pieces: Partition, name: str) -> tuple[int, int, int]:
    """Return width, height and channels of the first tile, as Intel's log writes them."""
    w = pieces.pieces[pieces.of(name)[0]].window
    return w.x1 - w.x0, w.y1 - w.y0, w.c1 - w.c0


def test_mnist_takes_the_cores_of_intels_log() -> None:
    net = layers(784, 128, 64, 10)
    assert cores(partition(net, LOIHI2), net) == [3, 1, 1]


def test_oxford_fits_in_fewer_cores_than_intels_three_and_two() -> None:
    net = layers(200, 256, 200)
    assert cores(partition(net, LOIHI2), net) == [2, 2]
    assert cores(partition(net, shrunk(LOIHI2, synapse=12000)), net) == [2, 2]


def test_pilotnet_takes_the_cores_and_tiles_of_intels_log() -> None:
    net = pilotnet()
    pieces = partition(net, shrunk(LOIHI2, synapse=12000))
    assert cores(pieces, net) == [13, 25, 13, 3, 3, 2, 12, 1, 1, 1]
    assert len(pieces.pieces) == 74
    assert [tile(pieces, p.name) for p in net.populations[:6]] == [
        (16, 66, 3), (4, 32, 24), (4, 15, 36), (8, 7, 48), (8, 4, 64), (16, 2, 64),
    ]  # fmt: skip


def test_pilotnets_convolutions_take_the_same_cores_with_todays_limits() -> None:
    net = pilotnet()
    assert cores(partition(net, LOIHI2), net)[:6] == [13, 25, 13, 3, 3, 2]


def test_yolo_takes_the_cores_and_tiles_of_intels_log() -> None:
    net = yolo_kp()
    pieces = partition(net, load_board("kapoho-point"), method="square")
    assert cores(pieces, net) == [224, 112, 56, 28, 56, 16, 32, 14, 32, 4]
    assert [tile(pieces, p.name) for p in net.populations] == [
        (8, 28, 16), (8, 14, 32), (4, 14, 64), (4, 7, 128), (4, 7, 128),
        (8, 7, 64), (8, 7, 64), (2, 7, 256), (8, 7, 64), (4, 14, 48),
    ]  # fmt: skip
    shares = [
        round(max(pieces.pieces[i].use.synapse for i in pieces.of(p.name)) / 160, 2)
        for p in net.populations
    ]
    assert shares == [0.34, 3.6, 10.8, 39.6, 79.2, 72.0, 86.4, 67.2, 86.4, 19.2]


def test_fewest_never_takes_more_cores_than_intels_rule() -> None:
    for net in (layers(784, 1000, 500, 10), layers(3000, 300, 2000), pilotnet()):
        intel, fewest = (partition(net, LOIHI2, method=m) for m in ("intel", "fewest"))
        assert len(fewest.pieces) <= len(intel.pieces)
    older = shrunk(
        LOIHI2, synapse=12000
    )  # 2560 -> 100: 12 cores by Intel's rule, 7 suffice
    assert cores(partition(pilotnet(), older, method="fewest"), pilotnet())[6] == 7


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 30), scale=st.sampled_from([1, 2, 8]))
def test_every_neuron_is_in_one_piece_and_every_piece_fits(
    method: PartitionName, seed: int, scale: int
) -> None:
    net, _ = random_network(seed)
    board = shrunk(
        LOIHI2,
        axon_in=160 * scale,
        neuron=8 * scale,
        synapse=400 * scale,
        total=500 * scale,
    )
    try:
        pieces = partition(net, board, method=method)
    except DoesNotFitError as error:
        refusals = error.violations
    else:
        refusals = ()
    assert all("one neuron needs" in sentence for sentence in refusals)
    if refusals:
        return
    for pop in net.populations:
        inside = [
            pieces.pieces[i].window.members(grid_of(net, pop.name))
            for i in pieces.of(pop.name)
        ]
        assert np.sort(np.concatenate(inside)).tolist() == list(range(pop.n))
    assert all(not over(piece.use, board) for piece in pieces.pieces)


def test_small_boards_really_cut_random_networks() -> None:
    """Guards the test above: its boards force several pieces, and mostly fit."""
    board = shrunk(LOIHI2, axon_in=160, neuron=8, synapse=400, total=500)
    cut = 0
    for seed in range(15):
        net, _ = random_network(seed)
        try:
            cut += len(partition(net, board).pieces) > len(net.populations)
        except DoesNotFitError:
            continue
    assert cut >= 8


def test_the_same_network_is_cut_the_same_way() -> None:
    assert partition(pilotnet(), LOIHI2) == partition(pilotnet(), LOIHI2)


@given(st.integers(1, 500), st.integers(1, 500))
def test_equal_parts_differ_in_the_last_only(n: int, parts: int) -> None:
    sizes = [w.size for w in equal_parts(n, parts)]
    assert sum(sizes) == n
    assert len(sizes) <= parts
    assert set(sizes[:-1]) <= {sizes[0]}
    assert sizes[-1] <= sizes[0]


def test_tiles_cover_a_map_once() -> None:
    count = np.zeros((5, 7, 9), np.int64)
    for w in tiles((5, 7, 9), (2, 3, 4)):
        count[w.c0 : w.c1, w.y0 : w.y1, w.x0 : w.x1] += 1
    assert (count == 1).all()


def test_parameter_sets_beyond_the_groups_of_a_core_cut_the_population() -> None:
    net = network([], [population("p", (40,), vth=np.repeat(np.arange(20), 2) + 1)], [])
    pieces = partition(net, LOIHI2)
    assert [p.use.neuron_groups for p in pieces.pieces] == [7, 7, 6]


def test_a_threshold_per_channel_cuts_channels() -> None:
    vth = np.repeat(np.arange(32) + 1, 16)
    conv = kernel((3, 6, 6), (32, 4, 4))
    net = network(
        [("in", (3, 6, 6))],
        [population("p", (32, 4, 4), 1, vth=vth)],
        [projection("in", "p", conv)],
    )
    windows = [p.window for p in partition(net, LOIHI2).pieces]
    assert [(w.c0, w.c1) for w in windows] == [(0, 8), (8, 16), (16, 24), (24, 32)]
    assert all(w.size == 8 * 16 for w in windows)


def test_a_kernel_too_big_for_a_core_cuts_channels_first() -> None:
    conv = kernel((256, 8, 8), (256, 8, 8), padding=(1, 1))
    net = network(
        [("in", (256, 8, 8))],
        [population("p", (256, 8, 8), 1)],
        [projection("in", "p", conv)],
    )
    for piece in partition(net, LOIHI2).pieces:
        w = piece.window
        assert (w.c1 - w.c0, w.y1 - w.y0) == (32, 8)
        assert piece.use.synapse == 256 * 9 * 5  # ceil((8 * 32 + 10) / 64) = 5 words a row


def test_output_axons_of_loihi1_cut_the_source_once_its_targets_are_cut() -> None:
    net = layers(10, 900, 3000)  # 900 neurons, each told to many cores
    board = load_board("loihi1")
    pieces = partition(net, board)
    targets = len(pieces.of("l2"))
    assert targets > 5
    assert len(pieces.of("l1")) > 1
    for i in pieces.of("l1"):
        piece = pieces.pieces[i]
        assert piece.use.axon_map == piece.window.size * targets <= 4096


def over_the_axons() -> QuantNetwork:
    return layers(20000, 10, 5)


def listed() -> QuantNetwork:
    return network(
        [("in", (30000,))],
        [population("p", (3,), 1)],
        [projection("in", "p", sparse(3, 30000, 12000))],
    )


def big_kernel() -> QuantNetwork:
    conv = kernel((2048, 3, 3), (4, 1, 1))
    return network(
        [("in", (2048, 3, 3))],
        [population("p", (4, 1, 1), 1)],
        [projection("in", "p", conv)],
    )


STUBBORN: list[tuple[Callable[[], QuantNetwork], str]] = [
    (over_the_axons, r"^population 'l1': one neuron needs 40003 64-bit words of memory in all, 2\.0x the 20000 of a core of loihi2; give each neuron at most 9998 inputs$"),
    (listed, r"^population 'p': one neuron needs 24003 64-bit words of memory in all, 1\.2x the 20000 .* at most 9998 inputs$"),
    (big_kernel, r"^population 'p': one neuron needs 18432 64-bit words for synapses, 1\.2x the 16000 .*; use a smaller kernel or fewer input channels$"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("build", "sentence"), STUBBORN, ids=lambda x: getattr(x, "__name__", "")
)
def test_a_neuron_too_big_for_a_core_is_refused(
    build: Callable[[], QuantNetwork], sentence: str
) -> None:
    with pytest.raises(DoesNotFitError, match=sentence):
        partition(build(), LOIHI2)


def test_all_populations_with_such_neurons_are_named_at_once() -> None:
    with pytest.raises(DoesNotFitError) as caught:
        partition(layers(20000, 15000, 10), LOIHI2)
    assert [s.split(":")[0] for s in caught.value.violations] == [
        "population 'l1'",
        "population 'l2'",
    ]


def test_the_inputs_said_to_fit_do_fit_and_one_more_does_not() -> None:
    partition(layers(9998, 1), LOIHI2)
    with pytest.raises(DoesNotFitError, match="at most 9998 inputs"):
        partition(layers(9999, 1), LOIHI2)


def test_two_dense_projections_from_one_source_halve_what_fits() -> None:
    net = network(
        [("in", (8000,))],
        [population("p", (1,), 1)],
        [projection("in", "p", zeros(1, 8000)), projection("in", "p", zeros(1, 8000))],
    )
    with pytest.raises(DoesNotFitError, match=r"24003 64-bit words of memory in all"):
        partition(net, LOIHI2)
