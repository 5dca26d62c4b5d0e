"""Decoders: from the output of a run to one class per sample.

A decoder gives each output neuron a score; the largest wins, ties go to the lowest index.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from snn_deploy.activity import Recording
from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.errors import InputError
from snn_deploy.network import Network
from snn_deploy.neurons import MultiLevel, Neuron
from snn_deploy.quant import QuantNetwork
from snn_deploy.report import Answer


@dataclass(frozen=True)
class Decoder:
    """score: [N, T, n] -> [N, n]. reads: "spikes" or "membranes"; what: for the report."""

    name: str
    reads: str
    what: str
    score: Callable[[AnyArray], AnyArray]


def _earliness(output: AnyArray) -> AnyArray:
    """Return -step of the first spike; a neuron that never fires scores -T, below all
    others."""
    fired = output != 0
    score: AnyArray = np.where(fired.any(axis=1), -fired.argmax(axis=1), -output.shape[1])
    return score


def _signed_sum(output: AnyArray) -> AnyArray:
    wide = np.float64 if output.dtype.kind == "f" else np.int64
    total: AnyArray = output.sum(axis=1, dtype=wide)
    return total


DECODERS: dict[str, Decoder] = {
    d.name: d
    for d in (
        Decoder("count", "spikes", "most spikes", lambda o: np.count_nonzero(o, axis=1)),
        Decoder("payload", "spikes", "largest summed payload", _signed_sum),
        Decoder("first", "spikes", "earliest spike", _earliness),
        Decoder("mean", "membranes", "largest mean membrane", lambda o: o.mean(axis=1)),
        Decoder("final", "membranes", "largest final membrane", lambda o: o[:, -1]),
        Decoder(
            "max", "membranes", "largest peak of the membrane", lambda o: o.max(axis=1)
        ),
    )
}


def decode(output: AnyArray, name: str) -> IntArray:
    """Return the predicted class [N] of `output` [N, T, *shape] by the decoder called
    `name`."""
    flat = output.reshape(*output.shape[:2], -1)
    classes: IntArray = np.argmax(DECODERS[name].score(flat), axis=1).astype(np.int64)
    return classes


def to_float(net: QuantNetwork, name: str, recording: Recording) -> AnyArray:
    """Return the integer output [N, T, *shape] of population `name`: spikes as they are,
    membranes in float units, since every neuron may have a scale of its own."""
    pop, output = net.population(name), recording.outputs[name]
    if pop.spiking:
        return output
    volts = output.reshape(*output.shape[:2], -1) / pop.scale + pop.offset
    return np.asarray(volts.reshape(output.shape))


def choose_answer(net: Network, name: str | None) -> Answer:
    """Return how a class is read from the first output of `net`: as `name` says, or the
    default.

    Raises:
        InputError: There is no decoder of that name, or it reads what this output does not
            give.
    """
    output = net.outputs[0]
    spiking = net.population(output).neuron.spiking
    chosen_by = "--decode"
    if name is None:
        name, gives = _default(net.population(output).neuron)
        chosen_by = f"default for an output of {gives}"
    decoder = _checked(name, output, "spikes" if spiking else "membranes")
    if len(net.outputs) > 1:
        chosen_by += f"; the first of {len(net.outputs)} outputs is read"
    return Answer(output, name, decoder.what, chosen_by)


def _default(neuron: Neuron) -> tuple[str, str]:
    """Return the decoder for an output of this neuron, and what it gives."""
    if not neuron.spiking:
        return "mean", "membranes"
    several = isinstance(neuron, MultiLevel) and not neuron.sliced
    if several and (neuron.least, neuron.most) != (0.0, 1.0):
        return "payload", "several spikes per step"
    return "count", "spikes"


def _checked(name: str, output: str, gives: str) -> Decoder:
    if name not in DECODERS:
        raise InputError(f"--decode {name}: no such decoder; known: {', '.join(DECODERS)}")
    if DECODERS[name].reads != gives:
        fitting = ", ".join(d.name for d in DECODERS.values() if d.reads == gives)
        raise InputError(
            f"--decode {name}: reads {DECODERS[name].reads}, but output {output!r} gives "
            f"{gives}; use one of {fitting}"
        )
    return DECODERS[name]
