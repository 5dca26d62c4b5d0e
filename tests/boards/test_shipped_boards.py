"""What the shipped board files say, held against what is published."""

from pathlib import Path

import pytest

from snn_deploy.board.board import Board, load_board, shipped_boards
from snn_deploy.board.evidence import leaves
from snn_deploy.neurons import MODELS

ROOT = Path(__file__).parents[2]
LOIHI2 = ("loihi2", "kapoho-point", "hala-point")


@pytest.fixture(params=shipped_boards())
def board(request: pytest.FixtureRequest) -> Board:
    return load_board(request.param)


def test_every_file_of_the_folder_is_a_board() -> None:
    files = {file.stem for file in (ROOT / "boards").glob("*.yaml")}
    assert {"loihi2", "loihi1", "tiny"} < files == set(shipped_boards())


def test_a_board_is_called_like_its_file() -> None:
    assert [load_board(name).name for name in shipped_boards()] == list(shipped_boards())


def test_every_number_has_a_source_and_a_unit(board: Board) -> None:
    found = dict(leaves(board))
    assert len(found) > 60
    for path, leaf in found.items():
        assert leaf.source, path
        assert getattr(leaf, "unit", "yes or no"), path


def test_every_integer_neuron_model_is_judged(board: Board) -> None:
    assert set(board.neuron.models) == set(MODELS)


def test_what_needs_microcode_is_never_a_stock_process(board: Board) -> None:
    for name, support in board.neuron.models.items():
        if board.name in LOIHI2 and support.runs == "stock":
            assert MODELS[name].lava is not None


def test_no_energy_set_counts_an_event_twice(board: Board) -> None:
    for name, energy in board.energy.sets.items():
        counters = [c.counter for c in energy.coefficients]
        assert len(counters) == len(set(counters)), name
        by_format = {"synops_dense", "synops_sparse", "synops_conv"} & set(counters)
        assert not (by_format and "synops" in counters), name
        assert not ({"inactive", "updates"} <= set(counters)), name


def test_every_energy_set_prices_or_disclaims_each_kind_of_event(board: Board) -> None:
    for energy in board.energy.sets.values():
        counters = {c.counter for c in energy.coefficients}
        assert {
            "hops_x",
            "hops_y",
            "hops_chip",
            "input_messages",
            "messages_out",
        } <= counters
        assert counters & {"updates", "inactive"}
        assert counters & {"synops", "synops_dense"}


def test_every_board_states_static_power_of_chip_core_and_management(board: Board) -> None:
    assert {s.scope for s in board.energy.static} == {"chip", "core", "management"}


@pytest.mark.parametrize("name", LOIHI2)
def test_no_energy_of_loihi2_passes_for_its_own(name: str) -> None:
    board = load_board(name)
    for energy in board.energy.sets.values():
        assert {c.kind for c in energy.coefficients} <= {"inherited", "none"}
        assert "Loihi 1" in energy.title


@pytest.mark.parametrize("name", LOIHI2)
def test_no_time_of_loihi2_passes_for_measured(name: str) -> None:
    kinds = {
        leaf.kind for path, leaf in leaves(load_board(name)) if path.startswith("time.")
    }
    assert kinds <= {"scaled", "inherited", "none"}


def test_loihi2_times_are_the_fit_of_loihi1_over_intels_ratios() -> None:
    new, old = load_board("loihi2").time.bound, load_board("loihi1").time.bound
    for name, ratio in {
        "neuron_s": 2, "active_s": 2, "spike_s": 10,
        "synop_dense_s": 5, "synop_sparse_s": 5, "synop_conv_s": 5,
        "message_in_s": 1, "message_out_s": 1, "hop_x_s": 1, "hop_y_s": 1,
        "chip_link_s": 4, "link_s": 1,
    }.items():  # fmt: skip
        assert getattr(new, name).value == pytest.approx(
            getattr(old, name).value / ratio
        ), name


def test_loihi1_carries_the_coefficients_of_sana_fe() -> None:
    energy = load_board("loihi1").energy.sets["sanafe"]
    assert {c.counter: c.value for c in energy.coefficients} == {
        "synops_dense": 35.5, "synops_sparse": 33.6, "synops_conv": 24.0,
        "updates": 51.2, "active": 21.6, "spikes": 69.3,
        "messages_in": 0.0, "messages_out": 111.0,
        "hops_x": 3.0, "hops_y": 4.2, "hops_chip": None, "input_messages": 111.0,
    }  # fmt: skip


def test_loihi1_carries_the_presilicon_table_of_davies() -> None:
    energy = load_board("loihi1").energy.sets["davies2018"]
    assert {c.counter: c.value for c in energy.coefficients if c.value is not None} == {
        "synops": 23.6, "active": 81.0, "inactive": 52.0,
        "messages_out": 1.7, "hops_x": 3.0, "hops_y": 4.0,
    }  # fmt: skip
    assert {c.kind for c in energy.coefficients} == {"simulated", "none"}
    assert {c.voltage for c in energy.coefficients if c.value is not None} == {0.75}


def test_loihi2_inherits_both_sets_of_loihi1_unchanged() -> None:
    new, old = load_board("loihi2").energy.sets, load_board("loihi1").energy.sets
    for name in old:
        values = [
            [(c.name, c.counter, c.value, c.scope) for c in sets.coefficients]
            for sets in (old[name], new[f"inherited-{name}"])
        ]
        assert values[0] == values[1]


def test_loihi2_has_120_cores_in_use_and_four_on_each_router() -> None:
    board = load_board("loihi2")
    assert (board.n_cores, len(board.live_cores)) == (128, 120)
    routers = [board.router_of(core) for core in range(128)]
    assert {routers.count(router) for router in routers} == {4}
    assert len(set(routers)) == 32


def test_kapoho_point_is_eight_chips_of_loihi2() -> None:
    kapoho, loihi2 = load_board("kapoho-point"), load_board("loihi2")
    assert (kapoho.chips, len(kapoho.live_cores)) == (8, 960)
    for part in ("neuron", "synapse", "pool", "time", "energy", "arithmetic"):
        assert getattr(kapoho, part) == getattr(loihi2, part)


def test_hala_point_has_the_chips_and_cores_that_intel_states() -> None:
    hala, loihi2 = load_board("hala-point"), load_board("loihi2")
    assert (hala.chips, len(hala.live_cores)) == (1152, 140_544)
    for part in ("neuron", "synapse", "pool", "time", "energy", "arithmetic"):
        assert getattr(hala, part) == getattr(loihi2, part)
    assert hala.io.kind == "assumed"
    assert {m.quantity: m.value for m in hala.measured}["largest power"] == 2600
    assert {m.confidence for m in hala.measured} == {"secondary"}


def test_one_chip_is_called_oheo_gulch_and_eight_kapoho_point() -> None:
    assert "Oheo Gulch" in load_board("loihi2").title
    assert "Kapoho Point" in load_board("kapoho-point").title


def test_loihi1_spikes_are_binary_and_it_has_no_shared_pool() -> None:
    board = load_board("loihi1")
    assert board.synapse.payload_bits_max.value == 0
    assert "total" not in board.pool.caps()
    assert not board.io.frame_power_of_two


def test_tiny_says_that_it_is_fictitious_and_claims_no_measurement() -> None:
    tiny = load_board("tiny")
    assert "ictitious" in tiny.title
    assert len(tiny.live_cores) == 4
    assert tiny.measured == ()
    assert {s.kind for s in tiny.energy.static} == {"assumed", "none"}


def test_the_pilotnet_measurement_is_kept_beside_the_model() -> None:
    found = {(m.workload, m.quantity): m.value for m in load_board("loihi2").measured}
    assert found["PilotNet LIF on 74 cores", "time per step"] == 152.8e-6
    assert found["PilotNet LIF on 74 cores", "dynamic energy per step"] == 68.3e-6
