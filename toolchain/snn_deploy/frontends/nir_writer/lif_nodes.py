"""Write one population as NIR nodes: Lif -> LIF, IF, LI, I, Threshold and what joins them.

All parameters are full-shape float64 arrays, as the importers of the frameworks want them.
"""

from collections.abc import Iterator
from dataclasses import replace

import nir
import numpy as np

from snn_deploy.arrays import FloatArray, Shape
from snn_deploy.frontends.nir_writer import level_banks
from snn_deploy.frontends.nir_writer.graph_builder import Draft, NodeEnds
from snn_deploy.frontends.nir_writer.parts import PopulationNodes, taken_off
from snn_deploy.frontends.nir_writer.stated import unstated
from snn_deploy.ir.network import Network, Population
from snn_deploy.neurons import Lif, MultiLevel

RESETS = ("zero", "subtract", "subtract_late")


def complaints(pop: Population) -> Iterator[str]:
    """Yield a sentence for each thing about `pop` that NIR cannot express."""
    yield from unstated(pop)
    n, who = pop.neuron, f"population {pop.name!r}"
    if not isinstance(n, Lif):
        return
    for name, keep in (("alpha", n.alpha), ("beta", n.beta)):
        if keep.min(initial=0) < 0 or keep.max(initial=0) > 1:
            yield (
                f"{who}: a decay factor {name} of {keep.min():g} .. {keep.max():g} per "
                "step is outside 0..1, which no time constant gives; choose one inside"
            )
    if n.spiking and not n.gain.all() and _feeds_back(n):
        yield (
            f"{who}: it takes nothing of its input (gain 0), and so cannot be told of its "
            "own spikes, as what they take off or hold; give all its neurons a gain"
        )
    if isinstance(n, MultiLevel):
        yield from level_banks.complaints(pop, n)
    elif n.spiking:
        yield from _spike_complaints(who, n)
    elif np.isfinite(n.threshold).any():
        yield f"{who}: a readout with a threshold has no standard form; make it infinite"


def _spike_complaints(who: str, n: Lif) -> Iterator[str]:
    """Yield what of threshold, reset and hold NIR cannot express."""
    if not np.isfinite(n.threshold).all():
        yield f"{who}: its threshold is not finite; make it a readout (spiking=False)"
        return
    if n.reset not in RESETS:
        yield f"{who}: its reset is {n.reset!r}; give one of {', '.join(RESETS)}"
    if _fires_in_node(n) and (n.threshold - n.v0).min() <= 0:
        low = (n.threshold - n.v0).min()
        yield (
            f"{who}: its threshold is {low:g} above the membrane's start, and a NIR "
            "neuron needs more than 0; raise the threshold"
        )
    if _fires_in_node(n) and (n.threshold - n.v_reset).min() <= 0:
        worst = int((n.threshold - n.v_reset).argmin())
        yield (
            f"{who}: a spike leaves its membrane at {n.v_reset[worst]:g}, which is not "
            f"below its threshold, {n.threshold[worst]:g}, so that it would fire for ever; "
            "raise the threshold"
        )
    if n.hold < 0 or n.hold != int(n.hold):
        yield f"{who}: it is held for {n.hold} steps after a spike; give 0, 1, 2, ..."


def is_passing(net: Network, pop: Population) -> bool:
    """Whether `pop` is a readout that outputs its input of the step and feeds nothing: an
    Output."""
    n = pop.neuron
    feeds = any(p.pre == pop.name for p in net.projections)
    plain = not (n.spiking or n.alpha.any() or n.beta.any())
    return plain and bool((n.gain == 1).all()) and not feeds and pop.name in net.outputs


def add_population(
    draft: Draft, pop: Population, shape: Shape, leak: FloatArray
) -> NodeEnds:
    """Add the nodes of a population, written in `shape`; leak [n]: bias that no layer
    has."""
    n = replace(pop.neuron, bias=leak)
    if isinstance(n, MultiLevel) and level_banks.is_binary(n):
        n = level_banks.as_lif(n)
    parts = PopulationNodes(draft, pop.name, shape, n)
    if isinstance(n, MultiLevel):
        return level_banks.add_multi_level(draft, pop.name, parts, n)
    if n.hold and n.spiking:
        return _held(draft, pop.name, parts)
    if not n.alpha.any() and _is_stateless(n) and bool((n.gain == 1).all()):
        node = draft.reserve(pop.name, nir.Threshold(parts.full(n.threshold - leak)))
        return NodeEnds(node, node)
    if not n.spiking:
        return _readout(draft, pop.name, parts)
    if _fires_in_node(n):
        leave = draft.reserve(pop.name, parts.resetting())
        return NodeEnds(parts.synapse(leave), leave)
    leave = draft.reserve(pop.name, nir.Threshold(parts.full(n.threshold - n.v0)))
    membrane = draft.add(f"{pop.name}_v", parts.integrator())
    draft.join(membrane, leave)
    parts.feedback(leave, membrane)
    return NodeEnds(parts.synapse(membrane), leave)


def _readout(draft: Draft, name: str, parts: PopulationNodes) -> NodeEnds:
    """Add I or LI, and behind it what the membrane starts at."""
    v0 = parts.n.v0
    if not v0.any():
        leave = draft.reserve(name, parts.integrator())
        return NodeEnds(parts.synapse(leave), leave)
    membrane = draft.add(f"{name}_v", parts.integrator())
    start = nir.Affine(np.eye(v0.size), parts.full(v0))
    leave = draft.reserve(name, start)
    draft.join(membrane, leave)
    return NodeEnds(parts.synapse(membrane), leave)


def _held(draft: Draft, name: str, parts: PopulationNodes) -> NodeEnds:
    """Add neurons that are made to fire while they are held, so that their node resets them
    again and again, and a Threshold that lets only the other spikes through."""
    leave = draft.reserve(name, nir.Threshold(parts.full(np.asarray(0.5))))
    membrane = draft.add(f"{name}_v", parts.resetting())
    draft.join(membrane, leave)
    parts.hold(leave, membrane)
    return NodeEnds(parts.synapse(membrane), leave)


def _feeds_back(n: Lif) -> bool:
    """Whether its spikes lead back to it."""
    if isinstance(n, MultiLevel):
        return bool(n.beta.any())
    return n.hold > 0 or (n.reset != "zero" and bool(taken_off(n).any()))


def _is_stateless(n: Lif) -> bool:
    """Whether the output depends on the input of the step alone."""
    late = n.reset == "subtract_late" and bool(n.amount.any())
    return n.spiking and not n.beta.any() and not late


def _fires_in_node(n: Lif) -> bool:
    """Whether one node of NIR holds membrane and hard reset."""
    if n.hold:
        return n.spiking
    return n.spiking and n.reset == "zero" and not (_is_stateless(n) and not n.alpha.any())
