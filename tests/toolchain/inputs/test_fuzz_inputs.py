"""Damaged input files: each is read, or refused in one sentence. Nothing else may happen."""

import random
from pathlib import Path
from typing import Any

import faery
import h5py
import numpy as np
from faery.file_encoder import events_to_file

from support.fuzz import BYTES, Seed, campaign

PER_FILE, PER_CAMERA_FILE = 46, 9  # x 10 and x 5 files > 500; the latter start a process
CAMERAS = (".aedat4", ".raw", ".dat", ".es")
N = 120
RNG = np.random.default_rng(8)
COLUMNS = {
    "t": np.sort(RNG.integers(0, 5000, N)),
    "x": RNG.integers(0, 8, N),
    "y": RNG.integers(0, 8, N),
    "p": RNG.integers(0, 2, N),
}


def spoil_line(path: Path, rng: random.Random) -> None:
    """Put a word that does not belong there into a text file."""
    lines = path.read_text().splitlines()
    words = [
        "nan",
        "-1",
        "1e400",
        "9" * 30,
        "",
        "x y",
        "#",
        "1,2,3,4,5,6",
        "\0",
        "é",
        "0x10",
    ]
    lines[rng.randrange(len(lines))] = rng.choice(words)
    path.write_text("\n".join(lines))


def drop_or_retype(path: Path, rng: random.Random) -> None:
    """Take a dataset out of an HDF5 file, or put another value there."""
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = rng.choice(names)
        del file[name]
        value = rng.choice(
            [None, b"text", np.nan, -1, 2**62, np.zeros((3, 1)), np.ones(N + 1), 1j,
             h5py.Empty("f8"), np.full(N, np.nan), np.arange(N)[::-1], np.ones(3, bool)]
        )  # fmt: skip
        if value is not None:
            file[name] = value


def seeds(folder: Path) -> dict[str, Seed]:
    """Write one small file of each kind and return how they are read."""
    values = RNG.random((6, 5, 3))
    np.savez(folder / "values.npz", x=values, y=np.arange(6) % 2)
    np.savez_compressed(folder / "packed.npz", x=values > 0.5, y=np.arange(6) % 2)
    np.save(folder / "values.npy", values.astype(np.float32))
    columns: dict[str, Any] = {**COLUMNS}
    np.savez(folder / "columns.npz", **columns)
    table = np.zeros(N, faery.EVENTS_DTYPE)
    for name, column in COLUMNS.items():
        table[name] = column
    plain = np.zeros(N, [(name, np.int64) for name in COLUMNS])
    for name, column in COLUMNS.items():
        plain[name] = column
    np.save(folder / "table.npy", plain)
    rows = ["t x y p", *(" ".join(map(str, row)) for row in plain.tolist())]
    (folder / "events.txt").write_text("\n".join(rows))
    (folder / "events.csv").write_text("\n".join(r.replace(" ", ",") for r in rows[1:]))
    with h5py.File(folder / "events.h5", "w") as file:
        for name, column in COLUMNS.items():
            file.create_dataset(f"events/{name}", data=column, chunks=(50,), compression=3)
    with h5py.File(folder / "shd.h5", "w") as file:
        for name, kind in (("times", np.float16), ("units", np.uint16)):
            made = file.create_dataset(f"spikes/{name}", (5,), h5py.vlen_dtype(kind))
            for i in range(5):
                made[i] = np.arange(9 + i).astype(kind) * (1 if name == "units" else 1e-3)
        file["labels"] = np.arange(5)
    raw = np.stack(
        [
            COLUMNS["x"],
            COLUMNS["y"],
            COLUMNS["p"] << 7,
            COLUMNS["t"] >> 8,
            COLUMNS["t"] & 255,
        ]
    )
    raw.T.astype(np.uint8).tofile(folder / "events.bin")
    for name, options in (
        ("a.aedat4", {}), ("a.raw", {"version": "evt3"}), ("b.raw", {"version": "evt2"}),
        ("a.dat", {}), ("a.es", {}),
    ):  # fmt: skip
        events_to_file(iter([table.copy()]), folder / name, (8, 8), **options)
    text, hdf5 = (*BYTES, spoil_line), (*BYTES, drop_or_retype, drop_or_retype)
    return {
        "values.npz": Seed("values", folder / "values.npz"),
        "packed.npz": Seed("rate", folder / "packed.npz"),
        "values.npy": Seed("rate", folder / "values.npy"),
        "columns.npz": Seed("pixels", folder / "columns.npz"),
        "table.npy": Seed("sensor", folder / "table.npy"),
        "events.txt": Seed("pixels", folder / "events.txt", text),
        "events.csv": Seed("sensor", folder / "events.csv", text),
        "events.h5": Seed("pixels", folder / "events.h5", hdf5),
        "shd.h5": Seed("channels", folder / "shd.h5", hdf5),
        "events.bin": Seed("pixels", folder / "events.bin"),
        "a.aedat4": Seed("pixels", folder / "a.aedat4"),
        "a.raw": Seed("pixels", folder / "a.raw"),
        "b.raw": Seed("pixels", folder / "b.raw"),
        "a.dat": Seed("pixels", folder / "a.dat"),
        "a.es": Seed("pixels", folder / "a.es"),
    }


def test_damaged_input_files_are_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    whole = seeds(tmp_path)
    cameras = {k: s for k, s in whole.items() if s.path.suffix in CAMERAS}
    others = {k: s for k, s in whole.items() if k not in cameras}
    found = campaign(others, PER_FILE, 0, tmp_path)
    assert found.faults == []
    of_cameras = campaign(cameras, PER_CAMERA_FILE, 0, tmp_path)
    assert of_cameras.faults == []
    assert of_cameras.refused > 5
    assert of_cameras.read > 5
    total = len(others) * PER_FILE + len(cameras) * PER_CAMERA_FILE
    done = found.read + found.refused + of_cameras.read + of_cameras.refused
    assert done == total >= 500
    assert found.read > total // 20
    assert found.refused > total // 4
    assert len(found.sentences) > 20
