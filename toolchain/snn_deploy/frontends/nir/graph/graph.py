"""The graph as a front end sees it: first untrusted (RawGraph), then checked (Graph).

A reader (`file_graph`, `memory_graph`) makes a RawGraph and judges nothing but what it
needs in order to read. `flatten` checks it and makes a Graph, which everything behind it
trusts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import networkx as nx
import numpy as np

from snn_deploy.arrays import FloatArray, Shape
from snn_deploy.errors import InputError
from snn_deploy.files.hdf5 import Value
from snn_deploy.ir.network import Assumption

MAX_DEPTH = 16  # graphs within graphs; ours, so that a graph that holds itself ends
MAX_NODES = 10_000  # nodes are layers, not neurons; ours, far above any published file


MULTI_LEVEL = "MultiLevel"  # no type of NIR: what `gather` makes of several nodes
NEURONS = frozenset({"I", "LI", "IF", "LIF", "CubaLI", "CubaLIF", "Threshold", MULTI_LEVEL})
TIMED = NEURONS - {"Threshold"}  # their parameters are in seconds
RESETTING = frozenset({"IF", "LIF", "CubaLIF"})
ELEMENTWISE = frozenset({*NEURONS, "Scale", "Delay"})


@dataclass(frozen=True, eq=False)
class RawNode:
    """One node as it stands in the file, unchecked.

    Attributes:
        kind: Its type as the file, or the name of its class, states it; any text.
        values: Each parameter by its name, in its own dtype and shape, a text as str.
    """

    kind: str
    values: Mapping[str, Value]


@dataclass(frozen=True, eq=False)
class RawGraph:
    """A graph as it stands in the file, unchecked; graphs may stand among its nodes.

    Attributes:
        nodes: Nodes and nested graphs by name, in file order.
        edges: (source, target) by name; a port of a nested graph is 'graph.port'. There may
            be doubles, and names that no node has.
        read_with: What our own writer says in the metadata, the options with which the file
            means what was written; None of other writers.
    """

    nodes: Mapping[str, "RawNode | RawGraph"]
    edges: tuple[tuple[str, str], ...]
    read_with: str | None = None


@dataclass(frozen=True, eq=False)
class Node:
    """One checked node of a flat graph.

    Attributes:
        name: Unique in the graph; a node of a nested graph is 'outer.inner'.
        kind: A NIR type, "Port" for what was the Input or Output of a nested graph (the
            identity), or MULTI_LEVEL for what `gather` made of several nodes.
        values: All parameters by name, optional ones filled in; shapes that can be inferred
            (`nodes.MAY_MISS`) may be absent.
        where: File, name and type, for messages.
    """

    name: str
    kind: str
    values: Mapping[str, Value]
    where: str

    def has(self, key: str) -> bool:
        """Whether the parameter is there."""
        return key in self.values

    def real(self, key: str) -> FloatArray:
        """Return a parameter as float64, in its own shape."""
        return np.asarray(self.values[key], np.float64)

    def ints(self, key: str) -> Shape:
        """Return a parameter that holds whole numbers."""
        return tuple(int(v) for v in np.asarray(self.values[key]).ravel())

    def fail(self, why: str) -> InputError:
        """Return the error that says `why`, after the node it is about."""
        return InputError(f"{self.where}: {why}")


@dataclass(frozen=True, eq=False)
class Graph:
    """A flat graph: unique names, edges without doubles between nodes that exist.

    Attributes:
        source: Path of the file, or "NIR graph" for one in memory; for messages.
        nodes: By name, in file order.
        before: The nodes from which edges lead to each node, by its name; sorted by name.
        after: The nodes to which edges lead from each node, by its name; sorted by name.
        assumptions: Edges that were mended or counted once, parameters that were filled in
            or ignored, and what `correct` assumed.
        read_with: As of RawGraph.
    """

    source: str
    nodes: Mapping[str, Node]
    before: Mapping[str, tuple[str, ...]]
    after: Mapping[str, tuple[str, ...]]
    assumptions: tuple[Assumption, ...] = field(default=())
    read_with: str | None = None

    def of_kind(self, *kinds: str) -> tuple[Node, ...]:
        """Return the nodes of these types, in file order."""
        return tuple(n for n in self.nodes.values() if n.kind in kinds)


def own_words(metadata: Mapping[str, Any]) -> str | None:
    """Return the options that our own writer left in the metadata of a graph, unchecked."""
    said = metadata.get("read_with")
    ours = metadata.get("written_by") == "snn-deploy"
    return said if ours and isinstance(said, str) else None


def label(kind: str) -> str:
    """Return a type for a message: as it is if it could be one, else quoted."""
    return kind if kind.isidentifier() else repr(kind)


@dataclass(frozen=True)
class Walk:
    """What a depth-first search saw.

    Attributes:
        order: The nodes that were reached, each before all those that can be reached from
            it only (cycles aside).
        back: The edges (source, target) that close a cycle.
    """

    order: tuple[str, ...]
    back: frozenset[tuple[str, str]]


def walk(starts: Iterable[str], after: Mapping[str, Iterable[str]]) -> Walk:
    """Search depth-first from each start in turn, neighbours in the order given."""
    graph: nx.DiGraph[Any] = nx.DiGraph()
    root = object()  # so that it is one search, whatever the number of starts
    graph.add_edges_from((root, start) for start in starts)
    graph.add_edges_from((a, b) for a, targets in after.items() for b in targets)
    if root not in graph:
        return Walk((), frozenset())
    done: list[str] = []
    back: set[tuple[str, str]] = set()
    open_: set[Any] = set()
    for a, b, label in nx.dfs_labeled_edges(graph, root):
        if label == "forward":
            open_.add(b)
        elif label == "reverse":
            open_.discard(b)
            done.append(b)
        elif b in open_:
            back.add((a, b))
    return Walk(tuple(reversed(done[:-1])), frozenset(back))


def above_threshold(node: Node) -> bool:
    """Whether a membrane of 0 would be at or above the threshold, as in millivolts."""
    return node.kind in RESETTING and bool((node.real("v_threshold") <= 0).any())
