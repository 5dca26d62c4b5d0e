"""The analytical energy model of Lemaire et al. 2022: operations, memory and addressing.

Every layer has memories of its own, 32 bit wide, whose price per access grows with their
size; a spiking layer gets and gives its spikes through queues. Where the paper's formulas
disagree with each other (its equation 2) we count as SpikingJelly 2.0 does; the tests hold
the two against each other.
"""

from collections.abc import Iterable

import numpy as np

from snn_deploy.ir.network import Population
from snn_deploy.software.counts import MapCounts, Watched
from snn_deploy.software.prices import Memory, Prices

PARTS = ("operations", "addressing", "input and output", "parameters", "potentials")


def lemaire_snn(
    found: Iterable[MapCounts], seen: Watched, prices: Prices
) -> dict[str, float]:
    """Return the joules per inference of the spiking network, by part."""
    total = dict.fromkeys(PARTS, 0.0)
    for layer in found:
        part = _event_layer if layer.binary else _dense_layer
        _add(total, part(layer, layer.steps, prices))
    for pop in seen.net.populations:
        spikes = int(np.count_nonzero(seen.values[pop.name])) / seen.samples
        _add(
            total, _neurons(pop, spikes if pop.neuron.spiking else 0.0, seen.steps, prices)
        )
    return total


def lemaire_ann(
    found: Iterable[MapCounts], passes: int, prices: Prices
) -> dict[str, float]:
    """Return the joules per inference of an ANN with the same maps, run `passes` times."""
    total = dict.fromkeys(PARTS, 0.0)
    for layer in found:
        _add(total, _dense_layer(layer, passes, prices))
        write = prices.memory.access_j(_bytes(layer.outputs, prices.memory))
        _add(total, {"input and output": layer.outputs * passes * write})
    return total


def _event_layer(layer: MapCounts, steps: int, prices: Prices) -> dict[str, float]:
    """A layer that looks at spikes only."""
    memory, op = prices.memory, prices.arithmetic["int32"]
    biases = layer.outputs * steps if layer.biases else 0
    queue = memory.access_j(_bytes(memory.fifo_words.value or 0.0, memory))
    params = memory.access_j(_bytes(layer.weights + layer.biases, memory))
    potentials = memory.access_j(_bytes(layer.outputs, memory))
    locate = 2 * layer.events * op.mac_j if layer.convolution else 0.0
    return {
        "operations": (layer.spread + biases) * op.ac_j,
        "addressing": layer.kernel * op.ac_j + locate,
        "input and output": layer.events * queue,
        "parameters": (layer.kernel + biases) * params,
        "potentials": 2 * layer.kernel * potentials,
    }


def _dense_layer(layer: MapCounts, steps: int, prices: Prices) -> dict[str, float]:
    """A layer that multiplies every input."""
    memory, op = prices.memory, prices.arithmetic["int32"]
    uses = layer.products * steps
    biases = layer.outputs * steps if layer.biases else 0
    read = uses if layer.convolution else layer.inputs * steps
    table = layer.per_input if layer.convolution else 0
    addresses = (layer.inputs + layer.outputs + table) * steps
    params = memory.access_j(_bytes(layer.weights + layer.biases, memory))
    return {
        "operations": uses * op.mac_j + biases * op.ac_j,
        "addressing": addresses * op.ac_j,
        "input and output": read * memory.access_j(_bytes(layer.inputs, memory)),
        "parameters": (uses + biases) * params,
    }


def _neurons(
    pop: Population, spikes: float, steps: int, prices: Prices
) -> dict[str, float]:
    memory, op = prices.memory, prices.arithmetic["int32"]
    updates = int(np.prod(pop.shape)) * steps
    leaks = bool(np.any(pop.neuron.beta != 1))
    queue = memory.access_j(_bytes(memory.fifo_words.value or 0.0, memory))
    potentials = memory.access_j(_bytes(int(np.prod(pop.shape)), memory))
    return {
        "operations": spikes * op.ac_j + (updates * op.mac_j if leaks else 0.0),
        "input and output": spikes * queue,
        "potentials": 2 * updates * potentials,
    }


def _add(total: dict[str, float], part: dict[str, float]) -> None:
    for name, joules in part.items():
        total[name] += joules


def _bytes(words: float, memory: Memory) -> float:
    return words * memory.word_bytes
