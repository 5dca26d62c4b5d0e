"""In which order populations can be evaluated: within a step, and as a whole."""

from collections.abc import Sequence
from typing import Protocol

import networkx as nx


class HasName(Protocol):
    """An input or a population.

    Attributes:
        name: No other input or population has it.
    """

    @property
    def name(self) -> str: ...


class Edge(Protocol):
    """A projection.

    Attributes:
        pre: Name of the input or population that it starts from.
        post: Name of the population that it ends in.
        delay: Model steps, 0 or more.
    """

    @property
    def pre(self) -> str: ...
    @property
    def post(self) -> str: ...
    @property
    def delay(self) -> int: ...


class Wired(Protocol):
    """A Network or a QuantNetwork.

    Attributes:
        populations: Their order breaks ties.
        projections: Those of inputs too.
    """

    @property
    def populations(self) -> Sequence[HasName]: ...
    @property
    def projections(self) -> Sequence[Edge]: ...


def evaluation_order(net: Wired) -> list[str]:
    """Return the populations such that each follows all that reach it with delay 0.

    Ties keep the order of the network, so the result is deterministic.
    """
    graph: nx.DiGraph[str] = _graph(net, zero_delay_only=True)
    rank = {name: i for i, name in enumerate(graph)}
    return list(nx.lexicographical_topological_sort(graph, key=rank.__getitem__))


def components(net: Wired) -> list[list[str]]:
    """Return the strongly connected groups of populations, sources first.

    Within a group the order is that of `evaluation_order`. A group of one population is a
    cycle only if it projects onto itself.
    """
    graph = _graph(net, zero_delay_only=False)
    rank = {name: i for i, name in enumerate(evaluation_order(net))}
    condensed = nx.condensation(graph)
    members = [
        sorted(condensed.nodes[c]["members"], key=rank.__getitem__) for c in condensed
    ]
    first = {c: rank[members[c][0]] for c in condensed}
    order = nx.lexicographical_topological_sort(condensed, key=first.__getitem__)
    return [members[c] for c in order]


def _graph(net: Wired, *, zero_delay_only: bool) -> "nx.DiGraph[str]":
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(p.name for p in net.populations)
    for link in net.projections:
        if link.pre in graph and not (zero_delay_only and link.delay > 0):
            graph.add_edge(link.pre, link.post)
    return graph
