"""Event files: the same recording in every form, and every broken form refused."""

import builtins
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faery
import h5py
import numpy as np
import pytest
from faery.file_encoder import events_to_file

from snn_deploy import InputError
from snn_deploy.inputs.events import Events
from snn_deploy.inputs.recordings import find_recordings, read_recordings
from snn_deploy.options.inputs import InputOptions

N = 300
RNG = np.random.default_rng(4)
T = np.sort(RNG.choice(100_000, N, replace=False))  # microseconds, all different
COLUMNS: dict[str, Any] = {
    "t": T,
    "x": RNG.integers(0, 34, N),
    "y": RNG.integers(0, 30, N),
    "p": RNG.random(N) < 0.5,
}
SENSOR = (40, 32)


def only(file: Path, **wishes: Any) -> Events:
    intake = InputOptions(**wishes)
    found = find_recordings(file, ())
    assert found is not None
    (events,) = read_recordings(found, intake, None)
    return events


def fields(order: str, kind: Any = np.int64) -> np.ndarray:
    table = np.zeros(N, [(name, kind) for name in order])
    for name in order:
        table[name] = COLUMNS[name]
    return table


def text(
    separator: str, header: str = "", order: str = "txyp", seconds: bool = False
) -> str:
    scale = {"t": 1e-6} if seconds else {}
    rows = zip(*(COLUMNS[k] * scale.get(k, 1) for k in order), strict=True)
    form = [("{:.6f}" if k == "t" and seconds else "{:d}") for k in order]
    lines = [
        separator.join(f.format(v) for f, v in zip(form, row, strict=True)) for row in rows
    ]
    return "\n".join(([header] if header else []) + lines) + "\n"


def as_h5(file: Path, group: str, names: dict[str, str], seconds: bool = False) -> None:
    with h5py.File(file, "w") as opened:
        for letter, name in names.items():
            values = (
                COLUMNS[letter] * 1e-6 if letter == "t" and seconds else COLUMNS[letter]
            )
            opened[f"{group}/{name}"] = values


def compound(file: Path) -> None:
    with h5py.File(file, "w") as opened:
        opened["CD/events"] = fields("xypt")


def dsec(file: Path) -> None:
    as_h5(file, "events", {k: k for k in "txyp"})
    with h5py.File(file, "r+") as opened:
        opened["ms_to_idx"] = np.arange(10)
        opened["t_offset"] = 1_000_000


def nmnist(file: Path) -> None:
    """Write 40-bit events; the clock marks every 8192 us in row 240."""
    rows, clock = [], 0
    for t, x, y, p in zip(*(COLUMNS[k].tolist() for k in "txyp"), strict=True):
        while t - clock >= 8192:
            rows.append([0, 240, *(0).to_bytes(3, "big")])
            clock += 8192
        rows.append([x, y, *((p << 23) | (t - clock)).to_bytes(3, "big")])
    np.array(rows, np.uint8).tofile(file)


def camera(**options: Any) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        table = np.zeros(N, faery.EVENTS_DTYPE)
        for letter in "txyp":
            table[letter] = COLUMNS[letter]
        events_to_file(iter([table[:100], table[100:]]), file, SENSOR, **options)

    return write


WRITERS: dict[str, tuple[Callable[[Path], Any], bool]] = {  # file, and whether it knows the sensor
    "tonic.npy": (lambda f: np.save(f, fields("xytp")), False),
    "order.npy": (lambda f: np.save(f, fields("ptyx", np.float64)), False),
    "big_endian.npy": (lambda f: np.save(f, fields("txyp", ">u4")), False),
    "table.npz": (lambda f: np.savez(f, events=fields("xytp")), False),
    "columns.npz": (lambda f: np.savez(f, **COLUMNS), False),
    "names.npz": (lambda f: np.savez_compressed(f, ts=T, xs=COLUMNS["x"], ys=COLUMNS["y"], polarity=COLUMNS["p"]), False),
    "blanks.txt": (lambda f: f.write_text(text(" ")), False),
    "seconds.txt": (lambda f: f.write_text(text(" ", seconds=True)), False),
    "commas.csv": (lambda f: f.write_text(text(",")), False),
    "header.csv": (lambda f: f.write_text(text(", ", "x, y, p, t", "xypt")), False),
    "comment.txt": (lambda f: f.write_text(text("\t", "# timestamp x y polarity")), False),
    "dsec.h5": (dsec, False),
    "rpg.hdf5": (lambda f: as_h5(f, "events", {"t": "ts", "x": "xs", "y": "ys", "p": "ps"}, seconds=True), False),
    "root.h5": (lambda f: as_h5(f, "/", {k: k for k in "txyp"}), False),
    "prophesee.h5": (compound, False),
    "nmnist.bin": (nmnist, False),
    "davis.aedat4": (camera(), True),
    "evt3.raw": (camera(version="evt3"), True),
    "evt2.raw": (camera(version="evt2"), True),
    "cd.dat": (camera(), True),
    "stream.es": (camera(), True),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_a_recording_is_the_same_in_every_format(name: str, tmp_path: Path) -> None:
    write, knows_sensor = WRITERS[name]
    write(tmp_path / name)
    events = only(tmp_path / name)
    start = T[0] if name.endswith(".es") else 0  # this format keeps no absolute time
    assert (events.t == 1000 * (T - start)).all()
    assert (events.x == COLUMNS["x"]).all()
    assert events.y is not None
    assert (events.y == COLUMNS["y"]).all()
    assert events.on is not None
    assert (events.on == COLUMNS["p"]).all()
    assert 50 < events.on.sum() < N - 50
    assert events.sensor == (SENSOR if knows_sensor else None)
    assert events.source == name


def test_polarity_may_be_minus_one(tmp_path: Path) -> None:
    signs = np.where(COLUMNS["p"], 1, -1)
    np.savez(tmp_path / "a.npz", **{**COLUMNS, "p": signs})
    on = only(tmp_path / "a.npz").on
    assert on is not None
    assert np.array_equal(on, COLUMNS["p"])


def test_two_columns_of_text_are_times_and_channels(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text(" ", order="tx"))
    events = only(tmp_path / "a.txt")
    assert (events.x == COLUMNS["x"]).all()
    assert events.y is None
    assert events.on is None


# Heidelberg's layout: many recordings in one file


def heidelberg(file: Path, labels: Any = (3, 0, 1), units: int = 3, **stored: Any) -> Path:
    with h5py.File(file, "w") as opened:
        times = opened.create_dataset(
            "spikes/times", (3,), h5py.vlen_dtype(np.float16), **stored
        )
        heard = opened.create_dataset("spikes/units", (units,), h5py.vlen_dtype(np.uint16))
        for i in range(3):
            times[i] = np.linspace(0, 1, 5 + i, dtype=np.float16)
        for i in range(units):
            heard[i] = np.arange(5 + i, dtype=np.uint16) * 100
        if labels is not None:
            opened["labels"] = np.array(labels)
    return file


@pytest.mark.parametrize(
    "stored", [{}, {"chunks": (2,)}, {"chunks": (2,), "compression": 5}]
)
def test_heidelberg_files_hold_many_recordings_with_labels(
    stored: dict[str, Any], tmp_path: Path
) -> None:
    file = heidelberg(tmp_path / "shd.h5", **stored)
    found = find_recordings(file, ())
    assert found is not None
    all_of_them = read_recordings(found, InputOptions(), None)
    assert [e.label for e in all_of_them] == [3, 0, 1]
    assert [len(e.t) for e in all_of_them] == [5, 6, 7]
    assert all_of_them[2].x.tolist() == [0, 100, 200, 300, 400, 500, 600]
    assert all_of_them[0].t.tolist() == [
        0,
        250_000_000,
        500_000_000,
        750_000_000,
        1_000_000_000,
    ]
    assert [e.label for e in read_recordings(found, InputOptions(), 2)] == [3, 0]


def test_heidelberg_files_need_no_labels(tmp_path: Path) -> None:
    assert heidelberg(tmp_path / "a.h5", labels=None).exists()
    found = find_recordings(tmp_path / "a.h5", ())
    assert found is not None
    assert [e.label for e in read_recordings(found, InputOptions(), None)] == [None] * 3


# What is refused


def h5(**content: Any) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        with h5py.File(file, "w") as opened:
            for name, value in content.items():
                opened[name.replace("__", "/")] = value

    return write


BAD: list[tuple[str, Callable[[Path], Any], str]] = [
    ("a.txt", lambda f: f.write_text(""), "holds no events"),
    ("a.txt", lambda f: f.write_text("t x y p\n"), "holds no events"),
    ("a.txt", lambda f: f.write_text("1 2 3\n"), r"has 3 columns and no line that names them"),
    ("a.txt", lambda f: f.write_text("1 2 3 0\n1 2\n"), "not a readable file of events"),
    ("a.txt", lambda f: f.write_text("1 2 3 0\n1 b 3 0\n"), "not a readable file of events"),
    ("a.txt", lambda f: f.write_bytes(b"\xff\xfe\x00"), "not a readable file of events"),
    ("a.csv", lambda f: f.write_text("x,y\n1,2\n"), r"no column 't' \(they have 'x', 'y'\)"),
    ("a.bin", lambda f: f.write_bytes(b"x" * 7), "7 bytes are no whole number of events"),
    ("a.bin", lambda f: f.write_bytes(b""), "holds no events"),
    ("a.h5", lambda f: f.write_bytes(b"x" * 100), "not an HDF5 file; copy"),
    ("a.h5", h5(images=np.zeros(3)), r"no events that are known \(found 'images'\)"),
    ("a.h5", h5(events__t=[1, 2]), "no column 'x'"),
    ("a.h5", h5(events__t=[1, 2], events__x=[b"a", b"b"]), "of type |S1|objects"),
    ("a.h5", h5(events__t=h5py.Empty("f8"), events__x=[1]), "is empty or kept in another"),
    ("a.h5", lambda f: heidelberg(f, labels=(0, 1)), r"times \[3\], units \[3\], labels \[2\]"),
    ("a.h5", lambda f: heidelberg(f, units=2), r"times \[3\], units \[2\]"),
    ("a.h5", lambda f: heidelberg(f, labels=(0.5, 1, 2)), "labels are of type float64"),
    ("a.raw", lambda f: f.write_bytes(b"x" * 100), "has no header, so neither its version"),
    ("a.raw", lambda f: f.write_bytes(b"% evt 3.0\n% end\n"), "holds no events"),
    ("a.dat", lambda f: f.write_bytes(b"\0" * 64), "has no header"),
    ("a.aedat4", lambda f: f.write_bytes(b"x" * 100), r"not a readable \.aedat4 file \(bad mag"),
    ("a.aedat4", lambda f: f.write_bytes(b""), r"not a readable \.aedat4 file"),
    ("a.es", lambda f: f.write_bytes(b"Event Stream"), r"not a readable \.es file"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "write", "message"), BAD)
def test_broken_event_files_are_refused_in_one_sentence(
    name: str, write: Callable[[Path], Any], message: str, tmp_path: Path
) -> None:
    write(tmp_path / name)
    with pytest.raises(InputError, match=message) as caught:
        only(tmp_path / name)
    assert str(caught.value).startswith(name)
    assert "\n" not in str(caught.value)


def test_camera_files_name_the_package_that_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera()(tmp_path / "a.aedat4")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "faery" else find(name)
    )
    with pytest.raises(InputError, match=r"pip install snn-deploy\[events\]"):
        only(tmp_path / "a.aedat4")


def test_other_files_do_not_need_that_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported, real = [], builtins.__import__

    def watched(name: str, *rest: Any) -> Any:
        imported.append(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", watched)
    np.save(tmp_path / "a.npy", fields("xytp"))
    assert len(only(tmp_path / "a.npy").t) == N
    assert not [name for name in imported if name.startswith("faery")]


def test_arrays_of_samples_are_not_taken_for_events(tmp_path: Path) -> None:
    for arrays in (
        {"x": np.zeros((4, 5, 3))},
        {"x": np.zeros((4, 3)), "t": np.zeros((4, 3))},
    ):
        np.savez(tmp_path / "a.npz", **arrays)
        assert find_recordings(tmp_path / "a.npz", ()) is None
    np.save(tmp_path / "a.npy", np.zeros((4, 3)))
    assert find_recordings(tmp_path / "a.npy", ()) is None


def table(order: str, kind: Any = np.int64) -> np.ndarray:
    return np.stack([np.asarray(COLUMNS[k]) for k in order], axis=1).astype(kind)


def as_v2e(file: Path, off: int) -> None:
    """Write what v2e does: events [E, 4] of 32 bits; `off` is what it took for OFF."""
    events = table("txyp", np.uint32)
    events[events[:, 3] == 0, 3] = off
    with h5py.File(file, "w") as opened:
        opened["events"] = events


@pytest.mark.parametrize("off", [0, 2**32 - 1])
def test_v2e_files_are_tables_without_names(tmp_path: Path, off: int) -> None:
    as_v2e(tmp_path / "a.h5", off)
    events = only(tmp_path / "a.h5")
    assert events.t.tolist() == (T * 1000).tolist()
    for letter, found in (("x", events.x), ("y", events.y), ("p", events.on)):
        np.testing.assert_array_equal(found, COLUMNS[letter])


@pytest.mark.parametrize("order", ["txyp", "xytp"])
@pytest.mark.parametrize("kind", [np.int64, np.float32, np.uint32])
def test_a_plain_table_is_read_by_what_its_columns_can_be(
    tmp_path: Path, order: str, kind: Any
) -> None:
    np.save(tmp_path / "a.npy", table(order, kind))
    events = only(tmp_path / "a.npy")
    assert events.t.tolist() == (T * 1000).tolist()
    np.testing.assert_array_equal(events.y, COLUMNS["y"])
    np.testing.assert_array_equal(events.on, COLUMNS["p"])


def test_four_values_of_an_input_are_no_events(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", table("txyp"))
    assert find_recordings(tmp_path / "a.npy", [(4,)]) is None
    np.save(tmp_path / "b.npy", RNG.random((20, 4)))
    assert find_recordings(tmp_path / "b.npy", ()) is None


def test_a_dat_of_type_0_is_read_as_one_of_type_12(tmp_path: Path) -> None:
    pytest.importorskip("faery")
    words = np.zeros((N, 2), np.uint32)
    words[:, 0] = T
    words[:, 1] = COLUMNS["x"] | COLUMNS["y"] << 14 | COLUMNS["p"].astype(np.uint32) << 28
    head = b"% Version 2\n% Height 32\n% Width 40\n"
    found = []
    for kind in (b"\x00\x08", b"\x0c\x08"):
        (tmp_path / "a.dat").write_bytes(head + kind + words.tobytes())
        found.append(only(tmp_path / "a.dat"))
    for events in found:
        assert events.t.tolist() == (T * 1000).tolist()
        np.testing.assert_array_equal(events.x, COLUMNS["x"])
        np.testing.assert_array_equal(events.y, COLUMNS["y"])
        np.testing.assert_array_equal(events.on, COLUMNS["p"])


@pytest.mark.parametrize("first", [b"#!AER-DAT2.0\r\n", b"#!AER-DAT3.1\r\n"])
def test_older_camera_formats_are_named(tmp_path: Path, first: bytes) -> None:
    (tmp_path / "a.aedat").write_bytes(first + b"# more\r\n")
    version = first[9:12].decode()
    with pytest.raises(
        InputError, match=rf"a recording of AEDAT {version}, of which only AEDAT 4 is read"
    ):
        find_recordings(tmp_path / "a.aedat", ())
