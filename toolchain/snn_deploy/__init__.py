"""snn-deploy: fit a spiking network to a neuromorphic chip, simulate it, report its cost.

`deploy` is the whole line; the modules behind it are imported on first use, so that the
command line answers at once.
"""

from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from snn_deploy.errors import (
    BoardError,
    BudgetError,
    DeployError,
    DoesNotFitError,
    InputError,
)

if TYPE_CHECKING:
    from snn_deploy.board.board import load_board
    from snn_deploy.conversion.convert import convert
    from snn_deploy.frontends.nir_writer.write_nir import write_nir
    from snn_deploy.frontends.torch import from_torch, record
    from snn_deploy.pipeline.deploy import deploy
    from snn_deploy.report.report import Report

__version__ = version("snn-deploy")

__all__ = [
    "BoardError",
    "BudgetError",
    "DeployError",
    "DoesNotFitError",
    "InputError",
    "Report",
    "__version__",
    "convert",
    "deploy",
    "from_torch",
    "load_board",
    "record",
    "write_nir",
]

_LAZY = {
    "Report": "snn_deploy.report.report",
    "convert": "snn_deploy.conversion.convert",
    "deploy": "snn_deploy.pipeline.deploy",
    "from_torch": "snn_deploy.frontends.torch",
    "load_board": "snn_deploy.board.board",
    "record": "snn_deploy.frontends.torch",
    "write_nir": "snn_deploy.frontends.nir_writer.write_nir",
}

_OF_TORCH = ("from_torch", "record")


def __getattr__(name: str) -> Any:
    if name in _OF_TORCH and find_spec("torch") is None:
        raise InputError(
            f"{name} reads live PyTorch modules, and the package torch is not installed; "
            "pip install torch"
        )
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'snn_deploy' has no attribute {name!r}")
