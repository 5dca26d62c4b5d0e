from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.graph.nodes import MAX_SIZE, SCHEMA
from snn_deploy.frontends.nir.read_nir import read_nir

Write = Callable[..., Path]

NAN, INF = np.nan, np.inf
W = np.ones((2, 2))

# (node type, parameter, bad value, message); all other parameters are good
BAD: list[tuple[str, str, Any, str]] = [
    ("LIF", "tau", [2.0, -1.0], r"tau must be above zero, but 1 of 2 values are not \(such as -1\)"),
    ("LIF", "tau", [0.0, 0.0], r"tau must be above zero, but 2 of 2 values are not \(such as 0\)"),
    ("LIF", "tau", [2.0, NAN], "tau must be a number, but 1 of 2"),
    ("LIF", "tau", 0.5, r"tau 0\.5 s is shorter than the time step 1 s.*give a dt of at most 0\.5"),
    ("LIF", "r", [INF, 1.0], "r or w_in is infinite"),
    ("LIF", "v_threshold", [0.0, 1.0], "v_threshold 0 is not above 0, so that it would fire"),
    ("LIF", "v_threshold", [-1.0, 1.0], "v_threshold -1 is not above 0, so that it would fire"),
    ("LIF", "v_threshold", [INF, 1.0], "v_threshold must be finite"),
    ("LIF", "v_leak", [NAN, 1.0], "v_leak must be finite"),
    ("LIF", "v_reset", True, "v_reset is of type bool instead of real numbers"),
    ("LIF", "tau", np.array([1 + 1j, 2]), "tau is of type complex128 instead of real numbers"),
    ("LIF", "tau", "two", "tau is the text 'two' instead of numbers"),
    ("LIF", "tau", np.zeros((0, 2)), r"tau has no values \(shape \[0, 2\]\)"),
    ("LIF", "tau", np.ones(3), r"parameters do not fit each other \(r \[2\], tau \[3\], v_leak \[2\]"),
    ("CubaLIF", "tau_syn", -2.0, "tau_syn must be above zero, not -2"),
    ("CubaLIF", "tau_mem", 0.25, r"tau_mem 0\.25 s is shorter than the time step"),
    ("CubaLIF", "w_in", NAN, "w_in must be a number, not nan"),
    ("CubaLIF", "v_threshold", 0.0, "v_threshold 0 is not above 0, so that it would fire"),
    ("IF", "v_threshold", 0.0, "v_threshold 0 is not above 0, so that it would fire"),
    ("IF", "r", INF, "r or w_in is infinite"),
    ("Affine", "weight", np.array([[1.0, NAN], [1, 1]]), "weight must be finite, but 1 of 4"),
    ("Affine", "weight", np.array([[1.0, INF], [1, 1]]), r"weight must be finite.*such as inf"),
    ("Affine", "weight", np.ones(2), r"weight \[2\] is no matrix; give it the shape \[out, in\]"),
    ("Affine", "bias", False, "bias is of type bool instead of real numbers"),
    ("Affine", "bias", np.ones(3), r"bias \[3\] does not fit its outputs \[2\]"),
    ("Affine", "bias", NAN, "bias must be finite, not nan"),
    ("Scale", "scale", [INF, 1.0], "scale must be finite"),
    ("Delay", "delay", [-1.0, 0.0], "delay must be zero or more"),
    ("Delay", "delay", [0.5, 1.0], r"delay 0\.5 s is 0\.5 steps of 1 s, which is no whole number"),
    ("Delay", "delay", [1e9, 1.0], r"delay 1e\+09 s is 1e\+09 steps of 1 s, more than 65536"),
    ("Threshold", "threshold", NAN, "threshold must be finite, not nan"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "key", "value", "message"), BAD)
def test_nonsense_is_refused_with_file_node_cause_and_remedy(
    write: Write, node: Any, kind: str, key: str, value: Any, message: str
) -> None:
    good = {
        "LIF": node.lif(2),
        "CubaLIF": node.cuba(2),
        "IF": node.if_(2),
        "Affine": node.affine(W, np.zeros(2)),
        "Scale": {"type": "Scale", "scale": np.ones(2)},
        "Delay": {"type": "Delay", "delay": np.zeros(2)},
        "Threshold": {"type": "Threshold", "threshold": np.ones(2)},
    }[kind]
    nodes = {
        "in": node.input(2),
        "bad": {**good, key: value},
        "end": node.if_(2),
        "out": node.output(2),
    }
    path = write(nodes)
    with pytest.raises(InputError, match=message) as caught:
        read_nir(path, profile="nir", dt=1.0)
    assert str(caught.value).startswith(f"{path}: node 'bad' ({kind}): ")
    assert ";" in str(caught.value)


CONV: list[tuple[dict[str, Any], str]] = [
    ({"stride": 0}, "stride must be a whole number of 1 to"),
    ({"stride": 1.5}, "stride must be a whole number"),
    ({"stride": [1, 1, 1]}, r"stride must be one number or a pair, not \[3\]"),
    ({"dilation": -1}, "dilation must be a whole number"),
    ({"padding": -1}, "padding must be a whole number of 0 to"),
    ({"padding": "half"}, "padding must be 'same', 'valid' or numbers, not 'half'"),
    ({"padding": "same", "stride": 2}, "padding 'same' needs stride 1"),
    ({"groups": 0}, "groups must be a whole number"),
    ({"groups": 2}, "3 channels do not split into 2 groups"),
    (
        {"groups": 3},
        r"'in' gives \[1, 4, 4\], but 'bad' \(Conv2d\) takes 3 channels as \[C, H, W\]",
    ),
    (
        {"weight": np.ones((3, 1, 5, 5))},
        r"has a kernel \[5, 5\] larger than the padded image \[4, 4\]",
    ),
    ({"weight": np.ones((3, 1, 3))}, r"weight \[3, 1, 3\] does not have 4 dimensions"),
    ({"bias": np.ones(2)}, r"bias \[2\] does not fit its outputs \[3\]"),
    (
        {"input_shape": [5, 4]},
        r"'in' gives \[1, 4, 4\], but 'bad' \(Conv2d\) takes \[1, 5, 4\]",
    ),
    (
        {"padding": 2**20},
        r"gives \[3, 20971\d\d, 20971\d\d\], \d+ values per step, more than",
    ),
]


@pytest.mark.parametrize(("values", "message"), CONV)
def test_a_convolution_that_cannot_be_is_refused(
    write: Write, node: Any, values: dict[str, Any], message: str
) -> None:
    conv = {**node.conv2d(np.ones((3, 1, 3, 3))), **values}
    path = write({"in": node.input(1, 4, 4), "bad": conv, "out": node.output(3, 2, 2)})
    with pytest.raises(InputError, match=message):
        read_nir(path)


def test_an_unknown_type_is_refused_with_those_that_are_known(
    write: Write, node: Any
) -> None:
    path = write({"in": node.input(2), "x": {"type": "Alif"}, "out": node.output(2)})
    with pytest.raises(
        InputError, match=r"node 'x': unknown type 'Alif'; replace it by Input, .*LIF"
    ):
        read_nir(path)


@pytest.mark.parametrize("kind", sorted(set(SCHEMA) - {"Input", "Output"}))
def test_a_missing_parameter_is_refused_by_name(write: Write, node: Any, kind: str) -> None:
    path = write({"in": node.input(2), "x": {"type": kind}, "out": node.output(2)})
    if kind == "Flatten":  # which has nothing but defaults
        assert read_nir(path).outputs == ("out",)
        return
    first = next(iter(SCHEMA[kind]))
    with pytest.raises(
        InputError, match=rf"node 'x' \({kind}\): {first} is missing; correct it"
    ):
        read_nir(path)


SHAPES: list[tuple[Any, str]] = [
    ([2, 0], "shape must be a positive size, but 1 of 2 values are not"),
    ([-1], "shape must be a positive size, not -1"),
    ([1.5], "shape must be a positive size"),
    ([2] * 65, "shape must be a list of at most 32 sizes"),
    (
        [10**5, 10**5],
        r"shape is \[100000, 100000\], 1e\+10 values per step, more than 16777216",
    ),
    ([[2, 2]], r"must be a list of at most 32 sizes, not an array \[1, 2\]"),
    ("two", "shape is the text 'two'"),
]


@pytest.mark.parametrize(("shape", "message"), SHAPES)
def test_an_input_of_impossible_shape_is_refused(
    write: Write, node: Any, shape: Any, message: str
) -> None:
    path = write({"in": {"type": "Input", "shape": shape}, "out": node.output(2)})
    with pytest.raises(InputError, match=rf"node 'in' \(Input\): .*{message}"):
        read_nir(path)


def test_neurons_beyond_the_limit_are_refused_before_they_are_made(
    write: Write, node: Any
) -> None:
    nodes: dict[str, Any] = {"in": node.input(MAX_SIZE)}
    nodes |= {f"if{i}": node.if_() for i in range(3)}
    with pytest.raises(
        InputError, match=r"nodes give 83886080 values per step, more than 33554432"
    ):
        read_nir(write({**nodes, "out": node.output(MAX_SIZE)}))


def test_defaults_of_old_formats_and_unknown_parameters_are_assumptions(
    write: Write, node: Any
) -> None:
    cuba = node.cuba(2, colour=3.0)
    del cuba["v_reset"], cuba["w_in"]
    net = read_nir(
        write({"in": node.input(2), "c": cuba, "out": node.output(2)}),
        profile="nir",
        dt=1.0,
    )
    noted = {a.name: (a.value, a.evidence) for a in net.assumptions}
    assert noted["v_reset"] == ("0", "nodes without it: 1; nir's default")
    assert noted["w_in"] == ("1", "nodes without it: 1; nir's default")
    assert noted["colour"][0] == "ignored"
    assert net.populations[0].neuron.gain.tolist() == [
        0.5,
        0.5,
    ]  # r dt/tau_mem * 1 dt/tau_syn
