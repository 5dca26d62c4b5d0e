"""What each population did: neurons, synapses, activity, agreement between stages; and
when."""

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray
from snn_deploy.evaluation.decode import to_float
from snn_deploy.evaluation.ledger import Stat, measured
from snn_deploy.evaluation.stages import Run, Simulated
from snn_deploy.evaluation.uncertainty import p95_of
from snn_deploy.ir.activity import Activity
from snn_deploy.ir.linear import taps
from snn_deploy.ir.maps import Connection, Conv, Dense
from snn_deploy.ir.network import Population
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.report.facts.course import step_times
from snn_deploy.report.facts.durations import (
    answer_seconds,
    chip_steps_taken,
    inference_seconds,
    steps_taken,
)
from snn_deploy.report.report import Bound, Latency, Layer, LayerAgreement

STAGE_PAIRS = (("reference", "integer"), ("integer", "chip"))


def layers(run: Run) -> tuple[Layer, ...]:
    """Return one row per population, in the order of the network."""
    return tuple(_layer(run, pop) for pop in run.net.populations)


def latency(run: Run) -> Latency | None:
    """Return the modelled time of a simulated run, or of the busiest case where there is no
    input."""
    if run.simulated is not None:
        return _latency(run.simulated.activity, run)
    return None if run.extremes is None else _latency(run.extremes.firing, run)


def stored_synapses(connection: Connection) -> int:
    """Return the synapses of a projection, zeros that are stored included."""
    if isinstance(connection, Dense):
        return int(connection.weight.size)
    if isinstance(connection, Conv):
        joined: int = sum(
            (y.stop - y.start) * (x.stop - x.start) for _, _, y, x, _, _ in taps(connection)
        )
        return joined * int(connection.weight.shape[0] * connection.weight.shape[1])
    return int(connection.matrix.nnz)


def layer_agreement(
    first: AnyArray, second: AnyArray, *, stages: tuple[str, str], spiking: bool
) -> LayerAgreement:
    """Compare a population's outputs [N, T, *shape] in two stages."""
    exact = stages == STAGE_PAIRS[1]
    if not spiking:
        gap = np.asarray(first, np.float64) - second
        rms = None if exact else float(np.sqrt(np.mean(gap**2)))
        return LayerAgreement(
            *stages, float(np.mean(gap == 0)) if exact else None, None, rms
        )
    a, b = first != 0, second != 0
    either = int(np.count_nonzero(a | b))
    jaccard = int(np.count_nonzero(a & b)) / either if either else None
    same = first == second if exact else a == b
    return LayerAgreement(*stages, float(np.mean(same)), jaccard, None)


def _layer(run: Run, pop: Population) -> Layer:
    quant, program, simulated = run.quant, run.program, run.simulated
    neurons = int(np.prod(pop.shape))
    spiking = pop.neuron.spiking
    spikes = None if simulated is None or not spiking else _spikes(simulated, pop.name)
    steps = 0.0 if simulated is None else float(steps_taken(simulated.activity).mean())
    return Layer(
        name=pop.name,
        shape=pop.shape,
        neurons=neurons,
        model=None if quant is None else quant.population(pop.name).model,
        spiking=spiking,
        cores=None if run.partition is None else len(run.partition.of(pop.name)),
        synapses=None
        if quant is None
        else sum(stored_synapses(p.map) for p in quant.into(pop.name)),
        synops=None
        if program is None or simulated is None
        else _synops(simulated.activity, program, pop.name),
        spikes=spikes,
        rate=None
        if spikes is None or spikes.mean is None
        else spikes.mean / neurons / steps,
        agreement=()
        if simulated is None or quant is None
        else _agreements(quant, simulated, pop),
    )


def _spikes(simulated: Simulated, name: str) -> Stat:
    return measured(simulated.activity.recording.events[name].astype(np.float64))


def _synops(activity: Activity, program: Program, name: str) -> float:
    pieces = list(program.partition.of(name))
    return float(activity.counts.synops[:, pieces].sum() / activity.samples)


def _agreements(
    quant: QuantNetwork, simulated: Simulated, pop: Population
) -> tuple[LayerAgreement, ...]:
    layers, name, spiking = simulated.layers, pop.name, pop.neuron.spiking
    floats, integers, chip = (layers[s] for s in ("reference", "integer", "chip"))
    rescaled = to_float(quant, name, integers)
    pairs = (
        (floats.outputs[name], rescaled),
        (integers.outputs[name], chip.outputs[name]),
    )
    return tuple(
        layer_agreement(a, b, stages=stages, spiking=spiking)
        for stages, (a, b) in zip(STAGE_PAIRS, pairs, strict=True)
    )


def _latency(activity: Activity, run: Run) -> Latency:
    taken, bounds = chip_steps_taken(activity), activity.bounds
    set_by = np.bincount(activity.step_bound[taken], minlength=len(bounds))
    answer = answer_seconds(activity, run.net.latency)
    inference = inference_seconds(activity)
    return Latency(
        time_model=activity.time_model,
        steps=activity.steps,
        behind=run.net.latency,
        frame=activity.frame,
        step_mean_s=float(activity.step_s[taken].mean()),
        step_max_s=float(activity.step_s.max()),
        answer_s=measured(answer),
        inference_s=measured(inference),
        bounds=tuple(
            Bound(name, float(n / set_by.sum()))
            for name, n in zip(bounds, set_by, strict=True)
        ),
        answer_p95_s=_p95(answer, run),
        inference_p95_s=_p95(inference, run),
        course=step_times(activity),
        source=run.board.time.bound.source,
    )


def _p95(seconds: FloatArray, run: Run) -> float | None:
    """Return the 95th percentile over samples [N]; None for bounds."""
    return None if run.simulated is None else float(p95_of(seconds))
