"""Damaged `.net` files: each is read, or refused in one sentence; nothing else may happen."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from support.fuzz import BYTES, Seed, campaign

PER_MODEL = 300
CUBA = {"type": "CUBA", "iDecay": 1024, "vDecay": 128, "vThMant": 80, "refDelay": 1}
GEOMETRY = {"stride": 2, "padding": [0, 1], "dilation": [1, 1], "groups": 1}
RNG = np.random.default_rng(0)


def whole(*shape: int) -> Any:
    return RNG.integers(-20, 40, shape) * 2.0


def images() -> list[dict[str, Any]]:
    """Return layers between images, first to last."""
    conv = {"type": "conv", "shape": [4, 4, 5], "weight": whole(4, 2, 3, 3, 1)}
    pool = {"type": "pool", "shape": [4, 2, 3], "weight": 20, "kernelSize": [2, 2]}
    wide = {"type": "convT", "shape": [3, 5, 7], "weight": whole(4, 3, 3, 3)}
    flat = {"type": "flatten", "shape": [105, 1, 1]}
    last = {"type": "dense", "shape": [3], "weight": whole(3, 105), "bias": whole(3) / 3}
    return [
        {"type": "input", "shape": [2, 9, 9]},
        {**GEOMETRY, "neuron": CUBA, "delay": [0.0, 1.0, 0.0, 2.0]} | conv,
        {**GEOMETRY, "padding": 0, "neuron": CUBA} | pool,
        {**GEOMETRY, "padding": 0, "neuron": CUBA} | wide,
        flat,
        {"neuron": CUBA} | last,
    ]


def vectors() -> list[dict[str, Any]]:
    """Return dense layers, with neurons that are fed by a bias, delays and a loop."""
    late = {
        "type": "dense",
        "shape": [5],
        "weight": whole(5, 6),
        "delay": [0, 1, 70, 140, 3.0],
    }
    loop = {
        "type": "dense_rec",
        "shape": [4],
        "weight": whole(4, 5),
        "weight_rec": whole(4, 4),
    }
    return [
        {"type": "input", "shape": [6], "weight": 40.0, "bias": 36.0, "neuron": CUBA},
        {"neuron": CUBA} | late,
        {"neuron": CUBA} | loop,
        {"type": "dense", "shape": [2], "weight": whole(2, 4)},
    ]


def first_conv() -> list[dict[str, Any]]:
    """Return a convolution without an input layer."""
    conv = {"type": "conv", "shape": [4, 4, 5], "weight": whole(4, 2, 3, 3)}
    return [{**GEOMETRY, "stride": 1, "neuron": CUBA} | conv]


def put(group: Any, fields: dict[str, Any]) -> None:
    for key, value in fields.items():
        if isinstance(value, dict):
            put(group.create_group(key), value)
        else:
            group[key] = np.array([value], "S10") if isinstance(value, str) else value


def pick(file: Any, rng: random.Random) -> str:
    found: list[str] = []
    file.visititems(
        lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None
    )
    return rng.choice(found)


def drop(path: Path, rng: random.Random) -> None:
    with h5py.File(path, "r+") as file:
        del file[pick(file, rng)]


def retype(path: Path, rng: random.Random) -> None:
    """Store a field as another type, of another shape, or with other values."""
    with h5py.File(path, "r+") as file:
        name = pick(file, rng)
        size = np.size(file[name])
        del file[name]
        file[name] = rng.choice(
            [
                b"text", np.nan, np.inf, -1, 0, True, 2**62, -(2**62), 1e300, 1j, 3, 1000,
                0.5, np.zeros(size, bool), np.zeros((size, 1)), np.ones(size + 1),
                np.zeros((1, 0)), np.full(size, 4), np.full(size, 100), np.full(size, 63),
                np.full(size, np.nan), np.ones(size, np.uint64), np.ones((1,) * 20),
                h5py.Empty("f8"), np.full(size, 1e5), np.full(size, 2.0**31), np.ones(size, "g"),
                np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")]),
            ]
        )  # fmt: skip


def another(path: Path, rng: random.Random) -> None:
    """Give a layer another kind."""
    kinds = [b"dense", b"dense_rec", b"conv", b"convT", b"pool", b"input", b"flatten", b"x"]
    with h5py.File(path, "r+") as file:
        file[f"layer/{rng.randrange(len(file['layer']))}/type"][...] = rng.choice(kinds)


@pytest.mark.parametrize("layers", [images, vectors, first_conv])
def test_damaged_net_files_are_read_or_refused_in_one_sentence(
    layers: Callable[[], list[dict[str, Any]]], tmp_path: Path
) -> None:
    path = tmp_path / "model.net"
    with h5py.File(path, "w") as file:
        for i, layer in enumerate(layers()):
            put(file.create_group(f"layer/{i}"), layer)
    seed = Seed("netx", path, (*BYTES, drop, retype, retype, retype, another))
    found = campaign({layers.__name__: seed}, PER_MODEL, 0, tmp_path)
    assert found.faults == []
    assert found.read + found.refused == PER_MODEL
    assert found.refused > PER_MODEL // 4
    assert found.read > PER_MODEL // 20
    assert len(found.sentences) > 20
