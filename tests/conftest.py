"""Fixtures for all tests: golden files and small networks; how tests share the cores."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # there are as many workers as cores already
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    os.cpu_count = lambda: 1

import numpy as np
import pytest
from hypothesis import settings

from snn_deploy.ir.maps import Chain, Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif

# The same examples in every run, however slow the machine is.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")
    parser.addoption("--lava-python", help="a Python 3.10 that has lava-nc")
    parser.addoption("--lava-networks", type=int, default=300, help="random networks")


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Let no test depend on which ones drew random numbers before it."""
    np.random.seed(0)  # noqa: NPY002  the frameworks draw from it
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with tests/golden/<name>; --update-golden rewrites it."""

    def check(name: str, text: str) -> None:
        file = Path(__file__).parent / "golden" / name
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        assert text == file.read_text(), f"{file.name} differs; run pytest --update-golden"

    return check


@pytest.fixture
def two_layer() -> Network:
    """3 inputs -> 2 spiking outputs, as read: chains of one dense map."""
    weight = np.array([[0.5, -1.0, 0.25], [1.0, 0.0, -0.5]])
    return Network(
        inputs=(Input("x", (3,)),),
        populations=(Population("out", (2,), Lif.of(2)),),
        projections=(Projection("x", "out", Chain((Dense(weight),), 3)),),
        outputs=("out",),
    )
