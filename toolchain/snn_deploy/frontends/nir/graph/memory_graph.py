"""Read a NIR graph that is in memory: anything with `nodes` and `edges`.

Returns a RawGraph like the file reader. Types are told by the names of the classes, so that
neither `nir` nor any framework is imported. Exporters leave torch tensors, numbers and None
in the nodes; tensors are detached, None counts as absent.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from snn_deploy.errors import InputError
from snn_deploy.files.hdf5 import Value
from snn_deploy.frontends.nir.graph.graph import (
    MAX_DEPTH,
    MAX_NODES,
    RawGraph,
    RawNode,
    own_words,
)

SOURCE = "NIR graph"  # how messages call a graph that has no file

# Attributes of nir's nodes that are no parameters, and those that files call otherwise.
PORTS = {"Input": "input_type", "Output": "output_type"}
NOT_PARAMETERS = ("input_type", "output_type", "metadata")


def is_graph(graph: object) -> bool:
    """Whether this looks like a NIRGraph."""
    return hasattr(graph, "nodes") and hasattr(graph, "edges")


def read_graph(graph: Any, name: str = "", depth: int = 0) -> RawGraph:
    """Return the content of a NIRGraph-like object.

    Raises:
        InputError: It does not look like a NIR graph.
    """
    where = f"{SOURCE}: graph {name!r}" if name else SOURCE
    if depth >= MAX_DEPTH:
        raise InputError(
            f"{where}: graphs within graphs more than {MAX_DEPTH} deep; flatten them"
        )
    if not isinstance(graph.nodes, Mapping) or len(graph.nodes) > MAX_NODES:
        raise InputError(
            f"{where}: 'nodes' is not a dictionary of at most {MAX_NODES} nodes"
        )
    nodes = {
        str(key): _node(node, f"{name}.{key}" if name else str(key), depth)
        for key, node in graph.nodes.items()
    }
    try:
        edges = tuple((str(a), str(b)) for a, b in graph.edges)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: 'edges' are not pairs of node names") from error
    metadata = getattr(graph, "metadata", None)
    said = own_words(metadata) if isinstance(metadata, Mapping) else None
    return RawGraph(nodes, edges, said)


def _node(node: Any, name: str, depth: int) -> RawNode | RawGraph:
    if is_graph(node):
        return read_graph(node, name, depth + 1)
    kind = type(node).__name__
    raw = {
        k: v for k, v in getattr(node, "__dict__", {}).items() if k not in NOT_PARAMETERS
    }
    if kind in PORTS:
        raw["shape"] = _port_shape(getattr(node, PORTS[kind], None))
    elif kind == "Flatten":
        raw["input_type"] = _port_shape(getattr(node, "input_type", None))
    where = f"{SOURCE}: node {name!r} ({kind})"
    return RawNode(kind, {k: _value(v, where, k) for k, v in raw.items() if v is not None})


def _port_shape(types: Any) -> Any:
    """Return the one shape in nir's dictionary of port -> shape."""
    return next(iter(types.values()), None) if isinstance(types, Mapping) else types


def _value(value: Any, where: str, key: str) -> Value:
    if isinstance(value, str):
        return value
    try:
        return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{where}: parameter {key!r} is a {type(value).__name__}, which is no array "
            f"({' '.join(str(error).split())}); make it one"
        ) from error
