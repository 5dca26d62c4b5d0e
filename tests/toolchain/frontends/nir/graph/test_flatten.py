from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.ir.network import Network

Write = Callable[..., Path]
W = np.array([[1.0, 2.0], [3.0, 4.0]])


def chosen(net: Network, name: str) -> list[str]:
    return [a.value for a in net.assumptions if a.name == name]


def graph(nodes: dict[str, Any], edges: list[tuple[str, str]]) -> dict[str, Any]:
    return {"type": "NIRGraph", "nodes": nodes, "edges": edges}


def recurrent(node: Any, edges: list[tuple[str, str]] | None = None) -> dict[str, Any]:
    """A layer with its feedback as a nested graph, as snnTorch makes it."""
    nodes = {
        "input": node.input(2),
        "lif": node.lif(2),
        "w": node.linear(W),
        "output": node.output(2),
    }
    wanted = [("input", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "output")]
    return graph(nodes, wanted if edges is None else edges)


def test_a_nested_graph_means_the_same_as_its_nodes_outside(
    write: Write, node: Any
) -> None:
    outer = {
        "in": node.input(2),
        "fc": node.linear(W),
        "r": recurrent(node),
        "out": node.output(2),
    }
    nested = read_nir(write(outer), profile="nir", dt=1.0)
    flat_nodes = {
        "in": node.input(2), "fc": node.linear(W), "r.lif": node.lif(2),
        "r.w": node.linear(W), "out": node.output(2),
    }  # fmt: skip
    edges = [
        ("in", "fc"),
        ("fc", "r.lif"),
        ("r.lif", "r.w"),
        ("r.w", "r.lif"),
        ("r.lif", "out"),
    ]
    flat = read_nir(write(flat_nodes, edges), profile="nir", dt=1.0)
    assert [p.name for p in nested.populations] == ["r.lif"]
    assert nested.outputs == flat.outputs == ("r.lif",)
    assert [(p.pre, p.post, p.delay) for p in nested.projections] == [
        (p.pre, p.post, p.delay) for p in flat.projections
    ]
    assert chosen(nested, "recurrent edge") == ["'r.lif' -> 'r.lif' takes one step"]


def test_graphs_nest_three_deep_and_names_join(write: Write, node: Any) -> None:
    inner = graph(
        {"i": node.input(2), "lif": node.lif(2), "o": node.output(2)},
        [("i", "lif"), ("lif", "o")],
    )
    middle = graph(
        {"i": node.input(2), "c": inner, "o": node.output(2)}, [("i", "c"), ("c", "o")]
    )
    net = read_nir(
        write({"in": node.input(2), "b": middle, "out": node.output(2)}),
        profile="nir",
        dt=1.0,
    )
    assert [p.name for p in net.populations] == ["b.c.lif"]


def test_names_that_would_collide_are_told_apart(write: Write, node: Any) -> None:
    inner = graph(
        {"i": node.input(2), "x": node.lif(2), "o": node.output(2)},
        [("i", "x"), ("x", "o")],
    )
    nodes = {"in": node.input(2), "a.x": node.lif(2), "a": inner, "out": node.output(2)}
    net = read_nir(write(nodes), profile="nir", dt=1.0)
    assert [p.name for p in net.populations] == ["a.x", "a.x~2"]


def test_a_wrong_name_in_a_nested_graph_is_mended_if_one_node_fits(
    write: Write, node: Any
) -> None:
    # as in the published *_subgraph.nir: edges say 'lif1', the node is called 'lif'
    edges = [("input", "lif1"), ("lif1", "w"), ("w", "lif1"), ("lif1", "output")]
    outer = {"in": node.input(2), "r": recurrent(node, edges), "out": node.output(2)}
    net = read_nir(write(outer), profile="nir", dt=1.0)
    assert chosen(net, "edge") == ["'lif1' in graph 'r' means 'lif'"]
    assert [(p.pre, p.post, p.delay) for p in net.projections] == [
        ("in", "r.lif", 0),
        ("r.lif", "r.lif", 1),
    ]


def test_a_nested_input_of_another_shape_does_no_harm(write: Write, node: Any) -> None:
    inner = recurrent(node)
    inner["nodes"]["input"] = node.input(12)  # as rockpool writes it
    outer = {"in": node.input(2), "r": inner, "out": node.output(2)}
    assert read_nir(write(outer), profile="nir", dt=1.0).populations[0].shape == (2,)


def test_an_edge_may_name_the_port_of_a_nested_graph(write: Write, node: Any) -> None:
    inner = graph(
        {"a": node.input(2), "b": node.input(2), "lif": node.lif(2), "o": node.output(2)},
        [("a", "lif"), ("b", "lif"), ("lif", "o")],
    )
    nodes = {"x": node.input(2), "y": node.input(2), "g": inner, "out": node.output(2)}
    edges = [("x", "g.a"), ("y", "g.b"), ("g", "out")]
    net = read_nir(write(nodes, edges), profile="nir", dt=1.0)
    assert [(p.pre, p.post) for p in net.projections] == [("x", "g.lif"), ("y", "g.lif")]
    with pytest.raises(
        InputError, match=r"'x' -> 'g': graph 'g' has 2 nodes of type Input"
    ):
        read_nir(write(nodes, [("x", "g"), ("y", "g"), ("g", "out")]))


def test_a_doubled_edge_counts_once(write: Write, node: Any) -> None:
    nodes = {"in": node.input(2), "lif": node.lif(2), "out": node.output(2)}
    edges = [("in", "lif"), ("lif", "out"), ("in", "lif")]
    net = read_nir(write(nodes, edges), profile="nir", dt=1.0)
    assert chosen(net, "duplicate edge") == ["'in' -> 'lif' counts once"]
    assert len(net.projections) == 1


@pytest.mark.parametrize(
    "name",
    [
        '"; import os; os.system("true")',
        "../../x",
        "lif\n1",
        "ünïcode",
        " ",
        "None",
        "a.b.c",
        "1",
    ],
)
def test_any_name_is_just_a_name(write: Write, node: Any, name: str) -> None:
    if "/" in name:  # HDF5 cannot hold it, a graph in memory can: see test_memory
        name = name.replace("/", "\\")
    nodes = {"in": node.input(2), name: node.lif(2), "out": node.output(2)}
    assert read_nir(write(nodes), profile="nir", dt=1.0).outputs == (name,)


IN, OUT = ("in", "lif"), ("lif", "out")


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        (
            [IN, OUT, ("lif", "nowhere")],
            r"edge 'lif' -> 'nowhere': there is no node 'nowhere' \(nodes:",
        ),
        ([IN, OUT, ("ghost", "lif")], "edge 'ghost' -> 'lif': there is no node 'ghost'"),
        (
            [OUT, ("in", "out")],
            r"node 'lif' \(LIF\): no Input reaches it; connect it or remove it",
        ),
        ([IN], r"node 'out' \(Output\): no Input reaches it"),
        (
            [IN, OUT, ("lif", "in")],
            r"node 'in' \(Input\): an edge leads into this Input, from 'lif'",
        ),
        (
            [IN, OUT, ("out", "lif")],
            r"node 'out' \(Output\): an edge leads out of this Output",
        ),
        ([OUT], r"node 'in' \(Input\): feeds nothing; connect it or remove it"),
        ([], "feeds nothing"),
    ],
)
def test_edges_that_make_no_sense_are_refused(
    write: Write, node: Any, edges: list[tuple[str, str]], message: str
) -> None:
    path = write({"in": node.input(2), "lif": node.lif(2), "out": node.output(2)}, edges)
    with pytest.raises(InputError, match=message) as caught:
        read_nir(path, dt=1.0)
    assert "\n" not in str(caught.value)


def test_an_input_that_feeds_nothing_is_refused(write: Write, node: Any) -> None:
    nodes = {
        "in": node.input(2),
        "idle": node.input(2),
        "lif": node.lif(2),
        "out": node.output(2),
    }
    with pytest.raises(InputError, match=r"node 'idle' \(Input\): feeds nothing"):
        read_nir(write(nodes, [IN, OUT]))


def test_a_broken_nested_graph_is_refused_if_several_nodes_could_be_meant(
    write: Write, node: Any
) -> None:
    inner = recurrent(node, [("input", "lif1"), ("lif1", "output")])
    with pytest.raises(
        InputError, match=r"edge 'input' -> 'lif1' in graph 'r': there is no node"
    ):
        read_nir(write({"in": node.input(2), "r": inner, "out": node.output(2)}))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "the graph is empty"),
        (["lif", "out"], "no node of type Input, so nothing says where signals enter"),
        (["in", "lif"], "no node of type Output, so nothing says where signals leave"),
    ],
)
def test_a_graph_without_ends_is_refused(
    write: Write, node: Any, names: list[str], message: str
) -> None:
    nodes = {"in": node.input(2), "lif": node.lif(2), "out": node.output(2)}
    with pytest.raises(InputError, match=rf"model\.nir: {message}"):
        read_nir(write({name: nodes[name] for name in names}))
