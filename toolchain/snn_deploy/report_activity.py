"""Parts of a report: what graded spikes carried, and when samples were done."""

import msgspec

from snn_deploy.ledger import Stat


class LevelUse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many spikes per inference carry a payload of `low` to `high` (included)."""

    low: int
    high: int
    spikes: float


class Graded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The graded spikes of one input or population on the chip, per inference.

    bits: width of a payload, sign included. operation: what a synapse does with one: "MAC"
    (it multiplies), or "AC" if only -1, 0 and 1 were sent. spikes: events; unary_spikes:
    summed |payload|, the binary spikes that would carry the same. synops: synapses that the
    events visit; unary_synops: those that the binary spikes would. lowest, highest,
    distinct: of the payloads that occurred, 0 if none did. levels: how they are
    distributed, several in a row where there are many."""

    sender: str
    bits: int
    operation: str
    spikes: Stat
    unary_spikes: Stat
    synops: Stat
    unary_synops: Stat
    lowest: int
    highest: int
    distinct: int
    levels: tuple[LevelUse, ...]
