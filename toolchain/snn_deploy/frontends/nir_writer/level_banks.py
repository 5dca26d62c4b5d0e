"""Write a population of `MultiLevel` neurons as standard NIR nodes; `gather` finds it.

A membrane that only integrates (I or LI) feeds a bank of Thresholds, one per level, whose
spikes are summed: the level. Negative levels are a bank of the negated membrane. Then::

    no tracer   sum -> out;                     out -> Delay -> Scale(-theta) -> membrane
    tracer      sum + S a step ago -> bank at 1/2, 3/2, ... -> S; out = S - S a step ago;
                                                out -> Delay -> Scale(-theta) -> membrane
    tracer, any level per step, no leak
                bank -> S; out = S - S a step ago; the membrane is never reset

where S is all that has been sent so far. No metadata is needed.
"""

from collections.abc import Iterator
from dataclasses import fields, replace

import nir
import numpy as np

from snn_deploy.arrays import FloatArray, frozen
from snn_deploy.frontends.nir_writer.graph_builder import Draft, NodeEnds
from snn_deploy.frontends.nir_writer.parts import PopulationNodes
from snn_deploy.ir.network import Population
from snn_deploy.neurons import Lif, MultiLevel

MOST_LEVELS = 256  # Thresholds per bank; ours, an 8-bit activation has 255


def complaints(pop: Population, neuron: MultiLevel) -> Iterator[str]:
    """Yield a sentence for each thing about a multi-level `pop` that NIR cannot express."""
    who = f"population {pop.name!r}"
    if not (np.isfinite(neuron.threshold) & (neuron.threshold > 0)).all():
        yield (
            f"{who}: its thresholds, {neuron.threshold.min():g} .. "
            f"{neuron.threshold.max():g}, have to be finite and above 0; correct them"
        )
    bounds = (neuron.low, neuron.high, neuron.floor, neuron.ceiling)
    if any(len(np.unique(b)) > 1 for b in bounds):
        yield f"{who}: its neurons differ in their levels; split it by levels"
        return
    low, high, floor, ceiling = (float(b[0]) for b in bounds)
    whole = all(b == np.rint(b) or np.isinf(b) for b in (low, high, floor, ceiling))
    if not (whole and low <= 0 <= high and floor <= 0 <= ceiling):
        yield (
            f"{who}: its levels are bounded by {low:g} .. {high:g} in one step and by "
            f"{floor:g} .. {ceiling:g} in all; give whole numbers around 0"
        )
    if neuron.most == neuron.least:
        yield f"{who}: it can send no level at all; leave it out, or raise its bounds"
    if not neuron.traced and np.isfinite([floor, ceiling]).any():
        yield (
            f"{who}: all it sends is bounded on one side only ({floor:g} .. "
            f"{ceiling:g}), for which there is no standard form; bound both sides"
        )
    most = max(neuron.most, -neuron.least)
    if not most <= MOST_LEVELS:
        yield (
            f"{who}: it sends up to {most:g} levels in one step, each of which takes a "
            f"Threshold node; give write_nir the most that occur (most=N, N up to "
            f"{MOST_LEVELS}), or deploy the network itself, deploy(network, board)"
        )


def is_endless(neuron: MultiLevel) -> bool:
    """Whether nothing bounds what it sends in one step."""
    return bool(np.isinf([neuron.least, neuron.most]).any())


def limited(neuron: MultiLevel, most: int) -> MultiLevel:
    """Return neurons that send no more than `most` levels, up or down, in one step, where
    they have no bound of their own."""
    low = np.where(np.isinf(neuron.low), -float(most), neuron.low)
    high = np.where(np.isinf(neuron.high), float(most), neuron.high)
    return replace(neuron, low=frozen(low), high=frozen(high))


def is_binary(neuron: MultiLevel) -> bool:
    """Whether it is an ordinary neuron that is reset by subtraction."""
    return not neuron.traced and (neuron.least, neuron.most) == (0.0, 1.0)


def as_lif(neuron: MultiLevel) -> Lif:
    """Return a binary neuron as the ordinary one that it is."""
    own = {f.name: getattr(neuron, f.name) for f in fields(Lif)}
    return Lif(**(own | {"reset": "subtract", "amount": neuron.threshold}))


def add_multi_level(
    draft: Draft, name: str, parts: PopulationNodes, n: MultiLevel
) -> NodeEnds:
    """Add the nodes of a population and return where signals enter and leave."""
    membrane = draft.add(f"{name}_v", parts.integrator())
    writer = _Writer(draft, name, parts)
    never_reset = _jumps(n)
    up = int(n.ceiling[0] if never_reset else n.most)
    down = int(-n.floor[0] if never_reset else -n.least)
    above = [k * n.threshold - n.v0 for k in range(1, up + 1)]
    below = [k * n.threshold + n.v0 for k in range(down)]
    if never_reset:
        leave = writer.differences(writer.bank(membrane, "level", above, below))
    elif n.traced:
        asked = writer.bank(membrane, "level", above, below)
        halves = [np.full(n.n, k + 0.5) for k in range(int(max(n.ceiling[0], -n.floor[0])))]
        sent = writer.bank(
            asked, "sent", halves[: int(n.ceiling[0])], halves[: int(-n.floor[0])]
        )
        leave = writer.differences(sent, asked)
    else:
        leave = writer.bank(membrane, "", above, below)
    if not never_reset:
        writer.reset(leave, membrane, n)
    return NodeEnds(parts.synapse(membrane), leave)


def _jumps(n: MultiLevel) -> bool:
    """Whether all it has sent is a function of all it has received."""
    span = n.ceiling[0] - n.floor[0]
    free = n.low[0] <= -span and n.high[0] >= span
    lossless = bool((n.beta == 1).all()) and not n.bias.any()
    return n.traced and bool(free) and lossless and bool(span > 1)


class _Writer:
    """Adds nodes of one population."""

    def __init__(self, draft: Draft, name: str, parts: PopulationNodes) -> None:
        self.draft, self.name, self.parts = draft, name, parts

    def scale(self, value: FloatArray | float) -> nir.Scale:
        return nir.Scale(self.parts.full(np.asarray(value)))

    def sum(self, label: str) -> str:
        """Add a node that adds up what arrives; the one without label is the output."""
        if not label:
            return self.draft.reserve(self.name, self.scale(1.0))
        return self.draft.add(f"{self.name}_{label}", self.scale(1.0))

    def bank(
        self, source: str, label: str, above: list[FloatArray], below: list[FloatArray]
    ) -> str:
        """Add Thresholds on `source`, and on its negative, and return their sum."""
        total = self.sum(label)
        stem = f"{self.name}_{label or 'level'}"
        for threshold in above:
            node = nir.Threshold(self.parts.full(threshold))
            self.draft.join(self.draft.follow(source, f"{stem}_up", node), total)
        if below:
            negative = self.draft.follow(source, f"{stem}_negative", self.scale(-1.0))
            for threshold in below:  # compared with >=, so one float above
                node = nir.Threshold(self.parts.full(np.nextafter(threshold, np.inf)))
                fired = self.draft.follow(negative, f"{stem}_down", node)
                minus = self.draft.follow(fired, f"{stem}_minus", self.scale(-1.0))
                self.draft.join(minus, total)
        return total

    def differences(self, sent: str, asked: str | None = None) -> str:
        """Return the output: how much more has been sent than a step ago.

        asked: the node to which that is added first, if any.
        """
        out = self.sum("")
        before = self.draft.follow(sent, f"{self.name}_before", self.parts.delay(1))
        minus = self.draft.follow(before, f"{self.name}_less", self.scale(-1.0))
        self.draft.join(sent, out)
        self.draft.join(minus, out)
        if asked is not None:
            self.draft.join(before, asked)
        return out

    def reset(self, leave: str, membrane: str, n: MultiLevel) -> None:
        """Join the levels of the step before to the membrane, as what they take off."""
        late = self.draft.follow(leave, f"{self.name}_delay", self.parts.delay(1))
        taken = self.scale(-n.beta * n.threshold / n.gain)
        self.draft.join(self.draft.follow(late, f"{self.name}_reset", taken), membrane)
