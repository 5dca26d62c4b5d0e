"""Run: what the stages of one deployment have made so far, by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.board.board import Board
from snn_deploy.evaluation.decode import Answer
from snn_deploy.inputs.data import Data
from snn_deploy.inputs.framework_trace import Framework, Trace, read_framework
from snn_deploy.ir.activity import Activity, Recording
from snn_deploy.ir.network import Network
from snn_deploy.ir.program import Partition, Placement, Program
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.options.choices import Choices

STAGES = ("read", "normalize", "quantize", "partition", "place", "route", "simulate")


@dataclass(frozen=True, eq=False)
class Reference:
    """What the float network does. outputs: at least the populations that are read out, all
    samples. layers: every population, on the first `compared` samples."""

    outputs: Recording
    layers: Recording
    compared: int


@dataclass(frozen=True, eq=False)
class Simulated:
    """What the simulators recorded, by simulator: "reference", "integer", "chip".

    outputs: at least the populations that are read out, all samples. layers: every
    population, on the first `compared` samples. activity: what is priced. endings: what
    the chip did if samples end by "frame" (all steps), "quiet" or "stable"; empty unless
    that was asked for. alone: of each population, its integers fed with the reference's
    spikes, on the first `compared` samples.
    """

    outputs: Mapping[str, Recording]
    layers: Mapping[str, Recording]
    compared: int
    activity: Activity
    endings: Mapping[str, Activity] = field(default_factory=dict)
    alone: Mapping[str, AnyArray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Extremes:
    """One sample each of the least and the most that can happen, when there is no input."""

    silent: Activity
    firing: Activity


@dataclass(frozen=True, eq=False)
class Run:
    """One deployment; `stage` is the last one done, what later ones make is None.

    net: as of `stage`; as_read: as of the first. given: its integers, if the
    file held them. answer: how a class is read. file, sha256:
    of the model, the hash None if it came from memory. framework: what its layers sent,
    where the user recorded that. order: by population that the program numbers anew, [n],
    the old number of each neuron.
    """

    stage: str
    board: Board
    net: Network
    data: Data | None
    answer: Answer
    seed: int
    file: str
    sha256: str | None
    reference: Reference | None = None
    quant: QuantNetwork | None = None
    partition: Partition | None = None
    placement: Placement | None = None
    program: Program | None = None
    simulated: Simulated | None = None
    extremes: Extremes | None = field(default=None)
    as_read: Network | None = None
    given: QuantNetwork | None = None
    choices: Choices = field(default_factory=Choices)
    order: Mapping[str, IntArray] = field(default_factory=dict)
    framework: Framework | None = None


def with_framework(run: Run, trace: Trace | None, *, simulated: bool) -> Run:
    """Return the run with what its framework sent, if there is a trace of that.

    simulated: whether the run will be.

    Raises:
        InputError: The trace cannot be used (see `read_framework`).
    """
    if trace is None:
        return run
    data = run.data if simulated else None
    return replace(run, framework=read_framework(trace, run.net, data))
