"""Flatten: RawGraph -> Graph. Nested graphs dissolve, every node and edge is checked.

Node 'inner' of the nested graph 'outer' becomes 'outer.inner'; the nested graph's own
Inputs and Outputs stay as "Port" nodes, which pass on what they get. Edges to a nested
graph lead to its one Input; with several, the edge has to name the port ('outer.port').
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.graph.graph import Graph, Node, RawGraph, RawNode, walk
from snn_deploy.frontends.nir.graph.nodes import DEFAULTS, SCHEMA, check_node
from snn_deploy.ir.constants import unique_name
from snn_deploy.ir.network import Assumption

Address: TypeAlias = tuple[str, ...]  # names from the outermost graph down to the node


def flatten(raw: RawGraph, source: str) -> Graph:
    """Return the flat, checked graph; `source` names the file in messages.

    Raises:
        InputError: A node or an edge makes no sense, there is no Input or no Output, or
            some node is reached by no Input.
    """
    found = _Found(source)
    found.expand(raw, ())
    names: dict[Address, str] = {}
    taken: set[str] = set()
    for address in sorted(found.nodes, key=len):
        names[address] = unique_name(".".join(address), taken)
        taken.add(names[address])
    nodes = {}
    for address, node in found.nodes.items():
        checked = check_node(node, names[address], source)
        nested = len(address) > 1 and node.kind in ("Input", "Output")
        kind = "Port" if nested else node.kind
        nodes[checked.name] = Node(checked.name, kind, checked.values, checked.where)
    edges = [(names[a], names[b]) for a, b in found.edges]
    assumed = (*found.repairs, *_doubles(edges), *_defaults(found.nodes.values()))
    graph = Graph(
        source, nodes, _neighbours(nodes, edges, 0), _neighbours(nodes, edges, 1), assumed,
        raw.read_with,
    )  # fmt: skip
    check_connected(graph)
    return graph


@dataclass
class _Found:
    """What has been found in the graph and the graphs within it."""

    source: str
    nodes: dict[Address, RawNode] = field(default_factory=dict)
    edges: list[tuple[Address, Address]] = field(default_factory=list)
    repairs: list[Assumption] = field(default_factory=list)

    def expand(self, graph: RawGraph, at: Address) -> None:
        for name, node in graph.nodes.items():
            if isinstance(node, RawGraph):
                self.expand(node, (*at, name))
            else:
                self.nodes[(*at, name)] = node
        for a, b in self.repaired(graph, at):
            edge = f"edge {a!r} -> {b!r}" + (f" in graph {'.'.join(at)!r}" if at else "")
            self.edges.append(
                (
                    (*at, *self.end(graph, a, "Output", edge)),
                    (*at, *self.end(graph, b, "Input", edge)),
                )
            )

    def repaired(self, graph: RawGraph, at: Address) -> tuple[tuple[str, str], ...]:
        """Return the edges; one wrong name in a nested graph is mended if one node fits."""
        used = dict.fromkeys(name for edge in graph.edges for name in edge)
        missing = [n for n in used if n not in graph.nodes and not _port(graph, n)]
        idle = [n for n in graph.nodes if n not in used]
        if not at or len(missing) != 1 or len(idle) != 1:
            return graph.edges
        wrong, right = missing[0], idle[0]
        self.repairs.append(
            Assumption(
                "edge",
                f"{wrong!r} in graph {'.'.join(at)!r} means {right!r}",
                "the edges name a node that is not there, and just one node has no edge",
            )
        )
        return tuple(
            (_swap(a, wrong, right), _swap(b, wrong, right)) for a, b in graph.edges
        )

    def end(self, graph: RawGraph, name: str, kind: str, edge: str) -> Address:
        """Return the node that the end of an edge means; `kind`: port of a nested graph."""
        if name not in graph.nodes:
            port = _port(graph, name)
            if port:
                return port
            known = ", ".join(sorted(map(repr, graph.nodes))[:8])
            raise InputError(
                f"{self.source}: {edge}: there is no node {name!r} (nodes: {known}); "
                f"correct the edge or add the node"
            )
        node = graph.nodes[name]
        if isinstance(node, RawNode):
            return (name,)
        ports = [
            k for k, n in node.nodes.items() if isinstance(n, RawNode) and n.kind == kind
        ]
        if len(ports) != 1:
            raise InputError(
                f"{self.source}: {edge}: graph {name!r} has {len(ports)} nodes of type "
                f"{kind}, so the edge does not say which one; give it exactly one"
            )
        return (name, ports[0])


def _port(graph: RawGraph, name: str) -> Address | None:
    """Return the Input or Output of a nested graph that 'graph.port' names."""
    for outer, inner in graph.nodes.items():
        if isinstance(inner, RawGraph) and name.startswith(f"{outer}."):
            port = name[len(outer) + 1 :]
            node = inner.nodes.get(port)
            if isinstance(node, RawNode) and node.kind in ("Input", "Output"):
                return (outer, port)
    return None


def _swap(name: str, wrong: str, right: str) -> str:
    return right if name == wrong else name


def _neighbours(
    nodes: Iterable[str], edges: Iterable[tuple[str, str]], side: int
) -> dict[str, tuple[str, ...]]:
    """Return before (side 0) or after (side 1) each node."""
    found: dict[str, set[str]] = {name: set() for name in nodes}
    for edge in edges:
        found[edge[1 - side]].add(edge[side])
    return {name: tuple(sorted(others)) for name, others in found.items()}


def _doubles(edges: list[tuple[str, str]]) -> list[Assumption]:
    return [
        Assumption("duplicate edge", f"{a!r} -> {b!r} counts once", f"listed {n} times")
        for (a, b), n in sorted(Counter(edges).items())
        if n > 1
    ]


def _defaults(nodes: Iterable[RawNode]) -> list[Assumption]:
    """Return what was filled in or passed over, per parameter."""
    filled: Counter[str] = Counter()
    ignored: Counter[str] = Counter()
    for node in nodes:
        rules = SCHEMA[node.kind]
        filled.update(k for k in rules if k not in node.values and k in DEFAULTS)
        ignored.update(k for k in node.values if k not in rules)
    return [
        *(
            Assumption(
                k, f"{DEFAULTS[k].item():g}", f"nodes without it: {n}; nir's default"
            )
            for k, n in sorted(filled.items())
        ),
        *(
            Assumption(k, "ignored", f"nodes with it: {n}; nir 1.0.8 has no such parameter")
            for k, n in sorted(ignored.items())
        ),
    ]


def check_connected(graph: Graph) -> None:
    """Raise InputError unless signals pass from Inputs to every node, and to an Output."""
    if not graph.nodes:
        raise InputError(f"{graph.source}: the graph is empty; export a model with layers")
    inputs, outputs = graph.of_kind("Input"), graph.of_kind("Output")
    for ports, kind in ((inputs, "Input"), (outputs, "Output")):
        if not ports:
            raise InputError(
                f"{graph.source}: no node of type {kind}, so nothing says where signals "
                f"{'enter' if kind == 'Input' else 'leave'}; add one and export again"
            )
    for node in inputs:
        _refuse(node, graph.before, "an edge leads into this Input, from")
    for node in outputs:
        _refuse(node, graph.after, "an edge leads out of this Output, to")
    reached = set(walk([n.name for n in inputs], graph.after).order)
    for node in graph.nodes.values():
        if node.name not in reached:
            raise node.fail("no Input reaches it; connect it or remove it")
        if node.kind == "Input" and not graph.after[node.name]:
            raise node.fail("feeds nothing; connect it or remove it")


def _refuse(node: Node, neighbours: Mapping[str, tuple[str, ...]], why: str) -> None:
    if neighbours[node.name]:
        raise node.fail(f"{why} {neighbours[node.name][0]!r}; remove the edge")
