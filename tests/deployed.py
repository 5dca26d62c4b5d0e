"""Reports of real runs of the small model, each made once for all tests."""

from functools import cache
from typing import Any

import nir
import numpy as np

from small_model import CLASSES, OPTIONS, TAU, graph, samples
from snn_deploy import deploy
from snn_deploy.report import Report

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


def unlabelled() -> Report:
    arrays: dict[str, Any] = {"x": samples()["x"][:1]}
    return deploy(graph(), "tiny", input=arrays, **OPTIONS)
