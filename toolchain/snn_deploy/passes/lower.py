"""Lower: multi-level populations -> populations of binary spikes that compute the same.

Receives any Network and returns one in which nothing sends more than 0 or 1. What a
multi-level population sent is the sum of what its parts send, each times the part's worth;
that sum is the same in every step, so every target gets the same input. A part is a
population of its own, at least one core on a chip, and every synapse of the lowered
population is stored once per part of its source and part of its target.

For levels up to m in one step (and as much again for levels below 0):

* `member-bank` (Lyu et al., "group neurons"): m threshold neurons at theta, 2 theta, ..., m
  theta share a membrane that none of them resets; those that fire take theta off all of
  them, over m * m inhibitory synapses per neuron, in the next step. Plain LIF neurons whose
  reset takes nothing off; not for tracers, negative levels and decaying currents.
* `unary`: m neurons that each hold the whole state; neuron k sends whether the level is k.
* `bit-planes`: as many neurons as m has bits; neuron j sends bit j, its synapses are 2**j
  times as strong.

A population that is read out gets a readout of its old name, whose membrane is the sum of
all levels so far: one more hop, and nothing else is asked of the host.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import FloatArray, frozen
from snn_deploy.errors import DoesNotFitError, option
from snn_deploy.ir.linear import compose, fold
from snn_deploy.ir.maps import Map, Scale, Sparse
from snn_deploy.ir.network import Network, Population, Projection
from snn_deploy.names import LoweringName
from snn_deploy.neurons import Lif, MultiLevel

MOST_PARTS = (
    64  # of one population; ours: every pair of lowered populations multiplies them
)


@dataclass(frozen=True, eq=False)
class Part:
    """One binary population of those that take the place of a multi-level one.

    Attributes:
        population: It has the shape and the lag of the whole, and a name of its own.
        worth: Levels that one of its spikes stands for, below 0 for negative levels.
    """

    population: Population
    worth: float


Parts: TypeAlias = tuple[Part, ...]
LoweringMethod: TypeAlias = Callable[[Population, MultiLevel], Parts]


def lower(net: Network, method: LoweringName | None) -> Network:
    """Return `net` with binary spikes only; lags of `retime` have to be set anew.

    method: key of METHODS; None leaves everything as it is.

    Raises:
        InputError: There is no such method.
        DoesNotFitError: Levels without bound, or more than the method can express; all
            such populations at once.
    """
    if method is None:
        return net
    graded = [p for p in net.populations if _is_graded(p)]
    violations = [v for p in graded for v in _violations(p, method)]
    if violations:
        raise DoesNotFitError(*violations)
    parts = {p.name: METHODS[method](p, _levels(p)) for p in graded}
    read = [p for p in graded if p.name in net.outputs]
    populations = tuple(_populations(net, parts))
    _refuse_same_names(populations)
    return replace(
        net,
        populations=populations,
        projections=(
            *(q for p in net.projections for q in _projections(p, parts)),
            *(q for p in read for q in _to_readout(p, parts[p.name])),
            *(q for p in graded if method == MEMBERS for q in _lateral(p, parts[p.name])),
        ),
    )


def parts_of(pop: Population, method: LoweringName) -> Parts:
    """Return the binary populations that `lower` puts in the place of `pop`.

    Raises: as `lower`.
    """
    found = tuple(_violations(pop, method))
    if found:
        raise DoesNotFitError(*found)
    return METHODS[method](pop, _levels(pop))


# --- what takes the place of a population ----------------------------------------------


def _member_bank(pop: Population, neuron: MultiLevel) -> Parts:
    return tuple(
        _part(pop, f"member {k}", _member(neuron, k), 1.0)
        for k in range(1, int(neuron.most) + 1)
    )


def _member(n: MultiLevel, k: int) -> Lif:
    """Return neurons that fire where the membrane holds k thresholds, and keep it."""
    return Lif(
        alpha=n.alpha,
        beta=n.beta,
        gain=n.gain,
        bias=n.bias,
        threshold=frozen(k * n.threshold),
        v_reset=n.v_reset,
        amount=frozen(np.zeros(n.n)),
        v0=n.v0,
        reset="subtract",
        inclusive=True,
    )


def _unary(pop: Population, neuron: MultiLevel) -> Parts:
    up, down = int(neuron.most), int(-neuron.least)
    return (
        *(_slice(pop, f"level {k}", 1.0, member=k) for k in range(1, up + 1)),
        *(_slice(pop, f"negative level {k}", -1.0, member=-k) for k in range(1, down + 1)),
    )


def _bit_planes(pop: Population, neuron: MultiLevel) -> Parts:
    up, down = int(neuron.most).bit_length(), int(-neuron.least).bit_length()
    return (
        *(_slice(pop, f"bit {j}", 2.0**j, plane=1 << j) for j in range(up)),
        *(
            _slice(pop, f"negative bit {j}", -(2.0**j), plane=-(1 << j))
            for j in range(down)
        ),
    )


def _slice(
    pop: Population, name: str, worth: float, *, member: int = 0, plane: int = 0
) -> Part:
    neuron = _levels(pop)
    sliced = replace(
        neuron,
        member=frozen(np.full(neuron.n, float(member))),
        plane=frozen(np.full(neuron.n, float(plane))),
    )
    return _part(pop, name, sliced, worth)


def _part(pop: Population, name: str, neuron: Lif, worth: float) -> Part:
    return Part(replace(pop, name=f"{pop.name} {name}", neuron=neuron), worth)


MEMBERS: Final = "member-bank"
METHODS: dict[LoweringName, LoweringMethod] = {
    MEMBERS: _member_bank,
    "bit-planes": _bit_planes,
    "unary": _unary,
}


# --- how the parts are joined ------------------------------------------------------------


def _populations(net: Network, parts: Mapping[str, Parts]) -> Iterator[Population]:
    for pop in net.populations:
        if pop.name not in parts:
            yield pop
            continue
        yield from (part.population for part in parts[pop.name])
        if pop.name in net.outputs:
            n = pop.neuron.n
            readout = Lif.of(n, threshold=np.inf, amount=0.0, spiking=False)
            yield replace(pop, neuron=readout)


def _projections(p: Projection, parts: Mapping[str, Parts]) -> Iterator[Projection]:
    sources = [(part.population.name, part.worth) for part in parts.get(p.pre, ())]
    targets = [part.population.name for part in parts.get(p.post, ())]
    for pre, worth in sources or [(p.pre, 1.0)]:
        scaled = _times(p.map, worth)
        for post in targets or [p.post]:
            yield Projection(pre, post, scaled, p.delay)


def _times(m: Map, worth: float) -> Map:
    return m if worth == 1.0 else fold(compose(m, Scale(np.full(m.n_post, worth))))


def _to_readout(pop: Population, parts: Parts) -> Iterator[Projection]:
    for part in parts:
        weight = _diagonal(np.full(pop.neuron.n, part.worth))
        yield Projection(part.population.name, pop.name, weight)


def _lateral(pop: Population, parts: Parts) -> Iterator[Projection]:
    """Return what takes theta off every member, one step after a member has fired."""
    n = pop.neuron
    weight = _diagonal(-n.beta * n.threshold / n.gain)  # as if taken before the leak
    for pre in parts:
        for post in parts:
            yield Projection(pre.population.name, post.population.name, weight, 1)


def _diagonal(values: FloatArray) -> Sparse:
    return Sparse(sp.csr_array(sp.diags_array(values)))


# --- what cannot be lowered ---------------------------------------------------------------


def _is_graded(pop: Population) -> bool:
    return isinstance(pop.neuron, MultiLevel) and not pop.neuron.sliced


def _levels(pop: Population) -> MultiLevel:
    if not isinstance(pop.neuron, MultiLevel):
        raise TypeError(f"population {pop.name!r} sends no levels")
    return pop.neuron


def _violations(pop: Population, method: str) -> Iterator[str]:
    neuron, who = _levels(pop), f"population {pop.name!r}"
    least, most = neuron.least, neuron.most
    if not np.isfinite([least, most]).all():
        yield (
            f"{who}: its levels in one step go from {least:g} to {most:g}, and "
            f"{option('lower')} needs bounds; give the neuron a lowest and a highest level"
        )
        return
    if neuron.floored:
        yield (
            f"{who}: its membrane has a lowest value, which the parts that "
            f"{option('lower')} makes do not have; leave {option('lower')} out"
        )
    if method == MEMBERS:
        yield from _member_violations(who, neuron)
    if method != "bit-planes" and most - least > MOST_PARTS:
        yield (
            f"{who}: its levels go from {least:g} to {most:g}, which "
            f"{option('lower', method)} "
            f"makes {most - least:.0f} populations, more than {MOST_PARTS}; use "
            f"{option('lower', 'bit-planes')}, or fewer levels"
        )


def _refuse_same_names(populations: tuple[Population, ...]) -> None:
    for name, times in Counter(p.name for p in populations).items():
        if times > 1:
            raise DoesNotFitError(
                f"population {name!r}: {option('lower')} gives this name to a part of "
                "another population; rename it in the model"
            )


def _member_violations(who: str, n: MultiLevel) -> Iterator[str]:
    reasons = {
        "sends levels below 0": n.least < 0,
        "keeps count of all it has sent (tracer)": bool(
            np.isfinite(n.floor).any() or np.isfinite(n.ceiling).any()
        ),
        "has a current that decays over several steps": bool(n.alpha.any()),
        "has several highest levels": len(np.unique(n.high)) > 1,
        "gets its input times 0": not n.gain.all(),
    }
    for reason, holds in reasons.items():
        if holds:
            yield (
                f"{who}: it {reason}, and threshold neurons that share a membrane cannot; "
                f"use {option('lower', 'unary|bit-planes')}"
            )
