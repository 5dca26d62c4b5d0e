"""The front door: a model file of any kind we read, by its ending.

A NIR file is a float network. A lava-dl `.net` is an integer network already: it is kept
as it is, and its real-number form is what the reference simulator runs. Files of other
tools are refused by name, with the way in (`foreign`).
"""

import os
from pathlib import Path
from typing import Any

from snn_deploy.errors import InputError, option
from snn_deploy.frontends.dequantize import dequantize
from snn_deploy.frontends.foreign import refuse_foreign
from snn_deploy.frontends.netx.read_netx import read_netx
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.ir.network import Network
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.options.reading import ReadingOptions, shape_of_input

NETX = ".net"
OPEN = ReadingOptions()  # leaves all to what the file shows


def is_netx(model: Any) -> bool:
    """Whether `model` names a lava-dl network file."""
    return isinstance(model, str | Path) and Path(model).suffix == NETX


def read_model(
    model: Any, reading: ReadingOptions = OPEN
) -> tuple[Network, QuantNetwork | None]:
    """Return the network of a file or NIR graph, and its integers if it has them already.

    Args:
        model: A path, or a NIR graph in memory.
        reading: How a NIR file is meant; a `.net` leaves nothing open but the shape of its
            input.

    Raises:
        InputError: It cannot be read, or can be read in two ways.
    """
    if isinstance(model, str | os.PathLike):
        refuse_foreign(Path(model))
    said = reading.input_shape
    if not is_netx(model):
        if said is not None:
            raise InputError(
                f"{option('input_shape', said)}: is for lava-dl's .net files, but a NIR "
                "model says it itself; leave it out"
            )
        return read_nir(model, reading), None
    for name in reading.changed().keys() - {"input_shape"}:
        raise InputError(
            f"{option(name)}: {Path(model).name} is an integer network and leaves nothing "
            f"open; leave the option out"
        )
    quant = read_netx(model, None if said is None else shape_of_input(said))
    return dequantize(quant), quant
