"""Whole lava-dl networks: layers, weights and readouts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.netx.read_netx import read_netx
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Conv, Dense
from snn_deploy.ir.quant import SignMode, Stimulus
from snn_deploy_backends.lava.backend import check
from snn_deploy_simulators import integer
from snn_deploy_simulators.stimulus import encode

Layer = dict[str, Any]
Write = Callable[..., Path]
CUBA = {"type": "CUBA", "iDecay": 1024, "vDecay": 128, "vThMant": 80, "refDelay": 1}


def dense(weight: Any, **more: Any) -> Layer:
    weight = np.asarray(weight, np.float32)
    return {
        "type": "dense",
        "shape": [len(weight)],
        "weight": weight,
        "neuron": CUBA,
        **more,
    }


def conv(**more: Any) -> Layer:
    kernel = np.arange(-9, 9).reshape(2, 1, 3, 3) * 2.0
    fields = {"stride": [2, 1], "padding": [1, 0], "dilation": [1, 1], "groups": 1}
    shape = {
        "type": "conv",
        "shape": [2, 3, 3],
        "weight": kernel[..., None],
        "neuron": CUBA,
    }
    return shape | fields | more


IMAGE = {"type": "input", "shape": [1, 5, 5]}


def test_registers_are_those_of_netx(write: Write) -> None:
    net = read_netx(write(dense([[2, -4], [6, 8]], bias=np.array([3.0, -5.0]))))
    params = net.populations[0].params
    assert {k: v.tolist() for k, v in params.items()} == {
        "du": [1023, 1023],  # iDecay - 1
        "dv": [128, 128],
        "vth": [80, 80],
        "bias_mant": [3, -5],
        "bias_exp": [6, 6],
    }
    assert net.inputs[0].shape == (2,)
    assert net.outputs == ("layer 0",)


@pytest.mark.parametrize(
    ("weight", "mode", "bits", "exponent"),
    [
        ([[2, -4], [6, 8]], SignMode.MIXED, 4, -4),
        ([[254, -256], [2, 8]], SignMode.MIXED, 8, 0),
        ([[0, -8], [0, 0]], SignMode.MIXED, 1, -5),
        ([[0, 3], [255, 8]], SignMode.EXCITATORY, 8, 0),
        ([[0, 4], [4, 8]], SignMode.EXCITATORY, 2, -4),
        ([[-4, -4], [-8, -12]], SignMode.INHIBITORY, 2, -4),
        ([[0, 0], [0, 0]], SignMode.EXCITATORY, 1, 0),
    ],
)
def test_weights_take_as_few_bits_as_they_need(
    weight: list[list[int]], mode: SignMode, bits: int, exponent: int, write: Write
) -> None:
    net = read_netx(write(dense(weight)))
    (p,) = net.projections
    assert (p.sign_mode, p.weight_bits, p.weight_exp) == (mode, bits, exponent)
    assert (matrix(p.map).toarray() * 2.0**exponent == weight).all()
    assert check(net) == ()


def test_layers_follow_each_other_by_one_step(write: Write) -> None:
    net = read_netx(
        write(IMAGE, conv(), {"type": "flatten", "shape": [18]}, dense(np.ones((4, 18))))
    )
    assert [p.lag for p in net.populations] == [1, 2]
    assert [p.shape for p in net.populations] == [(2, 3, 3), (4,)]
    assert [net.chip_delay(p) for p in net.projections] == [1, 1]


def test_a_convolution_keeps_its_geometry(write: Write) -> None:
    (p,) = read_netx(write(IMAGE, conv())).projections
    assert isinstance(p.map, Conv)
    assert (p.map.stride, p.map.padding, p.map.out_shape) == ((2, 1), (1, 0), (2, 3, 3))
    assert (
        p.map.weight[1, 0, 2, 0] << p.weight_exp
        if p.weight_exp > 0
        else p.map.weight[1, 0, 2, 0] >> -p.weight_exp
    ) == 12


def test_a_bias_per_channel_reaches_every_pixel(write: Write) -> None:
    net = read_netx(write(IMAGE, conv(bias=np.array([5.0, -7.0]))))
    assert net.populations[0].params["bias_mant"].tolist() == [5] * 9 + [-7] * 9


def test_delays_split_a_layer_into_groups(write: Write) -> None:
    weight = np.array([[2, 4], [6, -8], [10, 12]])
    net = read_netx(write(dense(weight, delay=np.array([0.0, 5.0, 0.0]))))
    assert [p.delay for p in net.projections] == [0, 5]
    total = sum(matrix(p.map).toarray() * 2.0**p.weight_exp for p in net.projections)
    assert (total == weight).all()
    assert np.flatnonzero(
        matrix(net.projections[1].map).toarray().any(axis=1)
    ).tolist() == [1]


def test_a_recurrent_layer_comes_back_a_step_later(write: Write) -> None:
    back = np.array([[0, 16], [-16, 0]])
    layer = dense([[2, -4], [6, 8]], weight_rec=back) | {"type": "dense_rec"}
    net = read_netx(write(layer))
    (forward, loop) = net.projections
    assert (loop.pre, loop.post, loop.delay) == ("layer 0", "layer 0", 1)
    assert (loop.sign_mode, loop.weight_bits, loop.weight_exp) == (
        forward.sign_mode,
        forward.weight_bits,
        forward.weight_exp,
    )
    assert isinstance(loop.map, Dense)
    assert (loop.map.weight * 2.0**loop.weight_exp == back).all()


def test_input_neurons_are_driven_by_weight_times_x_plus_bias(write: Write) -> None:
    first = {"type": "input", "shape": [3], "neuron": CUBA, "weight": 40.0, "bias": 36.0}
    net = read_netx(write(first, dense(np.full((2, 3), 64))))
    given = encode(net, {"input": np.array([[[-0.5, 0.0, 0.5]] * 4])})
    assert given.bias["layer 0"].tolist() == [[16 << 6, 36 << 6, 56 << 6]]
    out = integer.run(net, given)
    assert out.events["layer 0"][0] > 0


def test_a_layer_without_neurons_sums_its_input(write: Write) -> None:
    layer = dense([[2.0, -4.0]])
    del layer["neuron"]
    net = read_netx(write(layer))
    assert not net.populations[0].spiking
    spikes = np.array([[[1, 0], [1, 0], [0, 1]]])
    out = integer.run(net, Stimulus(1, 3, {"input": spikes}, {})).outputs["layer 0"]
    assert out.ravel().tolist() == [128, 256, 0]  # 64 per unit of weight
    assert any(a.name == "readout" for a in net.assumptions)


def test_an_average_layer_is_left_out_and_said_so(write: Write) -> None:
    net = read_netx(write(dense(np.ones((6, 2))), {"type": "average", "shape": [3, 1, 1]}))
    assert len(net.populations) == 1
    assert "6 outputs are 3 groups" in net.assumptions[-1].value


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([dense([[0.5, 1]])], r"'weight' holds numbers that are not whole"),
        (
            [dense([[3, -2]])],
            r"weights -2\.\.3 do not fit 8 bits mixed .*even numbers only",
        ),
        (
            [dense([[300, 2]])],
            r"weights 2\.\.300 do not fit 8 bits excitatory \(0\.\.255\)",
        ),
        (
            [dense([[2, 2]], neuron=CUBA | {"type": "SDNN"})],
            r"layer 0: neurons 'SDNN' cannot",
        ),
        ([dense([[2, 2]], neuron=CUBA | {"gradedSpike": True})], r"graded spikes"),
        ([dense([[2, 2]], neuron=CUBA | {"iDecay": 0})], r"register du would be -1"),
        (
            [dense([[2, 2]], neuron=CUBA | {"vThMant": 1 << 18})],
            r"register vth would be 262144",
        ),
        ([dense([[2, 2]], neuron={"type": "CUBA"})], r"no 'iDecay'"),
        ([dense([[2, 2]]), dense([[2, 2]])], r"layer 1: takes 2 inputs, but 1 come"),
        ([IMAGE, conv(shape=[2, 5, 3])], r"makes \[2, 3, 3\] .* says \[2, 5, 3\]"),
        ([IMAGE, conv(groups=2)], r"in 2 groups"),
        ([IMAGE, conv(stride=0)], r"stride \[0\]"),
        ([IMAGE], r"no layer with neurons"),
        (
            [IMAGE, {"type": "unpool", "shape": [1, 2, 2]}],
            r"a layer 'unpool' cannot be read; only input, dense, dense_rec, conv, convT, pool "
            r"and flatten can, so build it of these",
        ),
        (
            [dense([[2, 2]], weight_rec=[[2, 2]]) | {"type": "dense_rec"}],
            r"recurrent weights \[1, 2\] for 1 neurons",
        ),
        (
            [dense([[2]], weight_rec=[[2]], delay=1) | {"type": "dense_rec"}],
            r"delays cannot be read; .* so train it without",
        ),
        ([dense([[np.nan, 1]])], r"'weight' holds numbers that are not finite"),
        ([dense([[1e30, 1]])], r"not finite or beyond 2147483648"),
        ([dense([[2, 2]], neuron=CUBA | {"vDecay": np.nan})], r"'vDecay' .* not finite"),
        ([dense([[2, 2]], neuron=CUBA | {"vDecay": [1, 2]})], r"one number, not \[2\]"),
        ([IMAGE | {"shape": [9000, 9000]}], r"81000000 neurons, more than the 16777216"),
    ],
)
def test_what_cannot_be_read_is_refused(
    layers: list[Layer], message: str, write: Write
) -> None:
    with pytest.raises(InputError, match=message):
        read_netx(write(*layers))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_netx(tmp_path / "none.net")
    with h5py.File(tmp_path / "other.net", "w") as f:
        f["x"] = 1
    with pytest.raises(InputError, match="no group 'layer'"):
        read_netx(tmp_path / "other.net")
    with h5py.File(tmp_path / "gap.net", "w") as f:
        f.create_group("layer/0")
        f.create_group("layer/2")
    with pytest.raises(InputError, match="layer 1 is missing"):
        read_netx(tmp_path / "gap.net")
