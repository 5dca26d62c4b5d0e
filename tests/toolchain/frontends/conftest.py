"""Small NIR files, written node by node so that wrong ones can be written too."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
import pytest

Edges: TypeAlias = list[tuple[str, str]]
Write: TypeAlias = Callable[..., Path]


def fill(group: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if key == "nodes":
            nodes = group.create_group("nodes")
            for name, node in value.items():
                fill(nodes.create_group(name), node)
        elif key == "edges":
            pairs = np.array(value, dtype=object).reshape(-1, 2)
            group.create_dataset("edges", data=pairs, dtype=h5py.string_dtype())
        else:
            group.create_dataset(key, data=value)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a graph to model.nir and returns its path."""

    def to_file(nodes: Mapping[str, Any], edges: Edges | None = None) -> Path:
        path = tmp_path / "model.nir"
        names = list(nodes)
        pairs = list(zip(names, names[1:], strict=False)) if edges is None else edges
        with h5py.File(path, "w") as file:
            file.create_dataset("version", data="1.0.8")
            fill(file.create_group("node"), {"type": "NIRGraph", "nodes": nodes, "edges": pairs})
        return path

    return to_file


def port(kind: str, *shape: int) -> dict[str, Any]:
    return {"type": kind, "shape": np.array(shape)}


@pytest.fixture
def lif() -> Callable[..., dict[str, Any]]:
    """Return a function that makes a LIF with beta 1/2 and gain 1/2 at dt = 1."""

    def make(n: int = 2, **values: Any) -> dict[str, Any]:
        ones = np.ones(n)
        base = {"tau": 2 * ones, "r": ones, "v_leak": 0 * ones, "v_threshold": ones}
        return {"type": "LIF", **base, "v_reset": 0 * ones, **values}

    return make
