"""The ways to convert: what a spiking neuron sends per step, and whether it is exact."""

from dataclasses import dataclass
from types import MappingProxyType

from snn_deploy.errors import InputError

# Membranes of exact methods hold twice the sum, so that theta / 2 is whole and every weight
# even, as Loihi stores weights of mixed sign.
DOUBLED = 2


@dataclass(frozen=True)
class Method:
    """One way to convert. summary: one line for the user.

    tracer: a neuron keeps all it has sent within the levels of its layer, which makes the
    result independent of the order of arrival. ternary: it sends -1, 0 or 1 per step.
    repeats: the sample is fed in every step, and spikes stand for a rate. exact: at rest
    the network has computed the integers of the ANN.
    """

    name: str
    summary: str
    tracer: bool = False
    ternary: bool = False
    repeats: bool = False
    exact: bool = False


@dataclass(frozen=True)
class Bits:
    """Widths (2..8) with which a float model is quantized: weights, activations, input."""

    weight: int = 8
    activation: int = 4
    input: int = 8

    def __post_init__(self) -> None:
        for name, bits in vars(self).items():
            if not 2 <= bits <= 8:
                raise InputError(f"{name} bits {bits}: takes 2 to 8")


METHODS = MappingProxyType({
    m.name: m
    for m in (
        Method(
            "st-bif",
            "bipolar spikes -1, 0, 1 with a tracer, run to rest (BIFSNN, SpikeZIP)",
            tracer=True, ternary=True, exact=True,
        ),
        Method(
            "graded",
            "the change of a level in one graded spike, with a tracer",
            tracer=True, exact=True,
        ),
        Method(
            "group",
            "the whole level in one graded spike, one step (Group Neuron at T = 1)",
            exact=True,
        ),
        Method(
            "multi-bit",
            "spikes of a few bits as a rate over the steps; approximate",
            repeats=True,
        ),
        Method("rate", "binary spikes as a rate; the baseline", repeats=True),
    )
})  # fmt: skip


def method_named(name: str) -> Method:
    """Return a method by name.

    Raises:
        InputError: There is no such method.
    """
    if name not in METHODS:
        raise InputError(f"no method {name!r}; there are {', '.join(METHODS)}")
    return METHODS[name]
