"""The verb `convert`: its arguments."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from snn_deploy.cli.frame import reported
from snn_deploy.cli.options import Debug, Json, Steps


def convert(
    factory: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FUNCTION",
            help="Your function that returns the trained torch model; or FILE.py:FUNCTION.",
        ),
    ],
    calibrate: Annotated[Path, typer.Option(help="Samples: .npz with x [N, ...], y [N].")],
    out: Annotated[Path, typer.Option(help="Folder for model.nir, input.npz, the record.")],
    input: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Samples to encode as input.npz, if others than --calibrate."),
    ] = None,
    method: Annotated[
        str, typer.Option(help="graded, st-bif or group are exact; multi-bit, rate.")
    ] = "graded",
    weight_bits: Annotated[int, typer.Option(help="Of a model that is not quantized.")] = 8,
    activation_bits: Annotated[int, typer.Option(help="Of its activations.")] = 4,
    input_bits: Annotated[int, typer.Option(help="Of its input.")] = 8,
    spike_bits: Annotated[int, typer.Option(help="Payload of multi-bit spikes.")] = 2,
    steps: Steps = None,
    json: Json = False,
    debug: Debug = False,
) -> int:
    """Convert a trained ANN into a spiking network with the same integers."""
    with reported(debug) as outcome:
        from snn_deploy.cli.convert_files import run_convert

        run_convert(
            factory,
            calibrate,
            out,
            input=input,
            json=json,
            bits=(weight_bits, activation_bits, input_bits),
            method=method,
            spike_bits=spike_bits,
            steps=steps,
        )
    return outcome.code
