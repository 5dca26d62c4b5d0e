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
from snn_deploy.ir.maps import Connection
from snn_deploy.ir.network import Assumption


class SignMode(Enum):
    """Which signs the weights of one projection have; values are Lava's."""

    MIXED = 1
    EXCITATORY = 2
    INHIBITORY = 3


@dataclass(frozen=True)
class QuantInput:
    """A port for spikes.

    payload_bits: 0 for binary spikes, else the width of the graded payload (sign included).
    scale: payload per float unit. A step's payload is round(value * scale).
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
    mantissa times 2**bias_exp and writes it into the bias registers of `post`. `input` is a
    shape only; it sends no spikes. offset, scale, bias_exp: [n_post]; offset is the
    population's own bias, in float units.
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

    model: key of `snn_deploy.neurons.MODELS`. params: the model's parameters by name, each
    [n], int64; for the LIF family du, dv (12 bit), bias_mant, bias_exp, vth (v fires above
    vth << 6), and for some models more. v0: [n], membrane at the start of a sample.
    scale, offset: [n]; v_float = v_int / scale + offset.
    spiking: False for readouts, whose output is the membrane. payload_bits: of its spikes,
    0 binary.
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

    map: Dense, Sparse or Conv with int16 weights in -256..255. delay: model steps.
    weight_bits: 1..8, as Lava's num_weight_bits. weight_exp: the sum is shifted by it (left
    if positive, floor right if negative). payload_bits: 0 if any non-zero payload counts as
    one.
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

    where: population or "pre -> post". what: "weights", "threshold", "decay", "bias", ...
    max_error, rms_error: in `unit` (e.g. "of the largest weight"). note: what was chosen
    and why.
    """

    where: str
    what: str
    max_error: float
    rms_error: float
    unit: str
    note: str = ""


@dataclass(frozen=True)
class Range:
    """How far an accumulator or state can go, and went.

    where: population. what: "a_in", "u", "v". limit: largest magnitude that is safe.
    bound: magnitude interval analysis cannot exclude (None if unbounded, as a pure
    integrator's).
    measured: largest magnitude on the calibration data, None without data.
    """

    where: str
    what: str
    limit: int
    bound: int | None
    measured: int | None


@dataclass(frozen=True, eq=False)
class QuantNetwork:
    """The integer network: what a chip with this arithmetic computes.

    Levels and delays have the meaning of `Network`. losses and ranges are for the report.
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

    def population(self, name: str) -> QuantPopulation:
        """Return the population called `name`; KeyError if there is none."""
        return {p.name: p for p in self.populations}[name]

    def into(self, name: str) -> tuple[QuantProjection, ...]:
        """Return the projections that end in `name`."""
        return tuple(p for p in self.projections if p.post == name)

    def lag(self, name: str) -> int:
        """Return the lag of the input or population called `name`."""
        lags = {p.name: p.lag for p in self.inputs}
        return (lags | {p.name: p.lag for p in self.populations})[name]

    def size(self, name: str) -> int:
        """Return the number of neurons of the input or population called `name`."""
        sizes = {p.name: p.n for p in self.inputs}
        return (sizes | {p.name: p.n for p in self.populations})[name]

    def payload_bits(self, name: str) -> int:
        """Return the width of the spikes of the input or population called `name`."""
        bits = {p.name: p.payload_bits for p in self.inputs}
        return (bits | {p.name: p.payload_bits for p in self.populations})[name]

    def chip_delay(self, projection: QuantProjection) -> int:
        """Return the steps from a spike to its arrival on the chip (>= 1)."""
        return projection.delay + self.lag(projection.post) - self.lag(projection.pre)

    @property
    def latency(self) -> int:
        """Chip steps by which the last output runs behind its input."""
        return max((self.lag(name) for name in self.outputs), default=0)

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

    spikes: per input, integer payloads [N, T, n] (any integer dtype; may be a broadcast
    view).
    bias: per population driven by a bias per sample, the bias [N, n] already shifted by its
    exponent, to be added to the population's own.
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
