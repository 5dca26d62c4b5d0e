"""Reports of real runs of the small model, each made once for all tests."""

from functools import cache
from typing import Any

import nir
import numpy as np

from snn_deploy import deploy
from snn_deploy.board.board import load_board
from snn_deploy.evaluation.stages import Simulated
from snn_deploy.ir.maps import Chain, Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import MultiLevel
from snn_deploy.pipeline.line import line
from snn_deploy.report.facts.summary import summarize
from snn_deploy.report.report import Report
from support.lines import begin
from support.small_model import CLASSES, OPTIONS, TAU, graph, samples

READOUT = {
    "out": nir.LI(
        tau=np.full(CLASSES, TAU), r=np.full(CLASSES, 2.0), v_leak=np.zeros(CLASSES)
    )
}


@cache
def measured() -> Report:
    return deploy(graph(), "tiny", input=samples(), **OPTIONS)


@cache
def bounded() -> Report:
    return deploy(graph(), "tiny", steps=4, **OPTIONS)


@cache
def readout() -> Report:
    return deploy(graph(**READOUT), "tiny", input=samples(), **OPTIONS)


@cache
def stopped() -> Report:
    return deploy(graph(), "tiny", stop_after="quantize", **OPTIONS)


def levels_network() -> Network:
    """Return 6 -> 20 -> 3 multi-level neurons with tracers, which come to rest."""
    rng = np.random.default_rng(0)
    inner = MultiLevel.of(20, threshold=2.0, v0=1.0, low=-3, high=3, floor=0, ceiling=7)
    outer = MultiLevel.of(3, threshold=24.0, v0=12.0, low=-1, high=1, floor=0, ceiling=5)
    first = Dense(rng.integers(-4, 8, (20, 6)) * 2.0)
    second = Dense(rng.integers(-3, 4, (3, 20)) * 2.0)
    return Network(
        (Input("x", (6,)),),
        (Population("h", (20,), inner), Population("o", (3,), outer)),
        (
            Projection("x", "h", Chain((first,), 6)),
            Projection("h", "o", Chain((second,), 20)),
        ),
        ("o",),
    )


def levels_samples() -> dict[str, Any]:
    """Return graded spikes in the first of 12 steps, and labels."""
    x = np.zeros((5, 12, 6))
    x[:, 0] = np.random.default_rng(1).integers(0, 4, (5, 6))
    return {"x": x, "y": np.arange(5) % CLASSES}


def levels_run(**fields: Any) -> Simulated:
    """Return the last stage of the network of levels on its samples."""
    board, net = load_board("loihi2"), levels_network()
    data = levels_samples()
    start = begin(board, net, data, decode="payload", **fields)
    *_, last = line(start)
    assert isinstance(last, Simulated)
    return last


@cache
def levels() -> Report:
    """Graded spikes, run until quiet, with an early exit beside."""
    return summarize(levels_run(until_quiet=True, exit_when_stable=2), None)


def unlabelled() -> Report:
    arrays: dict[str, Any] = {"x": samples()["x"][:1]}
    return deploy(graph(), "tiny", input=arrays, **OPTIONS)
