"""Board files: what is read, what is refused and how it is said; the geometry of a board."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from snn_deploy.board.board import Board, load_board, shipped_boards
from snn_deploy.board.evidence import leaves
from snn_deploy.errors import BoardError


def variant(tmp_path: Path, text: str, name: str = "mine.yaml") -> str:
    file = tmp_path / name
    file.write_text(text)
    return str(file)


def changed(**changes: Any) -> Board:
    return msgspec.structs.replace(load_board("loihi2"), **changes)


SIZE = "{value: 1, unit: words, kind: assumed, source: me, confidence: unconfirmed}"

REFUSED = {  # what the file holds -> what the message says
    "": r"mine\.yaml: holds nothing, but a board file is a mapping",
    "[1, 2]": r"mine\.yaml: holds a list, but a board file is a mapping",
    "name: x": r"mine\.yaml: Object missing required field",
    "a: [1": r"mine\.yaml: is not valid YAML: .*line",
    "a: 1\na: 2": r"is not valid YAML: key 'a' occurs twice, again in line 2",
    "extends: loihi2\npool:\n  axon_in: 1\n  axon_in: 2": r"key 'axon_in' occurs twice, again in line 4",
    "? [a, b]\n: 1": r"the key in line 1 is not a word",
    "a: \x07": r"mine\.yaml: .*characters are not allowed",
    "!!python/object/apply:os.getcwd []": r"is not valid YAML: .*could not determine a constructor",
    "[" * 5000: r"mine\.yaml: (cannot be read|is not valid YAML)",
    "#" * (1 << 20) + "\na: 1": r"mine\.yaml: 1048581 bytes; a board file has at most 1048576",
    "extends: 7": r"`extends` is 7, but must name one board",
    "extends: mine.yaml": r"`extends` goes in a circle: mine\.yaml -> mine\.yaml; break it",
    "extends: loihi3": r"no board 'loihi3'; did you mean loihi[12]\?; shipped boards: hala-point, kapoho-point, ",
    "extends: gone.yaml": r"gone\.yaml: cannot be read: .*No such file",
    "extends: loihi2\nneurons: 3": r"unknown field `neurons`",
    f"extends: loihi2\npool: {{neuron_count: {SIZE}}}": r"unknown field `neuron_count` - at `\$\.pool`",
    "extends: loihi2\npool: {neuron: 12}": r"Expected `object`, got `int` - at `\$\.pool\.neuron`",
    "extends: loihi2\npool: {neuron: {value: 12}}": r"missing required field `kind` - at `\$\.pool\.neuron`",
    "extends: loihi2\npool: {neuron: {value: -1, unit: words, kind: assumed, source: me,"
    " confidence: unconfirmed}}": r"Expected `int` >= 0 - at `\$\.pool\.neuron\.value`",
    "extends: loihi2\npool: {neuron: {value: 1, unit: words, kind: guess, source: me,"
    " confidence: unconfirmed}}": r"Invalid enum value 'guess' - at `\$\.pool\.neuron\.kind`",
    "extends: loihi2\ntime: {bound: {neuron_s: {value: .nan, unit: s, kind: assumed, source: me,"
    " confidence: unconfirmed}}}": r"at `\$\.time\.bound\.neuron_s\.value`",
    "extends: loihi2\ntime: {bound: {neuron_s: {value: .inf, unit: s, kind: assumed, source: me,"
    " confidence: unconfirmed}}}": r"at `\$\.time\.bound\.neuron_s\.value`",
    "extends: loihi2\ntime: {bound: {neuron_s: {value: -1.0e-9, unit: s, kind: assumed, source: me,"
    " confidence: unconfirmed}}}": r"Expected `float` >= 0\.0 - at `\$\.time\.bound\.neuron_s\.value`",
    "extends: loihi2\ntime: {bound: {neuron_s: {value: null, unit: s, kind: assumed, source: me,"
    " confidence: unconfirmed}}}": r"must be null if the kind is `none`, and only then",
    "extends: loihi2\ntime: {bound: {barrier: []}}": r"`barrier` needs at least one row",
    "extends: loihi2\nenergy: {sets: []}": r"Expected `object`, got `array` - at `\$\.energy\.sets`",
    "extends: loihi2\nchips: 0": r"Expected `int` >= 1 - at `\$\.chips`",
    "extends: loihi2\nchips: 10000000000000": r"Expected `int` <= 65536 - at `\$\.chips`",
    "extends: loihi2\nchips: 65536\nrows: 1024": r"cores are more than the 16777216",
    "extends: loihi2\nrouters: [3, 4]": r"3 x 4 routers do not divide 8 x 16 cores",
    "extends: loihi2\ndead_cores: [128]": r"dead core 128 is not in 0\.\.127",
    "extends: loihi2\nio: {inject_router: [0, 8, 0]}": r"inject_router \(0, 8, 0\) is outside \(1, 8, 4\)",
    "extends: loihi2\nusable_cores: {value: 129, unit: cores, kind: assumed, source: me,"
    " confidence: unconfirmed}": r"usable_cores 129 is not in 1\.\.128",
    "extends: loihi2\nsynapse: {weight_widths: {values: [8, 4], unit: bit, kind: assumed, source: me,"
    " confidence: unconfirmed}}": r"`values` must rise and not be empty",
    "extends: loihi2\nneuron: {models: {lif: {runs: stock, source: me, confidence: derived}}}": r"`state_words` is needed unless the model is impossible",
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED.items(), ids=range(len(REFUSED)))
def test_a_bad_file_is_refused_in_one_sentence(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(BoardError, match=message) as caught:
        load_board(variant(tmp_path, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loihi22", r"no board 'loihi22'; did you mean loihi2\?; shipped boards: " + ", ".join(shipped_boards()) + "$"),
        ("zzz", r"no board 'zzz'; shipped boards: " + ", ".join(shipped_boards()) + "$"),
        ("", r"no board ''; shipped boards: "),
        ("no/such.yaml", r"such\.yaml: cannot be read: "),
        ("nul\0.yaml", r"cannot be read: .*null"),
        ("x" * 5000 + ".yaml", r"cannot be read: .*too long"),
    ],
)  # fmt: skip
def test_a_board_that_is_not_there_is_refused(name: str, message: str) -> None:
    with pytest.raises(BoardError, match=message):
        load_board(name)


def test_a_folder_and_bytes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("folder.yaml", "bytes.yaml"):
        with pytest.raises(BoardError, match=f"{name}: cannot be read"):
            load_board(str(tmp_path / name))


def test_a_circle_over_two_files_is_named(tmp_path: Path) -> None:
    variant(tmp_path, "extends: a.yaml", "b.yaml")
    with pytest.raises(BoardError, match=r"a\.yaml -> b\.yaml -> a\.yaml; break it"):
        load_board(variant(tmp_path, "extends: b.yaml", "a.yaml"))


def test_a_file_may_state_only_what_differs(tmp_path: Path) -> None:
    mine = load_board(
        variant(tmp_path, "extends: loihi2\nname: mine\nchips: 2\ndead_cores: [0, 130]")
    )
    assert (mine.name, mine.chips, mine.dead_cores) == ("mine", 2, (0, 130))
    assert mine.pool == load_board("loihi2").pool


def test_a_new_number_never_keeps_an_old_source(tmp_path: Path) -> None:
    mine = load_board(variant(tmp_path, f"extends: loihi2\npool: {{neuron: {SIZE}}}"))
    assert mine.pool.neuron.source == "me"
    assert mine.pool.neuron.note == ""
    assert mine.pool.axon_in == load_board("loihi2").pool.axon_in


def test_extends_is_seen_from_the_file_that_says_it(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    variant(tmp_path, "extends: loihi2\nname: base\nchips: 3", "sub/base.yaml")
    variant(tmp_path, "extends: base.yaml\nname: middle", "sub/middle.yaml")
    mine = load_board(variant(tmp_path, "extends: sub/middle.yaml\nname: mine"))
    assert (mine.name, mine.chips) == ("mine", 3)


def test_a_board_written_out_and_read_back_is_the_same(tmp_path: Path) -> None:
    board = load_board("tiny")
    text = yaml.safe_dump(msgspec.to_builtins(board))
    assert load_board(variant(tmp_path, text)) == board


def test_leaves_are_every_record_with_its_path() -> None:
    board = load_board("loihi2")
    found = dict(leaves(board))
    assert found["pool.neuron"] is board.pool.neuron
    assert found["time.bound.barrier[3]"] is board.time.bound.barrier[3]
    path = "energy.sets.inherited-sanafe.coefficients[0]"
    assert found[path] is board.energy.sets["inherited-sanafe"].coefficients[0]


def test_a_flag_is_true_in_a_condition_if_its_value_is() -> None:
    flag = load_board("loihi2").io.frame_power_of_two
    assert flag
    assert not msgspec.structs.replace(flag, value=False)


def test_a_barrier_takes_the_last_row_of_its_table_that_is_reached() -> None:
    bound = load_board("loihi1").time.bound
    assert [bound.barrier_s(n) for n in (0, 1, 2, 3, 4, 28, 29, 99)] == [
        0.6e-6, 0.6e-6, 1.0e-6, 1.0e-6, 1.4e-6, 1.4e-6, 1.8e-6, 1.8e-6,
    ]  # fmt: skip


def test_dead_cores_leave_their_place_to_reserved_ones() -> None:
    live = changed(dead_cores=(0, 5)).live_cores
    assert len(live) == 120
    assert not {0, 5} & set(live.tolist())
    assert live.max() == 121


def test_a_chip_with_too_many_dead_cores_has_fewer() -> None:
    live = changed(chips=2, dead_cores=tuple(range(20))).live_cores
    assert len(live) == 108 + 120


EIGHT = changed(chips=8)


@given(st.integers(0, 1023))
def test_core_coordinates_follow_the_numbering(core: int) -> None:
    board = EIGHT
    chip, x, y = board.xy(core)
    assert (chip * board.rows + y) * board.columns + x == core
    assert 0 <= x < board.columns
    assert 0 <= y < board.rows


@given(st.integers(0, 1023))
def test_both_readings_of_a_router_agree(core: int) -> None:
    board = EIGHT
    chip, x, y = board.router_of(core)
    far_x, same_y = board.router_xy(np.array([core]))
    assert (int(far_x[0]), int(same_y[0])) == (chip * board.routers[0] + x, y)
