"""Read the HDF5 file of a NIR model, trusting nothing in it.

Receives a path, returns a RawGraph. `nir.read` is not used: it refuses many published files
(graphs within graphs, parameters without dimensions, old formats) and ends in a traceback
on broken ones. What the nodes mean is checked later.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py

from snn_deploy.errors import InputError
from snn_deploy.files.hdf5 import (
    MAX_BYTES,
    Budget,
    DatasetReader,
    check_file,
    decode,
    reading,
)
from snn_deploy.frontends.nir.graph.graph import (
    MAX_DEPTH,
    MAX_NODES,
    RawGraph,
    RawNode,
    label,
    own_words,
)


def read_file(path: Path, *, max_bytes: int = MAX_BYTES) -> RawGraph:
    """Return the graph in the file at `path`.

    max_bytes: refuse a file whose parameters would take more, uncompressed.

    Raises:
        InputError: No such file, not HDF5, or not a readable NIR graph.
    """
    check_file(path)
    with reading(f"{path}"), h5py.File(path, "r") as file:
        if not isinstance(file.get("node"), h5py.Group):
            found = ", ".join(sorted(map(repr, file))[:5]) or "nothing"
            raise InputError(
                f"{path}: no group 'node' (found {found}), so this is not a NIR model; "
                f"write one with nir.write"
            )
        reader = GraphReader(path, Budget(max_bytes, MAX_NODES))
        graph = reader.graph(file["node"], "", 0)
        return replace(graph, read_with=reader.read_with(file["node"]))


@dataclass(frozen=True)
class GraphReader(DatasetReader):
    """Reads the graph of one file, within one budget."""

    def graph(self, group: Any, name: str, depth: int) -> RawGraph:
        """Return the graph in `group`; `name` is '' for the outermost."""
        where = f"{self.path}: graph {name!r}" if name else f"{self.path}"
        kind = self.text(group.get("type"), f"{where}: 'type'") if "type" in group else None
        if "nodes" not in group and kind not in (None, "NIRGraph"):
            raise InputError(
                f"{where}: holds one node, not a graph; wrap it in a nir.NIRGraph"
            )
        if depth >= MAX_DEPTH:
            raise InputError(
                f"{where}: graphs within graphs more than {MAX_DEPTH} deep; flatten them"
            )
        members = group.get("nodes")
        if not isinstance(members, h5py.Group):
            raise InputError(f"{where}: no group 'nodes'; export the model again")
        nodes = {
            str(key): self.node(item, f"{name}.{key}" if name else str(key), depth)
            for key, item in self.items(members, where)
        }
        return RawGraph(nodes, self.edges(group, where))

    def read_with(self, group: Any) -> str | None:
        """Return what our own writer says in the metadata of the outermost graph."""
        found = group.get("metadata")
        where = f"{self.path}: metadata"
        if not isinstance(found, h5py.Group):
            return None
        said = dict(self.parameters(found, where))
        return own_words(said)

    def node(self, group: Any, name: str, depth: int) -> RawNode | RawGraph:
        """Return one node, or the graph that stands in its place."""
        where = f"{self.path}: node {name!r}"
        self.budget.nodes_left -= 1
        if self.budget.nodes_left < 0:
            raise InputError(f"{where}: more than {MAX_NODES} nodes; merge layers")
        if not isinstance(group, h5py.Group) or "type" not in group:
            raise InputError(
                f"{where}: no 'type', so the file is incomplete (its writer may have "
                f"stopped half way); export the model again"
            )
        kind = self.text(group["type"], f"{where}: 'type'")
        if kind == "NIRGraph":
            return self.graph(group, name, depth + 1)
        where = f"{where} ({label(kind)})"
        with reading(where):
            return RawNode(kind, dict(self.parameters(group, where)))

    def edges(self, group: Any, where: str) -> tuple[tuple[str, str], ...]:
        """Return the edges of a graph."""
        item = group.get("edges")
        if not isinstance(item, h5py.Dataset):
            raise InputError(
                f"{where}: no dataset 'edges', so the file is incomplete; "
                f"export the model again"
            )
        with reading(f"{where}: edges"):
            array = self.array(item, f"{where}: edges")
            if array.size == 0:
                return ()
            if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "OSU":
                raise InputError(
                    f"{where}: edges are {array.dtype} {list(array.shape)} instead of "
                    f"pairs of names; export the model again"
                )
            return tuple((decode(a), decode(b)) for a, b in array.tolist())
