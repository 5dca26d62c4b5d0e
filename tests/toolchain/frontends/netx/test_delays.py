"""Delays: synapses that are late, and relays where a synapse cannot hold the delay."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy.board.board import load_board
from snn_deploy.errors import InputError
from snn_deploy.frontends.netx.read_netx import read_netx
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy.mapping.check import check
from snn_deploy_simulators import integer
from support import integer_oracle
from support.netx_oracle import cuba

Write = Callable[..., Path]
CUBA = {"type": "CUBA", "iDecay": 2048, "vDecay": 256, "vThMant": 80}
WEIGHT = np.array([[60, -20, 40], [30, 50, -10], [-40, 70, 60], [64, 64, 64]])
STEPS = 240


def layer(**more: Any) -> dict[str, Any]:
    fields = {"type": "dense", "shape": [4], "weight": WEIGHT, "neuron": CUBA}
    return fields | more


def image(kind: str, **more: Any) -> dict[str, Any]:
    kernel = np.array([[[[40, -10], [20, 30]]], [[[-20, 50], [60, 10]]]])
    fields = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "kernelSize": 2}
    return (
        {"type": kind, "neuron": CUBA, "weight": kernel, "shape": [2, 3, 3]} | fields | more
    )


def given(shape: tuple[int, ...]) -> Any:
    rng = np.random.default_rng(5)
    return (rng.random((STEPS, int(np.prod(shape)))) < 0.2).astype(np.int8)


def by_hand(weight: Any, delay: Any, x: Any) -> Any:
    """Return spikes [T, n] of CUBA neurons whose synapses [n, n_pre] have delays."""
    n, n_pre = weight.shape
    sent = np.zeros((len(x), n), np.int64)
    for i in range(n):
        for j in range(n_pre):
            d = int(delay[i, j])
            sent[d:, i] += int(weight[i, j]) * x[: max(len(x) - d, 0), j].astype(np.int64)
    return cuba(sent, 2048, 256)


def spikes_of(net: QuantNetwork, x: Any) -> Any:
    stimulus = Stimulus(1, len(x), {"input": x[None]}, {})
    ours = integer.run(net, stimulus).outputs[net.outputs[0]][0].reshape(len(x), -1)
    chip = integer_oracle.run(net, stimulus)[net.outputs[0]]["s"][0]
    assert (ours == chip).all()  # model time and chip time agree
    return ours


@pytest.mark.parametrize(
    ("delay", "relays"),
    [
        ([62.0, 0.0, 5.0, 1.0], 0),
        ([63.0, 62.0, 0.0, 61.0], 1),
        ([124.0, 3.0, 63.0, 0.0], 1),
        ([125.0, 124.0, 187.0, 0.0], 3),
        ([100.0, 7.0, 150.0], 2),  # one for each input
        (100.0, 1),
        (0.0, 0),
    ],
)
def test_delays_of_any_length_are_kept(delay: Any, relays: int, write: Write) -> None:
    net = read_netx(write(layer(delay=np.array(delay))))
    assert len(net.populations) == relays + 1
    assert net.outputs == ("layer 0",)
    each = np.array(delay, int)
    each = each[:, None] if each.size == 4 else each
    x = given((3,))
    ours = spikes_of(net, x)
    assert (ours == by_hand(WEIGHT, np.broadcast_to(each, WEIGHT.shape), x)).all()
    assert 0 < ours.sum() < ours.size


def test_relays_fit_the_chip_and_are_said(write: Write) -> None:
    net = read_netx(write(layer(delay=np.array([0.0, 187.0, 63.0, 5.0]))))
    board = load_board("loihi2")
    assert check(net, board) == ()
    longest = max(net.chip_delay(p) for p in net.projections) - 1
    assert longest == board.synapse.max_delay.value == 62
    (said,) = net.assumptions
    assert said.name == "relays"
    assert said.value == "3 x 3 neurons in between, for delays of layer 0 up to 187 steps"
    assert [p.name for p in net.populations[:3]] == [
        f"layer 0 relay {i}" for i in (1, 2, 3)
    ]


def test_relays_stand_between_layers_of_neurons_too(write: Write) -> None:
    second = layer(weight=np.full((4, 4), 30), delay=np.array([0.0, 70.0, 0.0, 140.0]))
    net = read_netx(write(layer(), second))
    assert check(net, load_board("loihi2")) == ()
    x = given((3,))
    first = by_hand(WEIGHT, np.zeros(WEIGHT.shape, int), x)
    late = np.broadcast_to(np.array([[0], [70], [0], [140]]), (4, 4))
    ours = spikes_of(net, x)
    assert (ours == by_hand(np.full((4, 4), 30), late, first)).all()
    assert 0 < ours.sum() < ours.size


@pytest.mark.parametrize(
    ("delay", "relays"), [([3.0, 0.0], 0), ([0.0, 80.0], 1), (70.0, 1)]
)
def test_channels_of_a_convolution_are_delayed_as_slayer_does(
    delay: Any, relays: int, write: Write
) -> None:
    port = {"type": "input", "shape": [1, 4, 4]}
    net = read_netx(write(port, image("conv", delay=np.array(delay))))
    assert len(net.populations) == relays + 1
    kernel, weight = image("conv")["weight"], np.zeros((18, 16), int)
    for i, (c, y, x_) in enumerate(np.ndindex(2, 3, 3)):
        for ky, kx in np.ndindex(2, 2):
            weight[i, 4 * (y + ky) + x_ + kx] = kernel[c, 0, ky, kx]
    late = np.repeat(np.broadcast_to(np.array(delay, int), 2), 9)[:, None]
    x = given((1, 4, 4))
    ours = spikes_of(net, x)
    assert (ours == by_hand(weight, np.broadcast_to(late, weight.shape), x)).all()
    assert 0 < ours.sum() < ours.size


def test_weights_of_zero_stay_connected(write: Write) -> None:
    net = read_netx(write(layer(weight=0 * WEIGHT, delay=np.array([1.0, 2.0, 3.0, 4.0]))))
    assert [(p.pre, p.post) for p in net.projections] == [("input", "layer 0")]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([layer(delay=np.array([993.0]))], r"delays 993\.\.993 are outside 0\.\.992 steps"),
        ([layer(delay=np.array([-1.0]))], r"delays -1\.\.-1 are outside"),
        ([layer(delay=np.array([0.5]))], r"'delay' holds numbers that are not whole"),
        ([layer(delay=np.zeros(5))], r"delays \[5\] for weights \[4, 3\]"),
        (
            [{"type": "input", "shape": [1, 4, 4]}, image("conv", delay=np.zeros(3))],
            r"3 delays for 2 channels",
        ),
    ],
)
def test_delays_that_cannot_be_are_refused(
    layers: list[dict[str, Any]], message: str, write: Write
) -> None:
    with pytest.raises(InputError, match=message):
        read_netx(write(*layers))
