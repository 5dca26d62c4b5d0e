"""The NIR graph while it is written: names, nodes, edges."""

from dataclasses import dataclass, field

import nir
import numpy as np

from snn_deploy.arrays import Shape
from snn_deploy.ir.constants import unique_name


@dataclass(frozen=True)
class NodeEnds:
    """The nodes where signals enter and leave a population.

    Attributes:
        enter: Name of the node to which all that feeds the population is joined.
        leave: Name of the node whose output is that of the population.
    """

    enter: str
    leave: str


@dataclass
class Draft:
    """A graph that grows.

    Attributes:
        dt: Seconds per model step.
        nodes: By name, in the order in which they were added.
        edges: (source, target) by name, no two alike.
        names: The node that stands for each input or population, by the name of the latter.
        sums: Names of nodes that only add up what leads to an Output; `drop_sums` puts the
            layer in front in the place of one where that layer alone leads there.
    """

    dt: float
    nodes: dict[str, nir.NIRNode] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    sums: list[str] = field(default_factory=list)

    def reserve(self, name: str, node: nir.NIRNode) -> str:
        """Add the node that stands for an input or population, under its own name."""
        self.names[name] = self.add(name, node)
        return self.names[name]

    def add(self, wanted: str, node: nir.NIRNode) -> str:
        """Add a node and return its name, which is `wanted` if that is free.

        A slash would be a folder within the file, and a lone dot the folder itself.
        """
        safe = wanted.replace("/", "_")
        name = unique_name("_" if safe in ("", ".") else safe, self.nodes)
        self.nodes[name] = node
        return name

    def join(self, a: str, b: str) -> None:
        """Add an edge; a second one between the same nodes goes through a Scale of 1."""
        if (a, b) in self.edges:
            shape = self.nodes[a].output_type["output"]
            a = self.follow(a, f"{a}_again", nir.Scale(np.ones(tuple(shape))))
        self.edges.append((a, b))

    def follow(self, a: str, wanted: str, node: nir.NIRNode) -> str:
        """Add a node behind `a` and return its name."""
        name = self.add(wanted, node)
        self.join(a, name)
        return name

    def sum_node(self, name: str, shape: Shape) -> NodeEnds:
        """Add a node that passes on the sum of what arrives."""
        node = self.reserve(name, nir.Scale(np.ones(shape)))
        self.sums.append(node)
        return NodeEnds(node, node)

    def drop_sums(self) -> None:
        """Give the name of each sum of one layer to that layer, which readers expect last.

        It stays where several edges lead to it, or where what leads to it is a neuron.
        """
        for name in self.sums:
            before = [a for a, b in self.edges if b == name]
            linear = ("Affine", "Linear", "Conv1d", "Conv2d", "AvgPool2d", "SumPool2d")
            kind = type(self.nodes[before[0]]).__name__
            if len(before) != 1 or kind not in linear:
                continue
            layer = self.nodes.pop(before[0])
            self.nodes[name] = layer
            self.edges = [
                (name if a == before[0] else a, name if b == before[0] else b)
                for a, b in self.edges
                if (a, b) != (before[0], name)
            ]
