"""When samples are done: the step from which an answer stands, and ends before the last."""

from collections.abc import Mapping

import numpy as np

from snn_deploy.arrays import IntArray
from snn_deploy.evaluation.decode import UNDECIDED, decisions, settled_after
from snn_deploy.evaluation.ledger import dynamic_joules, measured
from snn_deploy.evaluation.stages import Simulated
from snn_deploy.ir.activity import Activity
from snn_deploy.report.activity_parts import Ending, Settled
from snn_deploy.report.facts.course import answers
from snn_deploy.report.facts.durations import (
    answer_seconds,
    distribution,
    inference_seconds,
    steps_taken,
)

ENDING_ORIGINS = {  # see origins.py
    "settled": "count: model steps after which the decoded class changes no more",
    "endings[]": "count: samples and model steps in the chip simulator",
    "endings[].window": "given: --exit-when-stable",
    "endings[].answer_s": "coefficient: counts through the time model [latency.source]",
    "endings[].inference_s": "coefficient: counts through the time model [latency.source]",
    "endings[].energy": "derived: counts times the prices of `energy.accounts`",
}


def settled(run: Simulated) -> Settled:
    """Return from which step on the class on the chip stands."""
    classes = decisions(answers(run)["chip"], run.answer.decoder)
    undecided = int(np.count_nonzero(classes[:, -1] == UNDECIDED))
    return Settled(distribution(settled_after(classes)), undecided)


def endings(run: Simulated, predicted: Mapping[str, IntArray]) -> tuple[Ending, ...]:
    """Return what each way to end a sample gives; none unless one was asked for.

    predicted: classes [N] by stage, from all steps.
    """
    if not run.recordings.endings:
        return ()
    classes = decisions(answers(run)["chip"], run.answer.decoder)
    return tuple(
        _ending(run, rule, activity, classes, predicted["chip"])
        for rule, activity in run.recordings.endings.items()
    )


def ending_caveats(run: Simulated) -> list[str]:
    """Return what to mind where samples do not take their whole frame."""
    if not run.recordings.endings:
        return []
    found = [
        "ends of samples: noticing rest or a stable class and resetting at any step takes "
        "a host or a processor on the chip; no time or energy of that is published, and "
        "none is counted"
    ]
    quiet = run.recordings.endings.get("quiet")
    if quiet is not None and quiet.stops is not None and not quiet.stops.met.all():
        running = int(np.count_nonzero(~quiet.stops.met))
        found.append(
            f"{running} of {quiet.samples} samples were not at rest after all "
            f"{quiet.steps} steps: input, leak, bias or spikes still moved them; give more "
            f"--steps if they should settle"
        )
    return found


def _ending(
    run: Simulated, rule: str, activity: Activity, classes: IntArray, whole: IntArray
) -> Ending:
    """classes: [N, T] after each step; whole: [N] after all of them."""
    steps, stops = steps_taken(activity), activity.stops
    read = whole
    if rule == "stable" and stops is not None:
        early = classes[np.arange(len(steps)), steps - 1]
        read = np.where(stops.met, early, whole)
    labels = run.data.y
    return Ending(
        rule=rule,
        window=run.simulation.exit_when_stable if rule == "stable" else None,
        met=0 if stops is None else int(np.count_nonzero(stops.met)),
        steps=distribution(steps),
        same=int(np.count_nonzero(read == whole)),
        correct=None if labels is None else int(np.count_nonzero(read == labels)),
        answer_s=measured(answer_seconds(activity, run.net.latency)),
        inference_s=measured(inference_seconds(activity)),
        energy={
            name: measured(joules)
            for name, joules in dynamic_joules(activity, run.program).items()
        },
    )
