"""Boards: what a chip offers and what its events cost, as one immutable, checked record.

A board is data, never code: boards/<name>.yaml. Every number in it is a record of
`evidence.py`. A key that this module does not know is an error, so that a typo cannot
silently become a default.

Cores are numbered 0 .. n_cores - 1: chip by chip, and within a chip row by row of its core
grid. Chips stand in one row, west to east. Several cores share one router.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from snn_deploy.arrays import BoolArray, IntArray
from snn_deploy.board.board_file import board_data, shipped_files
from snn_deploy.board.evidence import (
    Barrier,
    Coefficient,
    Confidence,
    Exponent,
    Figure,
    Flag,
    Kind,
    Limit,
    Measurement,
    Natural,
    SmallCount,
    StaticPower,
    Widths,
    leaves,
)
from snn_deploy.errors import BoardError

__all__ = [
    "Board",
    "Bound",
    "Coefficient",
    "CoreResources",
    "Energy",
    "EnergySet",
    "Event",
    "InputOutput",
    "ModelSupport",
    "NeuronCore",
    "StaticPower",
    "SynapseCore",
    "Time",
    "leaves",
    "load_board",
    "shipped_boards",
]

Runs: TypeAlias = Literal["stock", "microcode", "impossible"]


class ModelSupport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a board runs one integer neuron model.

    state_words: per neuron, None if impossible. limits: largest value by parameter name, of
    the parameters beyond those that every model has.
    """

    runs: Runs
    source: str
    confidence: Confidence
    state_words: Limit | None = None
    limits: dict[str, Limit] = {}
    note: str = ""

    def __post_init__(self) -> None:
        if (self.state_words is None) != (self.runs == "impossible"):
            raise ValueError("`state_words` is needed unless the model is impossible")


class NeuronCore(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Registers of a neuron.

    bias_bits: of the mantissa, sign included. Thresholds are unsigned, and shifted left by
    threshold_shift against the membrane. decay_v_max: largest decay of the membrane, in
    4096ths; that of the current has decay_bits.
    """

    state_bits: Limit
    decay_bits: Limit
    decay_v_max: Limit
    threshold_bits: Limit
    threshold_shift: Limit
    bias_bits: Limit
    bias_exp_max: Limit
    models: dict[str, ModelSupport]


class SynapseCore(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a synapse can be, and the bits it is stored in (see passes/resources.py).

    weight_widths: bits a stored weight can have; a width in between takes the next one.
    max_delay: steps beyond the one that every hop takes.
    payload_bits_max: of a spike, 0 if spikes are binary.
    accumulator: largest magnitude of the summed input of a step.
    index_bits, dense_index_bits, conv_index_bits: per synapse of a sparse, a dense and a
    kernel list; delay_bits: more per synapse with a delay; header_bits: per list.
    list_max: synapses in one list, 0 if there is no limit.
    conv_axons: input axons of a convolution, a few in all or one per pixel that is heard.
    """

    weight_bits: Limit
    weight_widths: Widths
    weight_exp_min: Exponent
    weight_exp_max: Exponent
    max_delay: Limit
    payload_bits_max: Limit
    accumulator: Limit
    index_bits: Limit
    dense_index_bits: Limit
    conv_index_bits: Limit
    delay_bits: Limit
    header_bits: Limit
    list_max: Limit
    word_bits: Limit
    conv_axons: Literal["per projection", "per pixel"]


class CoreResources(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Resources of one core; `total` is the pool they share, if there is one.

    axon_map_counts: an entry of the output axon table serves one source ("sources": a
    neuron or a pixel that only convolutions hear), or one source and one target core
    ("messages").
    """

    axon_in: Limit
    neuron_groups: Limit
    neuron: Limit
    synapse: Limit
    axon_map: Limit
    axon_mem: Limit
    axon_map_counts: Literal["sources", "messages"]
    total: Limit | None = None

    def caps(self) -> Mapping[str, int]:
        """Return the limit of each resource by its name in `program.Use`."""
        names = ("axon_in", "neuron_groups", "neuron", "synapse", "axon_map", "axon_mem")
        caps = {name: int(getattr(self, name).value) for name in names}
        return caps if self.total is None else {**caps, "total": self.total.value}


class InputOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How spikes get in. inject_router: (chip, x, y), where inputs enter the mesh.

    frame_power_of_two: whether the steps between two resets must be a power of two.
    """

    frame_power_of_two: Flag
    inject_router: tuple[Natural, Natural, Natural]
    kind: Kind
    source: str
    confidence: Confidence
    note: str = ""


class Bound(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Coefficients of the lower bound on a step: busiest core or link, or the barrier.

    In seconds per event; None is not known, and left out of the bound.
    neuron_s: per update; active_s: more if it is active; spike_s: more if it fires.
    synop_*_s: by the format of the synapse; memory_read_s: per word of synapse memory.
    message_in_s, message_out_s: per axon message at a core.
    link_s, chip_link_s: per message on one link, the inverse of its capacity.
    hop_x_s, hop_y_s: latency of one hop. barrier: a table, rising in tiles.
    """

    title: str
    source: str
    neuron_s: Figure
    active_s: Figure
    spike_s: Figure
    synop_dense_s: Figure
    synop_sparse_s: Figure
    synop_conv_s: Figure
    memory_read_s: Figure
    message_in_s: Figure
    message_out_s: Figure
    link_s: Figure
    chip_link_s: Figure
    hop_x_s: Figure
    hop_y_s: Figure
    barrier: tuple[Barrier, ...]
    note: str = ""

    def barrier_s(self, tiles: int) -> float:
        """Return the seconds of a barrier with `tiles` routers in use: the row reached."""
        reached = [b.value for b in self.barrier if b.tiles <= tiles]
        return reached[-1] if reached else self.barrier[0].value

    def __post_init__(self) -> None:
        tiles = [b.tiles for b in self.barrier]
        if not tiles or tiles != sorted(set(tiles)):
            raise ValueError("`barrier` needs at least one row, and its tiles must rise")


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the time model `event` needs beside the coefficients of the bound.

    link_buffer: messages that one link holds.
    """

    link_buffer: Limit


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Coefficients of the time models; `event` is None where its numbers are not known."""

    bound: Bound
    event: Event | None = None


class EnergySet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Coefficients that belong together; sets exclude each other, never add them up."""

    title: str
    source: str
    coefficients: tuple[Coefficient, ...]
    note: str = ""


class Energy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What events cost, by the name of the set, and static power."""

    sets: dict[str, EnergySet]
    static: tuple[StaticPower, ...]

    def __post_init__(self) -> None:
        if not self.sets:
            raise ValueError("`sets` is empty, but a board needs at least one")


class Board(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One board: `chips` in a row, each a grid of columns x rows of cores.

    routers: (columns, rows) of the router mesh of one chip; they divide the core grid.
    usable_cores: per chip; the first that are alive. dead_cores: board core indices.
    measured: workloads on the real board, to compare predictions with.
    fictitious: there is no such board; it is never proposed as a way out.
    """

    name: str
    title: str
    source: str
    arithmetic: str
    chips: SmallCount
    columns: SmallCount
    rows: SmallCount
    routers: tuple[SmallCount, SmallCount]
    usable_cores: Limit
    neuron: NeuronCore
    synapse: SynapseCore
    pool: CoreResources
    io: InputOutput
    time: Time
    energy: Energy
    dead_cores: tuple[Natural, ...] = ()
    measured: tuple[Measurement, ...] = ()
    fictitious: bool = False

    @property
    def cores_per_chip(self) -> int:
        return self.columns * self.rows

    @property
    def n_cores(self) -> int:
        """Physical cores, dead and reserved ones included."""
        return self.chips * self.cores_per_chip

    @property
    def live_cores(self) -> IntArray:
        """Board indices of the cores that can be used, rising."""
        alive: BoolArray = np.ones(self.n_cores, np.bool_)
        alive[list(self.dead_cores)] = False
        of_chip = alive.reshape(self.chips, self.cores_per_chip)
        usable = of_chip & (of_chip.cumsum(axis=1) <= self.usable_cores.value)
        return np.flatnonzero(usable).astype(np.int64)

    def xy(self, core: int) -> tuple[int, int, int]:
        """Return (chip, x, y) of a core in the core grid of its chip."""
        chip, local = divmod(core, self.cores_per_chip)
        return chip, local % self.columns, local // self.columns

    def router_of(self, core: int) -> tuple[int, int, int]:
        """Return (chip, x, y) of the router of a core in the router mesh of its chip."""
        chip, x, y = self.xy(core)
        return chip, x * self.routers[0] // self.columns, y * self.routers[1] // self.rows

    def router_xy(self, cores: IntArray) -> tuple[IntArray, IntArray]:
        """Return x and y of the routers of `cores`; x counts on from chip to chip."""
        chip, local = np.divmod(cores, self.cores_per_chip)
        x = local % self.columns * self.routers[0] // self.columns
        y = local // self.columns * self.routers[1] // self.rows
        return chip * self.routers[0] + x, y

    def __post_init__(self) -> None:
        for complaint in (_grid_complaint(self), _core_complaint(self)):
            if complaint:
                raise ValueError(complaint)


def load_board(name_or_path: str) -> Board:
    """Load the shipped board of that name, or any board file given by its path.

    Raises:
        BoardError: No such board, or the file does not describe one.
    """
    file, data = board_data(name_or_path)
    try:
        return msgspec.convert(data, Board)
    except msgspec.MsgspecError as error:
        raise BoardError(f"{file}: {error}") from error


def shipped_boards() -> tuple[str, ...]:
    """Return the names of the boards that come with the package."""
    return tuple(shipped_files())


def _grid_complaint(board: Board) -> str:
    (columns, rows), size = board.routers, (board.chips, *board.routers)
    if board.columns % columns or board.rows % rows:
        return (
            f"{columns} x {rows} routers do not divide {board.columns} x {board.rows} cores"
        )
    if any(i >= n for i, n in zip(board.io.inject_router, size, strict=True)):
        where = board.io.inject_router
        return f"inject_router {where} is outside {size} (chips, columns, rows of routers)"
    return ""


def _core_complaint(board: Board) -> str:
    if board.n_cores > 1 << 24:
        return f"{board.n_cores} cores are more than the {1 << 24} that can be numbered"
    if not 1 <= board.usable_cores.value <= board.cores_per_chip:
        return (
            f"usable_cores {board.usable_cores.value} is not in 1..{board.cores_per_chip}"
        )
    if any(core >= board.n_cores for core in board.dead_cores):
        return f"dead core {max(board.dead_cores)} is not in 0..{board.n_cores - 1}"
    return ""
