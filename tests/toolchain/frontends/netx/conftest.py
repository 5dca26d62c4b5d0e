"""lava-dl `.net` files, written here as lava-dl's export_hdf5 lays them out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write layers into a .net file."""

    def put(group: Any, fields: dict[str, Any]) -> None:
        for key, value in fields.items():
            if isinstance(value, dict):
                put(group.create_group(key), value)
            elif key == "type" and value not in ("CUBA", "SDNN"):
                group[key] = np.array([value], "S10")  # layers; neurons have a bare text
            else:
                group[key] = value

    def make(*layers: dict[str, Any]) -> Path:
        file = tmp_path / "model.net"
        with h5py.File(file, "w") as f:
            for i, layer in enumerate(layers):
                put(f.create_group(f"layer/{i}"), layer)
        return file

    return make
