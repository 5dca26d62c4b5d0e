"""Boards: what a chip offers and what its events cost, as one immutable, checked record.

A board is data, never code: boards/<name>.yaml. Every number in it is a record of
`evidence.py`. A key that this module does not know is an error, so that a typo cannot
silently become a default.

Cores are numbered 0 .. n_cores - 1: chip by chip, and within a chip row by row of its core
grid. Chips stand in one row, west to east. Several cores share one router.
"""

import msgspec
import numpy as np

from snn_deploy.arrays import BoolArray, IntArray
from snn_deploy.board.board_file import board_data, shipped_files
from snn_deploy.board.core import CoreResources, NeuronCore, SynapseCore
from snn_deploy.board.evidence import (
    Barrier,
    Coefficient,
    Confidence,
    Figure,
    Flag,
    Kind,
    Limit,
    Measurement,
    Natural,
    SmallCount,
    StaticPower,
)
from snn_deploy.errors import BoardError


class InputOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How spikes get in.

    Attributes:
        frame_power_of_two: Whether the steps between two resets must be a power of two.
        inject_router: (chip, x, y) of the router where inputs enter the mesh.
        kind: Kind of evidence for that router, see `Kind`.
        source: Where that router is from.
        confidence: How far to trust it, see `Confidence`.
        note: What else to know; may be empty.
    """

    frame_power_of_two: Flag
    inject_router: tuple[Natural, Natural, Natural]
    kind: Kind
    source: str
    confidence: Confidence
    note: str = ""


class Bound(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Coefficients of the lower bound on a step: busiest core or link, or the barrier.

    In seconds per event; None is not known, and left out of the bound. The other time
    models use the same coefficients.

    Attributes:
        title: What they are, in one line.
        source: Where the form of the bound is from, or the numbers.
        neuron_s: Per update of a stock LIF neuron; other models are scaled by their
            operations.
        active_s: More if the neuron is active, scaled alike.
        spike_s: More if it fires.
        synop_dense_s: Per synapse visited in a dense list.
        synop_sparse_s: Per synapse visited in a sparse list.
        synop_conv_s: Per synapse visited in a kernel.
        memory_read_s: Per word of synapse memory.
        message_in_s: Per axon message that arrives at a core.
        message_out_s: Per axon message that a core sends.
        link_s: Per message on one link of a chip, the inverse of its capacity.
        chip_link_s: Per message on one link between chips.
        hop_x_s: Latency of one hop east-west; no term of the bound.
        hop_y_s: Latency of one hop north-south; no term of the bound.
        barrier: Time of the barrier, a table; at least one row, rising in tiles.
        note: What else to know; may be empty.
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
    """What the time models `event` and `cycle` need beside the coefficients of the bound.

    Attributes:
        link_buffer: Messages that one link holds.
    """

    link_buffer: Limit


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Coefficients of the time models.

    Attributes:
        bound: Those that all models use.
        event: Those of `event` and `cycle`; None where its numbers are not known.
    """

    bound: Bound
    event: Event | None = None


class EnergySet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Coefficients that belong together; sets exclude each other, never add them up.

    Attributes:
        title: What they are, in one line.
        source: Where the set is from.
        coefficients: Energy per event, one line of a report each.
        note: What else to know; may be empty.
    """

    title: str
    source: str
    coefficients: tuple[Coefficient, ...]
    note: str = ""


class Energy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What events cost, and static power.

    Attributes:
        sets: By the name of the set; at least one.
        static: Powers that no set owns, one line of a report each.
    """

    sets: dict[str, EnergySet]
    static: tuple[StaticPower, ...]

    def __post_init__(self) -> None:
        if not self.sets:
            raise ValueError("`sets` is empty, but a board needs at least one")


class Board(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One board: `chips` in a row, each a grid of columns x rows of cores.

    Attributes:
        name: Short, for messages and reports; a shipped board is chosen by it.
        title: What it is, in one line.
        source: Where its numbers are from in general.
        arithmetic: Name of the integer arithmetic it computes in, e.g. "loihi".
        chips: Number of chips, west to east.
        columns: Cores of a chip from west to east.
        rows: Cores of a chip from north to south.
        routers: (columns, rows) of the router mesh of one chip; they divide the core grid.
        usable_cores: Per chip; the first that are alive.
        neuron: Registers of a neuron.
        synapse: What a synapse can be.
        pool: Resources of one core.
        io: How spikes get in.
        time: Coefficients of the time models.
        energy: What events cost, and static power.
        dead_cores: Board indices of cores that cannot be used.
        measured: Workloads on the real board, to compare predictions with.
        fictitious: There is no such board; it is never proposed as a way out.
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
