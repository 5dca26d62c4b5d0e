"""Intake: how samples are taken in, as the user wished; no arrays yet."""

from collections.abc import Collection

import msgspec

from snn_deploy.errors import InputError

ENCODERS = ("direct", "rate", "latency", "delta")
POLARITIES = ("two", "merged", "signed", "on")
PIXELS = ("count", "or")
STARTS = ("first", "zero")
TIME_UNITS_NS = {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0}

FOR_VALUES = ("encode", "encoder_seed", "gain", "delta_threshold")
FOR_EVENTS = (
    "bin_ms", "window_ms", "start", "time_unit", "polarity", "pixels", "sensor",
)  # fmt: skip


class Intake(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of `--input`, by their names on the command line.

    labels: .npy of class numbers [N]. Of values: encode: one of ENCODERS, None feeds them
    as they are; encoder_seed: of "rate"; gain: factor on every value before it is encoded;
    delta_threshold: smallest change that is an event. Of events: bin_ms: milliseconds per
    model step, None for the model's own; window_ms: milliseconds that are read, None for
    all; start: "first" counts time from the first event, "zero" from 0; time_unit: of the
    file, None for what its numbers suggest; polarity: one of POLARITIES, pixels: one of
    PIXELS, None for what the input shape asks for; sensor: "WIDTHxHEIGHT", None for what
    the file says.
    """

    labels: str | None = None
    encode: str | None = None
    encoder_seed: int = 0
    gain: float = 1.0
    delta_threshold: float = 0.1
    bin_ms: float | None = None
    window_ms: float | None = None
    start: str = "first"
    time_unit: str | None = None
    polarity: str | None = None
    pixels: str | None = None
    sensor: str | None = None

    @property
    def sensor_size(self) -> tuple[int, int] | None:
        """Width and height in pixels, as wished."""
        if self.sensor is None:
            return None
        width, _, height = self.sensor.lower().partition("x")
        return int(width), int(height or 1)

    def changed(self, names: Collection[str]) -> list[str]:
        """Return the options among `names` that differ from their defaults."""
        return [n for n in names if getattr(self, n) != getattr(AS_IT_IS, n)]


AS_IT_IS = Intake()


def check_intake(intake: Intake) -> None:
    """Refuse values that no option can have, before anything is read.

    Raises:
        InputError: An unknown word, or a number out of its range.
    """
    words = {
        "encode": ENCODERS, "start": STARTS, "time_unit": tuple(TIME_UNITS_NS),
        "polarity": POLARITIES, "pixels": PIXELS,
    }  # fmt: skip
    for name, known in words.items():
        value = getattr(intake, name)
        if value is not None and value not in known:
            raise InputError(f"{option(name)} {value}: must be one of {', '.join(known)}")
    for name in ("gain", "delta_threshold", "bin_ms", "window_ms"):
        value = getattr(intake, name)
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"{option(name)} {value:g}: must be above 0 and finite")
    if intake.encoder_seed < 0:
        raise InputError(f"--encoder-seed {intake.encoder_seed}: must not be negative")
    _check_sensor(intake.sensor)


def refuse_options(intake: Intake, names: Collection[str], source: str, holds: str) -> None:
    """Refuse options that have no meaning for what `source` holds, e.g. "events".

    Raises:
        InputError: One of `names` was given.
    """
    given = intake.changed(names)
    if given:
        raise InputError(
            f"{option(given[0])}: has no meaning for {source}, which holds {holds}; leave "
            f"it out"
        )


def option(name: str) -> str:
    """Return the command-line spelling of a field."""
    return "--" + name.replace("_", "-")


def _check_sensor(sensor: str | None) -> None:
    sizes = [] if sensor is None else sensor.lower().split("x")
    if len(sizes) > 2 or not all(s.isdecimal() and 0 < int(s) < 1 << 16 for s in sizes):
        raise InputError(
            f"--sensor {sensor}: must be WIDTHxHEIGHT in pixels (346x260), or the number "
            f"of channels of a sensor without rows (700)"
        )
