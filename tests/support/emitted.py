"""Emitted Lava programs of networks on no board, written to a folder."""

from collections.abc import Mapping
from pathlib import Path

from snn_deploy.ir.activity import Recording
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy_backends.lava import backend


def render(
    net: QuantNetwork | Program, stimulus: Stimulus, expected: Recording
) -> Mapping[str, bytes]:
    """Return the files of the program by path; frames of a bare network are not padded."""
    if isinstance(net, Program):
        return backend.emit(net, stimulus, expected)
    return backend.emit_network(net, stimulus, expected, power_of_two=False)


def emit(
    net: QuantNetwork | Program, stimulus: Stimulus, expected: Recording, folder: Path
) -> None:
    """Write the program into `folder`."""
    for name, content in render(net, stimulus, expected).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
