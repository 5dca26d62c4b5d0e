"""The neurons of a lava-dl layer: registers, biases, and what of the file is not used.

Registers are those that lava-dl's netx writes (lava-dl 0.6, netx/hdf5.py,
get_neuron_params, and netx/blocks/process.py, _neuron).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from snn_deploy.arithmetic.loihi import DECAY_ONE
from snn_deploy.arrays import FloatArray, IntArray, frozen
from snn_deploy.errors import InputError
from snn_deploy.frontends.netx.net_file import NOISE, NetxLayer, number, numbers
from snn_deploy.ir.network import Assumption
from snn_deploy.ir.quant import Loss, QuantPopulation

NEURONS = ("CUBA", "LOIHI")
BIAS_EXPONENT = 6  # netx/hdf5.py, get_neuron_params
BIAS_MIN, BIAS_MAX = -4096, 4095  # 13 bits
THRESHOLD_MAX = 131071  # 17 bits; a layer with this threshold is a readout
AFFINE_THRESHOLD = (1 << 18) - 1  # slayer/block/base.py, AbstractAffine: "never spikes"
# Registers of a layer without a neuron. In lava-dl it has a current that never decays and a
# membrane that copies it. A chip cannot hold such a current (du = -1), but a membrane
# without leak sums the same input to the same value.
READOUT = {"du": 4095, "dv": 0, "vth": THRESHOLD_MAX, "bias_exp": 0}
# Fields of a neuron that netx does not read, with the value that changes nothing.
IGNORED = {
    "refDelay": (1, "as in lava-dl"),
    "wgtExp": (0, "as in lava-dl"),
    # slayer/neuron/norm.py, WgtScaleBatchNorm: exported, but read by nothing
    "weight_exp": (
        0,
        "as in lava-dl's netx, though SLAYER divided by 2**weight_exp in training",
    ),
}


@dataclass(frozen=True, eq=False)
class Neurons:
    """The neurons of one layer.

    Attributes:
        population: Their registers.
        losses: What cutting biases to whole numbers cost; empty if they are whole.
        assumptions: What of the file is not used as it stands.
    """

    population: QuantPopulation
    losses: tuple[Loss, ...]
    assumptions: tuple[Assumption, ...]


def neurons_of(layer: NetxLayer, name: str, shape: tuple[int, ...], lag: int) -> Neurons:
    """Return the neurons of a layer, of the given shape, as netx makes them.

    Raises:
        InputError: They are of another kind than CUBA, or do not fit Loihi's registers.
    """
    registers = registers_of(layer)
    bias = _biases(layer, shape)
    mantissa = np.trunc(bias).astype(np.int64)  # netx/utils.py, NetDict: astype(int)
    lost = np.abs(bias - mantissa)
    n, cut = math.prod(shape), int(np.count_nonzero(lost))
    losses: tuple[Loss, ...] = ()
    noted = list(_unused(layer, name))
    if cut:
        losses = (_bias_loss(name, registers, bias, lost),)
        left = "" if mantissa.any() else "; none is left"
        value = (
            f"cut to whole numbers: {cut} of {bias.size}, by up to {lost.max():.3g} "
            f"(threshold {registers['vth']}){left}"
        )
        why = (
            f"as lava-dl's netx does; SLAYER's own norms write whole numbers, so {name} "
            "has another norm, of which the file holds no more than this bias"
        )
        noted.append(Assumption("bias", value, why))
    made = population(name, shape, registers, np.repeat(mantissa, n // bias.size), lag)
    return Neurons(made, losses, tuple(noted))


def population(
    name: str,
    shape: tuple[int, ...],
    registers: Mapping[str, int],
    bias: IntArray,
    lag: int,
) -> QuantPopulation:
    """Return LIF neurons with the same registers du, dv, vth and bias_exp for all.

    bias: mantissas, one a neuron.
    """
    n = math.prod(shape)
    params = {k: frozen(np.full(n, v, np.int64)) for k, v in registers.items()}
    params["bias_mant"] = frozen(bias)
    one = np.ones(n)
    return QuantPopulation(
        name=name,
        shape=shape,
        model="lif",
        params=params,
        v0=frozen(np.zeros(n, np.int64)),
        scale=frozen(one),
        offset=frozen(0 * one),
        lag=lag,
        spiking=registers["vth"] < THRESHOLD_MAX,
    )


def registers_of(layer: NetxLayer) -> dict[str, int]:
    """Return du, dv, vth and bias_exp of a layer.

    Raises:
        InputError: Another neuron than CUBA, graded spikes, or out of a register's range.
    """
    if layer.neuron is None:
        return dict(READOUT)
    kind = str(layer.neuron.get("type", ""))
    if kind not in NEURONS:
        raise InputError(
            f"{layer.where}: neurons {kind!r} cannot be read; only "
            f"{' and '.join(NEURONS)} can, so train it with these"
        )
    if bool(np.any(layer.neuron.get("gradedSpike", False))):
        raise InputError(
            f"{layer.where}: graded spikes of CUBA neurons cannot be read; train it without"
        )
    registers = {
        "du": int(number(layer.neuron, "iDecay", layer.where)) - 1,
        "dv": int(number(layer.neuron, "vDecay", layer.where)),
        "vth": int(number(layer.neuron, "vThMant", layer.where)),
        "bias_exp": BIAS_EXPONENT,
    }
    if registers["vth"] == AFFINE_THRESHOLD:
        registers["vth"] = THRESHOLD_MAX
    tops = {"du": DECAY_ONE - 1, "dv": DECAY_ONE - 1, "vth": THRESHOLD_MAX}
    for key, top in tops.items():
        if not 0 <= registers[key] <= top:
            raise InputError(
                f"{layer.where}: register {key} would be {registers[key]}, but holds "
                f"0..{top}; train it with other time constants or thresholds"
            )
    return registers


def _biases(layer: NetxLayer, shape: tuple[int, ...]) -> FloatArray:
    """Return the bias of each neuron or channel, or the one of all, in units of weights.

    SLAYER's norms export whole numbers (slayer/neuron/norm.py: `bias`, descaled). Another
    norm exports what is called bias in it, a BatchNorm of torch its beta, and neither mean
    nor variance. What is whole but for rounding is whole.
    """
    if "bias" not in layer.fields:
        return np.zeros(1)
    n = math.prod(shape)
    bias = numbers(layer.fields, "bias", layer.where).ravel()
    if bias.size not in (1, shape[0], n):
        raise InputError(
            f"{layer.where}: {bias.size} biases for {n} neurons; export the network again"
        )
    bias = np.where(np.abs(bias - np.rint(bias)) <= NOISE, np.rint(bias), bias)
    if bias.min() <= BIAS_MIN - 1 or bias.max() >= BIAS_MAX + 1:
        raise InputError(
            f"{layer.where}: biases {bias.min():g}..{bias.max():g} do not fit 13 bits; "
            "train it again"
        )
    if layer.neuron is None and bias.any():
        raise InputError(
            f"{layer.where}: a bias, but no neuron to add it up; export the layer with one"
        )
    return bias


def _bias_loss(
    name: str, registers: Mapping[str, int], bias: FloatArray, lost: FloatArray
) -> Loss:
    """Return what cutting off `lost` costs, beside the threshold."""
    leak = registers["dv"]
    kept = f"{DECAY_ONE / leak:.3g} steps of which add up" if leak else "summed for ever"
    note = (
        f"cut toward zero, as lava-dl's netx does: up to {lost.max():.3g} a step, {kept}, "
        f"beside a threshold of {registers['vth']}"
    )
    share = lost / np.abs(bias).max()
    rms = float(np.sqrt(np.mean(share**2)))
    return Loss(name, "bias", float(share.max()), rms, "of the largest bias", note)


def _unused(layer: NetxLayer, name: str) -> Iterator[Assumption]:
    """Yield what of the file's neuron is not used."""
    if layer.neuron is None:
        reason = "no neuron in the file: sums its input for ever, as lava-dl's default"
        yield Assumption("readout", name, reason)
        return
    for key, (harmless, why) in IGNORED.items():
        given = number(layer.neuron, key, layer.where, harmless)
        if int(given) != harmless:
            said = f"{key} {given:g} of {layer.where} is not used, {why}"
            yield Assumption(key, str(harmless), said)
