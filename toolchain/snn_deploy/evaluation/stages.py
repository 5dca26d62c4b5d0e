"""Stages: what there is after each step of the line, one frozen type a stage.

A stage has all that the ones before it had, and what it made itself; whoever takes one says
by its type how far the line must have come::

    Opened -> Normalized -> Quantized -> Partitioned -> Placed -> Routed -> Simulated
                                                                        `-> Bounded

A routed network ends as Simulated where there are samples, else as Bounded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.board.board import Board
from snn_deploy.evaluation.decode import Answer
from snn_deploy.inputs.data import Data
from snn_deploy.inputs.framework_trace import Framework
from snn_deploy.ir.activity import Activity, Recording
from snn_deploy.ir.network import Network
from snn_deploy.ir.program import Partition, Placement, Program
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.names import StageName
from snn_deploy.options.mapping import MappingOptions
from snn_deploy.options.simulation import SimulationOptions


@dataclass(frozen=True, eq=False)
class Reference:
    """What the float network does.

    Attributes:
        outputs: At least the populations that are read out, all samples.
        layers: Every population, on the first `compared` samples.
        compared: How many samples that is.
    """

    outputs: Recording
    layers: Recording
    compared: int


@dataclass(frozen=True, eq=False)
class Recordings:
    """What the simulators recorded, by simulator: "reference", "integer", "chip".

    Attributes:
        outputs: At least the populations that are read out, all samples.
        layers: Every population, on the first `compared` samples.
        compared: How many samples that is.
        activity: What is priced.
        endings: What the chip did if samples end by "frame" (all steps), "quiet" or
            "stable"; empty unless that was asked for.
        alone: Of each population, its integers fed with the reference's spikes, on the
            first `compared` samples, [compared, T, *shape].
    """

    outputs: Mapping[str, Recording]
    layers: Mapping[str, Recording]
    compared: int
    activity: Activity
    endings: Mapping[str, Activity] = field(default_factory=dict)
    alone: Mapping[str, AnyArray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ModelFile:
    """The model file.

    Attributes:
        file: Its name, "(in memory)" if there is none.
        sha256: Of its bytes, None if it came from memory.
    """

    file: str
    sha256: str | None


@dataclass(frozen=True, eq=False)
class Opened:
    """The model as read, and its samples.

    Attributes:
        stage: Name of the stage.
        source: The model file.
        board: The target.
        as_read: What the file means.
        net: The same, as of this stage.
        given: Its integers, if the file held them; else None.
        data: The samples, None if there are none.
        answer: How a class is read.
        framework: What its layers sent, where the user recorded that; else None.
        mapping: How it becomes integers on cores.
        simulation: How samples are run.
    """

    stage: ClassVar[StageName] = "read"
    source: ModelFile
    board: Board
    as_read: Network
    net: Network
    given: QuantNetwork | None
    data: Data | None
    answer: Answer
    framework: Framework | None
    mapping: MappingOptions
    simulation: SimulationOptions

    @property
    def seed(self) -> int:
        """Of everything that is drawn at random."""
        return self.mapping.seed


@dataclass(frozen=True, eq=False)
class Normalized(Opened):
    """`net` is fused, folded and retimed.

    Attributes:
        stage: Name of the stage.
    """

    stage: ClassVar[StageName] = "normalize"


@dataclass(frozen=True, eq=False)
class Quantized(Normalized):
    """There are integers.

    Attributes:
        stage: Name of the stage.
        quant: The integers, in the order of the file.
        reference: What the float network did, None without samples.
    """

    stage: ClassVar[StageName] = "quantize"
    quant: QuantNetwork
    reference: Reference | None


@dataclass(frozen=True, eq=False)
class Partitioned(Quantized):
    """Populations are cut into pieces.

    Attributes:
        stage: Name of the stage.
        cut: The integers as they are cut: numbered anew where the method does that.
        order: By population that is, [n], the old number of each neuron.
        partition: The pieces.
    """

    stage: ClassVar[StageName] = "partition"
    cut: QuantNetwork
    order: Mapping[str, IntArray]
    partition: Partition


@dataclass(frozen=True, eq=False)
class Placed(Partitioned):
    """Pieces are on cores.

    Attributes:
        stage: Name of the stage.
        placement: The core of each piece.
    """

    stage: ClassVar[StageName] = "place"
    placement: Placement


@dataclass(frozen=True, eq=False)
class Routed(Placed):
    """The program is whole.

    Attributes:
        stage: Name of the stage.
        program: Network, pieces, cores and routes together.
    """

    stage: ClassVar[StageName] = "route"
    program: Program


@dataclass(frozen=True, eq=False)
class Simulated(Routed):
    """Samples were run through floats, integers and chip.

    Attributes:
        stage: Name of the stage.
        data: The samples.
        reference: What the float network did.
        recordings: What all simulators recorded, and what is priced.
    """

    stage: ClassVar[StageName] = "simulate"
    data: Data
    reference: Reference
    recordings: Recordings


@dataclass(frozen=True, eq=False)
class Bounded(Routed):
    """Without samples: one sample each of the least and the most that can happen.

    Attributes:
        stage: Name of the stage.
        silent: Nothing fires.
        firing: Every neuron fires in every step.
    """

    stage: ClassVar[StageName] = "simulate"
    silent: Activity
    firing: Activity


S = TypeVar("S", bound=Opened)


def advanced(run: Opened, stage: type[S], **made: Any) -> S:
    """Return the next stage: all that `run` has, and what was made since."""
    return stage(**{**vars(run), **made})
