"""The ways to convert: what a spiking neuron sends per step, and whether it is exact."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from snn_deploy.names import ConversionName

# Membranes of exact methods hold twice the sum, so that theta / 2 is whole and every weight
# even, as Loihi stores weights of mixed sign.
DOUBLED = 2


@dataclass(frozen=True)
class ConversionMethod:
    """One way to convert.

    Attributes:
        name: Key in METHODS, as the option `method` takes it.
        summary: One line for the user.
        tracer: Whether a neuron keeps all it has sent within the levels of its layer, which
            makes the result independent of the order of arrival.
        ternary: Whether it sends -1, 0 or 1 per step.
        repeats: Whether the sample is fed in every step, and spikes stand for a rate.
        exact: Whether at rest the network has computed the integers of the ANN.
    """

    name: ConversionName
    summary: str
    tracer: bool = False
    ternary: bool = False
    repeats: bool = False
    exact: bool = False


METHODS: Mapping[ConversionName, ConversionMethod] = MappingProxyType({
    m.name: m
    for m in (
        ConversionMethod(
            "st-bif",
            "bipolar spikes -1, 0, 1 with a tracer, run to rest (BIFSNN, SpikeZIP)",
            tracer=True, ternary=True, exact=True,
        ),
        ConversionMethod(
            "graded",
            "the change of a level in one graded spike, with a tracer",
            tracer=True, exact=True,
        ),
        ConversionMethod(
            "group",
            "the whole level in one graded spike, one step (Group Neuron at T = 1)",
            exact=True,
        ),
        ConversionMethod(
            "multi-bit",
            "spikes of a few bits as a rate over the steps; approximate",
            repeats=True,
        ),
        ConversionMethod("rate", "binary spikes as a rate; the baseline", repeats=True),
    )
})  # fmt: skip
