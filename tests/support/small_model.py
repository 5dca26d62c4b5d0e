"""A small trained-looking model as a NIR file, and samples for it; large enough to be split.

12 inputs, 40 hidden LIF, 3 LIF outputs, as snnTorch would export them (dt 1e-4 s, r = tau/dt).
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np
from numpy.typing import NDArray

INPUTS, HIDDEN, CLASSES = 12, 40, 3
SAMPLES, STEPS = 10, 8
TAU = 2e-4  # a leak of one half per step
OPTIONS: dict[str, Any] = {"profile": "snntorch", "reset": "zero"}
FLAGS = ("--profile", "snntorch", "--reset", "zero")


def lif(n: int) -> nir.LIF:
    full = np.full(n, 1.0)
    return nir.LIF(
        tau=full * TAU,
        r=full * TAU / 1e-4,
        v_leak=full * 0,
        v_threshold=full,
        v_reset=full * 0,
    )


def of_sinabs(n: int) -> nir.LIF:
    """Return neurons whose membranes reach several thresholds, as sinabs writes them."""
    one = np.ones(n)
    return nir.LIF(
        tau=one * 2, r=one, v_leak=one * 0, v_threshold=one / 16, v_reset=one * 0
    )


def graph(**changed: Any) -> nir.NIRGraph:
    """Return the model; `changed` puts other nodes in the place of those so called."""
    rng = np.random.default_rng(5)
    nodes = {
        "input": nir.Input(np.array([INPUTS])),
        "fc1": nir.Affine(
            rng.normal(0.1, 0.4, (HIDDEN, INPUTS)), rng.normal(0, 0.1, HIDDEN)
        ),
        "hidden": lif(HIDDEN),
        "fc2": nir.Affine(rng.normal(0, 0.4, (CLASSES, HIDDEN)), np.zeros(CLASSES)),
        "out": lif(CLASSES),
        "output": nir.Output(np.array([CLASSES])),
    }
    names = list(nodes)
    edges = list(pairwise(names))
    return nir.NIRGraph({**nodes, **changed}, edges, type_check=False)


def write_model(file: Path, **changed: Any) -> Path:
    nir.write(file, graph(**changed))
    return file


def samples() -> dict[str, NDArray[Any]]:
    """Return spikes x [N, T, 12] of three rates, and labels y [N]."""
    rng = np.random.default_rng(6)
    y = np.arange(SAMPLES) % CLASSES
    rate = 0.2 + 0.2 * y[:, None, None]
    x = (rng.random((SAMPLES, STEPS, INPUTS)) < rate).astype(np.uint8)
    return {"x": x, "y": y}


def write_samples(file: Path, **changed: Any) -> Path:
    """Write the samples; `changed` replaces arrays, None removes one."""
    arrays = {**samples(), **changed}
    np.savez(file, **{k: v for k, v in arrays.items() if v is not None})
    return file
