"""The front door: a model file of any kind we read, by its ending.

A NIR file is a float network. A lava-dl `.net` is an integer network already: it is kept
as it is, and its real-number form is what the reference simulator runs.
"""

from pathlib import Path
from typing import Any

from snn_deploy.errors import InputError
from snn_deploy.frontends.dequantize import dequantize
from snn_deploy.frontends.netx.read_netx import read_netx
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.ir.network import Network
from snn_deploy.ir.quant import QuantNetwork

NETX = ".net"


def is_netx(model: Any) -> bool:
    """Whether `model` names a lava-dl network file."""
    return isinstance(model, str | Path) and Path(model).suffix == NETX


def read_model(
    model: Any, **reading: str | float | None
) -> tuple[Network, QuantNetwork | None]:
    """Return the network of a file or NIR graph, and its integers if it has them already.

    reading: profile, dt, reset, threshold and spikes_per_step of `read_nir`; a `.net`
    leaves none open.

    Raises:
        InputError: It cannot be read, or can be read in two ways.
    """
    if not is_netx(model):
        return read_nir(model, **reading), None  # type: ignore[arg-type]
    given = [name for name, value in reading.items() if value is not None]
    if given:
        option = given[0].replace("_", "-")
        raise InputError(
            f"--{option}: {Path(model).name} is an integer network and leaves nothing "
            f"open; leave the option out"
        )
    quant = read_netx(model)
    return dequantize(quant), quant
