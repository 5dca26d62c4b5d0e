"""Linear nodes against PyTorch, where it has them, and against their definition elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.ir.linear import apply
from snn_deploy.ir.maps import Dense, Sparse
from snn_deploy.ir.network import Network
from snn_deploy_simulators.reference import run

Write = Callable[..., Path]


def passes(
    write: Write, node: Any, layer: dict[str, Any], shape: tuple[int, ...]
) -> Network:
    """Return Input -> layer -> Output; what is read out is the layer's output."""
    return read_nir(
        write({"in": node.input(*shape), "x": layer, "out": {"type": "Output"}}), dt=1.0
    )


def output(net: Network, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the network reads out in the first step for x [N, *shape]."""
    result: NDArray[np.float64] = run(net, x[:, None]).outputs[net.outputs[0]][:, 0]
    return result


CONVS: list[dict[str, Any]] = [
    {},
    {"stride": 2, "padding": 1},
    {"stride": [2, 1], "padding": [0, 2], "dilation": [1, 2]},
    {"padding": "valid"},
    {"padding": "same"},
    {"padding": "same", "dilation": 2},
    {"groups": 2, "padding": 1},
    {"groups": 4, "stride": 3},
]


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("options", CONVS)
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4)])
def test_conv2d_equals_pytorch(
    write: Write, node: Any, options: dict[str, Any], kernel: tuple[int, int]
) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    weight = rng.integers(-8, 8, (8, 4 // options.get("groups", 1), *kernel)).astype(float)
    bias = rng.integers(-8, 8, 8).astype(float)
    net = passes(write, node, node.conv2d(weight, **{"bias": bias, **options}), (4, 9, 8))
    x = rng.integers(-4, 4, (3, 4, 9, 8)).astype(float)
    tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    wanted = torch.nn.functional.conv2d(
        *map(torch.tensor, (x, weight, bias)), **tuples
    ).numpy()
    assert output(net, x).shape == wanted.shape
    assert np.array_equal(output(net, x), wanted)


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2, "padding": 2}, {"padding": "same", "dilation": 2}, {"groups": 2}],
)
@pytest.mark.parametrize("input_shape", [None, 11])
def test_conv1d_equals_pytorch(
    write: Write, node: Any, options: dict[str, Any], input_shape: int | None
) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    weight = rng.integers(-8, 8, (6, 4 // options.get("groups", 1), 4)).astype(float)
    layer = {
        "type": "Conv1d", "weight": weight, "bias": np.arange(6.0), "stride": 1, "padding": 0,
        "dilation": 1, "groups": 1, **options,
    }  # fmt: skip
    if input_shape is not None:
        layer["input_shape"] = input_shape
    net = passes(write, node, layer, (4, 11))
    x = rng.integers(-4, 4, (3, 4, 11)).astype(float)
    bias = torch.arange(6.0, dtype=torch.float64)
    wanted = torch.nn.functional.conv1d(
        torch.tensor(x), torch.tensor(weight), bias, **options
    )
    assert np.array_equal(output(net, x), wanted.numpy())


POOLS: list[dict[str, Any]] = [
    {"kernel_size": 2, "stride": 2, "padding": 0},
    {"kernel_size": [3, 2], "stride": [2, 1], "padding": [1, 1]},
    {"kernel_size": [4], "stride": [3], "padding": [2]},
]


@pytest.mark.parametrize("sizes", POOLS)
@pytest.mark.parametrize("kind", ["AvgPool2d", "SumPool2d"])
def test_pooling_equals_pytorch(
    write: Write, node: Any, kind: str, sizes: dict[str, Any]
) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    layer = {"type": kind, **{k: np.array(v) for k, v in sizes.items()}}
    net = passes(write, node, layer, (3, 8, 9))
    x = rng.integers(-12, 12, (2, 3, 8, 9)).astype(float)
    tuples = {
        k: tuple(v) if isinstance(v, list) and len(v) > 1 else np.ravel(v)[0]
        for k, v in sizes.items()
    }
    whole = {} if kind == "AvgPool2d" else {"divisor_override": 1}
    wanted = torch.nn.functional.avg_pool2d(torch.tensor(x), *tuples.values(), **whole)
    assert output(net, x) == pytest.approx(wanted.numpy(), abs=1e-12)


def test_a_weight_with_blocks_mixes_nothing_between_them(write: Write, node: Any) -> None:
    rng = np.random.default_rng(3)
    weight = rng.integers(-8, 8, (4, 3, 5)).astype(float)
    bias = rng.integers(-8, 8, (4, 3)).astype(float)
    net = passes(write, node, node.affine(weight, bias), (4, 5))
    x = rng.integers(-8, 8, (2, 4, 5)).astype(float)
    assert np.array_equal(output(net, x), np.einsum("boi,nbi->nbo", weight, x) + bias)
    assert isinstance(net.projections[0].map.maps[0], Sparse)  # type: ignore[union-attr]
    one = passes(write, node, node.linear(weight[:1]), (1, 5))
    assert isinstance(one.projections[0].map.maps[0], Dense)  # type: ignore[union-attr]


@pytest.mark.parametrize("bias", [0.5, [0.5], [[0.5, 0.5]], [0.5, 0.5]])
def test_a_bias_is_broadcast(write: Write, node: Any, bias: Any) -> None:
    net = passes(write, node, node.affine(np.eye(2), bias), (2,))
    assert output(net, np.array([[1.0, 2.0]])).tolist() == [[1.5, 2.5]]


def test_scales_apply_per_element(write: Write, node: Any) -> None:
    scale = {"type": "Scale", "scale": np.array([[1.0], [-2.0]])}
    net = passes(write, node, scale, (2, 2))
    assert output(net, np.array([[[1.0, 2.0], [3.0, 4.0]]])).tolist() == [
        [[1, 2], [-6, -8]]
    ]


def spikes(net: Network, steps: int) -> dict[str, list[list[float]]]:
    """Return the outputs for an input that is 1, 2, 3, ... in all places."""
    n = net.inputs[0].shape[0]
    x = np.broadcast_to(np.arange(1.0, steps + 1)[None, :, None], (1, steps, n))
    return {k: v[0].tolist() for k, v in run(net, x).outputs.items()}


def test_a_delay_shifts_by_its_steps(write: Write, node: Any) -> None:
    net = passes(write, node, {"type": "Delay", "delay": 3.0}, (1,))
    assert [p.delay for p in net.projections] == [3]
    assert spikes(net, 5)[net.outputs[0]] == [[0], [0], [0], [1], [2]]


def test_delays_that_differ_split_the_path(write: Write, node: Any) -> None:
    net = passes(
        write, node, {"type": "Delay", "delay": np.array([2.0, 0.0, 1.0, 2.0])}, (4,)
    )
    assert sorted(p.delay for p in net.projections) == [0, 1, 2]
    assert spikes(net, 3)[net.outputs[0]] == [[0, 1, 0, 0], [0, 2, 1, 0], [1, 3, 2, 1]]


def test_delays_add_up_along_a_path(write: Write, node: Any) -> None:
    delay = {"type": "Delay", "delay": np.array([1.0, 2.0])}
    nodes = {"in": node.input(2), "a": delay, "w": node.linear([[1.0, 1.0]]), "b": delay | {"delay": 1.0},
             "out": {"type": "Output"}}  # fmt: skip
    net = read_nir(write(nodes), dt=1.0)
    assert sorted(p.delay for p in net.projections) == [2, 3]
    assert spikes(net, 4)["b"] == [[0], [0], [1], [3]]


def test_float32_delays_count_as_whole_steps(write: Write, node: Any) -> None:
    delay = {"type": "Delay", "delay": np.array([3e-4], np.float32)}
    nodes = {"in": node.input(1), "d": delay, "out": {"type": "Output"}}
    assert read_nir(write(nodes), dt=1e-4).projections[0].delay == 3


def test_maps_of_a_path_keep_their_order(write: Write, node: Any) -> None:
    nodes = {
        "in": node.input(2), "a": node.linear([[1.0, 2.0], [3.0, 4.0]]),
        "s": {"type": "Scale", "scale": np.array([2.0, 10.0])}, "b": node.linear([[1.0, -1.0]]),
        "out": {"type": "Output"},
    }  # fmt: skip
    projection = read_nir(write(nodes)).projections[0]
    assert apply(projection.map, np.array([[1.0, 1.0]])).tolist() == [[2 * 3 - 10 * 7]]
