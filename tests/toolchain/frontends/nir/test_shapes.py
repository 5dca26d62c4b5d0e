from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.ir.network import Network

Write = Callable[..., Path]
FLATTEN = {"type": "Flatten", "start_dim": 0, "end_dim": -1}
POOL = {"type": "AvgPool2d", "kernel_size": 2, "stride": 2, "padding": 0}


def load(path: Path) -> Network:
    return read_nir(path, profile="nir", dt=1.0)


@pytest.mark.parametrize(
    ("declared", "weight", "expected"),
    [
        ([8], (3, 8), (8,)),
        ([1, 8], (3, 8), (8,)),
        ([1, 1, 8], (3, 8), (8,)),
        ([32, 8], (3, 8), (8,)),
        ([16, 100, 8], (3, 8), (8,)),
        ([1, 1], (3, 1), (1,)),
    ],
)
def test_batch_and_time_are_stripped_from_inputs_and_outputs(
    write: Write,
    node: Any,
    declared: list[int],
    weight: tuple[int, int],
    expected: tuple[int, ...],
) -> None:
    nodes = {
        "in": node.input(*declared), "fc": node.linear(np.ones(weight)), "lif": node.lif(3),
        "out": node.output(*declared[:-1], 3),
    }  # fmt: skip
    net = load(write(nodes))
    assert net.inputs[0].shape == expected
    assert net.populations[0].shape == (3,)
    noted = [a.value for a in net.assumptions if a.name == "shape"]
    assert len(noted) == 2 * (len(declared) > 1)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ([1, 8, 8], (1, 8, 8)),  # a channel, not a batch
        ([1, 1, 8, 8], (1, 8, 8)),
        ([20, 16, 1, 8, 8], (1, 8, 8)),
        ([8, 8], (8, 8)),  # the one channel is left out
    ],
)
def test_channels_of_images_stay(
    write: Write, node: Any, declared: list[int], expected: tuple[int, ...]
) -> None:
    conv = node.conv2d(np.ones((2, 1, 3, 3)))
    net = load(
        write(
            {
                "in": node.input(*declared),
                "c": conv,
                "lif": node.lif(2, 6, 6),
                "out": node.output(2, 6, 6),
            }
        )
    )
    assert net.inputs[0].shape == expected
    assert net.projections[0].map.n_pre == 64


@pytest.mark.parametrize(
    "flatten", [{}, {"start_dim": 1}, {"start_dim": 0}, {"start_dim": -3}]
)
@pytest.mark.parametrize("batch", [[], [1], [32]])
def test_a_flatten_counts_its_dimensions_with_or_without_batch(
    write: Write, node: Any, flatten: dict[str, int], batch: list[int]
) -> None:
    nodes = {
        "in": node.input(*batch, 2, 4, 4), "p": POOL, "f": {"type": "Flatten", **flatten},
        "fc": node.linear(np.ones((3, 8))), "lif": node.lif(3), "out": node.output(3),
    }  # fmt: skip
    net = load(write(nodes))
    assert net.inputs[0].shape == (2, 4, 4)
    assert net.populations[0].shape == (3,)


def test_images_that_are_flattened_at_once_keep_their_shape(
    write: Write, node: Any
) -> None:
    nodes = {"in": node.input(1, 4, 4), "f": FLATTEN, "fc": node.linear(np.ones((3, 16))),
             "lif": node.lif(3), "out": node.output(3)}  # fmt: skip
    assert load(write(nodes)).inputs[0].shape == (1, 4, 4)
    nodes["in"] = node.input(32, 1, 4, 4)
    assert load(write(nodes)).inputs[0].shape == (1, 4, 4)


def test_parameters_without_dimensions_take_the_shape_that_arrives(
    write: Write, node: Any
) -> None:
    nodes = {
        "in": node.input(1, 2, 4, 4), "c": node.conv2d(np.ones((3, 2, 3, 3)), padding=1),
        "lif": node.lif(), "p": POOL, "f": FLATTEN, "fc": node.linear(np.ones((5, 12))),
        "end": node.lif(1), "out": node.output(1, 5),
    }  # fmt: skip
    net = load(write(nodes))
    assert [(p.name, p.shape, p.neuron.n) for p in net.populations] == [
        ("lif", (3, 4, 4), 48),
        ("end", (5,), 5),
    ]


@pytest.mark.parametrize(
    ("tau", "expected"),
    [
        (np.array(2.0), [2, 2, 2, 2, 2, 2]),
        (np.array([2.0]), [2, 2, 2, 2, 2, 2]),
        (np.array([[2.0], [4.0]]), [2, 2, 2, 4, 4, 4]),
        (np.array([[2.0, 4.0, 8.0]]), [2, 4, 8, 2, 4, 8]),
        (np.array([[[2.0], [4.0]]]), [2, 2, 2, 4, 4, 4]),
        (np.arange(2.0, 8.0).reshape(1, 2, 3), [2, 3, 4, 5, 6, 7]),
    ],
)
def test_unequal_parameters_are_broadcast(
    write: Write, node: Any, tau: Any, expected: list[float]
) -> None:
    nodes = {
        "in": node.input(2, 3),
        "lif": node.lif(2, 3, tau=tau),
        "out": node.output(2, 3),
    }
    neuron = load(write(nodes)).populations[0].neuron
    assert neuron.beta.tolist() == [1 - 1 / t for t in expected]


def test_shapes_go_around_a_cycle_without_weights(write: Write, node: Any) -> None:
    # soft reset in standard nodes: I -> Threshold, and back through Delay and Scale
    nodes = {
        "in": node.input(1, 4), "fc": node.linear(np.ones((3, 4))), "v": {"type": "I", "r": 1.0},
        "s": {"type": "Threshold", "threshold": 1.0}, "d": {"type": "Delay", "delay": 1.0},
        "w": {"type": "Scale", "scale": -1.0}, "out": node.output(3),
    }  # fmt: skip
    edges = [
        ("in", "fc"),
        ("fc", "v"),
        ("v", "s"),
        ("s", "d"),
        ("d", "w"),
        ("w", "v"),
        ("s", "out"),
    ]
    net = load(write(nodes, edges))
    assert [(p.name, p.shape) for p in net.populations] == [("v", (3,)), ("s", (3,))]


def test_an_input_without_shape_takes_that_of_what_it_feeds(
    write: Write, node: Any
) -> None:
    nodes = {"in": {"type": "Input"}, "f": FLATTEN, "fc": node.linear(np.ones((3, 8))),
             "lif": node.lif(), "out": {"type": "Output"}}  # fmt: skip
    assert load(write(nodes)).inputs[0].shape == (8,)
    conv = node.conv2d(np.ones((3, 2, 3, 3)), input_shape=[5, 6])
    net = load(
        write(
            {
                "in": {"type": "Input"},
                "c": conv,
                "lif": node.lif(),
                "out": {"type": "Output"},
            }
        )
    )
    assert net.inputs[0].shape == (2, 5, 6)
    assert net.populations[0].shape == (3, 3, 4)


def test_a_shape_that_nothing_tells_is_refused(write: Write, node: Any) -> None:
    pool = {"in": {"type": "Input"}, "p": POOL, "out": {"type": "Output"}}
    with pytest.raises(
        InputError, match=r"node 'in' \(Input\): its shape cannot be told; state the"
    ):
        load(write(pool))


@pytest.mark.parametrize("length", [50, 400])
def test_long_chains_of_nodes_without_shape_are_no_obstacle(
    write: Write, node: Any, length: int
) -> None:
    scales = {f"s{i}": {"type": "Scale", "scale": 1.0} for i in range(length)}
    nodes = {"in": node.input(1, 2), **scales, "fc": node.linear(np.ones((3, 2))),
             "lif": node.lif(3), "out": node.output(3)}  # fmt: skip
    assert load(write(nodes)).populations[0].shape == (3,)


@pytest.mark.parametrize(
    ("middle", "message"),
    [
        (
            {"fc": ("linear", np.ones((3, 5)))},
            r"'in' -> 'fc': 'in' gives \[2, 4, 4\], but 'fc' \(Linear\) takes \[5\]",
        ),
        (
            {"lif": ("lif", (2, 4, 5))},
            r"but 'lif' \(LIF\) takes \[2, 4, 5\]; correct the layers",
        ),
        # NumPy would broadcast [4]; only an Input may lose dimensions in front
        (
            {"a": ("lif", (2, 4, 4)), "b": ("lif", (4,))},
            r"'a' gives \[2, 4, 4\], but 'b' \(LIF\) takes \[4\]",
        ),
        (
            {"c": ("conv2d", np.ones((3, 4, 3, 3)))},
            r"but 'c' \(Conv2d\) takes 4 channels as \[C, H, W\]",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused_with_both_shapes(
    write: Write, node: Any, middle: dict[str, Any], message: str
) -> None:
    made = {
        k: getattr(node, kind)(*(arg if kind == "lif" else [arg]))
        for k, (kind, arg) in middle.items()
    }
    with pytest.raises(InputError, match=message):
        load(write({"in": node.input(2, 4, 4), **made, "out": {"type": "Output"}}))


def test_two_branches_that_do_not_fit_each_other_are_refused(
    write: Write, node: Any
) -> None:
    nodes = {
        "in": node.input(2), "a": node.linear(np.ones((3, 2))), "b": node.linear(np.ones((4, 2))),
        "lif": node.lif(), "out": {"type": "Output"},
    }  # fmt: skip
    edges = [("in", "a"), ("in", "b"), ("a", "lif"), ("b", "lif"), ("lif", "out")]
    with pytest.raises(InputError, match=r"'b' gives \[4\], but 'lif' \(LIF\) takes \[3\]"):
        load(write(nodes, edges))


def test_an_output_of_another_size_is_refused(write: Write, node: Any) -> None:
    nodes = {"in": node.input(2), "lif": node.lif(2), "out": node.output(3)}
    with pytest.raises(
        InputError, match=r"'lif' gives \[2\], but 'out' \(Output\) takes \[3\]"
    ):
        load(write(nodes))
