"""Fixtures for tests that run Lava. They fail, not skip, where there is none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from snn_deploy.errors import InputError
from snn_deploy_backends.lava.python import find_lava_python


@pytest.fixture(scope="session")
def lava_python(request: pytest.FixtureRequest) -> Path:
    """Return the interpreter that has Lava: --lava-python, or what the tool itself finds."""
    chosen = request.config.getoption("--lava-python")
    try:
        return find_lava_python(Path(chosen) if chosen else None)[0]
    except InputError as error:
        pytest.fail(f"these tests need Lava: {error}; in this project: make lava-env")


@pytest.fixture
def golden_lava(golden: Callable[[str, str], None]) -> Callable[[str, bytes], None]:
    """Compare an emitted text with tests/golden/lava/<name>."""
    return lambda name, content: golden(f"lava/{name}", content.decode("utf-8"))
