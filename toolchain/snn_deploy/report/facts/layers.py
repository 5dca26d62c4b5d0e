"""What each population did: neurons, synapses, activity, agreement between stages; and
when."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray
from snn_deploy.evaluation.decode import to_float
from snn_deploy.evaluation.ledger import measured
from snn_deploy.evaluation.stages import (
    Bounded,
    Opened,
    Partitioned,
    Quantized,
    Routed,
    Simulated,
)
from snn_deploy.evaluation.uncertainty import p95_of
from snn_deploy.ir.activity import Activity
from snn_deploy.ir.linear import taps
from snn_deploy.ir.maps import Connection, Conv, Dense
from snn_deploy.ir.network import Population
from snn_deploy.ir.program import Program
from snn_deploy.report.facts.course import step_times
from snn_deploy.report.facts.durations import (
    answer_seconds,
    chip_steps_taken,
    inference_seconds,
    steps_taken,
)
from snn_deploy.report.parts import BoundShare, Latency, LayerAgreement, LayerFacts

STAGE_PAIRS = (("reference", "integer"), ("integer", "chip"))

LAYER_ORIGINS = {  # see origins.py
    "layers[].shape": "given: shape of the population in the model file",
    "layers[].neurons": "given: product of the shape",
    "layers[].cores": "count: pieces of the population, one core each",
    "layers[].synapses": "count: stored synapses of the integer network",
    "layers[].synops": "count: counters synops_*, mean per inference",
    "layers[].spikes": "count: non-zero outputs in the chip simulator, per sample",
    "layers[].rate": "derived: spikes / neurons / steps",
    "layers[].agreement": "count: outputs that are equal in two simulators, as a share",
    "latency": "coefficient: event counts through the time model [latency.source]",
    "latency.steps": "given: model steps of a sample",
    "latency.behind": "derived: level of the last output after retiming",
    "latency.frame": "derived: steps + guard, padded as the board demands",
    "latency.course[].first": "derived: number of a chip step",
    "latency.course[].last": "derived: number of a chip step",
}


def layers(run: Opened) -> tuple[LayerFacts, ...]:
    """Return one row per population, in the order of the network, as far as `run` went."""
    return tuple(_layer(run, pop) for pop in run.net.populations)


def latency(run: Simulated | Bounded) -> Latency:
    """Return the modelled time of a simulated run, or of the busiest case where there is no
    input."""
    if isinstance(run, Simulated):
        return _latency(run.recordings.activity, run, p95=p95_of)
    return _latency(run.firing, run, p95=lambda seconds: None)


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


def _layer(run: Opened, pop: Population) -> LayerFacts:
    found = LayerFacts(
        name=pop.name,
        shape=pop.shape,
        neurons=int(np.prod(pop.shape)),
        model=None,
        spiking=pop.neuron.spiking,
        cores=None,
        synapses=None,
        synops=None,
        spikes=None,
        rate=None,
        agreement=(),
    )
    if isinstance(run, Quantized):
        found = msgspec.structs.replace(found, **_integers(run, pop.name))
    if isinstance(run, Partitioned):
        cores = len(run.partition.of(pop.name))
        found = msgspec.structs.replace(found, cores=cores)
    if isinstance(run, Simulated):
        found = msgspec.structs.replace(found, **_activity(run, pop, found.neurons))
    return found


def _integers(run: Quantized, name: str) -> dict[str, Any]:
    return {
        "model": run.quant.population(name).model,
        "synapses": sum(stored_synapses(p.map) for p in run.quant.into(name)),
    }


def _activity(run: Simulated, pop: Population, neurons: int) -> dict[str, Any]:
    activity = run.recordings.activity
    found: dict[str, Any] = {
        "synops": _synops(activity, run.program, pop.name),
        "agreement": _agreements(run, pop),
    }
    if pop.neuron.spiking:
        spikes = measured(activity.recording.events[pop.name].astype(np.float64))
        steps = float(steps_taken(activity).mean())
        rate = None if spikes.mean is None else spikes.mean / neurons / steps
        found |= {"spikes": spikes, "rate": rate}
    return found


def _synops(activity: Activity, program: Program, name: str) -> float:
    pieces = list(program.partition.of(name))
    return float(activity.counts.synops[:, pieces].sum() / activity.samples)


def _agreements(run: Simulated, pop: Population) -> tuple[LayerAgreement, ...]:
    layers, name, spiking = run.recordings.layers, pop.name, pop.neuron.spiking
    floats, integers, chip = (layers[s] for s in ("reference", "integer", "chip"))
    rescaled = to_float(run.quant, name, integers)
    pairs = (
        (floats.outputs[name], rescaled),
        (integers.outputs[name], chip.outputs[name]),
    )
    return tuple(
        layer_agreement(a, b, stages=stages, spiking=spiking)
        for stages, (a, b) in zip(STAGE_PAIRS, pairs, strict=True)
    )


def _latency(
    activity: Activity, run: Routed, p95: Callable[[FloatArray], FloatArray | None]
) -> Latency:
    """p95: of seconds of samples [N]; None for bounds."""
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
            BoundShare(name, float(n / set_by.sum()))
            for name, n in zip(bounds, set_by, strict=True)
        ),
        answer_p95_s=_number(p95(answer)),
        inference_p95_s=_number(p95(inference)),
        course=step_times(activity),
        source=run.board.time.bound.source,
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
