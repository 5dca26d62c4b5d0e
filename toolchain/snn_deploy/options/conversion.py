"""Conversion: how a trained ANN becomes a spiking network."""

from typing import Annotated

from msgspec import Meta

from snn_deploy.names import ConversionName
from snn_deploy.options.base import Count, Options, says

Width = Annotated[int, Meta(ge=2, le=8)]


class ConversionOptions(Options, frozen=True):
    """How a trained ANN is converted."""

    method: Annotated[
        ConversionName, says("How layers become spiking; multi-bit and rate are not exact.")
    ] = "graded"
    weight_bits: Annotated[Width, says("Of a model that is not quantized.")] = 8
    activation_bits: Annotated[Width, says("Of its activations.")] = 4
    input_bits: Annotated[Width, says("Of its input.")] = 8
    spike_bits: Annotated[
        Annotated[int, Meta(ge=1, le=8)], says("Payload of multi-bit spikes.")
    ] = 2
    steps: Annotated[
        Count | None, says("Steps of a sample where spikes stand for a rate.")
    ] = None
