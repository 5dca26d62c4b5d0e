"""Prices of the software estimates, read from prices.yaml beside this file."""

from functools import cache
from importlib.resources import files

import msgspec

from snn_deploy.board.evidence import Figure

PICO = 1e-12


class Arithmetic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Energies of one kind of numbers.

    Attributes:
        title: What the numbers are, in words.
        bits: Width of an operand.
        add: Of one addition, pJ.
        multiply: Of one multiplication, pJ.
    """

    title: str
    bits: int
    add: Figure
    multiply: Figure

    @property
    def ac_j(self) -> float:
        """Joules of an accumulation."""
        return (self.add.value or 0.0) * PICO

    @property
    def mac_j(self) -> float:
        """Joules of a multiplication and an accumulation."""
        return ((self.add.value or 0.0) + (self.multiply.value or 0.0)) * PICO


class MemoryPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a memory of one size costs.

    Attributes:
        bytes: Size of the memory.
        energy: Of one access to a word in it, pJ.
    """

    bytes: int
    energy: Figure


class Memory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Energy of an access against the size of the memory.

    Attributes:
        word_bytes: Bytes of one access.
        points: In rising order of size; straight lines between them, level beyond the
            last.
        fifo_words: What the queue of a spiking layer holds, in words, one a message.
    """

    word_bytes: int
    points: tuple[MemoryPoint, ...]
    fifo_words: Figure

    def access_j(self, size: float) -> float:
        """Return the joules of one access to a memory of `size` bytes."""
        size = min(size, self.points[-1].bytes)
        for low, high in zip(self.points, self.points[1:], strict=False):
            if size <= high.bytes:
                share = (size - low.bytes) / (high.bytes - low.bytes)
                start, end = low.energy.value or 0.0, high.energy.value or 0.0
                return (start + share * (end - start)) * PICO
        return (self.points[-1].energy.value or 0.0) * PICO


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that software estimates multiply with.

    Attributes:
        arithmetic: Prices of operations by kind of numbers: "float32", "int8" and
            "int32".
        memory: Price of an access to memory.
        neuron_weight: Synaptic operations that the N-DNS proxy charges for a neuron
            update.
    """

    arithmetic: dict[str, Arithmetic]
    memory: Memory
    neuron_weight: Figure


@cache
def load_prices() -> Prices:
    """Return the prices that come with the package."""
    text = files(__package__).joinpath("prices.yaml").read_bytes()
    return msgspec.yaml.decode(text, type=Prices)
