"""2,000 damaged model files: each is read, or refused in one sentence. Nothing else may
happen: no traceback, no hang, no end of the process, no word on stderr."""

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest

from snn_deploy.frontends.nir.read_nir import read_nir
from support.fuzz import BYTES, Seed, campaign
from support.said import said

PER_MODEL = 400  # x 5 models = 2,000
RNG = np.random.default_rng(0)


def full(value: float, *shape: int) -> np.ndarray:
    return np.full(shape, value)


def lif(*shape: int) -> nir.LIF:
    tau = full(2e-4, *shape)
    return nir.LIF(tau, tau / 1e-4, 0 * tau, 0 * tau + 1, 0 * tau)


def cuba(n: int) -> nir.CubaLIF:
    tau = full(2e-4, n)
    return nir.CubaLIF(tau, tau, tau / 1e-4, 0 * tau, 0 * tau + 1, 0 * tau, tau / 1e-4)


def chain(*extra: tuple[str, str], **nodes: nir.NIRNode) -> nir.NIRGraph:
    """Return the nodes one after the other, with `extra` edges."""
    return nir.NIRGraph(nodes, [*pairwise(nodes), *extra], type_check=False)


def dense() -> nir.NIRGraph:
    return chain(
        input=nir.Input(np.array([4])),
        fc=nir.Affine(RNG.normal(size=(5, 4)), RNG.normal(size=5)),
        lif=lif(5),
        out=nir.Linear(RNG.normal(size=(3, 5))),
        li=nir.LI(full(2e-4, 3), full(2.0, 3), full(0, 3)),
        output=nir.Output(np.array([3])),
    )


def conv() -> nir.NIRGraph:
    return chain(
        input=nir.Input(np.array([2, 6, 6])),
        conv=nir.Conv2d(
            (6, 6), RNG.normal(size=(3, 2, 3, 3)), 1, "same", 1, 1, np.zeros(3)
        ),
        neurons=nir.IF(full(1e4, 3, 6, 6), full(1, 3, 6, 6), full(0, 3, 6, 6)),
        pool=nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        flat=nir.Flatten({"input": np.array([3, 3, 3])}, 0, -1),
        lif=lif(27),
        output=nir.Output(np.array([27])),
    )


def nested() -> nir.NIRGraph:
    """Return a graph within a graph, with a loop."""
    inner = chain(
        ("w", "lif"),
        input=nir.Input(np.array([4])),
        lif=cuba(4),
        w=nir.Affine(RNG.normal(size=(4, 4)), RNG.normal(size=4)),
    )
    inner.nodes["output"] = nir.Output(np.array([4]))
    inner.edges.append(("lif", "output"))
    return chain(
        input=nir.Input(np.array([4])), rec=inner, output=nir.Output(np.array([4]))
    )


def late() -> nir.NIRGraph:
    """Return delays, a scale, a skip edge and two outputs."""
    graph = chain(
        ("scale", "lif"),
        input=nir.Input(np.array([4])),
        scale=nir.Scale(RNG.normal(size=4)),
        delay=nir.Delay(np.array([1e-4, 2e-4, 0.0, 3e-4])),
        lif=lif(4),
        fc=nir.Linear(RNG.normal(size=(4, 4))),
        last=lif(4),
        output=nir.Output(np.array([4])),
    )
    graph.nodes["other"] = nir.Output(np.array([4]))
    graph.edges.append(("lif", "other"))
    return graph


def line() -> nir.NIRGraph:
    return chain(
        input=nir.Input(np.array([2, 9])),
        conv=nir.Conv1d(9, RNG.normal(size=(3, 2, 3)), 1, 0, 1, 1, np.zeros(3)),
        lif=lif(3, 7),
        flat=nir.Flatten({"input": np.array([3, 7])}, 0, -1),
        fc=nir.Linear(RNG.normal(size=(2, 21))),
        end=nir.Threshold(np.ones(2)),
        output=nir.Output(np.array([2])),
    )


MODELS: dict[str, Callable[[], nir.NIRGraph]] = {
    m.__name__: m for m in (dense, conv, nested, late, line)
}


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
    """Give a node or a parameter another name, or another's."""
    with h5py.File(path, "r+") as file:
        name = pick(file, rng, (h5py.Dataset, h5py.Group))
        other = (
            name.rpartition("/")[0] + "/" + rng.choice(["weight", "output", "type", "é"])
        )
        new = rng.choice([name + "~", name + " ", name + ".lif", name + "2", other])
        if new not in file:
            file.move(name, new)


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


MUTATIONS = (*BYTES, drop, rename, retype, retype, swap)


@pytest.mark.parametrize("name", MODELS)
def test_damaged_model_files_are_read_or_refused_in_one_sentence(
    tmp_path: Path, name: str
) -> None:
    whole = tmp_path / f"{name}.nir"
    nir.write(whole, MODELS[name]())
    assert read_nir(whole, **said("snntorch")).populations
    seed = Seed("nir", whole, MUTATIONS)
    found = campaign({name: seed}, PER_MODEL, 0, tmp_path)
    assert found.faults == []
    assert found.read + found.refused == PER_MODEL
    assert found.refused > PER_MODEL // 4
    assert found.read > PER_MODEL // 20
    assert len(found.sentences) > 20
