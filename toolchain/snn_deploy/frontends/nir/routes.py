"""All ways from one population to the next: paths through linear nodes.

A population is a node with neurons. Between two of them signals run through any number of
linear nodes, which may fork and join; each path is one `NodeRoute`. A loop of linear nodes
alone has no end, so one node of each such loop is cut: what enters it becomes a population
that passes on its input. Linear nodes that lead nowhere are left out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.graph.graph import NEURONS, Graph, walk
from snn_deploy.frontends.nir.linear_nodes import Branch, MapPart, branches
from snn_deploy.frontends.nir.shapes import Shapes
from snn_deploy.ir.constants import unique_name
from snn_deploy.ir.network import Assumption

MAX_ROUTES = 10_000  # of one network; ours: forks that join again multiply


@dataclass(frozen=True, eq=False)
class NodeRoute:
    """One path through linear nodes to the next population.

    Attributes:
        post: Where it ends: a population or an Output; "" while that is not known.
        maps: Applied in turn; empty is the identity.
        delay: Of the whole path, model steps, 0 or more.
    """

    post: str
    maps: tuple[MapPart, ...] = ()
    delay: int = 0

    def through(self, branch: Branch) -> "NodeRoute":
        """Return the route with a branch of a linear node added."""
        return NodeRoute(self.post, (*self.maps, *branch.maps), self.delay + branch.delay)


@dataclass(frozen=True, eq=False)
class Paths:
    """What routes run through.

    Attributes:
        source: The file, for messages.
        linear: The parallel branches of each node without neurons that leads somewhere, by
            its name.
        following: The nodes behind each node, by its name; dead ends are left out.
        cuts: Where a loop of linear nodes was cut, the name of the population that stands
            in front of the node, by the name of the node.
        assumptions: The dead ends that were left out.
        found: One number, the routes that all calls have yielded so far, held against
            MAX_ROUTES; a list, so that it can grow.
    """

    source: str
    linear: Mapping[str, tuple[Branch, ...]]
    following: Mapping[str, tuple[str, ...]]
    cuts: Mapping[str, str]
    assumptions: tuple[Assumption, ...]
    found: list[int] = field(default_factory=lambda: [0])

    def after(self, name: str) -> Iterator[NodeRoute]:
        """Yield the routes that start at the output of a node.

        Raises:
            InputError: More than MAX_ROUTES in the network.
        """
        return self._follow((target, NodeRoute("")) for target in self.following[name])

    def after_cut(self, name: str) -> Iterator[NodeRoute]:
        """Yield the routes that start where a loop was cut, in front of the node `name`."""
        return self._follow(self._enter(name, NodeRoute("")))

    def _follow(self, starts: Iterable[tuple[str, NodeRoute]]) -> Iterator[NodeRoute]:
        todo = list(starts)[::-1]
        while todo:
            name, route = todo.pop()
            if name in self.linear and name not in self.cuts:
                todo.extend(self._enter(name, route)[::-1])
                continue
            self.found[0] += 1
            if self.found[0] > MAX_ROUTES:
                raise InputError(
                    f"{self.source}: more than {MAX_ROUTES} paths between populations, "
                    f"because forks of layers without neurons multiply; merge layers"
                )
            yield NodeRoute(self.cuts.get(name, name), route.maps, route.delay)

    def _enter(self, name: str, route: NodeRoute) -> list[tuple[str, NodeRoute]]:
        longer = [route.through(branch) for branch in self.linear[name]]
        return [(target, each) for target in self.following[name] for each in longer]


def find_paths(graph: Graph, shapes: Shapes, dt: float | None) -> Paths:
    """Return what routes run through; `dt` is seconds per step.

    Raises:
        InputError: A Delay is no whole number of steps.
    """
    ends = [n.name for n in graph.of_kind(*NEURONS, "Output")]
    live = set(walk(ends, graph.before).order)
    following = {a: tuple(b for b in graph.after[a] if b in live) for a in graph.nodes}
    linear = {
        node.name: branches(node, shapes.before[node.name], shapes.after[node.name], dt)
        for node in graph.nodes.values()
        if node.name in live and node.kind not in NEURONS | {"Input", "Output"}
    }
    inner = {name: [t for t in following[name] if t in linear] for name in sorted(linear)}
    cuts: dict[str, str] = {}
    for name in sorted({target for _, target in walk(sorted(linear), inner).back}):
        cuts[name] = unique_name(f"state:{name}", {*graph.nodes, *cuts.values()})
    dead = [
        Assumption(
            "dead end", f"{name!r} is left out", "neither neurons nor an Output follow it"
        )
        for name in graph.nodes
        if name not in live
    ]
    return Paths(graph.source, linear, following, cuts, tuple(dead))
