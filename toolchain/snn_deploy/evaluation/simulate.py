"""Simulate: the float network, the integers and the chip, on the same input."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, IntArray
from snn_deploy.evaluation.decode import Answer, decisions, decode, floats_of, to_float
from snn_deploy.evaluation.extremes import extreme
from snn_deploy.evaluation.progress import BatchProgress, uncounted
from snn_deploy.evaluation.stages import (
    Normalized,
    Quantized,
    Recordings,
    Reference,
    Routed,
)
from snn_deploy.evaluation.uncertainty import surely_below
from snn_deploy.inputs.data import Data
from snn_deploy.ir.activity import Activity, Recording
from snn_deploy.ir.batches import merged_activities, merged_recordings
from snn_deploy.ir.network import Network
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus, Storage
from snn_deploy.mapping.check import check
from snn_deploy.mapping.reorder import own_order
from snn_deploy.names import TimeModelName
from snn_deploy.options.simulation import SimulationOptions
from snn_deploy.quantization.quantize import Calibration, quantize
from snn_deploy.quantization.refine import (
    TARGET,
    everything_wide,
    refine,
    stored_twice,
)
from snn_deploy_simulators import chip, integer, reference
from snn_deploy_simulators.counting.tables import Fan, fans
from snn_deploy_simulators.engine.quiescence import EndRule, when_quiet, when_stable
from snn_deploy_simulators.stimulus import encode

COMPARED_VALUES = 1 << 27  # outputs kept per simulator to compare layers, <= 8 bytes each


def run_reference(
    net: Network,
    data: Data,
    *,
    keep_all: bool = False,
    batch: int | None = None,
    progress: BatchProgress = uncounted,
) -> Reference:
    """Run `data` through the float network.

    Args:
        net: At any stage.
        data: The samples.
        keep_all: Keep every population on every sample, whatever memory that takes.
        batch: Samples that are run at once, all if None.
        progress: Is told after each batch.
    """
    per_sample = data.steps * sum(int(np.prod(p.shape)) for p in net.populations)
    fitting = max(1, COMPARED_VALUES // per_sample)
    if keep_all or data.samples <= fitting:
        layers = _run_floats(net, data, None, batch, progress)
        return Reference(layers, layers, data.samples)
    layers = _run_floats(net, data.first(fitting), None, batch, uncounted)
    return Reference(_run_floats(net, data, (), batch, progress), layers, fitting)


def quantize_on(floats: Reference | None, run: Normalized) -> QuantNetwork:
    """Quantize with the scales that the samples call for, and store weights as often as
    asked: twice, by default, where rounding surely changes predictions.

    What would not fit the board as it will be cut is not stored twice. Without samples the
    scales are safe for any input, and weights are stored once unless asked otherwise.

    Args:
        floats: What the float network does on the samples, None if there are none.
        run: The network, its board and its samples.
    """
    net, board, data, answer = run.net, run.board, run.data, run.answer
    bits, method, often = (
        run.mapping.weight_bits,
        run.mapping.partition,
        run.mapping.store_twice,
    )

    def fits(quant: QuantNetwork) -> bool:
        return not check(quant, board, method=method)

    def stored(quant: QuantNetwork, agreed: int | None = None) -> QuantNetwork:
        samples = 0 if data is None else data.samples
        twice = stored_twice(quant, net)
        storage = Storage(often, twice, len(net.projections), agreed, samples)
        return replace(quant, storage=storage)

    calibration = None
    if floats is not None and data is not None:
        rates = {name: n.mean() / data.steps for name, n in floats.outputs.events.items()}
        calibration = Calibration(data.x, floats.outputs.peaks, rates)
    if often == "always":
        return stored(everything_wide(net, board, calibration, fits, weight_bits=bits))
    plain = quantize(net, board, calibration, weight_bits=bits)
    if often == "never" or floats is None or data is None or calibration is None:
        return stored(plain)
    expected = decode(floats.outputs.outputs[answer.output], answer.decoder)

    def agreement(quant: QuantNetwork) -> float:
        parts = [
            integer.run(quant, encode(quant, part.x), keep=())
            for part in data.batches(run.simulation.batch)
        ]
        output = to_float(quant, answer.output, merged_recordings(parts))
        return float(np.mean(decode(output, answer.decoder) == expected))

    once = agreement(plain)
    agreed = round(once * data.samples)
    if not surely_below(TARGET, agreed, data.samples):
        return stored(plain, agreed)
    refined = refine(
        net, board, calibration, agreement, fits, plain, once, weight_bits=bits
    )
    return stored(refined, agreed)


def rates_of(run: Quantized) -> dict[str, FloatArray] | None:
    """Return spikes per step [n], the mean over all neurons, of each input and population
    of the integers that the float network has, too; None without samples."""
    net, data, floats = run.quant, run.data, run.reference
    if data is None or floats is None:
        return None
    names = [*(p.name for p in net.inputs), *(p.name for p in net.populations)]
    events = floats.outputs.events
    return {
        name: np.full(net.size(name), events[name].mean() / (data.steps * net.size(name)))
        for name in names
        if name in events
    }


def run_simulators(
    run: Routed,
    data: Data,
    floats: Reference,
    *,
    until: Mapping[str, EndRule],
    progress: BatchProgress = uncounted,
) -> Recordings:
    """Run `data` through the integers and the chip, beside the float network's `floats`.

    What is recorded is in the order of neurons before they were numbered anew.

    Args:
        run: The whole program.
        data: The samples.
        floats: What the float network did on them.
        until: Rules by which samples end early, see `ending_rules`.
        progress: Is told after each batch.
    """
    same, batch = floats.compared == data.samples, run.simulation.batch
    keep, net = None if same else (), run.quant
    chips = partial(_on_chip, run, fans(run.program))
    outputs, activity = _run_both(chips, net, data, floats.outputs, keep, batch, progress)
    endings = {
        name: _run_until(chips, net, data, rule, batch) for name, rule in until.items()
    }
    priced = endings.get("quiet", activity)
    if endings:
        endings = {"frame": activity, **endings}
    few = data.first(floats.compared)
    alone = _run_alone(net, few, floats.layers)
    if same:
        return Recordings(outputs, outputs, data.samples, priced, endings, alone)
    layers, _ = _run_both(chips, net, few, floats.layers, None, batch, uncounted)
    return Recordings(outputs, layers, floats.compared, priced, endings, alone)


def ending_rules(
    net: QuantNetwork, steps: int, answer: Answer, simulation: SimulationOptions
) -> Mapping[str, EndRule]:
    """Return the rules by which samples of `steps` steps shall end, "quiet" or "stable"."""
    rules = {"quiet": when_quiet(net, steps)} if simulation.until_quiet else {}
    window = simulation.exit_when_stable
    if window is None:
        return rules

    def decide(output: AnyArray) -> IntArray:
        sent = floats_of(net, answer.output, output[None])
        classes: IntArray = decisions(sent, answer.decoder)[0]
        return classes

    return {**rules, "stable": when_stable(net, answer.output, steps, window, decide)}


def run_extremes(
    program: Program, steps: int, *, time_model: TimeModelName = "bound"
) -> tuple[Activity, Activity]:
    """Run one sample of `steps` steps in which nothing fires, and one in which all does."""
    silent, firing = (
        chip.run(*extreme(program, steps, fires=fires), keep=(), time_model=time_model)
        for fires in (False, True)
    )
    return silent, firing


def _run_floats(
    net: Network,
    data: Data,
    keep: tuple[str, ...] | None,
    batch: int | None,
    progress: BatchProgress,
) -> Recording:
    parts = [
        reference.run(net, part.x, keep=keep) for part in _batches(data, batch, progress)
    ]
    return merged_recordings(parts)


def _on_chip(
    run: Routed, tables: Mapping[str, Fan], stimulus: Stimulus, **options: Any
) -> Activity:
    """Return what the chip does, recorded in the order before renumbering."""
    activity = chip.run(
        run.program,
        stimulus,
        time_model=run.simulation.time_model,
        tables=tables,
        **options,
    )
    return replace(activity, recording=own_order(activity.recording, run.order))


def _run_both(
    run: Callable[..., Activity],
    net: QuantNetwork,
    data: Data,
    floats: Recording,
    keep: tuple[str, ...] | None,
    batch: int | None,
    progress: BatchProgress,
) -> tuple[dict[str, Recording], Activity]:
    """Return what every simulator recorded, `floats` among them, and the chip's counts."""
    integers, chips = [], []
    for part in _batches(data, batch, progress):
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
    rule: EndRule,
    batch: int | None,
) -> Activity:
    """Return what the chip does if samples end by `rule`."""
    return merged_activities(
        [run(encode(net, part.x), keep=(), until=rule) for part in data.batches(batch)]
    )


def _batches(data: Data, batch: int | None, progress: BatchProgress) -> Iterator[Data]:
    """Yield the batches, and tell of each that was run (of none, if all are one)."""
    done = 0
    for part in data.batches(batch):
        yield part
        done += part.samples
        if part.samples < data.samples:
            progress(done, data.samples)
