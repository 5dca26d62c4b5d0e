"""Wire the populations: projections, readouts, biases, and the delays of cycles.

Receives the neurons of each node that has some, and the `Paths` between them. What a linear
node adds in every step is counted once per node and pushed through the rest of each route.
It becomes a bias of the membrane where that is the same thing; where it is not (a synaptic
current has to ramp up, or a Delay lies on the way) it comes from one extra neuron that
spikes in every step.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from snn_deploy.arrays import FloatArray
from snn_deploy.frontends.nir.discretize import readout
from snn_deploy.frontends.nir.graph.graph import NEURONS, Graph, walk
from snn_deploy.frontends.nir.linear_nodes import bias
from snn_deploy.frontends.nir.routes import NodeRoute, Paths
from snn_deploy.frontends.nir.shapes import Shapes
from snn_deploy.ir.constants import Constant, add_constants
from snn_deploy.ir.linear import apply
from snn_deploy.ir.maps import Chain
from snn_deploy.ir.network import Assumption, Population, Projection
from snn_deploy.neurons import Lif


@dataclass(frozen=True, eq=False)
class Wiring:
    """What a Network needs beside its inputs.

    Attributes:
        populations: In the order in which signals reach them; those made for cuts, readouts
            and constants included.
        projections: By target, then source, both in the order in which signals reach them,
            then by delay.
        outputs: Names of the populations that are read out, in the order of the Outputs,
            each once.
        assumptions: Dead ends that were left out, steps on recurrent edges, and readouts.
    """

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    outputs: tuple[str, ...]
    assumptions: tuple[Assumption, ...]


@dataclass(frozen=True, eq=False)
class StartedRoute:
    """A route with its start.

    Attributes:
        pre: The input or population whose output enters the route.
        n: How many values `pre` gives per model step.
        route: What lies between `pre` and the next population or Output.
    """

    pre: str
    n: int
    route: NodeRoute


@dataclass(frozen=True, eq=False)
class Ends:
    """Where routes end: the population that a node or an Output means.

    Attributes:
        posts: The population at each end, by the name of the end. Ends that are missing
            need no projection, since what leads there is read out as it is.
        outputs: Names of the populations that are read out, in the order of the Outputs,
            each once.
        readouts: The populations made for Outputs to which no single population leads
            unchanged.
    """

    posts: Mapping[str, str]
    outputs: tuple[str, ...]
    readouts: tuple[Population, ...]


def wire(
    graph: Graph,
    shapes: Shapes,
    paths: Paths,
    neurons: Mapping[str, Lif],
    late: frozenset[str],
) -> Wiring:
    """Join inputs and populations.

    neurons: those of each node that has some. late: populations that see their input one
    step later.
    """
    links = [*_links(graph, shapes, paths)]
    ends = find_ends(graph, shapes, paths, links)
    populations = {
        name: Population(name, shapes.after[name], neuron)
        for name, neuron in neurons.items()
    }
    populations |= {p.name: p for p in (*_cut_populations(shapes, paths), *ends.readouts)}
    drawn = [
        Projection(x.pre, ends.posts[x.route.post], Chain(x.route.maps, x.n), x.route.delay)
        for x in links
        if x.route.post in ends.posts
    ]
    inputs = [node.name for node in graph.of_kind("Input")]
    drawn, assumed = close_cycles(drawn, inputs)
    constants = _constants(graph, shapes, paths, ends)
    populations, extra = add_constants(populations, constants, late, graph.nodes)
    drawn = [replace(p, delay=p.delay + (p.post in late)) for p in [*drawn, *extra]]
    order = _signal_order(populations, drawn, inputs)
    rank = {name: i for i, name in enumerate(order)}
    return Wiring(
        populations=tuple(populations[name] for name in order if name in populations),
        projections=tuple(
            sorted(drawn, key=lambda p: (rank[p.post], rank[p.pre], p.delay))
        ),
        outputs=ends.outputs,
        assumptions=(*paths.assumptions, *assumed, *_readout_assumptions(ends)),
    )


def _links(graph: Graph, shapes: Shapes, paths: Paths) -> Iterator[StartedRoute]:
    for node in graph.of_kind("Input", *NEURONS):
        n = math.prod(shapes.after[node.name])
        yield from (StartedRoute(node.name, n, route) for route in paths.after(node.name))
    for name, population in paths.cuts.items():
        n = math.prod(shapes.before[name])
        yield from (StartedRoute(population, n, route) for route in paths.after_cut(name))


def _cut_populations(shapes: Shapes, paths: Paths) -> Iterator[Population]:
    for name, population in paths.cuts.items():
        yield _passing(population, shapes.before[name])


def _passing(name: str, shape: tuple[int, ...]) -> Population:
    """Return a population whose output is its input of the step."""
    return Population(name, shape, readout(math.prod(shape)))


def find_ends(
    graph: Graph, shapes: Shapes, paths: Paths, links: list[StartedRoute]
) -> Ends:
    """Return the population at each end; an Output without neurons gets a readout.

    An Output to which one population leads unchanged reads that population. Any other gets
    a readout that outputs the sum of what arrives; it takes the name of the last layer, or
    of the Output.
    """
    posts = {n.name: n.name for n in graph.of_kind(*NEURONS)}
    posts |= {name: name for name in paths.cuts.values()}
    sources = set(posts)
    outputs: list[str] = []
    readouts: dict[str, Population] = {}
    arriving_at: dict[str, list[StartedRoute]] = {}
    for x in links:
        arriving_at.setdefault(x.route.post, []).append(x)
    for node in graph.of_kind("Output"):
        arriving = arriving_at[node.name]
        first = arriving[0]
        direct = len(arriving) == 1 and not first.route.maps and not first.route.delay
        if direct and first.pre in sources:
            outputs.append(first.pre)
            continue
        name = _readout_name(graph, node.name)
        outputs.append(name)
        if name not in readouts:
            readouts[name] = _passing(name, shapes.after[node.name])
            posts[node.name] = name
    return Ends(posts, tuple(dict.fromkeys(outputs)), tuple(readouts.values()))


def _readout_name(graph: Graph, output: str) -> str:
    """Return the one linear layer in front of an Output, or the Output if there is none."""
    name = output
    while len(graph.before[name]) == 1:
        name = graph.before[name][0]
        kind = graph.nodes[name].kind
        if kind in NEURONS or kind == "Input":
            break
        if kind not in ("Port", "Flatten"):
            return name
    return output


def _readout_assumptions(ends: Ends) -> Iterator[Assumption]:
    for population in ends.readouts:
        yield Assumption(
            "readout",
            f"{population.name!r} outputs the sum that arrives in each step",
            "no neurons between it and an Output",
        )


def _constants(graph: Graph, shapes: Shapes, paths: Paths, ends: Ends) -> list[Constant]:
    """Return what biases add up to, per population and delay."""
    total: dict[tuple[str, int], FloatArray] = {}
    for name in paths.linear:
        value = bias(graph.nodes[name], shapes.after[name])
        if value is None:
            continue
        for route in paths.after(name):
            pushed = apply(Chain(route.maps, value.size), value[None])[0]
            if route.post in ends.posts:
                key = (ends.posts[route.post], route.delay)
                total[key] = total.get(key, 0.0) + pushed
    return [
        Constant(post, total[post, delay], delay)
        for post, delay in sorted(total)
        if total[post, delay].any()
    ]


def close_cycles(
    projections: list[Projection], inputs: list[str]
) -> tuple[list[Projection], list[Assumption]]:
    """Return the projections with a step of delay on one edge of each cycle that has none.

    It is the edge that closes the cycle in a depth-first search from the inputs, names
    sorted: frameworks, too, evaluate a layer once it is reached, and feed back what it sent
    a step ago.
    """
    after = _neighbours(p for p in projections if p.delay == 0)
    starts = [*sorted(inputs), *sorted(after)]
    back = walk(starts, {a: sorted(set(targets)) for a, targets in after.items()}).back
    closing = {id(p) for p in projections if p.delay == 0 and (p.pre, p.post) in back}
    delayed = [replace(p, delay=1) if id(p) in closing else p for p in projections]
    assumed = [
        Assumption(
            "recurrent edge",
            f"{pre!r} -> {post!r} takes one step",
            "it closes a cycle without a Delay; frameworks feed back the step before",
        )
        for pre, post in sorted(back)
    ]
    return delayed, assumed


def _neighbours(projections: Iterable[Projection]) -> dict[str, list[str]]:
    after: dict[str, list[str]] = {}
    for p in projections:
        after.setdefault(p.pre, []).append(p.post)
    return after


def _signal_order(
    populations: Mapping[str, Population], projections: list[Projection], inputs: list[str]
) -> tuple[str, ...]:
    """Return inputs and populations in the order in which signals reach them."""
    after = _neighbours(projections)
    starts = [*sorted(inputs, reverse=True), *sorted(populations, reverse=True)]
    backwards = {
        name: sorted(set(targets), reverse=True) for name, targets in after.items()
    }
    return walk(starts, backwards).order  # which lists what it finds last first
