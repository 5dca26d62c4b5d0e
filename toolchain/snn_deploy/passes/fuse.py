"""Fuse: Network -> Network in which integrators and thresholds that are one neuron are one.

NIR has no soft reset, so files state it in parts (see `frontends.write_nir`): a readout
that integrates, a threshold without memory behind it, and the spikes of the step before
back into the readout as what they take off. No chip sends membranes, so such parts have to
become one population. Five patterns, none of which looks at names::

    1. readout -> threshold                 one neuron without reset (amount 0)
       and threshold -> Scale <= 0, a step later -> readout: reset by subtraction
    2. readout that only decays -> neuron   the synaptic current of the neuron
    3. as 2, with a bias on the current     the same, fed by a neuron that always spikes
    4. readout -> its value plus a constant a readout that starts at that constant
    5. neuron -> threshold in 0..1          a neuron that is held after a spike, at its
       and threshold -> Scale, 1 .. k       v_reset, for k steps: it is made to fire in
       steps later, -> both                 them, which the threshold takes off again

Only the edges between the parts and their delays count, so stripping all metadata changes
nothing. What a membrane also feeds elsewhere, or what is itself read out, stays in parts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from snn_deploy.arrays import FloatArray, frozen
from snn_deploy.ir.constants import Constant, add_constants
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Chain, Map, Scale
from snn_deploy.ir.network import Assumption, Network, Population, Projection
from snn_deploy.neurons import Lif

CLOSE = 1e-9  # relative; how far a feedback may be from the threshold it stands for
CERTAIN = 2.0**50  # thresholds; from here on an input makes any neuron fire. Ours.


def fuse(net: Network) -> Network:
    """Return `net` with the populations that are parts of one neuron made one.

    What the reference simulator outputs stays the same, but for the rounding of float64.
    """
    for pop in net.populations:
        membrane = _integrator(net, pop) if _is_threshold(net, pop) else None
        if membrane is not None:
            net = _with_reset(net, membrane, pop)
    for pop in net.populations:
        membrane = _integrator(net, pop) if _is_sum(pop.neuron) else None
        if membrane is not None:
            net = _with_start(net, membrane, pop)
    for pop in net.populations:
        holding = _holding(net, pop) if _is_threshold(net, pop) else None
        if holding is not None:
            net = _with_hold(net, holding, pop)
    constants: list[Constant] = []
    for pop in net.populations:
        current = _integrator(net, pop)
        if current is not None and _can_take_current(pop.neuron, current.neuron):
            net = _with_current(net, current, pop)
            value = current.neuron.bias / current.neuron.gain
            constants += [Constant(pop.name, value, 0)] if value.any() else []
    return _with_constants(net, constants)


def _integrator(net: Network, pop: Population) -> Population | None:
    """Return the readout that is all of pop's input, and feeds nothing else; None if there
    is none."""
    into = net.into(pop.name)
    if len(into) != 1 or into[0].delay or into[0].pre == pop.name:
        return None
    name = into[0].pre
    leaving = [p for p in net.projections if p.pre == name]
    if len(leaving) != 1 or name in net.outputs:
        return None
    found = [p for p in net.populations if p.name == name and _only_integrates(p.neuron)]
    return found[0] if found and _is_identity(into[0].map) else None


def _only_integrates(n: Lif) -> bool:
    return not n.spiking and bool(np.isinf(n.threshold).all())


def _is_identity(m: Map) -> bool:
    if isinstance(m, Chain) and not m.maps:
        return True
    if m.n_pre != m.n_post:
        return False
    entries = matrix(m).tocoo()
    on = entries.row == entries.col
    ones = bool((entries.data[on] == 1).all()) and int(on.sum()) == m.n_pre
    return ones and not entries.data[~on].any()


def _is_threshold(net: Network, pop: Population) -> bool:
    """Whether it compares its input of the step, and does nothing else."""
    n = pop.neuron
    forgets = not (n.alpha.any() or n.beta.any() or n.hold or n.bias.any())
    return n.spiking and forgets and n.reset == "zero" and bool((n.gain == 1).all())


# --- reset ----------------------------------------------------------------------------


def _with_reset(net: Network, membrane: Population, pop: Population) -> Network:
    """Return `net` with readout and threshold in one, under the name of the threshold."""
    back = _feedback(net, membrane, pop)
    taken = np.zeros(pop.neuron.n) if back is None else -back.factor * membrane.neuron.gain
    reset, amount = _reset(membrane.neuron.beta, taken, pop.neuron.threshold)
    fused = replace(
        membrane.neuron,
        threshold=pop.neuron.threshold,
        inclusive=pop.neuron.inclusive,
        spiking=True,
        reset=reset,
        amount=amount,
    )
    gone = [] if back is None else [back.projection]
    return _merge(net, membrane, replace(pop, neuron=fused), gone)


@dataclass(frozen=True, eq=False)
class Feedback:
    """The edge from a threshold back into its membrane that resets it.

    Attributes:
        projection: One to one, with a delay of one step.
        factor: What a spike adds to the input of its own neuron one step later, [n]; 0 or
            less, not 0 for all.
    """

    projection: Projection
    factor: FloatArray


def _feedback(net: Network, membrane: Population, pop: Population) -> Feedback | None:
    """Return the edge that resets: one to one, inhibiting, a step late, straight to v.

    Of several, the one that stands for the threshold; a recurrent weight may look alike.
    """
    if membrane.neuron.alpha.any():
        return None
    found = [
        Feedback(p, factor)
        for p in net.into(membrane.name)
        if p.pre == pop.name and p.delay == 1
        for factor in _factors(p.map)
    ]
    n, threshold = membrane.neuron, pop.neuron.threshold
    for each in found:
        taken = -each.factor * n.gain
        if _same(taken, threshold) or _same(taken, n.beta * threshold):
            return each
    return found[0] if found else None


def _factors(m: Map) -> Iterable[FloatArray]:
    """Yield the factors of a map that is one to one and nowhere above 0."""
    factor = _scaling(m)
    if factor is not None and (factor <= 0).all() and factor.any():
        yield factor


def _scaling(m: Map) -> FloatArray | None:
    """Return the factors [n] of a map that is made of Scales; None of any other."""
    parts = m.maps if isinstance(m, Chain) else (m,)
    factor = np.ones(m.n_pre)
    for part in parts:
        if not isinstance(part, Scale):
            return None
        factor = factor * part.factor
    return factor if parts else None


def _reset(
    beta: FloatArray, taken: FloatArray, threshold: FloatArray
) -> tuple[str, FloatArray]:
    """Return reset and amount; taken: what a spike takes off v, after the leak.

    Both forms mean the same; the one whose amount is the threshold is what was meant.
    """
    if _same(taken, threshold) and not (beta == 1).all():
        return "subtract_late", threshold
    if _same(taken, beta * threshold):
        return "subtract", threshold
    late = not (beta == 1).all() and bool(taken.any())
    return "subtract_late" if late else "subtract", frozen(taken)


def _same(a: FloatArray, b: FloatArray) -> bool:
    return bool(np.allclose(a, b, rtol=CLOSE, atol=0.0)) and bool(a.any())


# --- start ----------------------------------------------------------------------------


def _is_sum(n: Lif) -> bool:
    """Whether its output is its input of the step and a constant."""
    forgets = not (n.alpha.any() or n.beta.any())
    return _only_integrates(n) and forgets and bool((n.gain == 1).all())


def _with_start(net: Network, membrane: Population, pop: Population) -> Network:
    """Return `net` with a readout that starts at what is added to it, as one."""
    n, v0 = membrane.neuron, pop.neuron.bias + membrane.neuron.v0
    bias = n.bias - (n.beta - 1.0) * pop.neuron.bias
    started = replace(n, v0=frozen(v0), bias=frozen(bias))
    whole = _merge(net, membrane, replace(pop, neuron=started), [])
    said = Assumption(
        "readout",
        f"{pop.name!r} outputs its membrane, which starts at what is added to it",
        "a membrane and a constant, and nothing else, lead to the Output",
    )
    others = [a for a in net.assumptions if not _is_on_readout(a, pop.name)]
    return replace(whole, assumptions=(*others, said))


def _is_on_readout(assumption: Assumption, name: str) -> bool:
    return assumption.name == "readout" and assumption.value.startswith(f"{name!r} ")


# --- hold -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Holding:
    """A neuron that is made to fire, and so reset, in the steps after a spike.

    Attributes:
        fired: It.
        steps: For how many steps.
        edges: What makes it fire: from the threshold back to it.
    """

    fired: Population
    steps: int
    edges: tuple[Projection, ...]


def _holding(net: Network, pop: Population) -> Holding | None:
    """Return what is held by the spikes of `pop`, a threshold behind it that fires unless
    it fired in one of the steps before; None if nothing is."""
    silent = [p for p in net.into(pop.name) if p.pre == pop.name]
    heard = [p for p in net.into(pop.name) if p.pre != pop.name]
    fired = _fired(net, heard[0]) if len(heard) == 1 else None
    counts = ((pop.neuron.threshold > 0) & (pop.neuron.threshold < 1)).all()
    if fired is None or not silent or not counts:
        return None
    factors = [_scaling(p.map) for p in silent]
    if any(f is None or not (f == -1).all() for f in factors):
        return None
    forcing = [
        p for p in net.into(fired.name) if p.pre == pop.name and _forces(p.map, fired)
    ]
    steps = [*range(1, len(silent) + 1)]
    if not all(sorted(p.delay for p in each) == steps for each in (silent, forcing)):
        return None
    return Holding(fired, len(silent), tuple(forcing))


def _fired(net: Network, heard: Projection) -> Population | None:
    """Return the neurons, reset to a value below their threshold, that nothing else hears
    than this projection."""
    name = heard.pre
    leaving = [p for p in net.projections if p.pre == name]
    if heard.delay or len(leaving) != 1 or name in net.outputs:
        return None
    for p in net.populations:
        n = p.neuron
        resets = type(n) is Lif and n.spiking and n.reset == "zero" and not n.hold
        if p.name == name and resets and (n.v_reset < n.threshold).all():
            return p if _is_identity(heard.map) else None
    return None


def _forces(m: Map, fired: Population) -> bool:
    """Whether a spike makes its neuron fire, whatever else arrives."""
    factor, n = _scaling(m), fired.neuron
    if factor is None:
        return False
    least = CERTAIN * np.maximum(1.0, np.abs(n.threshold))
    return bool((factor * n.gain >= least).all())


def _with_hold(net: Network, holding: Holding, pop: Population) -> Network:
    """Return `net` with neuron and threshold in one, under the name of the threshold."""
    neuron = replace(holding.fired.neuron, hold=holding.steps)
    return _merge(net, holding.fired, replace(pop, neuron=neuron), holding.edges)


# --- synaptic current -----------------------------------------------------------------


def _can_take_current(n: Lif, current: Lif) -> bool:
    """Whether the neuron has no current yet, and `current` is nothing else than one."""
    plain = not current.alpha.any() and not current.v0.any() and bool(current.gain.all())
    return plain and not n.alpha.any()


def _with_current(net: Network, current: Population, pop: Population) -> Network:
    """Return `net` with `current` as the synaptic current of `pop`."""
    n, filter_ = pop.neuron, current.neuron
    fused = replace(n, alpha=filter_.beta, gain=frozen(n.gain * filter_.gain))
    return _merge(net, current, replace(pop, neuron=fused), [])


def _with_constants(net: Network, constants: list[Constant]) -> Network:
    """Return `net` with what was a bias of a current; it has to ramp up like all input."""
    by_name = {p.name: p for p in net.populations}
    names = [p.name for p in net.inputs]
    made, extra = add_constants(by_name, constants, frozenset(), names)
    return replace(
        net,
        populations=tuple(made.values()),
        projections=(*net.projections, *extra),
    )


def _merge(
    net: Network, part: Population, whole: Population, gone: Iterable[Projection]
) -> Network:
    """Return `net` in which `whole` has taken the place and the input of `part`."""
    dropped = {id(p) for p in gone} | {id(p) for p in net.into(whole.name)}
    kept = [p for p in net.projections if id(p) not in dropped]
    return replace(
        net,
        populations=tuple(
            whole if p.name == whole.name else p
            for p in net.populations
            if p.name != part.name
        ),
        projections=tuple(
            replace(p, post=whole.name) if p.post == part.name else p for p in kept
        ),
    )
