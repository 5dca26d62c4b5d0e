"""The time axis of recordings: order, length, resolution; one check for all files."""

from collections.abc import Iterator, Sequence

import numpy as np

from snn_deploy.errors import InputError, option
from snn_deploy.inputs.events import Events
from snn_deploy.ir.network import Assumption

NS_PER_MS = 1e6
MOST = 0.5  # ours: share of the events of a recording that may have one time stamp
SEVERAL = 10  # ours: events below which nothing is concluded from their times


def check_times(recordings: Sequence[Events], width: int) -> tuple[Assumption, ...]:
    """Return what there is to know of the times of `recordings`, of E events each.

    width: of a bin, nanoseconds.

    Raises:
        InputError: Events are out of order by more than a bin; or a unit of time that
            nobody said would put a whole recording into one bin, or most of its events at
            one time.
    """
    for events in recordings:
        if events.late_ns > width:
            raise InputError(
                f"{events.source}: {events.moved} of {len(events.t)} events are out of "
                f"order, by up to {events.late_ns / NS_PER_MS:g} ms, more than a bin of "
                f"{width / NS_PER_MS:g} ms; sort the events by time, or cut the recording "
                "where its clock was reset"
            )
    moved = sum(e.moved for e in recordings)
    notes = list(_doubts(recordings, width))
    if moved:
        total, late = sum(len(e.t) for e in recordings), max(e.late_ns for e in recordings)
        how = f"{moved} of {total} came up to {late / NS_PER_MS:g} ms late, within a bin"
        notes.append(Assumption("order of events", "sorted by time", how))
    return tuple(notes)


def _doubts(recordings: Sequence[Events], width: int) -> Iterator[Assumption]:
    """Yield what speaks against the unit of time; refuse it if nobody said it."""
    found = [text for e in recordings if (text := _doubt(e, width))]
    if not found:
        return
    first = recordings[0]
    text = f"{found[0]} ({len(found)} of {len(recordings)} recordings)"
    if not first.said:
        raise InputError(
            f"{first.source}: {text}, with times taken as {first.unit}; say with "
            f"{option('time_unit')} what they are, or set narrower bins with "
            f"{option('bin_ms')}"
        )
    yield Assumption("time axis", "as said, but doubtful", text)


def _doubt(events: Events, width: int) -> str:
    if len(events.t) < SEVERAL:
        return ""
    length = int(events.t[-1] - events.t[0])
    if length < width:
        return (
            f"all {len(events.t)} events lie within {length / NS_PER_MS:g} ms, less than a "
            f"bin of {width / NS_PER_MS:g} ms"
        )
    _, counts = np.unique(events.t, return_counts=True)
    if counts.max() > MOST * len(events.t):
        return f"{counts.max()} of {len(events.t)} events have one time stamp"
    return ""
