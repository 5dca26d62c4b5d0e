"""Pooling and transposed convolutions, against loops after SLAYER's definitions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy.board.board import load_board
from snn_deploy.errors import InputError
from snn_deploy.frontends.netx.read_netx import read_netx
from snn_deploy.ir.maps import Conv, Sparse
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy.mapping.check import check
from snn_deploy_simulators import integer

Write = Callable[..., Path]
CUBA = {"type": "CUBA", "iDecay": 2048, "vDecay": 256, "vThMant": 80}
STEPS = 30


def port(*shape: int) -> dict[str, Any]:
    return {"type": "input", "shape": shape}


def pool(
    shape: Any, kernel: Any, stride: Any, padding: Any = 0, **more: Any
) -> dict[str, Any]:
    fields = {"stride": stride, "padding": padding, "dilation": 1, "kernelSize": kernel}
    return {"type": "pool", "shape": shape, "neuron": CUBA, "weight": 20} | fields | more


def conv_t(shape: Any, weight: Any, stride: Any = 1, **more: Any) -> dict[str, Any]:
    fields = {"stride": stride, "padding": 0, "dilation": 1, "groups": 1}
    return (
        {"type": "convT", "shape": shape, "neuron": CUBA, "weight": weight} | fields | more
    )


def kernel_of(*shape: int) -> Any:
    return np.random.default_rng(1).integers(-10, 30, shape) * 2


def pooled(x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """Return what SLAYER's Pool sums of one step x [C, H, W]: zeros below and on the right,
    as many as the remainder, then one kernel over all channels, one below the other."""
    (ky, kx), (c, h, w) = kernel.shape, x.shape
    tall = np.zeros((c, h + h % ky, w + w % kx), np.int64)
    tall[:, :h, :w] = x
    tall = tall.reshape(-1, w + w % kx)
    tall = np.pad(tall, ((padding[0], padding[0]), (padding[1], padding[1])))
    rows = (tall.shape[0] - dilation[0] * (ky - 1) - 1) // stride[0] + 1
    columns = (tall.shape[1] - dilation[1] * (kx - 1) - 1) // stride[1] + 1
    out = np.zeros((rows, columns), np.int64)
    for y, x_, i, j in np.ndindex(rows, columns, ky, kx):
        out[y, x_] += (
            kernel[i, j]
            * tall[y * stride[0] + i * dilation[0], x_ * stride[1] + j * dilation[1]]
        )
    return out.reshape(c, rows // c, columns)


def transposed(
    x: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    """Return what SLAYER's ConvTranspose sums of one step x [C, H, W]: each input adds the
    kernel around its place."""
    (c, h, w), (_, each, ky, kx) = x.shape, weight.shape
    size = [
        (n - 1) * s + d * (k - 1) + 1
        for n, s, d, k in zip((h, w), stride, dilation, (ky, kx), strict=True)
    ]
    out = np.zeros((each * groups, *size), np.int64)
    for i, y, x_, o, ty, tx in np.ndindex(c, h, w, each, ky, kx):
        group = i // (c // groups)
        out[
            group * each + o,
            y * stride[0] + ty * dilation[0],
            x_ * stride[1] + tx * dilation[1],
        ] += weight[i, o, ty, tx] * x[i, y, x_]
    (py, px), (high, wide) = padding, size
    return out[:, py : high - py, px : wide - px]


def fired(sums: Any) -> Any:
    """Return spikes [T, n] of CUBA neurons that sum [T, ...]."""
    u = v = np.zeros(sums[0].size, np.int64)
    spikes = []
    for z in sums:
        u = np.sign(u) * (np.abs(u) * (4096 - 2048) >> 12) + 64 * z.ravel()
        v = np.sign(v) * (np.abs(v) * (4096 - 256) >> 12) + u
        spikes.append(v > 64 * 80)
        v = np.where(spikes[-1], 0, v)
    return np.array(spikes)


def images(*shape: int) -> Any:
    return (np.random.default_rng(2).random((STEPS, *shape)) < 0.15).astype(np.int8)


def spikes_of(net: QuantNetwork, x: Any) -> Any:
    given = Stimulus(1, len(x), {"input": x.reshape(1, len(x), -1)}, {})
    return integer.run(net, given).outputs[net.outputs[0]][0].reshape(len(x), -1)


POOLS = [  # input, output, kernel, stride, padding, dilation, whether channels keep apart
    ((4, 8, 8), (4, 4, 4), (2, 2), (2, 2), (0, 0), (1, 1), True),
    ((3, 6, 9), (3, 3, 3), (2, 3), (2, 3), (0, 0), (1, 1), True),
    ((4, 7, 9), (4, 4, 5), (2, 2), (2, 2), (0, 0), (1, 1), True),  # odd: zeros added
    ((3, 6, 10), (3, 2, 3), (3, 3), (3, 3), (0, 0), (1, 1), True),
    ((1, 7, 7), (1, 4, 4), (3, 3), (2, 2), (1, 1), (1, 1), True),
    ((4, 5, 8), (4, 5, 5), (1, 3), (1, 2), (0, 1), (1, 1), True),
    ((2, 6, 6), (2, 2, 1), (2, 3), (3, 3), (0, 0), (2, 2), True),
    ((4, 8, 8), (4, 5, 5), (3, 3), (2, 2), (1, 1), (1, 1), False),
    ((2, 4, 5), (2, 3, 4), (3, 2), (2, 1), (2, 0), (1, 2), False),
]


@pytest.mark.parametrize(
    ("image", "shape", "size", "stride", "padding", "dilation", "apart"), POOLS
)
@pytest.mark.parametrize("even", [True, False], ids=["one weight", "a kernel"])
def test_pooling_sums_what_slayer_sums(
    image: Any, shape: Any, size: Any, stride: Any, padding: Any, dilation: Any,
    apart: bool, even: bool, write: Write,
) -> None:  # fmt: skip
    kernel = np.full(size, 20) if even else kernel_of(*size)
    weight = 20 if even else kernel.reshape(1, 1, *size)
    layer = pool(shape, size, stride, padding, dilation=dilation, weight=weight)
    net = read_netx(write(port(*image), layer))
    x = images(*image)
    wanted = fired([pooled(step, kernel, stride, padding, dilation) for step in x])
    ours = spikes_of(net, x)
    assert (ours == wanted).all()
    assert 0 < ours.sum() < ours.size
    assert isinstance(net.projections[0].map, Conv if apart else Sparse)
    assert [a.name for a in net.assumptions] == ([] if apart else ["pooling"])
    assert check(net, load_board("loihi2")) == ()


CONVS = [  # input, output, kernel, stride, padding, dilation, groups
    ((4, 4, 4), (2, 9, 9), (4, 2, 3, 3), (2, 2), (0, 0), (1, 1), 1),
    ((2, 5, 6), (3, 5, 6), (2, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((3, 4, 5), (4, 9, 13), (3, 4, 2, 3), (3, 2), (1, 0), (1, 2), 1),
    ((4, 4, 4), (6, 7, 7), (4, 3, 3, 3), (2, 2), (1, 1), (1, 1), 2),
]


@pytest.mark.parametrize(
    ("image", "shape", "size", "stride", "padding", "dilation", "groups"), CONVS
)
def test_a_transposed_convolution_adds_what_slayer_adds(
    image: Any, shape: Any, size: Any, stride: Any, padding: Any, dilation: Any,
    groups: int, write: Write,
) -> None:  # fmt: skip
    weight = kernel_of(*size)
    geometry = {"padding": padding, "dilation": dilation, "groups": groups}
    net = read_netx(write(port(*image), conv_t(shape, weight, stride, **geometry)))
    x = images(*image)
    sums = [transposed(step, weight, stride, padding, dilation, groups) for step in x]
    assert sums[0].shape == shape
    ours = spikes_of(net, x)
    assert (ours == fired(sums)).all()
    assert 0 < ours.sum() < ours.size
    assert check(net, load_board("loihi2")) == ()


def test_layers_after_a_pooling_see_its_output(write: Write) -> None:
    last = {"type": "dense", "shape": [3], "weight": kernel_of(3, 16), "neuron": CUBA}
    flat = {"type": "flatten", "shape": [16]}
    first = pool([4, 2, 2], 2, 2)
    net = read_netx(write(port(4, 4, 4), first, flat, last))
    x = images(4, 4, 4)
    kernel = np.full((2, 2), 20)
    middle = fired([pooled(step, kernel, (2, 2), (0, 0), (1, 1)) for step in x])
    ours = spikes_of(net, x)
    assert (ours == fired([last["weight"] @ s for s in middle.astype(int)])).all()
    assert 0 < ours.sum() < ours.size


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [port(4, 8, 8), pool([4, 3, 4], 2, 2)],
            r"pool .* makes \[4, 4, 4\] .* \[4, 3, 4\]",
        ),
        ([port(4, 8, 8), pool([2, 4, 4], 2, 2)], r"says \[2, 4, 4\] of 2 channels"),
        ([port(4, 8, 8), pool([4, 3, 3], 3, 3)], r"makes \[4, 0, 3\]"),  # SLAYER fails
        ([port(16), pool([4, 4, 4], 2, 2)], r"on an input \[16\] is no 2-D convolution"),
        ([port(4, 8, 8), pool([4, 4], 2, 2)], r"output \[4, 4\] is no 2-D pool"),
        (
            [port(4, 8, 8), pool([4, 4, 4], 2, 2, weight=[2, 2, 2])],
            r"3 weights for a kernel",
        ),
        ([port(4, 8, 8), pool([4, 4, 4], 2, [2, 2, 2])], r"stride \[2, 2, 2\] instead of"),
        (
            [port(4, 8, 8), pool([4, 4, 4], 2, 5000)],
            r"stride \[5000\] instead of .* 1\.\.4096",
        ),
        (
            [port(4, 8, 8), pool([4, 4, 4], 2, 2, weight=300)],
            r"weights 300\.\.300 do not fit",
        ),
        (
            [port(4, 4, 4), conv_t([2, 8, 9], kernel_of(4, 2, 3, 3), 2)],
            r"makes \[2, 9, 9\]",
        ),
        ([port(4, 4, 4), conv_t([3, 9, 9], kernel_of(4, 2, 3, 3), 2)], r"is no 2-D convT"),
        ([port(3, 4, 4), conv_t([2, 9, 9], kernel_of(4, 2, 3, 3), 2)], r"of 4 channels"),
        (
            [port(4, 4, 4), conv_t([6, 6, 6], kernel_of(4, 2, 3, 3), groups=3)],
            r"in 3 groups for an output \[6, 6, 6\] is no 2-D convT",
        ),
        (
            [port(4, 4, 4), conv_t([2, 6, 6], kernel_of(4, 2, 3, 3), groups=0)],
            r"in 0 groups",
        ),
        ([port(4, 4, 4), conv_t([2, 9, 9], kernel_of(4, 2, 3))], r"is none of a 2-D convT"),
        (
            [port(4, 4, 4), conv_t([2, 9, 9], kernel_of(4, 2, 3, 3, 2))],
            r"a kernel \[4, 2, 3, 3, 2\] is none of a 2-D convT",
        ),
        (
            [port(1, 1500, 1500), conv_t([1, 1502, 1502], kernel_of(1, 1, 3, 3))],
            r"20250000 synapses to write out one by one, .* 16777216 are read at most",
        ),
    ],
)
def test_layers_that_make_no_sense_are_refused(
    layers: list[dict[str, Any]], message: str, write: Write
) -> None:
    with pytest.raises(InputError, match=message):
        read_netx(write(*layers))
