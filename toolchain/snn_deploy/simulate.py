"""Simulate: the float network, the integers and the chip, on the same input."""

import numpy as np

from snn_deploy.activity import Recording
from snn_deploy.board import Board
from snn_deploy.choices import Choices
from snn_deploy.data import Data
from snn_deploy.decode import decode, to_float
from snn_deploy.extremes import extreme
from snn_deploy.network import Network
from snn_deploy.passes.check import check
from snn_deploy.passes.quantize import Calibration, quantize
from snn_deploy.passes.refine import refine
from snn_deploy.program import Program
from snn_deploy.quant import QuantNetwork
from snn_deploy.report import Answer
from snn_deploy.run import Extremes, Reference, Simulated
from snn_deploy_simulators import chip, integer, reference
from snn_deploy_simulators.stimulus import encode
from snn_deploy_simulators.timing import TIME_MODELS as TIME_MODELS

COMPARED_VALUES = 1 << 27  # outputs kept per simulator to compare layers, <= 8 bytes each


def run_reference(net: Network, data: Data, *, keep_all: bool = False) -> Reference:
    """Run `data` through the float network.

    keep_all: keep every population on every sample, however much memory that takes.
    """
    per_sample = data.steps * sum(int(np.prod(p.shape)) for p in net.populations)
    fitting = max(1, COMPARED_VALUES // per_sample)
    if keep_all or data.samples <= fitting:
        layers = reference.run(net, data.x)
        return Reference(layers, layers, data.samples)
    layers = reference.run(net, data.first(fitting).x)
    return Reference(reference.run(net, data.x, keep=()), layers, fitting)


def quantize_on(
    floats: Reference | None,
    net: Network,
    board: Board,
    data: Data | None,
    answer: Answer,
    *,
    choices: Choices,
) -> QuantNetwork:
    """Quantize with the scales that `data` calls for, wider where predictions change.

    Without data the scales are safe for any input. choices: of the weight bits, and of how
    the network will be cut: what does not fit then is not widened.
    """
    if floats is None or data is None:
        return quantize(net, board, weight_bits=choices.weight_bits)
    expected = decode(floats.outputs.outputs[answer.output], answer.decoder)

    def agreement(quant: QuantNetwork) -> float:
        recording = integer.run(quant, encode(quant, data.x), keep=())
        output = to_float(quant, answer.output, recording)
        return float(np.mean(decode(output, answer.decoder) == expected))

    rates = {name: n.mean() / data.steps for name, n in floats.outputs.events.items()}
    calibration = Calibration(data.x, floats.outputs.peaks, rates)

    def fits(quant: QuantNetwork) -> bool:
        return not check(quant, board, method=choices.partition)

    bits = choices.weight_bits
    return refine(net, board, calibration, agreement, fits, weight_bits=bits)


def simulate(
    program: Program, data: Data, floats: Reference, *, time_model: str = "bound"
) -> Simulated:
    """Run `data` through the integers and the chip, beside the float network's `floats`.

    time_model: key of TIME_MODELS.
    """
    same = floats.compared == data.samples
    stimulus = encode(program.net, data.x)
    keep = None if same else ()
    activity = chip.run(program, stimulus, keep=keep, time_model=time_model)
    outputs = {
        "reference": floats.outputs,
        "integer": integer.run(program.net, stimulus, keep=keep),
        "chip": activity.recording,
    }
    if same:
        return Simulated(outputs, outputs, data.samples, activity)
    layers = _layers(program, data.first(floats.compared), floats.layers)
    return Simulated(outputs, layers, floats.compared, activity)


def simulate_extremes(
    program: Program, steps: int, *, time_model: str = "bound"
) -> Extremes:
    """Run one sample of `steps` steps in which nothing fires, and one in which all does."""
    silent, firing = (
        chip.run(*extreme(program, steps, fires=fires), keep=(), time_model=time_model)
        for fires in (False, True)
    )
    return Extremes(silent, firing)


def _layers(program: Program, data: Data, floats: Recording) -> dict[str, Recording]:
    stimulus = encode(program.net, data.x)
    return {
        "reference": floats,
        "integer": integer.run(program.net, stimulus),
        "chip": chip.run(program, stimulus).recording,
    }
