"""What a piece takes of a core, held against the tables that Intel's compiler printed."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_deploy.board.board import Board, load_board
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.program import Partition, Use, Window, grid_of
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.mapping.fanout import fan_out_of
from snn_deploy.mapping.partition import partition
from snn_deploy.mapping.resources import (
    channel_blocks,
    list_words,
    over,
    use_of,
    utilization,
    words_heard,
)
from support import networks
from support.random_networks import random_network

LOIHI2 = load_board("loihi2")
LOIHI1 = load_board("loihi1")
COLUMNS = ("axon_in", "neuron_groups", "neuron", "synapse", "axon_map", "axon_mem")


def flat(n: int) -> Window:
    return Window(0, 1, 0, 1, 0, n)


def older_compiler() -> Board:
    """Return Loihi 2 with 12,000 words of synapses, as the compiler of PilotNet's log had."""
    synapse = msgspec.structs.replace(LOIHI2.pool.synapse, value=12000)
    return msgspec.structs.replace(
        LOIHI2, pool=msgspec.structs.replace(LOIHI2.pool, synapse=synapse)
    )


def mean(pieces: Partition, name: str, column: str) -> float:
    return float(np.mean([getattr(pieces.pieces[i].use, column) for i in pieces.of(name)]))


# lava-dl netx/mnist/run.ipynb: population, neurons of the largest piece, AxonIn / groups / Neurons /
# Synapses / AxonMap / AxonMem in words (the log has per cent of the caps), Total in per cent
MNIST = [
    ("l3", 10, (64, 1, 10, 256, 10, 0), 1.71),
    ("l2", 64, (128, 1, 64, 2688, 64, 0), 14.72),
    ("l1", 50, (784, 1, 50, 12544, 50, 0), 67.14),
]


@pytest.mark.parametrize(("name", "neurons", "row", "total"), MNIST)
def test_mnist_takes_the_words_of_intels_log(
    name: str, neurons: int, row: tuple[int, ...], total: float
) -> None:
    use = use_of(networks.layers(784, 128, 64, 10), LOIHI2, name, flat(neurons))
    assert tuple(getattr(use, c) for c in COLUMNS) == row
    assert 100 * use.total / 20000 == pytest.approx(total, abs=0.0051)


@pytest.mark.parametrize(
    ("name", "sources", "words"), [("l1", 200, 16200), ("l2", 256, 16128)]
)
def test_oxford_takes_the_words_of_intels_log_before_it_is_cut(
    name: str, sources: int, words: int
) -> None:
    net = networks.layers(200, 256, 200)
    use = use_of(net, LOIHI2, name, flat(net.size(name)))
    assert (use.axon_in, use.synapse) == (sources, words)


# lava-dl netx/pilotnet_snn/benchmark.ipynb, means over the cores of a layer: AxonIn, groups, Synapses,
# AxonMap, cores. Weight bits are those of the trained net in lava-dl (see networks.py).
PILOTNET = [
    ("dense4", 10, 1, 10, 1, 1),
    ("dense3", 50, 1, 150, 10, 1),
    ("dense2", 100, 1, 1300, 50, 1),
    ("dense1", 2560, 1, 7253, 8, 12),
    ("conv5", 1, 1, 2880, 1280, 2),
    ("conv4", 1, 1, 2160, 29, 3),
    ("conv3", 2, 1, 1620, 112, 3),
    ("conv2", 2, 1, 864, 113, 13),
    ("conv1", 2, 1, 81, 253, 25),
    ("input", 0, 1, 0, 1015, 13),
]


@pytest.fixture(scope="module")
def pilot() -> Partition:
    return partition(networks.pilotnet(), older_compiler())


@pytest.mark.parametrize(
    ("name", "axon_in", "groups", "synapse", "axon_map", "cores"), PILOTNET
)
def test_pilotnet_takes_the_words_and_cores_of_intels_log(
    pilot: Partition,
    name: str,
    axon_in: int,
    groups: int,
    synapse: int,
    axon_map: int,
    cores: int,
) -> None:
    columns = ("axon_in", "neuron_groups", "synapse", "axon_map")
    row = [int(mean(pilot, name, column)) for column in columns]
    assert row == [axon_in, groups, synapse, axon_map]
    assert len(pilot.of(name)) == cores


# AxonMem of the same log (means), and of netx/yolo_kp/run.ipynb (words of the largest, from per cent of 16000)
AXON_MEM_PILOTNET = {
    "input": 731,
    "conv1": 93,
    "conv2": 32,
    "conv3": 46,
    "conv4": 9,
    "conv5": 0,
}
AXON_MEM_YOLO = (112, 56, 56, 28, 28, 448, 56, 56, 28, 0)


def test_axon_lists_are_bounded_from_above_by_at_most_six_times(pilot: Partition) -> None:
    ours = [mean(pilot, name, "axon_mem") for name in AXON_MEM_PILOTNET]
    pieces = partition(networks.yolo_kp(), load_board("kapoho-point"), method="square")
    for i in range(1, 11):
        ours.append(max(pieces.pieces[j].use.axon_mem for j in pieces.of(f"conv{i}")))
    published = [*AXON_MEM_PILOTNET.values(), *AXON_MEM_YOLO]
    for estimate, words in zip(ours, published, strict=True):
        assert words <= estimate <= 6 * words


@pytest.mark.parametrize(
    ("channels", "blocks"),
    [(1, (1,)), (3, (3,)), (4, (4,)), (6, (6,)), (24, (16, 8)), (36, (32, 4)), (48, (32, 16)),
     (64, (64,)), (50, (32, 16, 2)), (0, ())],
)  # fmt: skip
def test_channels_are_stored_in_powers_of_two(
    channels: int, blocks: tuple[int, ...]
) -> None:
    assert channel_blocks(channels) == blocks


@given(st.integers(1, 4096))
def test_blocks_hold_all_channels_and_fall_in_size(channels: int) -> None:
    blocks = channel_blocks(channels)
    assert sum(blocks) == channels
    assert list(blocks) == sorted(blocks, reverse=True)


def test_a_long_list_of_loihi1_has_a_header_for_each_64_synapses() -> None:
    counts = np.array([0, 1, 64, 65, 128])
    assert list_words(counts, 8, LOIHI1.synapse).tolist() == [0, 1, 9, 10, 18]


def test_a_list_of_loihi2_has_one_header() -> None:
    assert list_words(np.array([0, 1, 50, 256]), 20, LOIHI2.synapse).tolist() == [
        0,
        1,
        16,
        81,
    ]


def test_seven_bit_weights_take_the_room_of_eight() -> None:
    words = [
        use_of(networks.layers(100, 30, weight_bits=bits), LOIHI2, "l1", flat(30)).synapse
        for bits in (6, 7, 8)
    ]
    assert words == [900, 1000, 1000]


def test_delayed_synapses_take_six_bits_more() -> None:
    def words(delay: int) -> int:
        net = networks.network(
            [("in", (10,))],
            [networks.population("p", (30,), 1)],
            [networks.projection("in", "p", networks.zeros(30, 10), delay=delay)],
        )
        return use_of(net, LOIHI2, "p", flat(30)).synapse

    assert (words(0), words(1)) == (10 * 10, 10 * 13)  # ceil(610 / 64), ceil(790 / 64)


def recurrent(split: bool) -> QuantNetwork:
    """Return a recurrent net; its input comes in two accumulator groups if `split`."""
    into = [networks.projection("in", "p", networks.zeros(20, 12))]
    into += [networks.projection("in", "p", networks.zeros(20, 12))] if split else []
    return networks.network(
        [("in", (12,))],
        [networks.population("p", (20,), 1)],
        [*into, networks.projection("p", "p", networks.sparse(20, 20, 5), delay=1)],
    )


def test_groups_from_one_source_share_axons_but_not_synapses() -> None:
    one, two = (use_of(recurrent(split), LOIHI2, "p", flat(20)) for split in (False, True))
    assert one.axon_in == two.axon_in
    assert two.synapse - one.synapse == 12 * 7  # ceil((20 * 20 + 10) / 64) words each


def test_recurrent_synapses_take_axons_and_words_too() -> None:
    net = recurrent(split=False)
    use = use_of(net, LOIHI2, "p", flat(20))
    heard = np.bincount(net.projections[1].map.matrix.indices, minlength=20)  # type: ignore[union-attr]
    assert use.axon_in == 12 + np.count_nonzero(heard)
    lists = [-(-(20 * n + 10) // 64) for n in heard.tolist() if n]
    assert use.synapse == 12 * 7 + sum(lists)


def test_sparse_axons_are_only_those_heard() -> None:
    net = networks.network(
        [("in", (1000,))],
        [networks.population("p", (10,), 1)],
        [networks.projection("in", "p", networks.sparse(10, 1000, 4))],
    )
    assert use_of(net, LOIHI2, "p", flat(1)).axon_in == 4
    assert use_of(net, LOIHI2, "p", flat(1)).synapse == 4


def test_a_depthwise_kernel_stores_one_row_per_channel() -> None:
    conv = networks.kernel((16, 8, 8), (16, 8, 8), padding=(1, 1), groups=16)
    net = networks.network(
        [("in", (16, 8, 8))],
        [networks.population("p", (16, 8, 8), 1)],
        [networks.projection("in", "p", conv)],
    )
    use = use_of(net, LOIHI2, "p", Window(0, 16, 0, 8, 0, 8))
    assert (use.axon_in, use.synapse) == (1, 16 * 9)
    assert use_of(net, LOIHI2, "p", Window(2, 5, 0, 8, 0, 8)).synapse == 3 * 9


def test_a_kernel_on_loihi1_takes_an_axon_per_pixel_heard() -> None:
    net = networks.network(
        [("in", (3, 6, 6))],
        [networks.population("p", (2, 4, 4), 1)],
        [networks.projection("in", "p", networks.kernel((3, 6, 6), (2, 4, 4)))],
    )
    assert use_of(net, LOIHI1, "p", Window(0, 2, 0, 4, 0, 4)).axon_in == 36
    assert use_of(net, LOIHI1, "p", Window(0, 2, 0, 1, 0, 2)).axon_in == 3 * 4


def test_neuron_groups_are_parameter_sets_the_bias_aside() -> None:
    vth = np.repeat([100, 200, 300], 4)
    pop = networks.population(
        "p", (12,), vth=vth, du=np.repeat([7, 8], 6), bias_mant=np.arange(12)
    )
    net = networks.network([], [pop], [])
    assert use_of(net, LOIHI2, "p", flat(12)).neuron_groups == 4
    assert use_of(net, LOIHI2, "p", flat(4)).neuron_groups == 1
    assert use_of(net, LOIHI2, "p", Window(0, 1, 0, 1, 3, 7)).neuron_groups == 3


def test_a_neuron_with_more_state_takes_more_words() -> None:
    net = networks.network(
        [], [networks.population("p", (9,), model="refractory_lif", hold=1)], []
    )
    assert use_of(net, LOIHI2, "p", flat(9)).neuron == 18


def test_output_axons_of_loihi1_are_messages_and_of_loihi2_sources() -> None:
    net = networks.layers(
        4, 10, 300, 4
    )  # 300 neurons of 10 sources: cut by hand into three
    windows = tuple(Window(0, 1, 0, 1, x, x + 100) for x in (0, 100, 200))
    cuts = {"l1": (flat(10),), "l2": windows, "l3": (flat(4),)}
    fan_out = fan_out_of(net, "l1", cuts)
    assert use_of(net, LOIHI1, "l1", flat(10), fan_out).axon_map == 30
    assert use_of(net, LOIHI2, "l1", flat(10), fan_out).axon_map == 10


def test_only_limits_that_are_exceeded_are_named() -> None:
    fits = Use(16000, 8, 4095, 16000, 0, 0)
    assert over(fits, LOIHI2) == {"total": 36103 / 20000}
    assert over(Use(16001, 9, 0, 0, 0, 0), LOIHI2) == {
        "axon_in": 16001 / 16000,
        "neuron_groups": 9 / 8,
    }
    assert over(Use(4096, 8, 1024, 16384, 4096, 0), LOIHI1) == {}


def test_utilization_states_use_and_limit_of_every_resource() -> None:
    pieces = partition(networks.layers(784, 128, 64, 10), LOIHI2)
    rows = utilization(pieces, LOIHI2)
    assert len(rows) == 5
    assert rows[3] == {
        "axon_in": (128, 16000),
        "neuron_groups": (1, 8),
        "neuron": (64, 4095),
        "synapse": (2688, 16000),
        "axon_map": (64, 16000),
        "axon_mem": (0, 16000),
        "total": (2945, 20000),
    }


@pytest.mark.parametrize("seed", range(12))
def test_words_read_are_those_of_the_lists_that_synapses_are_in(seed: int) -> None:
    """A list is read whole; a convolution reads one kernel row per element that it hits."""
    net, _ = random_network(seed)
    for p in net.projections:
        grid = grid_of(net, p.post)
        window = Window(0, grid[0], 0, grid[1], 0, grid[2])
        words = words_heard(p, grid, window, LOIHI2)
        synapses = np.bincount(matrix(p.map).indices, minlength=p.map.n_pre)
        assert ((words > 0) == (synapses > 0)).all()
        narrow = min(w for w in LOIHI2.synapse.weight_widths.values if w >= p.weight_bits)
        assert (64 * words >= synapses * narrow).all()


def test_a_dense_piece_read_by_every_source_is_its_synapse_memory() -> None:
    net = networks.layers(30, 40)
    words = words_heard(net.projections[0], (1, 1, 40), flat(40), LOIHI2)
    assert words.sum() == use_of(net, LOIHI2, "l1", flat(40)).synapse


def test_a_pixel_inside_an_image_reads_the_whole_kernel_of_its_channel() -> None:
    p = networks.projection(
        "in", "p", networks.kernel((2, 5, 5), (24, 5, 5), padding=(1, 1)), weight_bits=5
    )
    words = words_heard(p, (24, 5, 5), Window(0, 24, 0, 5, 0, 5), LOIHI2).reshape(2, 5, 5)
    assert words[:, 2, 2].tolist() == [9 * 3, 9 * 3]  # PilotNet conv1: 3 words per row
    assert words[:, 0, 0].tolist() == [4 * 3, 4 * 3]
