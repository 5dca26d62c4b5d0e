"""Simulate: the float network, the integers and the chip, on the same input."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, IntArray
from snn_deploy.board.board import Board
from snn_deploy.evaluation.decode import Answer, decisions, decode, floats_of, to_float
from snn_deploy.evaluation.extremes import extreme
from snn_deploy.evaluation.stages import Extremes, Reference, Simulated
from snn_deploy.inputs.data import Data
from snn_deploy.ir.activity import Activity, Recording
from snn_deploy.ir.batches import Tell, merged_activities, merged_recordings, untold
from snn_deploy.ir.network import Network
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy.mapping.check import check
from snn_deploy.mapping.reorder import own_order
from snn_deploy.options.choices import Choices
from snn_deploy.quantization.quantize import Calibration, quantize
from snn_deploy.quantization.refine import refine
from snn_deploy_simulators import chip, integer, reference
from snn_deploy_simulators.counting.tables import Fan, fans
from snn_deploy_simulators.engine.quiescence import Rule, when_quiet, when_stable
from snn_deploy_simulators.stimulus import encode
from snn_deploy_simulators.timing import TIME_MODELS as TIME_MODELS

NO_RULES: Mapping[str, Rule] = MappingProxyType({})
NO_ORDER: Mapping[str, IntArray] = MappingProxyType({})
COMPARED_VALUES = 1 << 27  # outputs kept per simulator to compare layers, <= 8 bytes each


def run_reference(
    net: Network,
    data: Data,
    *,
    keep_all: bool = False,
    batch: int | None = None,
    tell: Tell = untold,
) -> Reference:
    """Run `data` through the float network.

    keep_all: keep every population on every sample, however much memory that takes. batch:
    samples that are run at once, all if None. tell: is told after each batch.
    """
    per_sample = data.steps * sum(int(np.prod(p.shape)) for p in net.populations)
    fitting = max(1, COMPARED_VALUES // per_sample)
    if keep_all or data.samples <= fitting:
        layers = _run_floats(net, data, None, batch, tell)
        return Reference(layers, layers, data.samples)
    layers = _run_floats(net, data.first(fitting), None, batch, untold)
    return Reference(_run_floats(net, data, (), batch, tell), layers, fitting)


def quantize_on(
    floats: Reference | None,
    net: Network,
    board: Board,
    data: Data | None,
    answer: Answer,
    *,
    choices: Choices,
    batch: int | None = None,
) -> QuantNetwork:
    """Quantize with the scales that `data` calls for, wider where predictions change.

    Without data the scales are safe for any input. choices: of the weight bits, and of how
    the network will be cut: what does not fit then is not widened. batch: samples that
    are run at once, all if None.
    """
    if floats is None or data is None:
        return quantize(net, board, weight_bits=choices.weight_bits)
    expected = decode(floats.outputs.outputs[answer.output], answer.decoder)

    def agreement(quant: QuantNetwork) -> float:
        parts = [
            integer.run(quant, encode(quant, part.x), keep=())
            for part in data.batches(batch)
        ]
        output = to_float(quant, answer.output, merged_recordings(parts))
        return float(np.mean(decode(output, answer.decoder) == expected))

    rates = {name: n.mean() / data.steps for name, n in floats.outputs.events.items()}
    calibration = Calibration(data.x, floats.outputs.peaks, rates)

    def fits(quant: QuantNetwork) -> bool:
        return not check(quant, board, method=choices.partition)

    bits = choices.weight_bits
    if not choices.store_twice:
        return quantize(net, board, calibration, weight_bits=bits)
    return refine(net, board, calibration, agreement, fits, weight_bits=bits)


def rates_of(floats: Reference, net: QuantNetwork, steps: int) -> dict[str, FloatArray]:
    """Return spikes per step [n], the mean over all neurons, of each input and population
    of `net` that the float network has, too."""
    names = [*(p.name for p in net.inputs), *(p.name for p in net.populations)]
    events = floats.outputs.events
    return {
        name: np.full(net.size(name), events[name].mean() / (steps * net.size(name)))
        for name in names
        if name in events
    }


def simulate(
    program: Program,
    data: Data,
    floats: Reference,
    *,
    own: QuantNetwork | None = None,
    order: Mapping[str, IntArray] = NO_ORDER,
    time_model: str = "bound",
    until: Mapping[str, Rule] = NO_RULES,
    batch: int | None = None,
    tell: Tell = untold,
) -> Simulated:
    """Run `data` through the integers and the chip, beside the float network's `floats`.

    own: the network of `program` before it was renumbered; order: how it was, see
    `reorder`; what is recorded is in the old order.
    time_model: key of TIME_MODELS. until: see `ending_rules`. batch: samples that are run
    at once, all if None; the result is the same. tell: is told after each batch.
    """
    same = floats.compared == data.samples
    keep = None if same else ()
    net, tables = own or program.net, fans(program)
    run = partial(_on_chip, program, order, time_model, tables)
    outputs, activity = _run_both(run, net, data, floats.outputs, keep, batch, tell)
    endings = {
        name: _run_until(run, net, data, rule, batch) for name, rule in until.items()
    }
    priced = endings.get("quiet", activity)
    if endings:
        endings = {"frame": activity, **endings}
    few = data.first(floats.compared)
    alone = _run_alone(net, few, floats.layers)
    if same:
        return Simulated(outputs, outputs, data.samples, priced, endings, alone)
    layers, _ = _run_both(run, net, few, floats.layers, None, batch, untold)
    return Simulated(outputs, layers, floats.compared, priced, endings, alone)


def ending_rules(
    net: QuantNetwork, steps: int, answer: Answer, choices: Choices
) -> Mapping[str, Rule]:
    """Return the rules by which samples of `steps` steps shall end, "quiet" or "stable"."""
    rules = {"quiet": when_quiet(net, steps)} if choices.until_quiet else {}
    window = choices.exit_when_stable
    if window is None:
        return rules

    def decide(output: AnyArray) -> IntArray:
        sent = floats_of(net, answer.output, output[None])
        classes: IntArray = decisions(sent, answer.decoder)[0]
        return classes

    return {**rules, "stable": when_stable(net, answer.output, steps, window, decide)}


def simulate_extremes(
    program: Program, steps: int, *, time_model: str = "bound"
) -> Extremes:
    """Run one sample of `steps` steps in which nothing fires, and one in which all does."""
    silent, firing = (
        chip.run(*extreme(program, steps, fires=fires), keep=(), time_model=time_model)
        for fires in (False, True)
    )
    return Extremes(silent, firing)


def _run_floats(
    net: Network, data: Data, keep: tuple[str, ...] | None, batch: int | None, tell: Tell
) -> Recording:
    parts = [reference.run(net, part.x, keep=keep) for part in _told(data, batch, tell)]
    return merged_recordings(parts)


def _on_chip(
    program: Program,
    order: Mapping[str, IntArray],
    time_model: str,
    tables: Mapping[str, Fan],
    stimulus: Stimulus,
    **options: Any,
) -> Activity:
    """Return what the chip does, recorded in the order before renumbering."""
    activity = chip.run(program, stimulus, time_model=time_model, tables=tables, **options)
    return replace(activity, recording=own_order(activity.recording, order))


def _run_both(
    run: Callable[..., Activity],
    net: QuantNetwork,
    data: Data,
    floats: Recording,
    keep: tuple[str, ...] | None,
    batch: int | None,
    tell: Tell,
) -> tuple[dict[str, Recording], Activity]:
    """Return what every simulator recorded, `floats` among them, and the chip's counts."""
    integers, chips = [], []
    for part in _told(data, batch, tell):
        stimulus = encode(net, part.x)
        chips.append(run(stimulus, keep=keep))
        integers.append(integer.run(net, stimulus, keep=keep))
    activity = merged_activities(chips)
    recorded = {
        "reference": floats,
        "integer": merged_recordings(integers),
        "chip": activity.recording,
    }
    return recorded, activity


def _run_alone(net: QuantNetwork, data: Data, floats: Recording) -> dict[str, AnyArray]:
    """Return what the integers of each population do with the spikes of the floats."""
    stimulus = encode(net, data.x)
    return {
        p.name: integer.run_alone(net, p.name, floats.outputs, stimulus)
        for p in net.populations
    }


def _run_until(
    run: Callable[..., Activity],
    net: QuantNetwork,
    data: Data,
    rule: Rule,
    batch: int | None,
) -> Activity:
    """Return what the chip does if samples end by `rule`."""
    return merged_activities(
        [run(encode(net, part.x), keep=(), until=rule) for part in data.batches(batch)]
    )


def _told(data: Data, batch: int | None, tell: Tell) -> Iterator[Data]:
    """Yield the batches, and tell of each that was run (of none, if all are one)."""
    done = 0
    for part in data.batches(batch):
        yield part
        done += part.samples
        if part.samples < data.samples:
            tell(done, data.samples)
