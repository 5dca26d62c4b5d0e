"""Mutated files: each is read, or refused in one sentence. Nothing else may happen."""

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.read_nir import read_nir

FILES_PER_MUTATION = 50


def model() -> nir.NIRGraph:
    """Return a graph with most node types, a nested graph, a cycle and two outputs."""
    rng = np.random.default_rng(0)

    def neuron(*shape: int) -> nir.LIF:
        tau = np.full(shape, 2e-4)
        return nir.LIF(tau, tau / 1e-4, 0 * tau, 0 * tau + 1, 0 * tau)

    tau = np.full(6, 2e-4)
    inner = nir.NIRGraph(
        {
            "input": nir.Input(np.array([6])),
            "lif": nir.CubaLIF(
                tau, tau, tau / 1e-4, 0 * tau, 0 * tau + 1, 0 * tau, tau / 1e-4
            ),
            "w": nir.Affine(rng.normal(size=(6, 6)), rng.normal(size=6)),
            "output": nir.Output(np.array([6])),
        },
        [("input", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "output")],
    )
    nodes = {
        "input": nir.Input(np.array([2, 6, 6])),
        "conv": nir.Conv2d(
            (6, 6), rng.normal(size=(3, 2, 3, 3)), 1, "same", 1, 1, np.zeros(3)
        ),
        "lif": neuron(3, 6, 6),
        "pool": nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "flat": nir.Flatten({"input": np.array([3, 3, 3])}, 0, -1),
        "fc": nir.Linear(rng.normal(size=(6, 27))),
        "rec": inner,
        "delay": nir.Delay(np.array([1e-4, 2e-4, 1e-4, 0.0, 0.0, 3e-4])),
        "li": nir.LI(tau, tau / 1e-4, 0 * tau),
        "output": nir.Output(np.array([6])),
        "other": nir.Output(np.array([6])),
    }
    names = list(nodes)[:-1]
    edges = [*pairwise(names), ("rec", "other")]
    return nir.NIRGraph(nodes, edges)


def flip_bits(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 5, 50, 500])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def cut(path: Path, rng: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content))])


def blank(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    start = rng.randrange(len(content))
    size = min(rng.randrange(1, 4096), len(content) - start)
    content[start : start + size] = bytes(size)
    path.write_bytes(content)


def pick(file: Any, rng: random.Random, kind: Any) -> str:
    found: list[str] = []
    file.visititems(
        lambda name, item: found.append(name) if isinstance(item, kind) else None
    )
    return rng.choice(found)


def drop(path: Path, rng: random.Random) -> None:
    with h5py.File(path, "r+") as file:
        del file[pick(file, rng, (h5py.Dataset, h5py.Group))]


def rename(path: Path, rng: random.Random) -> None:
    with h5py.File(path, "r+") as file:
        name = pick(file, rng, (h5py.Dataset, h5py.Group))
        file.move(name, name + rng.choice(["~", " ", ".lif", "2"]))


def retype(path: Path, rng: random.Random) -> None:
    """Store a parameter as another type, of another shape, or with other values."""
    with h5py.File(path, "r+") as file:
        name = pick(file, rng, h5py.Dataset)
        value = file[name][()]
        del file[name]
        size = np.size(value)
        file[name] = rng.choice(
            [
                b"text", np.nan, -1, 0, True, 2**62, -(2**62), 1e300, 1j, np.zeros(size, bool),
                np.zeros((size, 1)), np.ones(size + 1), np.full(size, np.nan), np.zeros((1, 0)),
                np.ones(size, np.int8), np.ones(size, np.uint64), np.ones((1,) * 20), h5py.Empty("f8"),
                np.array([b"a"] * max(size, 1)), np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")]),
            ]
        )  # fmt: skip


def swap(path: Path, rng: random.Random) -> None:
    """Exchange two datasets."""
    with h5py.File(path, "r+") as file:
        a, b = pick(file, rng, h5py.Dataset), pick(file, rng, h5py.Dataset)
        if a != b:
            file.move(a, "elsewhere")
            file.move(b, a)
            file.move("elsewhere", b)


def refusal(path: Path) -> str | None:
    """Return why the file is refused, None if it is read; let every other exception pass."""
    try:
        net = read_nir(path, profile="snntorch")
    except InputError as error:
        return str(error)
    assert net.outputs
    return None


MUTATIONS = [flip_bits, flip_bits, cut, blank, drop, rename, retype, retype, swap]


@pytest.mark.parametrize("number", range(len(MUTATIONS)))
def test_mutated_files_are_read_or_refused_in_one_sentence(
    tmp_path: Path, number: int
) -> None:
    mutate: Callable[[Path, random.Random], None] = MUTATIONS[number]
    original = tmp_path / "original.nir"
    nir.write(original, model())
    assert read_nir(original, profile="snntorch").outputs == ("rec.lif", "li")
    rng = random.Random(number)
    messages = []
    for i in range(FILES_PER_MUTATION):
        path = tmp_path / f"mutated_{i}.nir"
        path.write_bytes(original.read_bytes())
        mutate(path, rng)
        message = refusal(path)
        if message is not None:
            assert message.startswith(str(path))
            assert "\n" not in message
            messages.append(message)
    assert len(messages) > FILES_PER_MUTATION // 5
