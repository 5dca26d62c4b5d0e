"""Quantize: Network (float) -> QuantNetwork (the board's integers).

Receives a normalized, retimed network. Per population: move the reset to zero, choose one
scale (`quantization/scale.py`), then round threshold, decays, bias and every incoming
projection to what the registers hold (`quantization/registers.py`). What each rounding cost
is listed as a Loss, how far every state can go and went as a Range. It does not change the
structure of the network and does not look at the mapping.
"""

from snn_deploy.arrays import AnyArray, is_static
from snn_deploy.board.board import Board
from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.network import Assumption, Network, Population
from snn_deploy.ir.quant import Loss, QuantInput, QuantNetwork
from snn_deploy.neurons import MultiLevel
from snn_deploy.quantization import input_coding
from snn_deploy.quantization.multi_level import (
    payload_width,
    quantize_multi_level,
    sent_of,
)
from snn_deploy.quantization.population import (
    Calibration,
    Context,
    SourceRange,
    quantize_population,
    rest_of,
)

__all__ = ["Calibration", "quantize"]


def quantize(
    net: Network,
    board: Board,
    calibration: Calibration | None = None,
    *,
    weight_bits: int = 8,
    wide: frozenset[int] = frozenset(),
) -> QuantNetwork:
    """Return `net` in the integers of `board`.

    wide: projections (indices into net.projections) whose weights take two arrays of
    synapses, a coarse and a fine one; twice the memory and synops, about 7 bits more.
    `refine` chooses them.
    weight_bits: 1..8, sign included. Without calibration, inputs are taken for binary
    spikes and scales are safe for any input.

    Raises:
        DoesNotFitError: Something has no integer form on this board; all such things at
        once.
    """
    _refuse(_structure_violations(net))
    ports, driven, notes = _inputs(net, board, calibration)
    sources = _sources(net, ports, calibration)
    results = []
    for pop in net.populations:
        context = Context(net, board, calibration, sources, driven, weight_bits, wide)
        results.append(
            quantize_multi_level(pop, pop.neuron, context)
            if isinstance(pop.neuron, MultiLevel)
            else quantize_population(pop, context)
        )
    coded = tuple(
        _input_loss(p, calibration)
        for p in ports
        if calibration is not None and p.name not in driven and p.payload_bits
    )
    return QuantNetwork(
        inputs=ports,
        drives=tuple(r.drive for r in results if r.drive is not None),
        populations=tuple(r.population for r in results),
        projections=tuple(q for r in results for q in r.projections),
        outputs=net.outputs,
        arithmetic=board.arithmetic,
        step_s=net.step_s,
        losses=coded + tuple(x for r in results for x in r.losses),
        ranges=tuple(x for r in results for x in r.ranges),
        assumptions=(*net.assumptions, *notes),
    )


def _refuse(violations: list[str]) -> None:
    if violations:
        raise DoesNotFitError(*violations)


def _structure_violations(net: Network) -> list[str]:
    """Return what no integer network of this arithmetic can express."""
    found = []
    readouts = {p.name for p in net.populations if not p.neuron.spiking}
    for p in net.projections:
        if p.pre in readouts:
            found.append(
                f"population {p.pre!r} does not spike but feeds {p.post!r}: a membrane can "
                "be read out, not sent; put a spiking neuron between them"
            )
    for pop in net.populations:
        for name in ("alpha", "beta"):
            keep = getattr(pop.neuron, name)
            if keep.min(initial=0) < 0 or keep.max(initial=0) > 1:
                found.append(
                    f"population {pop.name!r}: a decay factor of {keep.min():g} .. "
                    f"{keep.max():g} per step is outside 0..1; choose a time step shorter "
                    "than its time constants"
                )
        if (
            pop.neuron.spiking
            and float((pop.neuron.threshold - rest_of(pop.neuron)).min()) <= 0
        ):
            found.append(
                f"population {pop.name!r}: its threshold {pop.neuron.threshold.min():g} is "
                f"not above the reset value {rest_of(pop.neuron).max():g}, so it would "
                "fire for ever; raise it"
            )
    return found


def _inputs(
    net: Network, board: Board, calibration: Calibration | None
) -> tuple[tuple[QuantInput, ...], frozenset[str], list[Assumption]]:
    """Return the ports, the names of those fed as a bias per sample, and what was
    assumed."""
    bits = board.synapse.payload_bits_max.value
    ports, driven, notes = [], set(), []
    for port in net.inputs:
        values = None if calibration is None else calibration.values[port.name]
        if (
            bits < 2
            and not input_coding.is_binary(values)
            and _can_drive(net, port.name, values)
        ):
            made = QuantInput(port.name, port.shape, 0, 1.0, port.lag)
            driven.add(port.name)
            note = Assumption(
                f"coding of input {port.name!r}",
                "one bias per sample, computed on the host",
                "graded values that do not change over time, and a chip with binary spikes",
            )
        else:
            made, note = input_coding.quantize_input(port, values, int(bits))
        ports.append(made)
        notes.append(note)
    return tuple(ports), frozenset(driven), notes


def _can_drive(net: Network, name: str, values: AnyArray | None) -> bool:
    """Whether an input can become a bias: static, and its targets add it to v at once."""
    out = [p for p in net.projections if p.pre == name]
    return (values is not None and is_static(values)) and all(
        p.delay == 0 and not net.population(p.post).neuron.alpha.any() for p in out
    )


def _sources(
    net: Network, ports: tuple[QuantInput, ...], calibration: Calibration | None
) -> dict[str, SourceRange]:
    result = {p.name: _sent(p, calibration) for p in net.populations}
    for port in ports:
        values = None if calibration is None else calibration.values[port.name]
        high = 1.0 / port.scale if values is None else float(values.max(initial=0))
        low = 0.0 if values is None else float(values.min(initial=0))
        result[port.name] = SourceRange(port.scale, high, low, port.payload_bits)
    return result


def _sent(pop: Population, calibration: Calibration | None) -> SourceRange:
    """Return what a population sends: spikes of one, or levels."""
    if not isinstance(pop.neuron, MultiLevel):
        return SourceRange(1.0, 1.0, 0.0, 0)
    least, most = sent_of(pop.neuron, calibration, pop.name)
    return SourceRange(1.0, most, least, payload_width(least, most))


def _input_loss(port: QuantInput, calibration: Calibration) -> Loss:
    largest, rms = input_coding.input_error(port, calibration.values)
    return Loss(port.name, "payload", largest, rms, "of the largest value")
