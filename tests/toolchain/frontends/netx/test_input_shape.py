"""The shape of the input where the file begins without an input layer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.netx.read_netx import read_netx
from snn_deploy.ir.quant import Stimulus
from snn_deploy_simulators import integer

Write = Callable[..., Path]
CUBA = {"type": "CUBA", "iDecay": 4096, "vDecay": 0, "vThMant": 20}
KERNEL = np.arange(-9, 9).reshape(1, 2, 3, 3) * 2


def first(kind: str, shape: Any, stride: Any = 1, **more: Any) -> dict[str, Any]:
    fields = {"padding": 0, "dilation": 1, "groups": 1, "kernelSize": 3, "neuron": CUBA}
    return (
        {"type": kind, "shape": shape, "stride": stride, "weight": KERNEL} | fields | more
    )


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (first("conv", [1, 7, 5]), (2, 9, 7)),
        (first("conv", [1, 7, 5], padding=[1, 2], dilation=[2, 1]), (2, 9, 3)),
        (first("convT", [2, 9, 12], [2, 3], weight=KERNEL), (1, 4, 4)),
        (first("pool", [2, 3, 5], weight=2, kernelSize=1), (2, 3, 5)),
    ],
)
def test_the_only_input_that_fits_is_taken(
    layer: dict[str, Any], shape: tuple[int, ...], write: Write
) -> None:
    net = read_netx(write(layer))
    assert net.inputs[0].shape == shape
    (said,) = net.assumptions
    assert (said.name, said.value) == ("input shape", "x".join(map(str, shape)))


def test_a_first_convolution_computes_what_it_does_behind_an_input_layer(
    write: Write,
) -> None:
    x = (np.random.default_rng(0).random((1, 20, 126)) < 0.3).astype(np.int8)
    layers = [{"type": "input", "shape": [2, 9, 7]}, first("conv", [1, 7, 5])]
    spikes = [
        integer.run(net, Stimulus(1, 20, {"input": x}, {})).outputs[net.outputs[0]]
        for net in (read_netx(write(*layers[i:])) for i in (0, 1))
    ]
    assert (spikes[0] == spikes[1]).all()
    assert 0 < spikes[0].sum() < spikes[0].size


def test_a_flatten_or_dense_layer_says_how_many_inputs(write: Write) -> None:
    last = {"type": "dense", "shape": [2], "weight": np.full((2, 12), 2), "neuron": CUBA}
    flat = {"type": "flatten", "shape": [1, 1, 12]}
    assert read_netx(write(flat, last)).inputs[0].shape == (12,)
    assert read_netx(write(last)).inputs[0].shape == (12,)
    assert read_netx(write(last), (3, 2, 2)).inputs[0].shape == (3, 2, 2)


@pytest.mark.parametrize("shape", [(2, 9, 7), (2, 10, 7), (2, 10, 8)])
def test_what_the_file_leaves_open_can_be_said(
    shape: tuple[int, ...], write: Write
) -> None:
    net = read_netx(write(first("conv", [1, 4, 3], 2)), shape)
    assert net.inputs[0].shape == shape
    assert net.assumptions[0].evidence == "given by the user"


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            first("conv", [1, 4, 3], 2),
            None,
            r"layer 0: the first layer makes 1x4x3 of 2 channels with 9 or 10 rows and 7 or "
            r"8 columns, and the file does not say which; give input_shape='CxHxW', or export",
        ),
        (first("conv", [1, 4, 3], 9), None, r"with 30 to 38 rows and 21 to 29 columns"),
        (
            first("conv", [1, 4, 3], 2),
            (2, 11, 7),
            r"input_shape='2x11x7': .* 9 or 10 rows .*; give one of them",
        ),
        (first("conv", [1, 4, 3], 2), (1, 9, 7), r"of 2 channels .*; give one of them"),
        (first("conv", [1, 4, 3], 2), (126,), r"input_shape=126: .*; give one of them"),
        (first("convT", [2, 8, 9], 2), None, r"no input makes 2x8x9 of this convT"),
        (
            {"type": "input", "shape": [2, 3]},
            (3, 2),
            r"input_shape='3x2': .*layer 0 takes 2x3; leave it out",
        ),
        ({"type": "average", "shape": [3]}, None, r"begins with a layer 'average'"),
    ],
)
def test_what_is_open_or_wrong_is_refused(
    layer: dict[str, Any], shape: tuple[int, ...] | None, message: str, write: Write
) -> None:
    with pytest.raises(InputError, match=message):
        read_netx(write(layer), shape)
