"""Decoders: from the output of a run to one class per sample.

A decoder gives each output neuron a score; the largest wins, ties go to the lowest index,
as in every framework. A sample whose output is silent has no class.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from snn_deploy.arrays import AnyArray, BoolArray, IntArray
from snn_deploy.errors import InputError, option
from snn_deploy.ir.activity import Recording
from snn_deploy.ir.network import Network
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.names import DecoderName
from snn_deploy.neurons import MultiLevel, Neuron

UNDECIDED = -1  # instead of a class, while nothing speaks for any: a silent output
SCORED_VALUES = 1 << 24  # scores that are worked out together


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a class is read from the output.

    Attributes:
        output: Name of the population that is read, the first output of the network.
        decoder: Key of DECODERS.
        meaning: What makes a class win, in words, e.g. "most spikes".
        chosen_by: "--decode" or why it is the default, and what else was decided.
    """

    output: str
    decoder: DecoderName
    meaning: str
    chosen_by: str


@dataclass(frozen=True)
class Decoder:
    """How each of n output neurons gets its score; N samples, T model steps.

    Attributes:
        name: Key in DECODERS, as `--decode` takes it.
        reads: "spikes" or "membranes", what the output population must give.
        what: What makes a class win, in words, for the report.
        score: From outputs [N, T, n] to the score of all steps together, [N, n].
        so_far: From outputs [N, T, n] to the score after each step, [N, T, n].
    """

    name: DecoderName
    reads: str
    what: str
    score: Callable[[AnyArray], AnyArray]
    so_far: Callable[[AnyArray], AnyArray]


def _earliness(output: AnyArray) -> AnyArray:
    """Return -step of the first spike; a neuron that never fires scores -T, below all
    others."""
    fired = output != 0
    score: AnyArray = np.where(fired.any(axis=1), -fired.argmax(axis=1), -output.shape[1])
    return score


def _earliness_so_far(output: AnyArray) -> AnyArray:
    after = np.arange(1, output.shape[1] + 1)[:, None]
    fired = np.maximum.accumulate(output != 0, axis=1)
    score: AnyArray = np.where(fired, -(output != 0).argmax(axis=1)[:, None], -after)
    return score


def _count_so_far(output: AnyArray) -> AnyArray:
    return np.cumsum(output != 0, axis=1)


def _sum_so_far(output: AnyArray) -> AnyArray:
    wide = np.float64 if output.dtype.kind == "f" else np.int64
    return np.cumsum(output, axis=1, dtype=wide)


def _mean_so_far(output: AnyArray) -> AnyArray:
    steps = np.arange(1, output.shape[1] + 1)[:, None]
    mean: AnyArray = np.cumsum(output, axis=1, dtype=np.float64) / steps
    return mean


def _signed_sum(output: AnyArray) -> AnyArray:
    wide = np.float64 if output.dtype.kind == "f" else np.int64
    total: AnyArray = output.sum(axis=1, dtype=wide)
    return total


DECODERS: dict[DecoderName, Decoder] = {
    d.name: d
    for d in (
        Decoder(
            "count",
            "spikes",
            "most spikes",
            lambda o: np.count_nonzero(o, axis=1),
            _count_so_far,
        ),
        Decoder("payload", "spikes", "largest summed payload", _signed_sum, _sum_so_far),
        Decoder("first", "spikes", "earliest spike", _earliness, _earliness_so_far),
        Decoder(
            "mean",
            "membranes",
            "largest mean membrane",
            lambda o: o.mean(axis=1),
            _mean_so_far,
        ),
        Decoder(
            "final",
            "membranes",
            "largest final membrane",
            lambda o: o[:, -1],
            lambda o: o,
        ),
        Decoder(
            "max",
            "membranes",
            "largest peak of the membrane",
            lambda o: o.max(axis=1),
            lambda o: np.maximum.accumulate(o, axis=1),
        ),
    )
}


@dataclass(frozen=True, eq=False)
class Decided:
    """What was read from the output of N samples of n classes.

    Attributes:
        classes: The predicted class, the lowest of those that share the largest score;
            UNDECIDED of a silent sample, [N].
        winners: Which classes have the largest score, none of a silent sample, [N, n].
    """

    classes: IntArray
    winners: BoolArray

    @property
    def silent(self) -> BoolArray:
        """Samples in which the output sent nothing, or no membrane ever moved, [N]."""
        return np.asarray(self.classes == UNDECIDED)

    @property
    def tied(self) -> BoolArray:
        """Samples in which several classes share the largest score, [N]."""
        return np.asarray(self.winners.sum(axis=1) > 1)

    def among(self, labels: IntArray) -> BoolArray:
        """Return where the label [N] has the largest score, alone or shared, [N]."""
        known = (labels >= 0) & (labels < self.winners.shape[1])
        of_label = self.winners[np.arange(len(labels)), np.where(known, labels, 0)]
        return np.asarray(known & of_label)


def decide(output: AnyArray, name: DecoderName) -> Decided:
    """Return what the decoder called `name` reads from `output` [N, T, *shape]."""
    flat = output.reshape(*output.shape[:2], -1)
    score = DECODERS[name].score(flat)
    silent = _is_silent(flat, DECODERS[name].reads)
    winners = (score == score.max(axis=1, keepdims=True)) & ~silent[:, None]
    classes = np.where(silent, UNDECIDED, score.argmax(axis=1)).astype(np.int64)
    return Decided(classes, winners)


def _is_silent(flat: AnyArray, reads: str) -> BoolArray:
    """Return for which samples of [N, T, n] the output says nothing, [N]."""
    if reads == "spikes" or flat.shape[2] == 1:
        return np.asarray((flat == 0).all(axis=(1, 2)))
    return np.asarray((flat == flat[:, :1, :1]).all(axis=(1, 2)))


def decode(output: AnyArray, name: DecoderName) -> IntArray:
    """Return the predicted class [N] of `output` [N, T, *shape] by the decoder called
    `name`; UNDECIDED of a silent sample."""
    return decide(output, name).classes


def decisions(output: AnyArray, name: DecoderName) -> IntArray:
    """Return the class [N, T] that `output` [N, T, *shape] gives after each step, -1 while
    all neurons still score the same."""
    flat = output.reshape(*output.shape[:2], -1)
    classes: IntArray = np.full(flat.shape[:2], -1, np.int64)
    at_once = max(1, SCORED_VALUES // max(1, flat[0].size))
    for low in range(0, len(flat), at_once):
        score = DECODERS[name].so_far(flat[low : low + at_once])
        known = (score != score[:, :, :1]).any(axis=2) | (score.shape[2] == 1)
        classes[low : low + at_once] = np.where(known, score.argmax(axis=2), UNDECIDED)
    return classes


def settled_after(classes: IntArray) -> IntArray:
    """Return after how many steps, 1..T, the classes [N, T] stay what they are at the
    end: [N]."""
    steps = classes.shape[1]
    other = classes[:, ::-1] != classes[:, -1:]
    since = np.where(other.any(axis=1), other.argmax(axis=1), steps)  # from the end
    after: IntArray = np.minimum(steps - since + 1, steps)
    return after


def to_float(net: QuantNetwork, name: str, recording: Recording) -> AnyArray:
    """Return the integer output [N, T, *shape] of population `name`: spikes as they are,
    membranes in float units, since every neuron may have a scale of its own."""
    return floats_of(net, name, recording.outputs[name])


def floats_of(net: QuantNetwork, name: str, output: AnyArray) -> AnyArray:
    """Return `output` [N, T, *shape] of population `name` as `to_float` does."""
    pop = net.population(name)
    if pop.spiking:
        return output
    volts = output.reshape(*output.shape[:2], -1) / pop.scale + pop.offset
    return np.asarray(volts.reshape(output.shape))


def choose_answer(net: Network, name: DecoderName | None) -> Answer:
    """Return how a class is read from the first output of `net`: as `name` says, as the
    model itself does, or the default.

    Raises:
        InputError: The decoder reads what this output does not give.
    """
    output = net.outputs[0]
    spiking = net.population(output).neuron.spiking
    chosen_by = "--decode"
    if name is None and net.decoder is not None:
        name, chosen_by = net.decoder, "what forward returns"
    if name is None:
        name, gives = _default(net.population(output).neuron)
        chosen_by = f"default for an output of {gives}"
    decoder = _checked(name, output, "spikes" if spiking else "membranes")
    if len(net.outputs) > 1:
        chosen_by += (
            f"; the first of {len(net.outputs)} outputs is read, "
            f"{option('head')} reads another"
        )
    return Answer(output, name, decoder.what, chosen_by)


def reread(answer: Answer, net: Network) -> Answer:
    """Return how the same class is read from `net`, whose output may have become the sum of
    its spikes (passes/lower).

    Raises:
        InputError: Such a sum does not say what the decoder wants.
    """
    spiking = net.population(answer.output).neuron.spiking
    if spiking == (DECODERS[answer.decoder].reads == "spikes"):
        return answer
    if answer.decoder != "payload":
        raise InputError(
            f"{option('decode', answer.decoder)}: {option('lower')} makes output "
            f"{answer.output!r} the sum of its spikes, from which only their payload can "
            f"be read; use {option('decode', 'payload')}"
        )
    chosen_by = f"{answer.chosen_by}; the membrane of a readout is that sum (--lower)"
    return Answer(answer.output, "final", DECODERS["final"].what, chosen_by)


def _default(neuron: Neuron) -> tuple[DecoderName, str]:
    """Return the decoder for an output of this neuron, and what it gives."""
    if not neuron.spiking:
        return "mean", "membranes"
    if not isinstance(neuron, MultiLevel) or neuron.sliced:
        return "count", "spikes"
    if (neuron.least, neuron.most) == (0.0, 1.0):
        return "count", "spikes"
    return "payload", "several spikes per step"


def _checked(name: DecoderName, output: str, gives: str) -> Decoder:
    if DECODERS[name].reads != gives:
        fitting = ", ".join(d.name for d in DECODERS.values() if d.reads == gives)
        raise InputError(
            f"{option('decode', name)}: reads {DECODERS[name].reads}, but output "
            f"{output!r} gives {gives}; use one of {fitting}"
        )
    return DECODERS[name]
