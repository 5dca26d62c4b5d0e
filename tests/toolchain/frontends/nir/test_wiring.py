from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.ir.network import Network
from snn_deploy.passes.normalize import normalize
from snn_deploy_simulators.reference import run

Write = Callable[..., Path]
W = np.array([[1.0, 2.0], [3.0, 4.0]])


def load(path: Path, **wishes: Any) -> Network:
    return read_nir(path, **{"profile": "nir", "dt": 1.0, **wishes})


def joined(net: Network) -> list[tuple[str, str, int]]:
    return [(p.pre, p.post, p.delay) for p in net.projections]


def chosen(net: Network, name: str) -> list[str]:
    return [a.value for a in net.assumptions if a.name == name]


def around(node: Any, nodes: dict[str, Any]) -> dict[str, Any]:
    """Return the nodes and a layer of two neurons, with their input and output."""
    return {"in": node.input(2), "lif": node.lif(2), **nodes, "out": node.output(2)}


def test_a_bias_becomes_one_of_the_membrane(write: Write, node: Any) -> None:
    nodes = {"in": node.input(2), "fc": node.affine(W, [1.0, -2.0]), "lif": node.lif(2, v_leak=3.0),
             "out": node.output(2)}  # fmt: skip
    net = load(write(nodes))
    # dt/tau * (v_leak + r * bias)
    assert net.populations[0].neuron.bias.tolist() == [0.5 * (3 + 1), 0.5 * (3 - 2)]
    assert joined(net) == [("in", "lif", 0)]


def test_a_bias_counts_once_however_many_paths_lead_to_its_node(
    write: Write, node: Any
) -> None:
    nodes = {
        "a": node.input(2), "b": node.input(2), "s": {"type": "Scale", "scale": 2.0},
        "fc": node.affine(W, [1.0, -2.0]), "w": node.linear(W), "lif": node.lif(2), "out": node.output(2),
    }  # fmt: skip
    edges = [
        ("a", "fc"),
        ("b", "fc"),
        ("b", "s"),
        ("s", "fc"),
        ("fc", "w"),
        ("w", "lif"),
        ("lif", "out"),
    ]
    net = load(write(nodes, edges))
    assert len(net.projections) == 3
    assert net.populations[0].neuron.bias.tolist() == (0.5 * (W @ [1.0, -2.0])).tolist()


def test_biases_of_two_layers_in_a_row_add_up(write: Write, node: Any) -> None:
    nodes = {"in": node.input(2), "a": node.affine(W, [1.0, 0.0]), "b": node.affine(W, [5.0, 7.0]),
             "out": {"type": "Output"}}  # fmt: skip
    net = load(write(nodes))
    assert net.populations[0].neuron.bias.tolist() == [1 + 5, 3 + 7]


def test_a_bias_into_a_synaptic_current_ramps_up(write: Write, node: Any) -> None:
    nodes = {"in": node.input(2), "fc": node.affine(W, [0.25, 0.0]), "c": node.cuba(2, v_threshold=9.0),
             "out": node.output(2)}  # fmt: skip
    net = load(write(nodes), profile="spikingjelly")
    assert joined(net) == [("bias:1", "c", 0), ("in", "c", 0)]
    assert net.population("c").neuron.bias.tolist() == [0, 0]
    result = run(net, np.zeros((1, 3, 2)))
    u1, u2, u3 = 0.25, 0.25 * 1.5, 0.25 * 1.75
    assert result.peaks["c"]["v"] == 0.75 * (0.75 * u1 + u2) + u3
    assert result.events["bias:1"].tolist() == [3]


def test_a_bias_in_front_of_a_delay_starts_late(write: Write, node: Any) -> None:
    nodes = {"in": node.input(1), "fc": node.affine([[1.0]], [2.0]), "d": {"type": "Delay", "delay": 2.0},
             "out": {"type": "Output"}}  # fmt: skip
    net = load(write(nodes))
    assert joined(net) == [("bias:1", "d", 2), ("in", "d", 2)]
    assert run(net, np.zeros((1, 4, 1))).outputs["d"][0, :, 0].tolist() == [0, 0, 2, 2]


def test_the_bias_neuron_gives_way_to_a_node_of_its_name(write: Write, node: Any) -> None:
    nodes = {
        "in": node.input(2),
        "fc": node.affine(W, [1.0, 0.0]),
        "bias:1": node.cuba(2),
        "out": node.output(2),
    }
    net = load(write(nodes))
    assert [p.name for p in net.populations] == ["bias:1~2", "bias:1"]


def test_two_edges_into_a_node_add_up(write: Write, node: Any) -> None:
    nodes = {"in": node.input(2), "a": node.linear(W), "s": {"type": "Scale", "scale": 3.0},
             "sum": node.linear(np.eye(2)), "out": {"type": "Output"}}  # fmt: skip
    edges = [("in", "a"), ("in", "s"), ("a", "sum"), ("s", "sum"), ("sum", "out")]
    net = load(write(nodes, edges))
    x = np.array([[[1.0, 2.0]]])
    assert run(net, x).outputs["sum"][0, 0].tolist() == (W @ [1, 2] + 3 * x[0, 0]).tolist()


def test_outputs_are_populations_where_they_can_be(write: Write, node: Any) -> None:
    nodes = {
        "in": node.input(2), "lif": node.lif(2), "fc": node.linear(W), "li": node.lif(2),
        "o1": node.output(2), "o2": node.output(2), "o3": node.output(2), "o4": node.output(2),
    }  # fmt: skip
    edges = [("in", "lif"), ("lif", "fc"), ("fc", "li"), ("li", "o1"), ("fc", "o2"), ("lif", "o3"),
             ("lif", "o4"), ("li", "o4")]  # fmt: skip
    net = load(write(nodes, edges))
    assert net.outputs == ("li", "fc", "lif", "o4")
    assert not net.population("fc").neuron.spiking
    assert net.population("lif").neuron.spiking
    assert joined(net).count(("lif", "fc", 0)) == 1
    assert {("lif", "o4", 0), ("li", "o4", 0)} <= set(joined(net))
    assert len(chosen(net, "readout")) == 2


def test_two_outputs_of_one_layer_share_a_readout(write: Write, node: Any) -> None:
    nodes = {
        "in": node.input(2),
        "fc": node.linear(W),
        "o1": node.output(2),
        "o2": node.output(2),
    }
    net = load(write(nodes, [("in", "fc"), ("fc", "o1"), ("fc", "o2")]))
    assert net.outputs == ("fc",)
    assert joined(net) == [("in", "fc", 0)]


def test_an_input_straight_to_an_output_is_read_out(write: Write, node: Any) -> None:
    net = load(write({"in": node.input(2), "out": node.output(2)}))
    assert net.outputs == ("out",)
    x = np.array([[[1.0, -2.0], [0.5, 0.0]]])
    assert run(net, x).outputs["out"].tolist() == x.tolist()


@pytest.mark.parametrize("kind", ["I", "LI", "CubaLI"])
def test_neurons_that_cannot_fire_output_their_membrane(
    write: Write, node: Any, kind: str
) -> None:
    one = np.ones(1)
    values = {
        "I": {"r": one},
        "LI": {"tau": 2 * one, "r": 2 * one, "v_leak": 0 * one},
        "CubaLI": {
            "tau_syn": 2 * one,
            "tau_mem": 4 * one,
            "r": 4 * one,
            "w_in": 2 * one,
            "v_leak": 0 * one,
        },
    }[kind]
    path = write(
        {"in": node.input(1), "x": {"type": kind, **values}, "out": node.output(1)}
    )
    x = np.array([[[8.0], [0.0], [0.0], [0.0]]])
    wanted = {
        "I": [8, 8, 8, 8],
        "LI": [8, 4, 2, 1],
        "CubaLI": [
            0,
            8,
            0.75 * 8 + 4,
            0.75 * (0.75 * 8 + 4) + 2,
        ],  # one step later, as the spec
    }[kind]
    assert run(load(path), x).outputs["x"][0, :, 0].tolist() == wanted


def test_a_self_loop_without_delay_takes_one_step(write: Write, node: Any) -> None:
    nodes = around(node, {"w": node.linear(W)})
    edges = [("in", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "out")]
    net = load(write(nodes, edges))
    assert joined(net) == [("in", "lif", 0), ("lif", "lif", 1)]
    assert chosen(net, "recurrent edge") == ["'lif' -> 'lif' takes one step"]


def test_a_delay_of_the_file_counts_as_the_step_of_its_cycle(
    write: Write, node: Any
) -> None:
    nodes = around(node, {"d": {"type": "Delay", "delay": 1.0}})
    edges = [("in", "lif"), ("lif", "d"), ("d", "lif"), ("lif", "out")]
    net = load(write(nodes, edges))
    assert joined(net) == [("in", "lif", 0), ("lif", "lif", 1)]
    assert chosen(net, "recurrent edge") == []


def test_a_longer_cycle_is_closed_where_signals_come_back(write: Write, node: Any) -> None:
    nodes = {
        "in": node.input(2),
        "c": node.lif(2),
        "a": node.lif(2),
        "b": node.lif(2),
        "out": node.output(2),
    }
    edges = [("in", "b"), ("b", "c"), ("c", "a"), ("a", "b"), ("a", "out")]
    net = load(write(nodes, edges))
    assert joined(net) == [("in", "b", 0), ("a", "b", 1), ("b", "c", 0), ("c", "a", 0)]
    assert [p.name for p in net.populations] == ["b", "c", "a"]


def test_edges_may_come_in_any_order(write: Write, node: Any) -> None:
    names = ["in", "a", "b", "c", "w", "out"]
    kinds = [
        node.input(2),
        node.lif(2),
        node.lif(2),
        node.lif(2),
        node.linear(W),
        node.output(2),
    ]
    edges = [
        ("in", "a"),
        ("in", "b"),
        ("a", "c"),
        ("b", "c"),
        ("c", "w"),
        ("w", "a"),
        ("c", "out"),
    ]
    nodes = dict(zip(names, kinds, strict=True))
    first = load(write(nodes, edges))
    rng = np.random.default_rng(0)
    for _ in range(5):
        shuffled = [edges[i] for i in rng.permutation(len(edges))]
        net = load(write(nodes, shuffled))
        assert joined(net) == joined(first)
        assert [p.name for p in net.populations] == [p.name for p in first.populations]


def test_a_loop_of_linear_nodes_becomes_a_state(write: Write, node: Any) -> None:
    # a diagonal state space model: h[t] = A h[t-1] + B x[t], read out as C h[t]
    a, b, c = (
        np.array([[0.5, -0.25], [0.25, 0.5]]),
        np.array([[1.0], [2.0]]),
        np.array([[1.0, -1.0]]),
    )
    nodes = {
        "in": node.input(1), "B": node.linear(b), "h": {"type": "Scale", "scale": np.ones(2)},
        "d": {"type": "Delay", "delay": np.ones(2)}, "A": node.linear(a), "C": node.linear(c),
        "out": node.output(1),
    }  # fmt: skip
    edges = [
        ("in", "B"),
        ("B", "h"),
        ("h", "d"),
        ("d", "A"),
        ("A", "h"),
        ("h", "C"),
        ("C", "out"),
    ]
    net = load(write(nodes, edges))
    x = np.random.default_rng(0).integers(-4, 4, (1, 12, 1)).astype(float)
    h, wanted = np.zeros(2), []
    for t in range(12):
        h = a @ h + b @ x[0, t]
        wanted.append((c @ h)[0])
    assert run(net, x).outputs["C"][0, :, 0].tolist() == wanted
    assert run(normalize(net), x).outputs["C"][0, :, 0].tolist() == wanted


def test_layers_that_lead_nowhere_are_left_out_and_said_so(write: Write, node: Any) -> None:
    nodes = around(node, {"x": node.linear(W), "y": node.linear(W)})
    net = load(write(nodes, [("in", "lif"), ("lif", "x"), ("x", "y"), ("lif", "out")]))
    assert chosen(net, "dead end") == ["'x' is left out", "'y' is left out"]
    assert joined(net) == [("in", "lif", 0)]


def test_neurons_that_lead_nowhere_stay(write: Write, node: Any) -> None:
    nodes = around(node, {"end": node.lif(2)})
    net = load(write(nodes, [("in", "lif"), ("lif", "end"), ("lif", "out")]))
    assert {p.name for p in net.populations} == {"lif", "end"}


def forks(node: Any, levels: int) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return a chain of sums of two branches each: 2**levels paths."""
    nodes: dict[str, Any] = {"in": node.input(2), "s0": node.linear(W)}
    edges = [("in", "s0")]
    for i in range(1, levels + 1):
        nodes |= {f"a{i}": node.linear(W), f"b{i}": node.linear(W), f"s{i}": node.linear(W)}
        edges += [
            (f"s{i - 1}", f"a{i}"),
            (f"s{i - 1}", f"b{i}"),
            (f"a{i}", f"s{i}"),
            (f"b{i}", f"s{i}"),
        ]
    return nodes, edges


def test_paths_beyond_the_limit_are_refused(write: Write, node: Any) -> None:
    nodes, edges = forks(node, 40)
    path = write({**nodes, "out": node.output(2)}, [*edges, ("s40", "out")])
    with pytest.raises(
        InputError, match=r"more than 10000 paths between populations.*merge layers"
    ):
        load(path)


def test_forks_that_lead_nowhere_cost_nothing(write: Write, node: Any) -> None:
    nodes, edges = forks(node, 40)
    net = load(write({**nodes, "out": node.output(2)}, [*edges, ("s0", "out")]))
    assert net.outputs == ("s0",)
