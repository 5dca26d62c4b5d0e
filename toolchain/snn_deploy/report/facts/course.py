"""The course of a run: answers step by step, one sample in detail, and how sure all is."""

from collections.abc import Mapping

import numpy as np

from snn_deploy.arrays import AnyArray, BoolArray, FloatArray, IntArray
from snn_deploy.evaluation.decode import decode, to_float
from snn_deploy.evaluation.ledger import dynamic_joules
from snn_deploy.evaluation.stages import Simulated
from snn_deploy.evaluation.uncertainty import bootstrap, mean_of, p95_of, wilson
from snn_deploy.ir.activity import Activity
from snn_deploy.passes.fuse import fuse
from snn_deploy.passes.lower import lower
from snn_deploy.report.facts.durations import answer_seconds
from snn_deploy.report.parts import Estimate, Example, StepAccuracy, StepTime
from snn_deploy.software.counts import Watched
from snn_deploy.software.estimates import Software, software

POINTS = 32  # numbers of steps at which accuracy is worked out, at most
DECODED_VALUES = 1 << 27  # outputs decoded for that, at most
BINS = 128  # chip steps that are told apart, at most
EXAMPLE_STEPS, EXAMPLE_NEURONS = 1000, 100  # shown of one sample
BOOTSTRAP = "bootstrap, 1000 resamples"
WILSON = "Wilson score"

SAMPLE_ORIGINS = {  # see origins.py
    "accuracy_by_step": "count: the same, decoded from the first steps only",
    "example": "count: output of one sample in the chip simulator",
    "estimates": (
        "derived: from the values of single samples by the method named beside it; the "
        "value itself is that of `accuracy`, `latency` or `energy`"
    ),
    "software.samples": "given: samples that were counted",
    "software.steps": "given: model steps of a sample",
    "software.ann_passes": "derived: 1, or the steps where the input changes or recurs",
    "software.tallies": "count: as the tool in `definition` counts, on the float network",
    "software.energies[].bits": "coefficient: operand width [software.energies[].source]",
    "software.energies[].joules": "coefficient: count x price [software.energies[].source]",
    "software.energies[].parts": "coefficient: count x price [software.energies[].source]",
}


def answers(run: Simulated) -> dict[str, AnyArray]:
    """Return the output that is read, [N, T, *shape] in float units, by simulator."""
    name, recordings = run.answer.output, run.recordings.outputs
    return {
        "reference": recordings["reference"].outputs[name],
        "integer": to_float(run.quant, name, recordings["integer"]),
        "chip": to_float(run.quant, name, recordings["chip"]),
    }


def accuracy_by_step(run: Simulated) -> tuple[StepAccuracy, ...]:
    """Return how many predictions are right after fewer steps; none without labels."""
    labels = run.data.y
    if labels is None:
        return ()
    rows = []
    for stage, output in answers(run).items():
        for steps in _points(run.data.steps, output.size):
            classes = decode(output[:, :steps], run.answer.decoder)
            correct = int(np.count_nonzero(classes == labels))
            rows.append(StepAccuracy(stage, correct, len(labels), steps))
    return tuple(rows)


def _points(steps: int, size: int) -> list[int]:
    """Return rising numbers of steps, the last is all of them."""
    most = min(POINTS, steps, max(1, DECODED_VALUES // max(size, 1)))
    return sorted({round(steps * (i + 1) / most) for i in range(most)})


def step_times(activity: Activity) -> tuple[StepTime, ...]:
    """Return the mean time of each chip step of a frame, by what set it."""
    frame = activity.step_s.shape[1]
    edges = np.unique(np.linspace(0, frame, min(frame, BINS) + 1).round().astype(int))
    rows = []
    for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        seconds, by = activity.step_s[:, first:end], activity.step_bound[:, first:end]
        of = {
            name: float(seconds[by == i].sum() / seconds.size)
            for i, name in enumerate(activity.bounds)
        }
        rows.append(StepTime(first, end - 1, of))
    return tuple(rows)


def piece_synops(activity: Activity) -> list[float]:
    """Return the mean synaptic operations per inference of each piece."""
    return [float(n) for n in activity.counts.synops.sum(axis=0) / activity.samples]


def example(run: Simulated, predicted: Mapping[str, IntArray]) -> Example:
    """Return the first sample's output on the chip."""
    shown = answers(run)["chip"][0]
    shown = shown.reshape(len(shown), -1)[:EXAMPLE_STEPS, :EXAMPLE_NEURONS]
    spiking = run.quant.population(run.answer.output).spiking
    where: list[list[int]] = np.argwhere(shown != 0).tolist() if spiking else []
    return Example(
        sample=0,
        label=None if run.data.y is None else int(run.data.y[0]),
        predicted={stage: int(classes[0]) for stage, classes in predicted.items()},
        output=run.answer.output,
        steps=len(shown),
        neurons=shown.shape[1],
        events=tuple((t, i, int(shown[t, i])) for t, i in where),
        membranes=() if spiking else tuple(tuple(map(float, row)) for row in shown),
    )


def estimates(run: Simulated, predicted: Mapping[str, IntArray]) -> tuple[Estimate, ...]:
    """Return the intervals over samples, of accuracies, times and energies."""
    rows = []
    if run.data.y is not None:
        rows += [
            _share(f"accuracy {stage}", classes == run.data.y)
            for stage, classes in predicted.items()
        ]
    activity = run.recordings.activity
    if activity.samples < 2:
        return tuple(rows)
    answer = answer_seconds(activity, run.net.latency)
    rows += [
        _mean("answer time", "s", answer, run.seed),
        _p95("answer time, 95th percentile", "s", answer, run.seed),
        _mean("inference time", "s", activity.step_s.sum(axis=1), run.seed),
    ]
    rows += [
        _mean(f"energy {name}", "J", joules, run.seed)
        for name, joules in dynamic_joules(activity, run.program).items()
    ]
    return tuple(rows)


def _share(name: str, right: BoolArray) -> Estimate:
    hits, n = int(np.count_nonzero(right)), len(right)
    return Estimate(name, "share", hits / n, *wilson(hits, n), n, WILSON)


def _mean(name: str, unit: str, values: FloatArray, seed: int) -> Estimate:
    low, high = bootstrap(values, mean_of, seed)
    return Estimate(name, unit, float(values.mean()), low, high, len(values), BOOTSTRAP)


def _p95(name: str, unit: str, values: FloatArray, seed: int) -> Estimate:
    low, high = bootstrap(values, p95_of, seed)
    value = float(p95_of(values))
    return Estimate(name, unit, value, low, high, len(values), BOOTSTRAP)


def software_estimates(run: Simulated) -> Software:
    """Return the estimates that know of no chip, on the samples whose layers were kept."""
    kept = run.data.first(run.recordings.compared)
    outputs = run.recordings.layers["reference"].outputs
    # Weights as in the file, neurons as simulated: parts of one neuron have no outputs.
    net = run.as_read if run.given else lower(fuse(run.as_read), run.mapping.lower)
    return software(Watched(net, {**kept.x, **outputs}, kept.static))
