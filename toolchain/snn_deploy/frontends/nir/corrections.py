"""Correct: Graph -> Graph, where numbers do not mean what NIR says they mean.

Norse writes time constants 1000 times too small, sinabs writes them in steps, and sinabs
and Rockpool decay by exp(-dt/tau). The corrected graph is what they should have written:
its forward Euler step, at the dt that was settled, is the framework's own. What no exporter
of theirs can have written is refused, since nothing says what it would mean.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from snn_deploy.files.hdf5 import Value
from snn_deploy.frontends.nir.frameworks.profile import Correction, Profile
from snn_deploy.frontends.nir.graph.graph import NEURONS, Graph, Node
from snn_deploy.options.reading import ReadingOptions


def correct(
    graph: Graph, profile: Profile, dt: float | None, said: ReadingOptions
) -> Graph:
    """Return the graph in the terms of the specification; `dt` as in Settings.

    said: what a framework does not write.

    Raises:
        InputError: There is a neuron that the framework cannot have written.
    """
    nodes, correction = graph.of_kind(*(NEURONS - {"Threshold"})), profile.correction
    if correction is None or dt is None or not nodes:
        return graph
    with np.errstate(all="ignore"):  # what becomes infinite is judged where it is used
        changed = {n.name: _corrected(correction, graph, n, dt, said) for n in nodes}
    assumed = (*graph.assumptions, *correction.assumed(graph, said))
    return replace(graph, nodes={**graph.nodes, **changed}, assumptions=assumed)


def _corrected(
    correction: Correction, graph: Graph, node: Node, dt: float, said: ReadingOptions
) -> Node:
    why = correction.misfit(node, dt)
    if why:
        raise node.fail(why)
    values: Mapping[str, Value] = correction.correct(graph, node, dt, said)
    return replace(node, values={**node.values, **values})
