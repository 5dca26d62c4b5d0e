"""Biases that are not whole, and fields that lava-dl's netx does not read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.netx.read_netx import read_netx
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy_simulators import integer
from support.netx_oracle import cuba

Write = Callable[..., Path]
CUBA = {"type": "CUBA", "iDecay": 1024, "vDecay": 128, "vThMant": 80, "refDelay": 1}
WEIGHT = np.array([[20.0, -12.0, 6.0], [-8.0, 30.0, 14.0], [16.0, 2.0, -4.0]])
FLOAT_BIAS = np.array([2.9, -3.7, 0.45], np.float32)


def dense(neuron: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "type": "dense",
        "shape": [3],
        "weight": WEIGHT,
        "neuron": neuron or CUBA,
    } | more


def by_hand(x: Any, bias: Any, decay_u: int = 1024, decay_v: int = 128) -> Any:
    """Return spikes [T, 3] of lava-dl's CUBA neuron."""
    return cuba(x.astype(np.int64) @ WEIGHT.T, decay_u, decay_v, bias)


def spikes_of(net: QuantNetwork, x: Any) -> Any:
    run = integer.run(net, Stimulus(1, len(x), {"input": x[None]}, {}))
    return run.outputs[net.outputs[0]][0]


def test_a_bias_that_is_not_whole_is_cut_as_netx_cuts_it(write: Write) -> None:
    net = read_netx(write(dense(bias=FLOAT_BIAS)))
    assert net.populations[0].params["bias_mant"].tolist() == [2, -3, 0]
    x = (np.random.default_rng(0).random((60, 3)) < 0.4).astype(np.int8)
    ours = spikes_of(net, x)
    assert (ours == by_hand(x, FLOAT_BIAS)).all()
    assert 0 < ours.sum() < ours.size
    assert (ours != by_hand(x, [3, -4, 0])).any()  # rounding would be something else


def test_what_the_cut_costs_is_said(write: Write) -> None:
    net = read_netx(write(dense(bias=FLOAT_BIAS)))
    (loss,) = net.losses
    assert (loss.where, loss.what, loss.unit) == ("layer 0", "bias", "of the largest bias")
    assert loss.max_error == pytest.approx(0.9 / 3.7, rel=1e-5)
    assert loss.rms_error == pytest.approx(
        np.sqrt(np.mean(np.square([0.9, 0.7, 0.45]))) / 3.7, rel=1e-5
    )
    assert (
        "up to 0.9 a step, 32 steps of which add up, beside a threshold of 80" in loss.note
    )
    (said,) = (a for a in net.assumptions if a.name == "bias")
    assert said.value == "cut to whole numbers: 3 of 3, by up to 0.9 (threshold 80)"


def test_biases_that_all_become_zero_are_said_to(write: Write) -> None:
    net = read_netx(write(dense(bias=np.array([0.45, -0.2, 0.0]))))
    assert net.populations[0].params["bias_mant"].tolist() == [0, 0, 0]
    said = net.assumptions[0].value
    assert (
        said == "cut to whole numbers: 2 of 3, by up to 0.45 (threshold 80); none is left"
    )
    assert net.losses[0].max_error == 1.0


def test_a_membrane_without_leak_adds_the_cut_up_for_ever(write: Write) -> None:
    net = read_netx(write(dense(CUBA | {"vDecay": 0}, bias=FLOAT_BIAS)))
    assert "a step, summed for ever, beside" in net.losses[0].note


@pytest.mark.parametrize("bias", [[3.0, -5.0, 0.0], [2.9999998, -5.000001, 1e-6]])
def test_whole_numbers_cost_nothing(bias: list[float], write: Write) -> None:
    """A scale that is no power of two leaves the rounding of float32 in the file."""
    net = read_netx(write(dense(bias=np.array(bias))))
    assert net.populations[0].params["bias_mant"].tolist() == [3, -5, 0]
    assert (net.losses, net.assumptions) == ((), ())


def test_weights_with_the_rounding_of_float32_are_whole(write: Write) -> None:
    scale = np.float32(100)  # slayer/neuron/base.py, quantize_8bit
    step = np.float32(2) / scale
    wanted = np.arange(-126, 128, 2).reshape(1, -1)
    exported = (np.rint(wanted / 100 / step).astype(np.float32) * step) * scale
    assert (exported.astype(int) != wanted).any()  # what netx would take
    layer = dense(weight=exported) | {"shape": [1]}
    (p,) = read_netx(write(layer)).projections
    assert (p.map.stored * 2.0**p.weight_exp == wanted).all()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("weight_exp", -3.0, "though SLAYER divided by 2**weight_exp in training"),
        ("wgtExp", 2, "as in lava-dl"),
        ("refDelay", 3, "as in lava-dl"),
    ],
)
def test_fields_that_netx_does_not_read_are_named(
    key: str, value: float, said: str, write: Write
) -> None:
    (named,) = read_netx(write(dense(CUBA | {key: value}))).assumptions
    assert named.name == key
    assert f"{key} {value:g} of " in named.evidence
    assert said in named.evidence


def test_the_threshold_of_an_affine_block_is_a_readout(write: Write) -> None:
    net = read_netx(write(dense(CUBA | {"vThMant": (1 << 18) - 1})))
    assert not net.populations[0].spiking
    assert net.populations[0].params["vth"].tolist() == [131071] * 3


@pytest.mark.parametrize(
    ("bias", "message"),
    [
        ([5000.0], r"biases 5000\.\.5000 do not fit 13 bits"),
        ([-4097.0], r"do not fit 13 bits"),
        ([4095.99999], r"do not fit 13 bits"),
        ([0.5, 1.0], r"2 biases for 3 neurons"),
        ([np.nan], r"'bias' holds numbers that are not finite"),
        ([1e300], r"not finite or beyond 2147483648"),
    ],
)
def test_biases_that_cannot_be_are_refused(
    bias: list[float], message: str, write: Write
) -> None:
    with pytest.raises(InputError, match=message):
        read_netx(write(dense(bias=np.array(bias))))


def test_a_bias_without_a_neuron_is_refused(write: Write) -> None:
    layer = dense(bias=np.array([1.0]))
    del layer["neuron"]
    with pytest.raises(InputError, match="a bias, but no neuron to add it up"):
        read_netx(write(layer))


@pytest.mark.parametrize("bias", [-4096.0, -4096.9, 4095.0, 4095.9])
def test_the_ends_of_13_bits_are_read(bias: float, write: Write) -> None:
    net = read_netx(write(dense(bias=np.array([bias]))))
    assert net.populations[0].params["bias_mant"].tolist() == [int(bias)] * 3
