"""What a population's registers become: decays, threshold, bias, reset; with losses."""

import numpy as np

from snn_deploy.arrays import AnyArray, BoolArray, FloatArray, IntArray, frozen
from snn_deploy.board.board import Board
from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.network import Population
from snn_deploy.ir.quant import Loss, QuantPopulation
from snn_deploy.neurons import Lif
from snn_deploy.quantization import registers
from snn_deploy.quantization.scale import GRID, Limits


def limits_of(board: Board) -> Limits:
    """Return the largest magnitudes that the neuron registers of `board` hold."""
    neuron = board.neuron
    return Limits(
        state=(1 << (int(neuron.state_bits.value) - 1)) - 1,
        threshold=(1 << int(neuron.threshold_bits.value)) - 1,
        bias=registers.BIAS_HIGH << int(neuron.bias_exp_max.value),
    )


def neuron_registers(
    pop: Population, s: float, driven: bool, board: Board, *, exact: bool
) -> tuple[QuantPopulation, tuple[Loss, ...]]:
    """Return the integer population at scale s (v units per float unit), and what it cost.

    driven: whether its bias is written per sample, so that it has none of its own. exact:
    whether all that arrives is in the integers what it is in floats.

    Raises:
        DoesNotFitError: Its reset has no integer form.
    """
    neuron, limits = pop.neuron, limits_of(board)
    model = _model(neuron)
    groups = int(board.pool.neuron_groups.value)
    du = registers.few_groups(registers.current_decay(neuron.alpha), groups)
    dv = registers.few_groups(registers.membrane_decay(neuron.beta), groups)
    dv = np.minimum(dv, int(board.neuron.decay_v_max.value))
    bias = 0.0 * neuron.bias if driven else neuron.bias * s
    lifted = _lifted(neuron, s, du, dv, bias) if exact and not driven else bias
    mantissa, exponent = registers.bias_registers(
        lifted, int(board.neuron.bias_exp_max.value)
    )
    vth = _threshold(neuron, s, du, dv, mantissa << exponent, limits.threshold)
    params = {"du": du, "dv": dv, "bias_mant": mantissa, "bias_exp": exponent, "vth": vth}
    if model == "soft_lif":
        params["amount"] = _amount(pop, s, limits.state)
    if model == "refractory_lif":
        params["hold"] = np.full(neuron.n, neuron.hold, np.int64)
    quantized = QuantPopulation(
        name=pop.name,
        shape=pop.shape,
        model=model,
        params={
            k: frozen(np.broadcast_to(v, (neuron.n,)).copy()) for k, v in params.items()
        },
        v0=frozen(np.rint(neuron.v0 * s).astype(np.int64)),
        scale=frozen(np.full(neuron.n, s)),
        offset=neuron.v_reset,
        lag=pop.lag,
        spiking=neuron.spiking,
    )
    return quantized, _register_losses(pop, quantized, s, bias, lifted - bias)


def _model(neuron: Lif) -> str:
    if neuron.hold:
        return "refractory_lif"
    return "lif" if neuron.reset == "zero" or not neuron.spiking else "soft_lif"


def leaks(neuron: Lif) -> bool:
    """Whether any membrane or current decays over several steps."""
    return any(bool(((k > 0) & (k < 1)).any()) for k in (neuron.alpha, neuron.beta))


def _lifted(
    neuron: Lif, s: float, du: IntArray, dv: IntArray, bias: FloatArray
) -> FloatArray:
    """Return the bias [n], in units of v, one unit higher where that lets ties fire.

    The chip fires above a threshold, in steps of 64 units. A leaky membrane that is exact
    can lie on its threshold, where the model fires; with one unit more in each step it is
    just above, and membranes below the threshold are more than that away from it, for as
    many steps as its leak divides without remainder.
    """
    wanted, integers = neuron.threshold * s / GRID, np.rint(bias)
    kept_u, kept_v = 1.0 - (du + 1) / registers.DECAY_ONE, 1.0 - dv / registers.DECAY_ONE
    whole = (wanted == np.rint(wanted)) & (bias == integers)
    whole &= (kept_v == neuron.beta) & (kept_u == neuron.alpha)
    ties = whole & ~_coarse(du, dv, integers.astype(np.int64)) & neuron.inclusive
    return np.where(ties & neuron.spiking, bias + 1.0, bias)


def _coarse(du: IntArray, dv: IntArray, bias: IntArray) -> BoolArray:
    """Return where v moves in whole multiples of 64 only."""
    still = (du == registers.DECAY_ONE - 1) & ((dv == 0) | (dv == registers.DECAY_ONE))
    return np.asarray(still & (bias % int(GRID) == 0))


def _threshold(
    neuron: Lif, s: float, du: IntArray, dv: IntArray, bias: IntArray, top: int
) -> IntArray:
    """Return the threshold registers; a neuron fires above register * 64, strictly.

    Where v moves in whole multiples of 64 only (no leak, no fraction of a bias), > and >=
    are exact.
    """
    if not neuron.spiking:
        return np.full(neuron.n, top, np.int64)
    wanted = neuron.threshold * s / GRID
    exact = np.ceil(wanted) - 1 if neuron.inclusive else np.floor(wanted)
    coarse = _coarse(du, dv, bias)
    return np.clip(np.where(coarse, exact, np.rint(wanted)), 0, top).astype(np.int64)


def _amount(pop: Population, s: float, top: int) -> IntArray:
    """Return what a spike takes off v. A late subtraction comes after the leak: amount /
    beta now."""
    neuron = pop.neuron
    late = neuron.reset == "subtract_late"
    if late and float(neuron.beta.min()) <= 0.0:
        raise DoesNotFitError(
            f"population {pop.name!r}: it subtracts its threshold one step after a spike, "
            "but keeps nothing of its membrane from step to step (beta 0); use reset zero"
        )
    amount = neuron.amount / neuron.beta if late else neuron.amount
    return np.clip(np.rint(amount * s), 0, top).astype(np.int64)


def _register_losses(
    pop: Population,
    made: QuantPopulation,
    s: float,
    bias: FloatArray,
    lift: FloatArray,
) -> tuple[Loss, ...]:
    neuron, p = pop.neuron, made.params
    keep_v = 1.0 - p["dv"] / registers.DECAY_ONE
    losses = [rounding_loss(pop.name, "membrane decay", keep_v - neuron.beta, "per step")]
    if neuron.alpha.any():
        keep_u = 1.0 - (p["du"] + 1) / registers.DECAY_ONE
        losses.append(
            rounding_loss(pop.name, "current decay", keep_u - neuron.alpha, "per step")
        )
    if neuron.spiking:
        error = (p["vth"] * GRID / s - neuron.threshold) / neuron.threshold
        compare = ">=" if neuron.inclusive else ">"
        note = (
            f"scale {s:g} per unit, compared with {compare} in the model and > on the chip"
        )
        if lift.any():
            note += ", where a bias of one unit lets ties fire"
        losses.append(rounding_loss(pop.name, "threshold", error, "of the threshold", note))
    if bias.any():
        error = ((p["bias_mant"] << p["bias_exp"]) - lift - bias) / np.abs(bias).max()
        losses.append(rounding_loss(pop.name, "bias", error, "of the largest bias"))
    return tuple(losses)


def rounding_loss(
    where: str, what: str, error: AnyArray, unit: str, note: str = ""
) -> Loss:
    """Return the Loss of rounding errors of any shape, in `unit`."""
    size = np.abs(error)
    rms = float(np.sqrt(np.mean(size**2))) if size.size else 0.0
    return Loss(where, what, float(size.max(initial=0.0)), rms, unit, note)
