"""Values that arrive in every step: a bias of the membrane, or a neuron that always spikes.

A bias into a membrane is the neuron's own. Where that is not the same thing (a synaptic
current has to ramp up, or a delay lies on the way) one extra neuron spikes in every step.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace

from snn_deploy.arrays import FloatArray, frozen
from snn_deploy.ir.maps import Chain, Dense
from snn_deploy.ir.network import Population, Projection
from snn_deploy.neurons import Lif

ONE = "bias:1"  # the name of the neuron that spikes in every step


@dataclass(frozen=True, eq=False)
class Constant:
    """A value that arrives at one population in every step.

    Attributes:
        post: Name of the population.
        value: What is added to its summed input, [n], in float units.
        delay: First model step in which it arrives, 0 or more.
    """

    post: str
    value: FloatArray
    delay: int


def add_constants(
    populations: Mapping[str, Population],
    constants: Iterable[Constant],
    late: frozenset[str],
    taken: Iterable[str],
) -> tuple[dict[str, Population], list[Projection]]:
    """Return the populations with biases, and projections for those that cannot be one.

    taken: names that the extra neuron must not have.
    """
    result, extra = dict(populations), []
    one = unique_name(ONE, {*taken, *result})
    for constant in constants:
        pop = result[constant.post]
        neuron = pop.neuron
        if constant.delay == 0 and constant.post not in late and not neuron.alpha.any():
            total = frozen(neuron.bias + neuron.gain * constant.value)
            result[constant.post] = replace(pop, neuron=replace(neuron, bias=total))
        else:
            weight = Dense(frozen(constant.value[:, None].copy()))
            extra.append(
                Projection(one, constant.post, Chain((weight,), 1), constant.delay)
            )
    if extra:
        result[one] = Population(one, (1,), Lif.of(1, beta=0.0, bias=1.0, threshold=0.5))
    return result, extra


def unique_name(wanted: str, taken: Container[str]) -> str:
    """Return `wanted`, or the first of `wanted~2`, `wanted~3`, ... that is not taken."""
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted}~{count}"
    return name
