"""Gather: the nodes that stand for one multi-level neuron become one node of that kind.

Receives the checked graph of a file and returns one in which each sub-graph that
`nir_writer.level_banks` describes is a single node of kind "MultiLevel", under the name of
the node it leaves through. Only the edges, the thresholds and the factors count; what does
not fit exactly stays in parts. A membrane with one Threshold and no tracer is left alone
too: `passes.fuse` makes that one an ordinary neuron.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from snn_deploy.arrays import FloatArray, Shape
from snn_deploy.frontends.nir.discretize import membrane
from snn_deploy.frontends.nir.graph.graph import MULTI_LEVEL, Graph, Node
from snn_deploy.frontends.nir.linear_nodes import vector
from snn_deploy.frontends.nir.settled import Settings
from snn_deploy.frontends.nir.shapes import Shapes

CLOSE = 1e-9  # relative; how far thresholds and factors may be from evenly spaced


def gather(graph: Graph, shapes: Shapes, settings: Settings) -> Graph:
    """Return `graph` with every multi-level neuron as one node."""
    if settings.dt is None:
        return graph
    for node in graph.of_kind("I", "LI"):
        found = _found(_Look(graph, shapes, settings, node))
        if found is not None:
            graph = _merged(graph, node, found)
    return graph


@dataclass(frozen=True, eq=False)
class _Bank:
    """Thresholds on one node: `up` of it, `down` of its negative, rising; [levels, n].

    total: the node that sums them. parts: all nodes in between.
    """

    up: FloatArray
    down: FloatArray
    total: str
    parts: frozenset[str]


@dataclass(frozen=True, eq=False)
class _Found:
    """A neuron: `leave` is its output, `gone` are the nodes it is made of."""

    leave: str
    gone: frozenset[str]
    values: Mapping[str, FloatArray]


class _Look:
    """The graph around one membrane."""

    def __init__(
        self, graph: Graph, shapes: Shapes, settings: Settings, node: Node
    ) -> None:
        self.graph, self.settings, self.node = graph, settings, node
        self.shape: Shape = shapes.after[node.name]

    def after(self, name: str) -> tuple[str, ...]:
        return self.graph.after[name]

    def factor(self, name: str) -> FloatArray | None:
        """Return the factors [n] of a Scale; None if it is none."""
        node = self.graph.nodes[name]
        return vector(node, "scale", self.shape) if node.kind == "Scale" else None

    def is_scale(self, name: str, value: float) -> bool:
        factor = self.factor(name)
        return factor is not None and bool((factor == value).all())

    def is_step(self, name: str) -> bool:
        """Whether it is a Delay of one step."""
        node = self.graph.nodes[name]
        if node.kind != "Delay":
            return False
        steps = vector(node, "delay", self.shape) / (self.settings.dt or 1.0)
        return bool(np.allclose(steps, 1.0, rtol=1e-6, atol=0))

    def bank(self, source: str) -> _Bank | None:
        """Return the Thresholds behind `source` if all that follows is one bank."""
        up = [*self._thresholds(source)]
        negatives = [a for a in self.after(source) if self.is_scale(a, -1.0)]
        down = [x for a in negatives for x in self._thresholds(a)]
        if len(up) + len(negatives) != len(self.after(source)) or not (up or down):
            return None
        if any(len(self.after(a)) != len([*self._thresholds(a)]) for a in negatives):
            return None
        minus = [self._only(name) for name, _ in down]
        if any(m is None or not self.is_scale(m, -1.0) for m in minus):
            return None
        ends = {self._only(name) for name, _ in up} | {self._only(m) for m in minus if m}
        if len(ends) != 1 or None in ends:
            return None
        total = str(ends.pop())
        parts = {name for name, _ in (*up, *down)} | {*negatives} | {m for m in minus if m}
        return _Bank(self._rows(up), self._rows(down), total, frozenset(parts))

    def _only(self, name: str) -> str | None:
        return self.after(name)[0] if len(self.after(name)) == 1 else None

    def _thresholds(self, name: str) -> Iterator[tuple[str, FloatArray]]:
        for a in self.after(name):
            node = self.graph.nodes[a]
            if node.kind == "Threshold":
                yield a, vector(node, "threshold", self.shape)

    def _rows(self, found: list[tuple[str, FloatArray]]) -> FloatArray:
        """Return the thresholds [levels, n], rising."""
        empty = np.zeros((0, int(np.prod(self.shape))))
        return np.sort(np.stack([t for _, t in found]), axis=0) if found else empty


def _found(look: _Look) -> _Found | None:
    """Return the neuron whose membrane this is, if it is one."""
    bank = look.bank(look.node.name)
    if bank is None or not look.is_scale(bank.total, 1.0):
        return None
    if _feeders(look, bank.total) == _leaving(look, bank):  # nothing else enters the sum
        return _never_reset(look, bank) or _untraced(look, bank)
    return _traced(look, bank)


def _untraced(look: _Look, bank: _Bank) -> _Found | None:
    reset = _reset(look, bank.total)
    if reset is None or len(bank.up) + len(bank.down) < 2:
        return None
    values = _spacing(look, bank, reset.theta)
    if values is None:
        return None
    levels = {"low": -len(bank.down), "high": len(bank.up)}
    gone = bank.parts | reset.parts
    return _Found(bank.total, gone, values | _full(look, levels))


def _never_reset(look: _Look, bank: _Bank) -> _Found | None:
    out = _difference(look, bank.total)
    if out is None or _reset(look, out.leave) is not None:
        return None
    values = _spacing(look, bank, None)
    if values is None:
        return None
    levels = {"floor": -len(bank.down), "ceiling": len(bank.up)}
    gone = bank.parts | out.parts | {bank.total}
    return _Found(out.leave, gone, values | _full(look, levels))


def _traced(look: _Look, bank: _Bank) -> _Found | None:
    sent = look.bank(bank.total)
    out = None if sent is None else _difference(look, sent.total, bank.total)
    reset = None if out is None else _reset(look, out.leave)
    if sent is None or out is None or reset is None:
        return None
    entering = _leaving(look, bank) | {out.before}
    halves = all(
        np.allclose(rows, np.arange(len(rows))[:, None] + 0.5, rtol=CLOSE)
        for rows in (sent.up, sent.down)
    )
    values = _spacing(look, bank, reset.theta)
    if values is None or not halves or _feeders(look, bank.total) != entering:
        return None
    levels = {
        "low": -len(bank.down),
        "high": len(bank.up),
        "floor": -len(sent.down),
        "ceiling": len(sent.up),
    }
    gone = bank.parts | sent.parts | out.parts | reset.parts | {bank.total, sent.total}
    return _Found(out.leave, gone, values | _full(look, levels))


@dataclass(frozen=True, eq=False)
class _Difference:
    """leave: what was sent minus what had been sent a step before, at node `before`."""

    leave: str
    before: str
    parts: frozenset[str]


def _difference(look: _Look, sent: str, asked: str | None = None) -> _Difference | None:
    """Return the node behind `sent` that outputs its change; `asked` hears the delay
    too."""
    for before in look.after(sent):
        others = {a for a in look.after(before) if a != asked}
        if not look.is_step(before) or len(others) != 1:
            continue
        if asked is not None and asked not in look.after(before):
            continue
        (minus,) = others
        (leave, *more) = look.after(minus) or ("",)
        ends = not more and look.is_scale(minus, -1.0) and look.is_scale(leave, 1.0)
        if (
            ends
            and set(look.after(sent)) == {before, leave}
            and _feeders(look, leave) == {sent, minus}
        ):
            return _Difference(leave, before, frozenset({before, minus}))
    return None


@dataclass(frozen=True, eq=False)
class _Reset:
    """theta [n]: what a level takes off the membrane, a step later."""

    theta: FloatArray
    parts: frozenset[str]


def _reset(look: _Look, leave: str) -> _Reset | None:
    """Return the way from the output back to the membrane, if it takes off the levels."""
    values = membrane(look.node, look.shape, look.settings)
    beta = np.broadcast_to(values["beta"], (int(np.prod(look.shape)),))
    for late in look.after(leave):
        if not look.is_step(late) or len(look.after(late)) != 1:
            continue
        (back,) = look.after(late)
        factor = look.factor(back)
        if factor is None or look.after(back) != (look.node.name,) or not beta.all():
            continue
        theta = -factor * values["gain"] / beta
        if (theta > 0).all():
            return _Reset(theta, frozenset({late, back}))
    return None


def _spacing(
    look: _Look, bank: _Bank, theta: FloatArray | None
) -> dict[str, FloatArray] | None:
    """Return threshold and v0 [n] if the levels of the bank are evenly spaced.

    theta: the distance that the reset says; None if there is none.
    """
    above = bank.up
    below = np.nextafter(bank.down, -np.inf)  # written one float above, for >=
    if theta is None:
        rows = above if len(above) > 1 else below
        if len(rows) > 1:
            theta = (rows[-1] - rows[0]) / (len(rows) - 1)
        elif len(above) and len(below):
            theta = above[0] + below[0]
        else:
            return None
    v0 = theta - above[0] if len(above) else below[0]
    up = (np.arange(len(above))[:, None] + 1) * theta - v0
    down = np.arange(len(below))[:, None] * theta + v0
    near = CLOSE * np.abs(theta).max()
    even = np.allclose(above, up, rtol=CLOSE, atol=near)
    even &= np.allclose(below, down, rtol=CLOSE, atol=near)
    return {"threshold": theta, "v0": v0} if even and (theta > 0).all() else None


def _full(look: _Look, levels: Mapping[str, int]) -> dict[str, FloatArray]:
    n = int(np.prod(look.shape))
    bounds = {"low": -np.inf, "high": np.inf, "floor": -np.inf, "ceiling": np.inf}
    return {k: np.full(n, float(v)) for k, v in (bounds | dict(levels)).items()}


def _feeders(look: _Look, name: str) -> set[str]:
    return set(look.graph.before[name])


def _leaving(look: _Look, bank: _Bank) -> set[str]:
    """Return the nodes of the bank that lead to its sum."""
    return {a for a in look.graph.before[bank.total] if a in bank.parts}


def _merged(graph: Graph, node: Node, found: _Found) -> Graph:
    """Return `graph` with the parts of a neuron replaced by one node."""
    gone = found.gone | {node.name}
    values: dict[str, Any] = {**node.values, **found.values, "integrator": node.kind}
    whole = Node(found.leave, MULTI_LEVEL, values, graph.nodes[found.leave].where)
    nodes = {
        name: whole if name == found.leave else each
        for name, each in graph.nodes.items()
        if name not in gone
    }
    after = {
        a: tuple(sorted(_after(graph, a, node.name, found.leave, gone))) for a in nodes
    }
    before = {b: tuple(sorted(a for a in after if b in after[a])) for b in nodes}
    return replace(graph, nodes=nodes, before=before, after=after)


def _after(
    graph: Graph, name: str, membrane: str, leave: str, gone: frozenset[str]
) -> set[str]:
    """Return what follows a node that stays; the membrane is now the whole neuron."""
    targets = set(graph.after[name])
    return (targets - gone) | ({leave} if membrane in targets else set())
