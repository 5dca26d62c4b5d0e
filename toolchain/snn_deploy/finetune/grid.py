"""A Network in register units: what is trained, and the grid that its values end up on.

Receives the normalized network and its integers by calibration alone. Each membrane is
measured from its reset in units of 64, at the scale at which the chip's few weight levels
fit the trained weights best: the largest are clipped, as a quantizer that has to hold them
all cannot. Rounding these weights, thresholds, biases and decays with the quantizer's own
functions gives a network that `quantize` takes over as it is, since weights and thresholds
are whole numbers at scale 64.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, IntArray, frozen
from snn_deploy.board.board import Board
from snn_deploy.errors import DoesNotFitError, option
from snn_deploy.ir.maps import Connection, Conv, Dense, Sparse
from snn_deploy.ir.network import Network, Population, Projection
from snn_deploy.ir.quant import QuantInput, QuantNetwork
from snn_deploy.neurons import Lif, MultiLevel
from snn_deploy.quantization import registers
from snn_deploy.quantization.population import (
    SourceRange,
    from_rest,
    map_per_v,
    one_threshold,
)
from snn_deploy.quantization.scale import COMFORT, GRID

PER_OCTAVE = 16  # scales tried per factor of two
LEVELS = 256  # what 8 bits hold on either side, whatever the bits that are used
NEAR = 0.75  # of the largest scale, where sums have to be rounded; leaves room to train
NUDGE = 0.51  # registers; what turns >= into > where membranes are whole registers


@dataclass(frozen=True, eq=False)
class OnGrid:
    """A network in register units, not yet rounded, and how its weights are stored.

    Attributes:
        net: Normalized; membranes in units of 64, weights per payload, for every input
            feeds payloads.
        exponents: Weight exponent of each projection of `net`; None where the host
            applies the weights in float numbers.
        ports: How inputs are fed, by name.
        driven: Names of the inputs that the host turns into a bias per sample.
        bits: Of a stored weight, 1..8, sign included.
        decay_v_max: Largest decay register of a membrane, in 4096ths.
        bias_exp_max: Largest exponent of a bias.
        groups: Most different values that a population may have of a threshold or a
            decay, the parameter sets of a core.
    """

    net: Network
    exponents: tuple[int | None, ...]
    ports: Mapping[str, QuantInput]
    driven: frozenset[str]
    bits: int
    decay_v_max: int
    bias_exp_max: int
    groups: int


def on_grid(net: Network, quant: QuantNetwork, board: Board, bits: int) -> OnGrid:
    """Return normalized `net` in register units, its scales chosen for weights of `bits`.

    quant: its integers by calibration alone; they say how inputs are fed and how far a
    scale may go.

    Raises:
        DoesNotFitError: A population sends levels, which are not trained.
    """
    _refuse_levels(net)
    ports = {p.name: p for p in quant.inputs}
    driven = frozenset(d.input for d in quant.drives)
    groups = int(board.pool.neuron_groups.value)
    populations, found = [], {}
    for pop in net.populations:
        plain = one_threshold(from_rest(pop), groups)[0]
        into = [i for i, p in enumerate(net.projections) if p.post == pop.name]
        maps = [_per_payload(net.projections[i], plain, ports, driven) for i in into]
        stored = [i for i in into if net.projections[i].pre not in driven]
        weights = [m.stored for i, m in zip(into, maps, strict=True) if i in stored]
        cap = float(quant.population(pop.name).scale.min()) / GRID
        unit, exponents = best_unit(weights, bits, _capped(cap, plain), board)
        populations.append(_in_units(plain, unit))
        by_index = dict(zip(stored, exponents, strict=True))
        for i, m in zip(into, maps, strict=True):
            scaled = m.with_stored(m.stored * unit)
            found[i] = (replace(net.projections[i], map=scaled), by_index.get(i))
    ordered = [found[i] for i in range(len(net.projections))]
    return OnGrid(
        net=replace(
            net,
            populations=tuple(populations),
            projections=tuple(p for p, _ in ordered),
        ),
        exponents=tuple(e for _, e in ordered),
        ports=ports,
        driven=driven,
        bits=bits,
        decay_v_max=int(board.neuron.decay_v_max.value),
        bias_exp_max=int(board.neuron.bias_exp_max.value),
        groups=groups,
    )


def payloads(grid: OnGrid, name: str, x: AnyArray) -> FloatArray:
    """Return what the chip is fed for x [N, T, ...] at the input `name`, [N, T, n]."""
    port = grid.ports[name]
    flat = np.asarray(x, np.float64).reshape(*x.shape[:2], -1)
    if name in grid.driven:
        return flat
    return np.rint(flat * port.scale) if port.payload_bits else (flat != 0) * 1.0


def stored(weight: FloatArray, bits: int, exponent: int | None) -> FloatArray:
    """Return the values that the quantizer stores for `weight` in register units."""
    if exponent is None:
        return weight
    found = registers.store_weights(weight, bits, range(exponent, exponent + 1))
    return np.asarray(found.integer * 2.0**found.exponent, np.float64)


def weight_range(weight: FloatArray, exponent: int | None) -> tuple[float, float]:
    """Return the smallest and the largest value in reach, of the signs `weight` has."""
    if exponent is None:
        return -np.inf, np.inf
    low, high = registers.WEIGHT_LIMITS[registers.sign_mode(weight)]
    return low * 2.0**exponent, high * 2.0**exponent


def rounded(grid: OnGrid, neuron: Lif, *, driven: bool) -> Lif:
    """Return `neuron` (register units) with every value as its register holds it.

    driven: whether the host writes its bias, which then has a mantissa per sample.
    """
    groups = grid.groups
    du = registers.few_groups(registers.current_decay(neuron.alpha), groups)
    dv = registers.few_groups(registers.membrane_decay(neuron.beta), groups)
    dv = np.minimum(dv, grid.decay_v_max)
    mantissa, exponent = registers.bias_registers(neuron.bias * GRID, grid.bias_exp_max)
    bias = (mantissa << exponent) / GRID
    return replace(
        neuron,
        alpha=frozen(1.0 - (du + 1) / registers.DECAY_ONE),
        beta=frozen(1.0 - dv / registers.DECAY_ONE),
        bias=neuron.bias if driven else frozen(bias),
        threshold=_whole(neuron) if neuron.spiking else neuron.threshold,
        amount=frozen(np.rint(neuron.amount * GRID) / GRID),
        v0=frozen(np.rint(neuron.v0 * GRID) / GRID),
        inclusive=False,
    )


def off_grid(grid: OnGrid, net: Network) -> Network:
    """Return `net` (register units, rounded) such that inputs take what the user feeds.

    The scale of a payload goes into the weights, as it does in every model file.
    """
    projections = []
    for p in net.projections:
        known = p.pre in grid.ports and p.pre not in grid.driven
        scale = grid.ports[p.pre].scale if known else 1.0
        m = folded_map(p).with_stored(folded_map(p).stored * scale)
        projections.append(replace(p, map=m))
    return replace(net, projections=tuple(projections))


def best_unit(
    weights: Sequence[FloatArray], bits: int, cap: float, board: Board
) -> tuple[float, tuple[int, ...]]:
    """Return registers per float unit (at most `cap`), and the exponent of each array.

    The pair that rounds and clips the weights with the smallest summed squared error; no
    exponent is negative, since sums would be rounded, unless the cap asks for it.
    """
    tops = [float(np.abs(w).max(initial=0.0)) for w in weights]
    known = [t for t in tops if t > 0]
    if not known:
        return cap, (0,) * len(weights)
    low, high = LEVELS / 2 / max(known), 4 * LEVELS / min(known)
    octaves = np.log2(high / low)
    units = np.geomspace(low, high, round(octaves * PER_OCTAVE) + 1)
    units = units[units <= cap] if units[0] <= cap else np.array([NEAR * cap])
    least = 0 if low <= cap else int(board.synapse.weight_exp_min.value)
    exponents = range(least, int(board.synapse.weight_exp_max.value) + 1)
    tried = []
    for unit in map(float, units):
        fits = [
            _fit(w, top, unit, bits, exponents)
            for w, top in zip(weights, tops, strict=True)
        ]
        tried.append((sum(error for error, _ in fits), -unit, [e for _, e in fits]))
    _, minus, chosen = min(tried)
    return -minus, tuple(chosen)


def _fit(
    weight: FloatArray, top: float, unit: float, bits: int, exponents: range
) -> tuple[float, int]:
    """Return the squared error per float unit, and the exponent that gives the least."""
    flat = weight.ravel() * unit
    near = [e for e in exponents if LEVELS / 4 <= top * unit / 2.0**e <= 8 * LEVELS]
    near = near or [exponents[0] if top * unit < LEVELS else exponents[-1]]
    errors = [
        (float(np.sum((stored(flat, bits, e) - flat) ** 2)) / unit**2, e) for e in near
    ]
    return min(errors)


def _refuse_levels(net: Network) -> None:
    found = [p.name for p in net.populations if isinstance(p.neuron, MultiLevel)]
    if found:
        raise DoesNotFitError(
            f"population {found[0]!r} ({len(found)} in all) sends levels, and fine-tuning "
            f"trains spikes of one: leave {option('finetune')} out, or quantize with more "
            "bits"
        )


def _per_payload(
    p: Projection, pop: Population, ports: Mapping[str, QuantInput], driven: frozenset[str]
) -> Connection:
    """Return the map from payloads to the membrane, the gain included."""
    known = p.pre in ports and p.pre not in driven
    source = SourceRange(ports[p.pre].scale if known else 1.0, 1.0, 0.0, 0)
    return map_per_v(p, pop.neuron, source)


def _capped(cap: float, pop: Population) -> float:
    """Return `cap`, lower where the threshold would not fit its register in comfort."""
    top = float(pop.neuron.threshold.max()) if pop.neuron.spiking else 0.0
    return min(cap, COMFORT / top) if top > 0 else cap


def _in_units(pop: Population, unit: float) -> Population:
    """Return `pop` (measured from its reset) with one unit of v per register."""
    n = pop.neuron
    late = n.reset == "subtract_late" and n.spiking
    whole = (
        n.inclusive and not n.alpha.any() and bool(((n.beta == 0) | (n.beta == 1)).all())
    )
    from_zero = n.reset == "zero" and n.spiking
    neuron = replace(
        n,
        gain=np.ones(n.n),
        bias=n.bias * unit,
        threshold=n.threshold * unit - (NUDGE if whole else 0.0),
        v_reset=0.0 * n.v_reset if from_zero else n.v_reset * unit,
        amount=n.amount * unit / (n.beta if late else 1.0),
        v0=n.v0 * unit,
        reset="subtract" if late else n.reset,
        inclusive=False,
    )
    return replace(pop, neuron=neuron)


def _whole(neuron: Lif) -> FloatArray:
    register: IntArray = np.clip(np.rint(neuron.threshold), 1, COMFORT).astype(np.int64)
    return frozen(register.astype(np.float64))


def folded_map(p: Projection) -> Connection:
    """Return the one map of a projection of a normalized network."""
    if not isinstance(p.map, Dense | Conv | Sparse):
        raise TypeError(f"{p.pre} -> {p.post}: fine-tuning needs a normalized network")
    return p.map
