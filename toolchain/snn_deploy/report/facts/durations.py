"""How long samples take: steps and modelled seconds, of whole frames or of ended ones."""

import numpy as np

from snn_deploy.arrays import BoolArray, FloatArray, IntArray
from snn_deploy.ir.activity import Activity
from snn_deploy.report.activity_parts import Steps


def steps_taken(activity: Activity) -> IntArray:
    """Return the model steps of each sample: [N]."""
    if activity.stops is None:
        return np.full(activity.samples, activity.steps, np.int64)
    return activity.stops.steps


def answer_seconds(activity: Activity, behind: int) -> FloatArray:
    """Return the time until the last output step of each sample: [N]. behind: chip steps by
    which it runs behind the input."""
    steps = np.arange(activity.step_s.shape[1])
    until = steps < steps_taken(activity)[:, None] + behind
    seconds: FloatArray = np.where(until, activity.step_s, 0.0).sum(axis=1)
    return seconds


def inference_seconds(activity: Activity) -> FloatArray:
    """Return the time until the next sample begins: [N]."""
    seconds: FloatArray = activity.step_s.sum(axis=1)
    return seconds


def chip_steps_taken(activity: Activity) -> BoolArray:
    """Return which chip steps of a frame each sample takes: [N, F]."""
    frame = activity.step_s.shape[1]
    if activity.stops is None:
        return np.ones((activity.samples, frame), np.bool_)
    taken: BoolArray = np.arange(frame) < activity.stops.frame[:, None]
    return taken


def distribution(steps: IntArray) -> Steps:
    """Return how `steps` [N] are distributed."""
    median, p95 = np.quantile(steps, [0.5, 0.95], method="inverted_cdf").tolist()
    return Steps(
        samples=len(steps),
        mean=float(steps.mean()),
        least=int(steps.min()),
        median=int(median),
        p95=int(p95),
        most=int(steps.max()),
    )
