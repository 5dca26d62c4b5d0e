"""Batches: what several runs of some samples each recorded, as if it had been one run.

Samples know nothing of each other, so outputs, events and times are put one after the
other, counts are added, and of peaks the largest stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np

from snn_deploy.ir.activity import Activity, Counts, Payloads, Recording, Stops


def merged_recordings(parts: Sequence[Recording]) -> Recording:
    """Return the recordings of batches, in their order, as one."""
    first = parts[0]
    if len(parts) == 1:
        return first
    return Recording(
        outputs={n: np.concatenate([p.outputs[n] for p in parts]) for n in first.outputs},
        events={n: np.concatenate([p.events[n] for p in parts]) for n in first.events},
        peaks={
            name: {k: max(p.peaks[name][k] for p in parts) for k in states}
            for name, states in first.peaks.items()
        },
    )


def merged_activities(parts: Sequence[Activity]) -> Activity:
    """Return the activities of batches run on one program, in their order, as one."""
    first = parts[0]
    if len(parts) == 1:
        return first
    counts = {
        f.name: sum(getattr(p.counts, f.name) for p in parts[1:])
        + getattr(first.counts, f.name)
        for f in fields(Counts)
    }
    return Activity(
        recording=merged_recordings([p.recording for p in parts]),
        counts=Counts(**counts),
        per_sample={
            n: np.concatenate([p.per_sample[n] for p in parts]) for n in first.per_sample
        },
        hops_x=np.sum([p.hops_x for p in parts], axis=0),
        hops_y=np.sum([p.hops_y for p in parts], axis=0),
        hops_chip=np.sum([p.hops_chip for p in parts], axis=0),
        input_messages=np.sum([p.input_messages for p in parts], axis=0),
        link_messages=np.sum([p.link_messages for p in parts], axis=0),
        step_s=np.concatenate([p.step_s for p in parts]),
        step_bound=np.concatenate([p.step_bound for p in parts]),
        bounds=first.bounds,
        time_model=first.time_model,
        samples=sum(p.samples for p in parts),
        steps=first.steps,
        frame=first.frame,
        payloads=_merged_payloads([p.payloads for p in parts]),
        stops=_merged_stops([p.stops for p in parts if p.stops is not None]),
    )


def _merged_payloads(
    parts: Sequence[Mapping[str, Payloads]],
) -> Mapping[str, Payloads]:
    merged = {}
    for name in parts[0]:
        of = [p[name] for p in parts]
        every, at = np.unique(np.concatenate([p.levels for p in of]), return_inverse=True)
        uses = np.bincount(at, np.concatenate([p.uses for p in of]), len(every))
        merged[name] = Payloads(
            levels=every,
            uses=uses.astype(np.int64),
            magnitude=np.concatenate([p.magnitude for p in of]),
            synops=np.concatenate([p.synops for p in of]),
            unary_synops=np.concatenate([p.unary_synops for p in of]),
        )
    return merged


def _merged_stops(parts: Sequence[Stops]) -> Stops | None:
    if not parts:
        return None
    return Stops(
        **{
            f.name: np.concatenate([getattr(p, f.name) for p in parts])
            for f in fields(Stops)
        }
    )
