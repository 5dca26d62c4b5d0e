"""What was met in a trace -> Network: outputs, readouts, biases, names."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from snn_deploy.arrays import FloatArray
from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.discretize import readout
from snn_deploy.frontends.torch.complaints import check
from snn_deploy.frontends.torch.session import INPUT, Arrivals, Session, Wire, arriving
from snn_deploy.frontends.torch.state import ModuleState
from snn_deploy.frontends.torch.tensor import Traced
from snn_deploy.ir.constants import Constant, add_constants, unique_name
from snn_deploy.ir.linear import apply
from snn_deploy.ir.maps import Chain, Scale
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.names import DecoderName

MAX_LOOPS = 100  # nested containers that feed back; ours


def build(session: Session, shape: tuple[int, ...], result: Any) -> Network:
    """Return the network of a traced module; result: what its forward returned."""
    try:
        returned = _returned(session, result)
        outputs = tuple(dict.fromkeys(_output(session, t) for t in returned))
    except InputError:
        check(session)  # what is unsupported may be behind it
        raise
    if not outputs:
        check(session)
        raise InputError(
            f"{session.title}: forward returns no spikes and no readout of its neurons; "
            "return what the last layer gives"
        )
    fed = {name: _expanded(session, fed) for name, fed in session.fed.items()}
    populations = _agreeing(session)
    live = _live(fed, outputs)
    check(session, live)
    kept = {name: pop for name, pop in populations.items() if name in live}
    _check_steps(session, kept)
    _check_senders(session, kept, fed)
    projections = [
        p for name in kept for p in _projections(session, name, fed[name], shape)
    ]
    constants = [
        Constant(name, value, delay)
        for name in kept
        for delay, value in sorted(_summed(fed[name]).items())
        if value.any()
    ]
    made, extra = add_constants(
        kept, constants, frozenset(), [INPUT, *session.names.values()]
    )
    for name in session.frameworks:
        session.assume("profile", name, "the class of the neurons")
    return Network(
        inputs=(Input(INPUT, shape),),
        populations=tuple(made.values()),
        projections=(*projections, *extra),
        outputs=outputs,
        step_s=_step(session),
        source=f"torch module {session.title}",
        assumptions=session.noted(),
        decoder=session.decoders.get(outputs[0]),
    )


def _check_steps(session: Session, kept: Mapping[str, Population]) -> None:
    """Raise InputError unless all layers that matter run in all steps."""
    turns = session.turns
    fewer = {
        name: n
        for name, n in session.calls.items()
        if name in kept and name not in session.sequences and n != turns
    }
    if fewer:
        listed = ", ".join(f"{name!r} runs {n}" for name, n in fewer.items())
        raise InputError(
            f"{session.title}: there are {turns} steps, but {listed}; run every layer in "
            "every step, and give a sample of so many steps"
        )


def _check_senders(
    session: Session, kept: Mapping[str, Population], fed: Mapping[str, Arrivals]
) -> None:
    """Raise InputError if anything takes what does not spike."""
    for name in kept:
        for wire in fed[name].wires:
            pre = session.populations.get(wire.pre)
            if pre is not None and not pre.neuron.spiking:
                raise InputError(
                    f"{session.title}: {name!r} takes the membrane of {wire.pre!r}, which "
                    "sends no spikes; return it in every step, its last step or its sum "
                    "over all steps, or put spiking neurons there"
                )


def _step(session: Session) -> float | None:
    if len(session.seconds) > 1:
        listed = ", ".join(f"{s:g} s" for s in session.seconds)
        raise InputError(
            f"{session.title}: its neurons have different time steps ({listed}); give all "
            "the same dt"
        )
    return next(iter(session.seconds), None)


# --- outputs --------------------------------------------------------------------------


def _returned(session: Session, result: Any) -> list[Traced]:
    """Return the tensors in what forward returned; states beside them are left out."""
    found = [t for t in _leaves(result) if isinstance(t, Traced)]
    tensors = [t for t in found if not _is_membrane(session, t)] or found
    states = [s for s in _leaves(result) if isinstance(s, ModuleState)]
    if tensors or not states:
        if states or len(tensors) < len(found):
            session.assume(
                "output", "spikes", "the membranes that forward returns too are left out"
            )
        return tensors
    raise InputError(
        f"{session.title}: forward returns membranes alone, and those of "
        f"{states[-1].owner!r} are reset by spikes; return its spikes, or build it "
        "with reset_mechanism='none'"
    )


def _is_membrane(session: Session, t: Traced) -> bool:
    return {term.pre for term in t.signal.terms} <= session.membranes


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for v in value:
            yield from _leaves(v)
    else:
        yield value


def _output(session: Session, t: Traced) -> str:
    """Return the population that a returned tensor reads; a readout if it is a sum."""
    fed, decoder = _read(session, t)
    if not fed.wires:
        raise InputError(
            f"{session.title}: forward returns something that does not depend on its "
            "input; return what the last layer gives"
        )
    first = fed.wires[0]
    alone = len(fed.wires) == 1 and not first.delay and not fed.constants
    read = session.populations.get(first.pre)
    last_spikes = decoder is not None and read is not None and read.neuron.spiking
    if alone and read is not None and _is_average(first) and not last_spikes:
        if first.maps:
            session.assume(
                "output",
                f"the spikes of {first.pre!r}, 0 or 1",
                "a positive factor that is the same for all changes no answer",
            )
        session.decoders.setdefault(first.pre, decoder)
        return first.pre
    key = ("output", *(w.key for w in fed.wires))
    if key not in session.unnamed:
        taken = {*session.populations, INPUT}
        name = unique_name("output", taken)
        session.unnamed[key] = name
        n = t.signal.n
        session.populations[name] = Population(name, t.signal.shape, readout(n))
        session.fed[name] = fed
        session.decoders[name] = decoder
        session.assume(
            "readout",
            f"{name!r} outputs the sum that arrives in each step",
            "no neurons behind the last layer",
        )
    return session.unnamed[key]


def _read(session: Session, t: Traced) -> tuple[Arrivals, DecoderName | None]:
    """Return what a returned tensor takes in each step, and how forward reads it: its last
    step, or None for all steps and for their sum."""
    steps, one_step = session.turns, t.signal.step is not None and not t.whole
    if steps == 1 or not one_step or t.signal.summed is not None:
        return arriving(t.signal, 0), None
    fed = arriving(t.signal, steps - 1)
    each = _in_one_step(fed, t.signal.constant(steps - 1), steps)
    return (fed, "final") if each is None else (each, None)


def _in_one_step(fed: Arrivals, constant: FloatArray, steps: int) -> Arrivals | None:
    """Return what is summed over all steps of a loop, as it is in each of them; None if it
    is no such sum. constant: of the sum, [n]."""
    by_step: dict[int, list[Wire]] = {}
    for w in fed.wires:
        by_step.setdefault(w.delay, []).append(w)
    kinds = {tuple((w.pre, *map(id, w.maps)) for w in wires) for wires in by_step.values()}
    if set(by_step) != set(range(steps)) or len(kinds) > 1:
        return None
    return Arrivals(tuple(by_step[0]), ((0, constant / steps),) if constant.any() else ())


def _is_average(wire: Wire) -> bool:
    """Whether nothing but one positive factor lies behind the neurons."""
    factors = [m.factor for m in wire.maps if isinstance(m, Scale)]
    if len(factors) < len(wire.maps):
        return False
    return all(bool((f == f[0]).all()) and f[0] > 0 for f in factors)


# --- wiring ---------------------------------------------------------------------------


def _expanded(session: Session, fed: Arrivals) -> Arrivals:
    """Return what arrives, with each stand-in of a loop replaced by what is fed back."""
    wires, constants = list(fed.wires), list(fed.constants)
    for _ in range(MAX_LOOPS):
        standing = [w for w in wires if w.pre in session.loops]
        if not standing:
            return Arrivals(tuple(wires), tuple(constants))
        wires = [w for w in wires if w.pre not in session.loops]
        for w in standing:
            back = session.loops[w.pre]
            late = w.delay + 1
            wires += [Wire(b.pre, b.delay + late, (*b.maps, *w.maps)) for b in back.wires]
            constants += [
                (first + late, _pushed(w, value)) for first, value in back.constants
            ]
    names = ", ".join(session.loops)
    raise InputError(
        f"{session.title}: {names} feed back what passes through no neurons; put neurons "
        "into the container"
    )


def _pushed(wire: Wire, value: FloatArray) -> FloatArray:
    return np.asarray(apply(Chain(wire.maps, value.size), value[None])[0], np.float64)


def _agreeing(session: Session) -> dict[str, Population]:
    """Return the populations; those that fire at sums of spikes compare as the others."""
    others = [p for n, p in session.populations.items() if n not in session.neutral]
    inclusive = any(p.neuron.inclusive for p in others)
    return {
        name: replace(p, neuron=replace(p.neuron, inclusive=inclusive))
        if name in session.neutral
        else p
        for name, p in session.populations.items()
    }


def _live(fed: Mapping[str, Arrivals], outputs: tuple[str, ...]) -> set[str]:
    """Return the populations, and whatever else, on which an output depends."""
    live, todo = set(), list(outputs)
    while todo:
        name = todo.pop()
        if name in live:
            continue
        live.add(name)
        todo += [w.pre for w in fed[name].wires] if name in fed else []
    return live


def _projections(
    session: Session, name: str, fed: Arrivals, shape: tuple[int, ...]
) -> Iterator[Projection]:
    for w in fed.wires:
        size = shape if w.pre == INPUT else session.populations[w.pre].shape
        yield Projection(w.pre, name, Chain(w.maps, int(np.prod(size))), w.delay)


def _summed(fed: Arrivals) -> dict[int, FloatArray]:
    total: dict[int, FloatArray] = {}
    for first, value in fed.constants:
        total[first] = total.get(first, 0.0) + value
    return total
