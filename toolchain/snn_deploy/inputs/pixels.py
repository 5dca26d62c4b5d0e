"""Grid: which neuron of an input hears which pixel, by the shape that the model wants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import IntArray
from snn_deploy.errors import InputError, option
from snn_deploy.inputs.events import Events
from snn_deploy.ir.network import Assumption, Input
from snn_deploy.names import PolarityName
from snn_deploy.options.inputs import InputOptions

POLARITIES: Mapping[PolarityName, str] = {  # what becomes of ON and OFF events
    "two": "OFF in channel 0, ON in channel 1",
    "merged": "ON and OFF alike",
    "signed": "ON +1, OFF -1",
    "on": "ON alone",
}


@dataclass(frozen=True)
class Grid:
    """Which neuron of an input hears which pixel.

    Attributes:
        channels: Of the input: 2 if it has one for OFF and one for ON events, else 1.
        height: Rows of neurons, 1 if the sensor has no rows.
        width: Columns of neurons, or channels of a sensor without rows.
        factor: Pixels per neuron, in x and, if there are rows, in y.
        sensor: Width and height in pixels.
        polarity: What becomes of ON and OFF events: "two", "merged", "signed" or "on".
        notes: How sensor, factor and polarity were chosen.
    """

    channels: int
    height: int
    width: int
    factor: int
    sensor: tuple[int, int]
    polarity: PolarityName
    notes: tuple[Assumption, ...]

    @property
    def size(self) -> int:
        return self.channels * self.height * self.width

    def places(self, events: Events) -> IntArray:
        """Return the neuron [E] that each event reaches: OFF events the first channel, ON
        events the second, if there are two.

        Raises:
            InputError: An event lies outside the sensor.
        """
        y = np.zeros_like(events.x) if events.y is None else events.y
        outside = (events.x >= self.sensor[0]) | (y >= self.sensor[1])
        if outside.any():
            raise InputError(
                f"{events.source}: {np.count_nonzero(outside)} of {len(y)} events lie "
                f"outside the sensor of {_times(self.sensor)} (x up to {events.x.max()}, y "
                f"up to {y.max()}); give its size with {option('sensor')}, or remove them"
            )
        place = (y // self.factor) * self.width + events.x // self.factor
        if self.polarity == "two" and events.on is not None:
            place = place + events.on * (self.height * self.width)
        return np.asarray(place, np.int64)


def fit_grid(
    port: Input, recordings: Sequence[Events], options: InputOptions, source: str
) -> Grid:
    """Return the grid that brings all `recordings` into the shape of `port`.

    Raises:
        InputError: The sensor does not fill it by a whole factor, or polarities are asked
            for that are not there.
    """
    rows = any(e.y is not None for e in recordings)
    signs = all(e.on is not None for e in recordings)
    wished = options.polarity
    if wished in ("two", "signed", "on") and not signs:
        raise InputError(
            f"{option('polarity', wished)}: the events of {source} have no polarity; leave "
            "it out"
        )
    sensor, why = _sensor(recordings, options, source)
    two = wished == "two" or (wished is None and signs)
    possible = tuple(c for c in (2, 1) if (two if c == 2 else wished != "two"))
    for channels, height, width in _shapes(port.shape, rows, possible, sensor):
        factor = _factor(sensor, (width, height), recordings)
        if factor is None:
            continue
        size = sensor or (width * factor, height * factor)
        how = f"{factor}x{factor} pixels" if rows else f"{factor} channels"
        notes = (
            Assumption("sensor", _times(size), why),
            Assumption("downsampling", f"{how} to one neuron", "the shape of the input"),
        )
        polarity, note = _polarity(wished, channels, signs)
        return Grid(channels, height, width, factor, size, polarity, (*notes, *note))
    raise InputError(_misfit(port, recordings, sensor, wished, source))


def _sensor(
    recordings: Sequence[Events], options: InputOptions, source: str
) -> tuple[tuple[int, int] | None, str]:
    """Return width and height if they are known, and from where."""
    if options.sensor_size is not None:
        return options.sensor_size, "--sensor"
    sizes = {e.sensor for e in recordings if e.sensor is not None}
    if len(sizes) > 1:
        raise InputError(
            f"{source}: recordings of sensors of {', '.join(map(_times, sorted(sizes)))}; "
            f"give recordings of one sensor"
        )
    if sizes:
        return sizes.pop(), "the file"
    return (
        None,
        "the smallest multiple of the input that holds every event; --sensor sets it",
    )


def _shapes(
    shape: tuple[int, ...],
    rows: bool,
    channels: tuple[int, ...],
    sensor: tuple[int, int] | None,
) -> list[tuple[int, int, int]]:
    """Return (channels, height, width) that an input of `shape` can stand for, best
    first. channels: how many of them it may have."""
    if not rows:
        found = {1: (1, 1, shape[-1]), 2: (shape[0], 1, shape[-1])}.get(len(shape))
        return [found] if found and found[0] in (1, *channels) else []
    if len(shape) == 3:
        return [shape] if shape[0] in channels else []
    if len(shape) == 2:
        return [(1, *shape)] if 1 in channels else []
    if len(shape) != 1 or sensor is None:
        return []
    width, height = sensor
    return [
        (c, height // f, width // f)
        for c in channels
        for f in range(1, min(sensor) + 1)
        if width % f == height % f == 0 and c * (width // f) * (height // f) == shape[0]
    ]


def _factor(
    sensor: tuple[int, int] | None, size: tuple[int, int], recordings: Sequence[Events]
) -> int | None:
    """Return the whole number of pixels per neuron, None if there is none."""
    if sensor is not None:
        factor = max(1, sensor[0] // size[0])
        tall = sensor[1] if sensor[1] > 1 else size[1] * factor
        fits = (size[0] * factor, size[1] * factor) == (sensor[0], tall)
        return factor if fits else None
    x = max(int(e.x.max()) for e in recordings)
    y = max(0 if e.y is None else int(e.y.max()) for e in recordings)
    if size[1] == 1 and y == 0:
        return x // size[0] + 1
    return max(x // size[0], y // size[1]) + 1


def _polarity(
    wished: PolarityName | None, channels: int, signs: bool
) -> tuple[PolarityName, tuple[Assumption, ...]]:
    if not signs:
        return "merged", ()
    chosen = wished or ("two" if channels == 2 else "merged")
    evidence = "--polarity" if wished else f"the input has {channels} channels"
    return chosen, (Assumption("polarity", POLARITIES[chosen], evidence),)


def _misfit(
    port: Input,
    recordings: Sequence[Events],
    sensor: tuple[int, int] | None,
    wished: str | None,
    source: str,
) -> str:
    rows = any(e.y is not None for e in recordings)
    what = f"a sensor of {_times(sensor)}" if sensor else "a sensor of unknown size"
    kind = f"{what}, {'rows and columns' if rows else 'one row of channels'}"
    asked = f", {option('polarity', wished)}" if wished else ""
    return (
        f"{source}: events of {kind}{asked}, but input {port.name!r} is "
        f"{list(port.shape)}: no whole factor brings one to the other; give "
        f"{option('sensor', 'WIDTHxHEIGHT')}, crop the recordings, or choose "
        f"{option('polarity', 'merged')}"
    )


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
