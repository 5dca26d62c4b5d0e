"""Retime: give every population a lag, so that each projection takes at least one chip
step.

In the file, feed-forward spikes arrive in the step they are sent and recurrent ones a step
later; on the chip every hop takes a step. Retiming (Leiserson and Saxe, "Retiming
synchronous circuitry", 1991) lets a population run `lag` chip steps behind the model
step: chip delay = delay + lag(post) - lag(pre) >= 1. These difference constraints are
solved by longest paths; unequal branches get their delay that way. A cycle with fewer
delays than hops has no solution and is refused by name. Inputs stay at lag 0. Populations
that nothing feeds (bias sources) run as late as they can.
"""

from dataclasses import replace

import networkx as nx

from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.network import Network

_START = object()  # a node before all others; no name of a model can equal it


def retime(net: Network) -> Network:
    """Return `net` with the lags set; nothing else changes.

    Raises:
        DoesNotFitError: A cycle has fewer steps of delay than hops.
    """
    lags = _late_sources(net, _longest_paths(net))
    return replace(
        net,
        populations=tuple(replace(p, lag=lags[p.name]) for p in net.populations),
    )


def _longest_paths(net: Network) -> dict[str, int]:
    """Return the smallest lags that satisfy every constraint: longest paths, by
    Bellman-Ford."""
    graph: nx.DiGraph[object] = nx.DiGraph()
    names = [p.name for p in net.inputs] + [p.name for p in net.populations]
    graph.add_weighted_edges_from((_START, name, 0) for name in names)
    for p in net.projections:
        if p.pre == p.post and p.delay > 0:
            continue  # never binding, and networkx takes such a loop for the negative cycle
        known = graph.get_edge_data(p.pre, p.post, {"weight": p.delay - 1})["weight"]
        graph.add_edge(p.pre, p.post, weight=min(known, p.delay - 1))
    try:
        distance = nx.single_source_bellman_ford_path_length(graph, _START)
    except nx.NetworkXUnbounded:
        cycle = [str(n) for n in nx.find_negative_cycle(graph, _START)[:-1]]
        raise DoesNotFitError(_describe(net, cycle)) from None
    return {str(name): -int(d) for name, d in distance.items() if name is not _START}


def _describe(net: Network, names: list[str]) -> str:
    hops = list(zip(names, names[1:] + names[:1], strict=True))
    delays = sum(
        min(p.delay for p in net.projections if (p.pre, p.post) == hop) for hop in hops
    )
    path = " -> ".join([*names, names[0]])
    return (
        f"cycle {path}: it has {len(hops)} hops but only {delays} steps of delay, and on "
        f"the chip every hop takes a step; add a Delay of {len(hops) - delays} steps in "
        "the cycle (and train with it) or remove one of its populations"
    )


def _late_sources(net: Network, lags: dict[str, int]) -> dict[str, int]:
    """Move populations without any input as late as their targets allow."""
    fed = {p.post for p in net.projections}
    result = dict(lags)
    for pop in net.populations:
        room = [lags[p.post] + p.delay - 1 for p in net.projections if p.pre == pop.name]
        if pop.name not in fed and room:
            result[pop.name] = max(0, min(room))
    return result
