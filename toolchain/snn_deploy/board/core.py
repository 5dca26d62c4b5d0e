"""What one core of a board can do and hold: neurons, synapses, memory."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from snn_deploy.board.evidence import (
    Confidence,
    Exponent,
    Limit,
    Widths,
)

Runs: TypeAlias = Literal["stock", "microcode", "impossible"]


class ModelSupport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a board runs one integer neuron model.

    Attributes:
        runs: "stock" is a neuron that comes with the chip or its software, "microcode" one
            that has to be programmed, "impossible" one that the chip cannot run.
        source: Where that is from.
        confidence: How far to trust it, see `Confidence`.
        state_words: State of one neuron, in the unit of the pool's `neuron`; None exactly
            if the model is impossible.
        limits: Largest value by parameter name, of the parameters beyond those that every
            model has; the smallest is 0.
        note: What else to know; may be empty.
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

    Attributes:
        state_bits: Width of current and membrane, sign included.
        decay_bits: Width of the decay of the current, in 4096ths.
        decay_v_max: Largest decay of the membrane, in 4096ths.
        threshold_bits: Width of the threshold, which is unsigned.
        threshold_shift: Places by which the threshold is shifted left against the membrane.
        bias_bits: Width of the mantissa of the bias, sign included.
        bias_exp_max: Largest exponent of the bias; the smallest is 0.
        models: By integer neuron model (key of MODELS), how it runs; one that is missing
            cannot.
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
    """What a synapse can be, and the bits it is stored in (see mapping/resources.py).

    Attributes:
        weight_bits: Most bits of a weight.
        weight_widths: Bits a stored weight can have; a width in between takes the next one.
        weight_exp_min: Smallest exponent of the weights of a projection.
        weight_exp_max: Largest exponent of the weights of a projection.
        max_delay: Steps beyond the one that every hop takes.
        payload_bits_max: Most bits of the payload of a spike; 0 if spikes are binary.
        accumulator: Largest magnitude of the summed input of a step, in units of weights.
        index_bits: Bits beside the weight, per synapse of a sparse list.
        dense_index_bits: Bits beside the weight, per synapse of a dense list.
        conv_index_bits: Bits beside the weight, per synapse of a kernel list.
        delay_bits: More bits per synapse with a delay, which arrives later than one chip
            step on.
        header_bits: Bits per list.
        list_max: Synapses in one list; 0 if there is no limit.
        word_bits: Bits of one word of synapse memory; lists take whole words.
        conv_axons: Input axons of a convolution: a few in all (one per block of output
            channels), or one per pixel that is heard.
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
    """Resources of one core, each in the unit that its record states.

    Attributes:
        axon_in: Room for input axons.
        neuron_groups: Sets of neuron parameters, the bias aside.
        neuron: Room for the state of neurons.
        synapse: Room for synapses.
        axon_map: Room for the output axon table.
        axon_mem: Room for the axon lists of pixels; 0 if there is no such memory.
        axon_map_counts: What an entry of the output axon table serves: one source
            ("sources": a neuron or a pixel that only convolutions hear), or one source and
            one target core ("messages").
        total: The pool that all of these share; None if there is none.
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
        found = {name: getattr(self, name) for name in self.__struct_fields__}
        return {n: int(x.value) for n, x in found.items() if isinstance(x, Limit)}
