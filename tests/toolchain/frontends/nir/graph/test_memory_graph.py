from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nir
import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.ir.network import Network
from snn_deploy_simulators.reference import run

W = np.array([[1.0, 2.0], [3.0, 4.0]])


def lif(n: int) -> nir.LIF:
    one = np.ones(n)
    return nir.LIF(2 * one, 2 * one, 0 * one, one, 0 * one)


def signature(net: Network) -> list[Any]:
    return [
        [(p.name, p.shape, p.neuron.beta.tolist()) for p in net.populations],
        [(p.pre, p.post, p.delay) for p in net.projections],
        net.outputs,
        net.assumptions,
    ]


def test_a_graph_reads_the_same_from_memory_as_from_its_file(tmp_path: Path) -> None:
    image = nir.Conv2d((6, 6), np.ones((3, 2, 3, 3)), 1, "same", 1, 1, np.ones(3))
    nodes = {
        "input": nir.Input(np.array([2, 6, 6])),
        "conv": image,
        "lif": nir.LIF(*(np.full((3, 6, 6), v) for v in (2.0, 2.0, 0.0, 1.0, 0.0))),
        "pool": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "flat": nir.Flatten({"input": np.array([3, 3, 3])}, 0, -1),
        "fc": nir.Affine(np.ones((2, 27)), np.ones(2)),
        "out": lif(2),
        "output": nir.Output(np.array([2])),
    }
    names = list(nodes)
    graph = nir.NIRGraph(nodes, list(pairwise(names)))
    nir.write(tmp_path / "model.nir", graph)
    from_file = read_nir(tmp_path / "model.nir", profile="nir", dt=1.0)
    from_memory = read_nir(graph, profile="nir", dt=1.0)
    assert signature(from_memory) == signature(from_file)
    x = np.ones((1, 4, 2, 6, 6))
    first, second = (run(net, x).outputs["out"] for net in (from_file, from_memory))
    assert np.array_equal(first, second)
    assert first.sum() > 0


def test_every_node_type_of_nir_is_read() -> None:
    one = np.ones(4)
    nodes = {
        "input": nir.Input(np.array([1, 6])),
        "Conv1d": nir.Conv1d(6, np.ones((1, 1, 3)), 1, 0, 1, 1, np.zeros(1)),
        "Flatten": nir.Flatten({"input": np.array([1, 4])}, 0, -1),
        "Affine": nir.Affine(np.eye(4), one),
        "I": nir.I(one),
        "Linear": nir.Linear(np.eye(4)),
        "LI": nir.LI(2 * one, one, 0 * one),
        "Scale": nir.Scale(one),
        "IF": nir.IF(one, one, 0 * one),
        "Delay": nir.Delay(one),
        "LIF": lif(4),
        "CubaLI": nir.CubaLI(2 * one, 2 * one, one, 0 * one),
        "CubaLIF": nir.CubaLIF(2 * one, 2 * one, one, 0 * one, one),
        "Threshold": nir.Threshold(one),
        "inner": nir.NIRGraph.from_list(lif(4)),
        "output": nir.Output(np.array([4])),
    }
    names = list(nodes)
    graph = nir.NIRGraph(nodes, list(pairwise(names)), type_check=False)
    net = read_nir(graph, profile="nir", dt=1.0)
    assert [p.name for p in net.populations if p.name != "bias:1"] == [
        "I", "LI", "IF", "LIF", "CubaLI", "CubaLIF", "Threshold", "inner.lif",
    ]  # fmt: skip


def test_tensors_are_read_without_a_framework_of_ours() -> None:
    torch = pytest.importorskip("torch")
    graph = nir.NIRGraph(
        {
            "input": nir.Input(np.array([2])),
            "fc": nir.Affine(torch.tensor(W, requires_grad=True), torch.zeros(2)),
            "lif": lif(2),
            "output": nir.Output(np.array([2])),
        },
        [("input", "fc"), ("fc", "lif"), ("lif", "output")],
        type_check=False,
    )
    weight = read_nir(graph, profile="nir", dt=1.0).projections[0].map.maps[0].weight  # type: ignore[union-attr]
    assert isinstance(weight, np.ndarray)
    assert weight.tolist() == W.tolist()


@pytest.mark.parametrize("name", ["../../x", "a/b", '"; import os', "\x00", "\ud800"])
def test_names_that_no_file_can_hold_work(name: str) -> None:
    nodes = {
        "input": nir.Input(np.array([2])),
        name: lif(2),
        "output": nir.Output(np.array([2])),
    }
    graph = nir.NIRGraph(nodes, [("input", name), (name, "output")])
    assert read_nir(graph, profile="nir", dt=1.0).outputs == (name,)


def cyclic() -> Any:
    graph = SimpleNamespace(nodes={}, edges=[])
    graph.nodes["self"] = graph
    return graph


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: 3, "int is no NIR model; give a path, or a graph"),
        (lambda: nir.LIF(*np.ones((5, 2))), "LIF is no NIR model"),
        (
            lambda: SimpleNamespace(nodes=[1], edges=[]),
            "NIR graph: 'nodes' is not a dictionary",
        ),
        (
            lambda: SimpleNamespace(nodes={}, edges=[1]),
            "'edges' are not pairs of node names",
        ),
        (lambda: SimpleNamespace(nodes={}, edges=[]), "NIR graph: the graph is empty"),
        (lambda: SimpleNamespace(nodes={"a": 3}, edges=[]), "node 'a': unknown type 'int'"),
        (cyclic, "graphs within graphs more than 16 deep"),
    ],
)
def test_what_is_no_graph_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_nir(make())


def test_a_parameter_that_is_no_array_is_refused() -> None:
    node = lif(2)
    node.tau = [[1.0], [1.0, 2.0]]
    nodes = {
        "input": nir.Input(np.array([2])),
        "lif": node,
        "output": nir.Output(np.array([2])),
    }
    graph = SimpleNamespace(nodes=nodes, edges=[("input", "lif"), ("lif", "output")])
    with pytest.raises(
        InputError, match=r"node 'lif' \(LIF\): parameter 'tau' is a list, which is no"
    ):
        read_nir(graph)
