"""Frames: events of recordings -> one array [N, T, *shape], a value per step and neuron."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.errors import InputError, option
from snn_deploy.files.limits import check_memory
from snn_deploy.inputs.events import Events
from snn_deploy.inputs.pixels import Grid, fit_grid
from snn_deploy.inputs.recordings import EventFiles, read_recordings
from snn_deploy.inputs.time_axis import check_times
from snn_deploy.ir.network import Assumption, Network
from snn_deploy.options.inputs import InputOptions

NS_PER_MS = 1e6
MAX_STEPS = 1 << 20  # per sample; ours, far above what can be simulated


@dataclass(frozen=True, eq=False)
class Frames:
    """Recordings in bins; N samples, T model steps.

    Attributes:
        values: [N, T, *shape], the smallest integer type that holds them.
        labels: [N], class numbers; None if nothing names classes.
        notes: How the events were read.
    """

    values: AnyArray
    labels: IntArray | None
    notes: tuple[Assumption, ...]


def read_frames(found: EventFiles, net: Network, options: InputOptions) -> Frames:
    """Read recordings and put their events into bins of one model step.

    A sample has as many bins as options.steps says (longer recordings are cut, shorter ones
    end in silence), else as the window or the longest recording takes.

    Raises:
        InputError: The recordings cannot be read, or not be brought into the input's shape.
    """
    source = found.files[0].name if len(found.files) == 1 else "the recordings"
    if len(net.inputs) != 1:
        raise InputError(
            f"{source}: holds events, but the model has {len(net.inputs)} inputs; give "
            f"their values in an .npz, an array per input"
        )
    port, recordings = net.inputs[0], read_recordings(found, options, options.samples)
    if not recordings:
        raise InputError(f"{source}: holds no recordings; give at least one")
    grid = fit_grid(port, recordings, options, source)
    width, width_note = _bin_ns(net, options, source)
    total = _bins(recordings, width, options, source)
    check_memory(source, len(recordings) * total * grid.size, "in bins")
    timing = check_times(recordings, width)
    frames = [bin_events(e, grid, width, total, options) for e in recordings]
    values = np.stack(frames).reshape(len(frames), total, *port.shape)
    late = _late(recordings, width, total, options)
    notes = (
        *_time_note(recordings),
        *timing,
        Assumption("bins", f"{total} of {width / NS_PER_MS:g} ms", width_note + late),
        *grid.notes,
        _pixel_note(options),
        *(() if found.note is None else (found.note,)),
    )
    return Frames(values, _labels(recordings, source), notes)


def bin_events(
    events: Events, grid: Grid, width: int, steps: int, options: InputOptions
) -> AnyArray:
    """Return the events per bin and neuron [T, size], in the smallest type that holds
    them: counts, or 0 and 1 with `pixels` "or"; with polarity "signed" ON minus OFF.

    width: nanoseconds per bin. Bin 0 starts at the first event, or at 0 with `start` "zero"
    (as `ToFrame` of tonic starts, and counts).
    """
    place, when = grid.places(events), (events.t - _origin(events, options)) // width
    kept = when < steps
    flat = when * grid.size + place
    if grid.polarity == "signed" and events.on is not None:
        counts = _counts(flat[kept & events.on], steps * grid.size)
        counts = counts - _counts(flat[kept & ~events.on], steps * grid.size)
    else:
        if grid.polarity == "on" and events.on is not None:
            kept = kept & events.on
        counts = _counts(flat[kept], steps * grid.size)
    if options.pixels == "or":
        counts = np.sign(counts)
    low, high = int(counts.min()), int(counts.max())
    kind = np.promote_types(np.min_scalar_type(low), np.min_scalar_type(high))
    return counts.reshape(steps, grid.size).astype(kind)


def _counts(flat: IntArray, size: int) -> IntArray:
    counts: IntArray = np.bincount(flat, minlength=size)
    return counts


def _origin(events: Events, options: InputOptions) -> int:
    return 0 if options.start == "zero" else int(events.t[0])


def _bin_ns(net: Network, options: InputOptions, source: str) -> tuple[int, str]:
    """Return the width of a bin, and who said so."""
    if options.bin_ms is not None:
        width, by = options.bin_ms * NS_PER_MS, "--bin-ms"
    elif net.step_s is not None:
        width, by = net.step_s * 1e9, "the model's step; --bin-ms sets another"
    else:
        raise InputError(
            f"{source}: holds events, and nothing says how long a step of the model is; "
            f"give {option('bin_ms')}"
        )
    if round(width) < 1:
        raise InputError(
            f"{option('bin_ms', f'{width / NS_PER_MS:g}')}: must be at least a nanosecond"
        )
    return round(width), by


def _bins(
    recordings: Sequence[Events], width: int, options: InputOptions, source: str
) -> int:
    if options.steps is not None and options.window_ms is not None:
        raise InputError(
            f"{option('window_ms', f'{options.window_ms:g}')} and "
            f"{option('steps', options.steps)}: both say how long a sample is; leave one "
            "out"
        )
    if options.steps is not None:
        total = options.steps
    elif options.window_ms is not None:
        total = max(1, round(options.window_ms * NS_PER_MS / width))
    else:
        total = max((int(e.t[-1]) - _origin(e, options)) // width + 1 for e in recordings)
    if total > MAX_STEPS:
        raise InputError(
            f"{source}: {total} bins of {width / NS_PER_MS:g} ms per sample, but at most "
            f"{MAX_STEPS} can be run; set wider ones with {option('bin_ms')} or a "
            f"{option('window_ms')}, and check {option('time_unit')} and {option('start')}"
        )
    return total


def _late(
    recordings: Sequence[Events], width: int, total: int, options: InputOptions
) -> str:
    """Return how many events come after the last bin, if any."""
    late = [
        int(np.count_nonzero(e.t - _origin(e, options) >= total * width))
        for e in recordings
    ]
    if not any(late):
        return ""
    return (
        f"; {sum(late)} events of {np.count_nonzero(late)} recordings come later and are "
        f"not read"
    )


def _time_note(recordings: Sequence[Events]) -> tuple[Assumption, ...]:
    first = recordings[0]
    if first.said:
        return ()
    which = "whole numbers" if first.unit == "us" else "fractions"
    return (Assumption("time unit", first.unit, f"times are {which}; --time-unit sets it"),)


def _pixel_note(options: InputOptions) -> Assumption:
    what = "0 or 1" if options.pixels == "or" else "counted"
    by = "--pixels" if options.pixels else "default; --pixels or gives binary spikes"
    return Assumption("events in one bin", what, by)


def _labels(recordings: Sequence[Events], source: str) -> IntArray | None:
    labels = [e.label for e in recordings if e.label is not None]
    if labels and len(labels) < len(recordings):
        raise InputError(
            f"{source}: {len(labels)} of {len(recordings)} recordings have a label; give "
            f"all one, or none"
        )
    return np.array(labels, np.int64) if labels else None
