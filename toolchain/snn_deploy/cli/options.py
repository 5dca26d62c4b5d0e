"""Options that several verbs have, as Typer reads them from annotations."""

from pathlib import Path
from typing import Annotated, Optional

import typer

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="NIR file (.nir).")]
Target = Annotated[str, typer.Option(help="Board name, or a board file (.yaml).")]
Seed = Annotated[int, typer.Option(help="Seed of everything that is drawn at random.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show where an error came from.")]
# `Optional`: Typer reads annotations at run time, and old ones only know this spelling.
Profile = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        help="Framework that wrote the file: snntorch, spikingjelly, norse, sinabs or "
        "rockpool; nir reads it by the specification."
    ),
]
Dt = Annotated[Optional[float], typer.Option(help="Seconds per model step.")]  # noqa: UP045
Reset = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="What a spike does to the membrane: zero, subtract, v_reset, none."),
]
Threshold = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="A neuron fires above (gt) or at (ge) its threshold."),
]
Steps = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(help="Model steps per sample; needed where the input has no time axis."),
]
Samples = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(help="Use the first samples of the input only."),
]
LavaPython = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="Python 3.10 with lava-nc; found by itself if there is one."),
]
Partition = Annotated[
    str,
    typer.Option(
        metavar="METHOD", help="How it is cut: intel, square, fewest, balanced or kahypar."
    ),
]
Placement = Annotated[
    str,
    typer.Option(
        metavar="METHOD",
        help="Which cores: local, greedy, hilbert, in-order or random.",
    ),
]
Decode = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="How a class is read: count, payload, first; mean, final, max."),
]
List = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(metavar="A,B,...", help="Values that `deploy` takes for this, to try."),
]
TimeModel = Annotated[
    str, typer.Option(help="Of a chip step: bound, simple, event or cycle.")
]
SpikesPerStep = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="A neuron sends at most one, or as many as thresholds fit (many)."),
]
FrameworkTrace = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="What the framework's own populations sent (.npz), to compare."),
]
MaxDrop = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(
        metavar="POINTS",
        help="Exit with 4 if the chip loses more points of the float network's accuracy.",
    ),
]
Finetune = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        metavar="TRAIN",
        help="Labelled samples, none of them tested: train onto the integers where more "
        "than --max-drop is lost.",
    ),
]
FinetuneEpochs = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(metavar="N", help="Train for at most N epochs (30)."),
]
Out = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="Folder for the report in all forms, and the program."),
]
Formats = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Of the report in --out: any of json,md,html,tex,svg,pdf."),
]
MinAccuracy = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(help="Exit with 4 if the chip's accuracy (0..1) is below this."),
]
TraceFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="Save every population's output in every simulator (.npz)."),
]
Backend = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Write a program for a chip into --out, too: lava."),
]
Verify = Annotated[
    bool, typer.Option("--verify", help="Run the Lava program and compare every bit.")
]
WeightBits = Annotated[int, typer.Option(help="Of a stored weight, 1 to 8.")]
SpikeBits = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(help="Most bits of a spike's payload; 0 for binary spikes."),
]
UntilQuiet = Annotated[
    bool, typer.Option("--until-quiet", help="A sample ends when all is at rest.")
]
ExitWhenStable = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(metavar="K", help="Report an exit once a class stood for K steps."),
]
Lower = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        metavar="METHOD",
        help="Make spikes binary: bit-planes, unary or member-bank.",
    ),
]
StopAfter = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="read, normalize, quantize, partition, place, route or simulate."),
]
