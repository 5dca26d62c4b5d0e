"""read_nir: a NIR file, or a NIR graph in memory -> Network. The front door.

The straight line: read without trust, check and flatten, infer shapes, settle what the file
leaves open, turn nodes into neurons and paths into projections. NIR's objects do not travel
past it. Of metadata only that of our own writer counts. Everything that was assumed is in
`Network.assumptions`.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.corrections import correct
from snn_deploy.frontends.nir.detect import detect
from snn_deploy.frontends.nir.discretize import discretize
from snn_deploy.frontends.nir.frameworks.profile import Reading
from snn_deploy.frontends.nir.gather import gather
from snn_deploy.frontends.nir.given import given
from snn_deploy.frontends.nir.graph.file_graph import read_file
from snn_deploy.frontends.nir.graph.flatten import flatten
from snn_deploy.frontends.nir.graph.graph import NEURONS, Graph, Node
from snn_deploy.frontends.nir.graph.memory_graph import SOURCE, is_graph, read_graph
from snn_deploy.frontends.nir.routes import find_paths
from snn_deploy.frontends.nir.settings import settle
from snn_deploy.frontends.nir.shapes import Shapes, infer_shapes
from snn_deploy.frontends.nir.wiring import wire
from snn_deploy.ir.network import Input, Network
from snn_deploy.options.reading import ReadingOptions
from snn_deploy.options.request import chosen

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from snn_deploy.options.keywords import ReadingFields


def read_nir(
    source: str | Path | Any,
    reading: ReadingOptions | None = None,
    **fields: "Unpack[ReadingFields]",
) -> Network:
    """Return the network that a NIR model means; maps are chains as they stand in the file.

    Args:
        source: The path of a file, or a graph in memory (a `nir.NIRGraph` or alike).
        reading: How it is meant where it does not say so itself.
        fields: The same by name: profile, dt, reset, threshold, spikes_per_step,
            floor, norm_input.

    Raises:
        InputError: The file cannot be read, makes no sense, or leaves spikes open.
    """
    graph, shapes = load(source)
    said = given(chosen(ReadingOptions, reading, fields), graph.read_with)
    settings = settle(graph, said)
    graph = correct(graph, settings.profile, settings.dt, said.options)
    graph = gather(graph, shapes, settings)
    paths = find_paths(graph, shapes, settings.step_s)
    nodes = graph.of_kind(*NEURONS)
    neurons = {
        node.name: discretize(
            node, shapes.after[node.name], settings, recurrent=has_own_loop(graph, node)
        )
        for node in nodes
    }
    is_late = not settings.profile.current_first
    late = frozenset(n.name for n in nodes if is_late and n.kind.startswith("Cuba"))
    wiring = wire(graph, shapes, paths, neurons, late)
    return Network(
        inputs=tuple(Input(n.name, shapes.after[n.name]) for n in graph.of_kind("Input")),
        populations=wiring.populations,
        projections=wiring.projections,
        outputs=wiring.outputs,
        step_s=settings.step_s,
        source=graph.source,
        decoder=said.decoder,
        assumptions=(
            *settings.assumptions,
            *graph.assumptions,
            *shapes.assumptions,
            *wiring.assumptions,
        ),
    )


def readings(source: str | Path | Any) -> tuple[Reading, ...]:
    """Return the profiles that a NIR model is consistent with, and the evidence.

    source: as in `read_nir`.

    Raises:
        InputError: The file cannot be read or makes no sense.
    """
    return detect(load(source)[0])


def load(source: str | Path | Any) -> tuple[Graph, Shapes]:
    """Return the checked, flat graph and the shapes of its nodes.

    source: as in `read_nir`.

    Raises:
        InputError: The file cannot be read or makes no sense.
    """
    if isinstance(source, str | os.PathLike):
        raw, name = read_file(Path(source)), os.fspath(source)
    elif is_graph(source):
        raw, name = read_graph(source), SOURCE
    else:
        raise InputError(
            f"{type(source).__name__} is no NIR model; "
            f"give a path, or a graph with nodes and edges"
        )
    graph = flatten(raw, name)
    return graph, infer_shapes(graph)


def has_own_loop(graph: Graph, node: Node) -> bool:
    """Whether the node feeds itself through one linear layer that nothing else uses, as the
    recurrent neurons of frameworks do."""
    alone = (node.name,)
    return any(
        graph.before[name] == alone and graph.after[name] == alone
        for name in graph.after[node.name]
        if graph.nodes[name].kind in ("Affine", "Linear", "Conv2d")
    )
