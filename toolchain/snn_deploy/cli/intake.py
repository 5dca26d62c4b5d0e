"""Options of the command line that say how `--input` is read.

Verbs that read samples share them all: `takes_input` adds them to a verb, which is then
called with one Intake.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from snn_deploy.options.intake import AS_IT_IS, Intake

PANEL = "Input"

# `Optional`: Typer reads annotations at run time, and old ones only know this spelling.
Input = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        rich_help_panel=PANEL,
        help="Samples: .npz with x [N, T, ...] or [N, ...] and labels y [N], .npy with x "
        "alone; or events: a recording, a folder or a .list of them.",
    ),
]
Labels = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(rich_help_panel=PANEL, help="Class numbers [N] (.npy)."),
]
Encode = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        rich_help_panel=PANEL,
        help="Values become spikes: rate, latency, delta; direct feeds them as they are.",
    ),
]
EncoderSeed = Annotated[
    int, typer.Option(rich_help_panel=PANEL, help="Seed of --encode rate.")
]
Gain = Annotated[
    float, typer.Option(rich_help_panel=PANEL, help="Factor on every value, first of all.")
]
DeltaThreshold = Annotated[
    float,
    typer.Option(rich_help_panel=PANEL, help="Smallest change that --encode delta sends."),
]
BinMs = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(rich_help_panel=PANEL, help="Milliseconds of events per model step."),
]
WindowMs = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(
        "--window-ms",
        "--window",
        rich_help_panel=PANEL,
        help="Milliseconds of events per sample; all by default.",
    ),
]
Start = Annotated[
    str,
    typer.Option(rich_help_panel=PANEL, help="Time counts from the first event, or zero."),
]
TimeUnit = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(rich_help_panel=PANEL, help="Of the times of events: s, ms, us or ns."),
]
Polarity = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        rich_help_panel=PANEL,
        help="Of events: two (OFF and ON channels), merged, signed, or on (ON alone).",
    ),
]
Pixels = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        rich_help_panel=PANEL,
        help="Events that meet in one step and neuron: count (default) or or.",
    ),
]
Sensor = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(rich_help_panel=PANEL, help="WIDTHxHEIGHT of the sensor in pixels."),
]
Batch = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        rich_help_panel=PANEL,
        help="Samples that are simulated at once; bounds the memory, changes no result.",
    ),
]

OPTIONS: dict[str, Any] = {
    "labels": Labels,
    "encode": Encode,
    "encoder_seed": EncoderSeed,
    "gain": Gain,
    "delta_threshold": DeltaThreshold,
    "bin_ms": BinMs,
    "window_ms": WindowMs,
    "start": Start,
    "time_unit": TimeUnit,
    "polarity": Polarity,
    "pixels": Pixels,
    "sensor": Sensor,
}


def takes_input(verb: Callable[..., int]) -> Callable[..., int]:
    """Return `verb` with OPTIONS in the place of its parameter `intake`."""

    @wraps(verb)
    def with_options(**given: Any) -> int:
        wishes = {name: given.pop(name) for name in OPTIONS}
        labels = wishes["labels"]
        wishes["labels"] = None if labels is None else str(labels)
        return verb(**given, intake=Intake(**wishes))

    own = inspect.signature(verb)
    kept = [p for p in own.parameters.values() if p.name != "intake"]
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=getattr(AS_IT_IS, name),
            annotation=annotation,
        )
        for name, annotation in OPTIONS.items()
    ]
    with_options.__signature__ = own.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    with_options.__annotations__ = {**verb.__annotations__, **OPTIONS}
    return with_options
