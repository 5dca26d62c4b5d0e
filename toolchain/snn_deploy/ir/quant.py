"""QuantNetwork: the same names as the Network it came from, integers only.

`quantize` makes one; partition, simulators and backends read it. All integers are in the
units of the board's arithmetic (for `loihi`: research figures and formulas in
`arithmetic/loihi.py`). Weights are effective integers, as Lava's Dense takes them: in mixed
sign mode they are even.

One projection is one accumulator group: its synapses share sign mode, weight exponent and
delay, and are summed before the exponent is applied (with a negative exponent this changes
bits).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, IntArray
from snn_deploy.ir.lagged import Lagged
from snn_deploy.ir.maps import Connection
from snn_deploy.ir.network import Assumption
from snn_deploy.names import StoreTwiceName


class SignMode(Enum):
    """Which signs the weights of one projection have; values are Lava's."""

    MIXED = 1
    EXCITATORY = 2
    INHIBITORY = 3


@dataclass(frozen=True)
class QuantInput:
    """A port for spikes.

    Attributes:
        name: No other input or population has it.
        shape: Of one step of one sample.
        payload_bits: 0 for binary spikes, else the width of the graded payload (sign
            included, if one is needed).
        scale: Payload per float unit. A step's payload is round(value * scale); with binary
            spikes it is 1 for every value that is not 0.
        lag: In chip steps, taken over from the Network's input; 0 after `retime`.
    """

    name: str
    shape: tuple[int, ...]
    payload_bits: int
    scale: float
    lag: int = 0

    @property
    def n(self) -> int:
        return int(np.prod(self.shape))


@dataclass(frozen=True, eq=False)
class Drive:
    """A static input fed as a bias per sample (chips without graded spikes).

    The host computes (map(x) + offset) * scale once per sample, rounds it to a 13-bit
    mantissa times 2**bias_exp and writes it into the bias registers of `post`.

    Attributes:
        input: Name of a port that is a shape only; it sends no spikes.
        post: Name of the population; its own bias registers are 0.
        map: From the input, [n_pre], to the membrane, [n_post], in float units; gains
            included.
        offset: The population's own bias, [n_post], in float units.
        scale: Units of v per float unit, [n_post].
        bias_exp: Exponent of the bias, [n_post]; 0 or more, as far as the board's registers
            go.
    """

    input: str
    post: str
    map: Connection
    offset: FloatArray
    scale: FloatArray
    bias_exp: IntArray


@dataclass(frozen=True, eq=False)
class QuantPopulation:
    """Neurons of one integer model.

    Attributes:
        name: No other input or population has it.
        shape: Of the population; n = prod(shape), flattened in C order.
        model: Key of `snn_deploy.neurons.MODELS`.
        params: The model's parameters by name, [n] each, int64. Every model has the decays
            du and dv (12 bit, in 4096ths), bias_mant and bias_exp; the LIF family has vth
            (v fires above vth << 6); some models have more.
        v0: Membrane at the start of a sample, [n], in units of v.
        scale: Units of v per float unit, [n]; v_float = v_int / scale + offset.
        offset: Float membrane at v_int = 0, [n].
        lag: Chip steps by which it runs behind the model step.
        spiking: False for readouts, whose output is the membrane.
        payload_bits: Width of its spikes (sign included, if one is needed); 0 if they are
            binary.
    """

    name: str
    shape: tuple[int, ...]
    model: str
    params: Mapping[str, IntArray]
    v0: IntArray
    scale: FloatArray
    offset: FloatArray
    lag: int
    spiking: bool = True
    payload_bits: int = 0

    @property
    def n(self) -> int:
        return int(np.prod(self.shape))

    def step_arguments(self) -> dict[str, IntArray]:
        """Return the arguments [n] of the model's step: registers, with the bias
        shifted."""
        values = dict(self.params)
        mantissa, exponent = values.pop("bias_mant"), values.pop("bias_exp")
        values["bias"] = mantissa << exponent
        return values


@dataclass(frozen=True, eq=False)
class QuantProjection:
    """Synapses of one accumulator group.

    Attributes:
        pre: Name of the input or population whose spikes it carries.
        post: Name of the population that it ends in.
        map: Dense, Sparse or Conv with int16 weights in -256..255.
        sign_mode: Signs that the weights have; mixed ones are even.
        weight_bits: 1..8, as Lava's num_weight_bits.
        weight_exp: The sum is shifted by it: left if positive, floor right if negative.
        delay: Model steps, 0 or more.
        payload_bits: Width of the payloads that weights are multiplied by; 0 if any
            non-zero payload counts as one.
    """

    pre: str
    post: str
    map: Connection
    sign_mode: SignMode
    weight_bits: int
    weight_exp: int
    delay: int
    payload_bits: int


@dataclass(frozen=True)
class Loss:
    """One thing that rounding cost.

    Attributes:
        where: Input, population or "pre -> post".
        what: "weights", "threshold", "membrane decay", "bias", "payload", ...
        max_error: Largest magnitude of the error, in `unit`.
        rms_error: Root mean square of the error, in `unit`.
        unit: What errors are shares or numbers of, e.g. "of the largest weight", "per
            step".
        note: What was chosen and why; may be empty.
    """

    where: str
    what: str
    max_error: float
    rms_error: float
    unit: str
    note: str = ""


@dataclass(frozen=True)
class Storage:
    """How often weights are stored, and why.

    Attributes:
        method: "auto", "always" or "never".
        twice: Projections of the Network that are stored twice, "pre -> post".
        projections: Of how many.
        agreed: Samples for which the integers predict what the float network does if all
            weights are stored once; None where that was not asked.
        samples: Of how many; 0 without samples.
    """

    method: StoreTwiceName
    twice: tuple[str, ...]
    projections: int
    agreed: int | None
    samples: int


@dataclass(frozen=True)
class Range:
    """How far an accumulator or state can go, and went.

    All are magnitudes, "a_in" in units of the summed input, "u" and "v" in units of v.

    Attributes:
        where: Population.
        what: "a_in" (the summed input), "u" or "v".
        limit: Largest that is safe.
        bound: Largest that interval analysis cannot exclude; None if unbounded, as a pure
            integrator's.
        measured: Largest of the float network on the calibration data, in integer units;
            None without data.
    """

    where: str
    what: str
    limit: int
    bound: int | None
    measured: int | None


@dataclass(frozen=True, eq=False)
class QuantNetwork(Lagged[QuantPopulation, QuantProjection]):
    """The integer network: what a chip with this arithmetic computes.

    Lags and delays have the meaning of `Network`.

    Attributes:
        inputs: Ports, those of drives too, in the order of the Network.
        drives: Inputs that are fed as a bias per sample; at most one per population.
        populations: In the order of the Network.
        projections: One per accumulator group: two, a coarse and a fine one, where weights
            are stored twice; none from inputs of drives.
        outputs: Names of the populations that are read out.
        arithmetic: Name of the arithmetic, as a board states it, e.g. "loihi".
        step_s: Seconds per model step; None if nothing fixes it.
        losses: What rounding cost, for the report.
        ranges: How far states go, for the report.
        assumptions: Those of the Network, and those made while quantizing.
        storage: How often weights are stored; None where the integers were given.
    """

    inputs: tuple[QuantInput, ...]
    drives: tuple[Drive, ...]
    populations: tuple[QuantPopulation, ...]
    projections: tuple[QuantProjection, ...]
    outputs: tuple[str, ...]
    arithmetic: str
    step_s: float | None = None
    losses: tuple[Loss, ...] = field(default=())
    ranges: tuple[Range, ...] = field(default=())
    assumptions: tuple[Assumption, ...] = field(default=())
    storage: Storage | None = None

    def size(self, name: str) -> int:
        """Return the number of neurons of the input or population called `name`."""
        sizes = {p.name: p.n for p in self.inputs}
        return (sizes | {p.name: p.n for p in self.populations})[name]

    def payload_bits(self, name: str) -> int:
        """Return the width of the spikes of the input or population called `name`."""
        bits = {p.name: p.payload_bits for p in self.inputs}
        return (bits | {p.name: p.payload_bits for p in self.populations})[name]

    @property
    def guard(self) -> int:
        """Silent chip steps a frame needs after the last model step, so that nothing of one
        sample can reach the next: every lag has run out and every spike has arrived."""
        lags = [p.lag for p in self.populations]
        arrival = [
            self.lag(p.pre) + self.chip_delay(p) for p in self.projections
        ]  # of a spike of the last step, counted from that step
        return max([*lags, *arrival, 0])

    def frame_steps(self, steps: int, *, power_of_two: bool) -> int:
        """Return the chip steps from the start of one sample of `steps` model steps to the
        start of the next: with the guard, padded to a power of two where the board's reset
        needs that."""
        frame = steps + self.guard
        return 1 << max(frame - 1, 0).bit_length() if power_of_two else frame


@dataclass(frozen=True, eq=False)
class Stimulus:
    """What is fed into an integer network.

    Attributes:
        samples: N.
        steps: T, model steps of one sample.
        spikes: By input that is not driven, payloads [N, T, n] (any integer dtype; may be a
            broadcast view).
        bias: By population that is driven, the bias per sample, [N, n], already shifted by
            its exponent, to be added to the population's own.
    """

    samples: int
    steps: int
    spikes: Mapping[str, AnyArray]
    bias: Mapping[str, IntArray]

    def first(self, samples: int) -> "Stimulus":
        """Return the stimulus of the first `samples` samples."""
        return Stimulus(
            samples,
            self.steps,
            {name: x[:samples] for name, x in self.spikes.items()},
            {name: x[:samples] for name, x in self.bias.items()},
        )
