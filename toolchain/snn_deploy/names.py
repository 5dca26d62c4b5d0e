"""The names of everything that can be chosen, each list stated once; no meaning yet.

What a name stands for is a table keyed by these (PROFILES, METHODS, DECODERS, ...), in the
room that does the work. Nothing heavy is imported here, so that help and options can say
the names without it.
"""

from importlib import resources
from typing import Any, Literal, TypeAlias, get_args

ProfileName: TypeAlias = Literal[
    "nir", "snntorch", "spikingjelly", "norse", "sinabs", "rockpool"
]
ResetName: TypeAlias = Literal["zero", "v_reset", "subtract", "none"]
ThresholdName: TypeAlias = Literal["gt", "ge"]
SpikesPerStepName: TypeAlias = Literal["one", "many"]
NormInputName: TypeAlias = Literal["yes", "no"]

EncoderName: TypeAlias = Literal["direct", "rate", "latency", "delta"]
TimeStartName: TypeAlias = Literal["first", "zero"]
TimeUnitName: TypeAlias = Literal["s", "ms", "us", "ns"]
PolarityName: TypeAlias = Literal["two", "merged", "signed", "on"]
PixelsName: TypeAlias = Literal["count", "or"]

PartitionName: TypeAlias = Literal["intel", "square", "fewest", "balanced", "kahypar"]
StoreTwiceName: TypeAlias = Literal["auto", "always", "never"]
PlacementName: TypeAlias = Literal["local", "greedy", "hilbert", "in-order", "random"]
LoweringName: TypeAlias = Literal["bit-planes", "unary", "member-bank"]
TimeModelName: TypeAlias = Literal["bound", "simple", "event", "cycle"]
DecoderName: TypeAlias = Literal["count", "payload", "first", "mean", "final", "max"]
StageName: TypeAlias = Literal[
    "read", "normalize", "quantize", "partition", "place", "route", "simulate"
]

ConversionName: TypeAlias = Literal["graded", "st-bif", "group", "multi-bit", "rate"]
FormName: TypeAlias = Literal["json", "md", "html", "tex", "svg", "pdf"]


def names(literal: Any) -> tuple[str, ...]:
    """Return the names of one of the lists above, in order."""
    return get_args(literal)


def board_names() -> tuple[str, ...]:
    """Return the names of the boards that ship, sorted: each is a file NAME.yaml."""
    files = resources.files("snn_deploy_boards").iterdir()
    return tuple(
        sorted(f.name.removesuffix(".yaml") for f in files if f.name.endswith(".yaml"))
    )
