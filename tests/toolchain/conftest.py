"""Small NIR files, written node by node so that wrong ones can be written too."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest


def fill(group: Any, values: Mapping[str, Any]) -> None:
    """Write parameters, and graphs within graphs."""
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
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function (nodes, edges) -> path of a file; without edges it is a chain."""

    def to_file(
        nodes: Mapping[str, Any], edges: list[tuple[str, str]] | None = None
    ) -> Path:
        path = tmp_path / "model.nir"
        names = list(nodes)
        pairs = list(pairwise(names)) if edges is None else edges
        with h5py.File(path, "w") as file:
            file.create_dataset("version", data="1.0.8")
            fill(
                file.create_group("node"),
                {"type": "NIRGraph", "nodes": nodes, "edges": pairs},
            )
        return path

    return to_file


class Nodes:
    """Makes nodes as dictionaries; keyword arguments replace or add parameters."""

    def input(self, *shape: int) -> dict[str, Any]:
        return {"type": "Input", "shape": np.array(shape)}

    def output(self, *shape: int) -> dict[str, Any]:
        return {"type": "Output", "shape": np.array(shape)}

    def affine(self, weight: Any, bias: Any) -> dict[str, Any]:
        return {"type": "Affine", "weight": np.array(weight), "bias": np.array(bias)}

    def linear(self, weight: Any) -> dict[str, Any]:
        return {"type": "Linear", "weight": np.array(weight)}

    def conv2d(self, weight: Any, **values: Any) -> dict[str, Any]:
        base = {"weight": weight, "bias": np.zeros(len(weight)), "stride": 1, "padding": 0}
        return {"type": "Conv2d", **base, "dilation": 1, "groups": 1, **values}

    def lif(self, *shape: int, **values: Any) -> dict[str, Any]:
        """A LIF which at dt = 1 has a decay of 1/2 and a gain of 1/2."""
        one = np.ones(shape)
        base = {"tau": 2 * one, "r": one, "v_leak": 0 * one, "v_threshold": one}
        return {"type": "LIF", **base, "v_reset": 0 * one, **values}

    def cuba(self, *shape: int, **values: Any) -> dict[str, Any]:
        """A CubaLIF which at dt = 1 has decays of 1/2 (current) and 3/4, and gains of 1."""
        one = np.ones(shape)
        base = {"tau_syn": 2 * one, "tau_mem": 4 * one, "r": 4 * one, "w_in": 2 * one}
        rest = {"v_leak": 0 * one, "v_threshold": one, "v_reset": 0 * one}
        return {"type": "CubaLIF", **base, **rest, **values}

    def if_(self, *shape: int, **values: Any) -> dict[str, Any]:
        one = np.ones(shape)
        return {"type": "IF", "r": one, "v_threshold": one, "v_reset": 0 * one, **values}


@pytest.fixture
def node() -> Nodes:
    """Return the maker of nodes."""
    return Nodes()
