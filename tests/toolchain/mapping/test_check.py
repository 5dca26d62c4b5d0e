"""What is refused, in which words, and whether the ways out are true."""

import re
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from snn_deploy.board.board import load_board
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.quant import Drive, QuantNetwork, SignMode
from snn_deploy.mapping.check import check
from snn_deploy.mapping.partition import partition
from support.networks import layers, network, population, projection, zeros
from support.random_networks import random_network

LOIHI1, LOIHI2, TINY = (load_board(name) for name in ("loihi1", "loihi2", "tiny"))


def one(**changes: object) -> QuantNetwork:
    """Return a small net; `changes` are fields of its projection."""
    net = layers(4, 3)
    return replace(net, projections=(replace(net.projections[0], **changes),))  # type: ignore[arg-type]


def with_population(**params: object) -> QuantNetwork:
    return network([], [population("p", (5,), **params)], [])  # type: ignore[arg-type]


def graded() -> QuantNetwork:
    net = layers(4, 3)
    return replace(net, inputs=(replace(net.inputs[0], payload_bits=8),))


def driven() -> QuantNetwork:
    net = layers(4, 3)
    drive = Drive("level", "l1", zeros(3, 2), np.zeros(3), np.ones(3), np.array([0, 9, 7]))
    return replace(net, drives=(drive,))


def late() -> QuantNetwork:
    return one(delay=63)


def too_early() -> QuantNetwork:
    net = layers(4, 3)
    return replace(net, inputs=(replace(net.inputs[0], lag=1),))


def weighing(weight: int, mode: SignMode) -> QuantNetwork:
    return one(map=Dense(np.full((3, 4), weight, np.int16)), sign_mode=mode)


REFUSED: list[tuple[Callable[[], QuantNetwork], str, str]] = [
    (lambda: replace(layers(4, 3), arithmetic="xylo"), "loihi2", r"^the network was quantized for the arithmetic 'xylo', but loihi2 computes in 'loihi'; quantize it for loihi2$"),
    (graded, "loihi1", r"^input 'in': spikes carry 8 bits, but loihi1 has binary spikes only; use loihi2 or kapoho-point or hala-point, or code the values as spikes over time$"),
    (lambda: one(payload_bits=32), "loihi2", r"^projection 'in' -> 'l1': spikes carry 32 bits, but loihi2 has 24-bit payloads at most; code the values"),
    (lambda: with_population(model="soft_lif", amount=64), "loihi1", r"^population 'p': neuron 'soft_lif' cannot run on loihi1 \(no reset by subtraction .*\); use loihi2 or kapoho-point or hala-point, or train with one of: lif, refractory_lif$"),
    (lambda: with_population(model="izhikevich"), "loihi2", r"neuron 'izhikevich' cannot run on loihi2 \(its board file does not list it\); train with one of: lif, soft_lif, refractory_lif, multi_level, floored_level$"),
    (lambda: with_population(model="refractory_lif", hold=63), "loihi1", r"^population 'p': hold is 63 in 5 of 5 neurons, but loihi1 holds 0\.\.62; shorten its wait$"),
    (lambda: with_population(du=4096), "loihi2", r"du is 4096 in 5 of 5 neurons, but loihi2 holds 0\.\.4095"),
    (lambda: with_population(dv=[0, 4096, 0, 0, 0]), "loihi1", r"dv is 4096 in 1 of 5 neurons, but loihi1 holds 0\.\.4095; give it another decay$"),
    (lambda: with_population(dv=4097), "loihi2", r"dv is 4097 .* 0\.\.4096"),
    (lambda: with_population(vth=1 << 17), "loihi2", r"vth is 131072 .* 0\.\.131071"),
    (lambda: with_population(vth=-1), "loihi2", r"vth is -1 "),
    (lambda: with_population(bias_mant=[4095, -4097, 0, 0, 0]), "loihi2", r"bias_mant is -4097 in 1 of 5 neurons, but loihi2 holds -4096\.\.4095"),
    (lambda: with_population(bias_exp=8), "loihi2", r"bias_exp is 8 .* 0\.\.7"),
    (driven, "loihi2", r"^drive 'level' -> 'l1': bias_exp is 9 in 1 of 3 neurons, but loihi2 holds 0\.\.7; rescale"),
    (late, "loihi2", r"^projection 'in' -> 'l1': its delay of 63 steps is outside 0\.\.62 of loihi2; shorten it, or relay it"),
    (too_early, "loihi2", r"its delay of -1 steps is outside 0\.\.62"),
    (lambda: one(weight_bits=9), "loihi2", r"weights have 9 bits, but loihi2 stores 8; quantize to 8 bits"),
    (lambda: one(weight_exp=8), "loihi2", r"weight exponent 8 is outside -8\.\.7 of loihi2; rescale population 'l1'"),
    (lambda: one(weight_exp=-9), "loihi2", r"weight exponent -9 is outside"),
    (lambda: weighing(255, SignMode.MIXED), "loihi2", r"weights go from 0 to 255, but mixed ones are -256\.\.254 on loihi2; rescale"),
    (lambda: weighing(-1, SignMode.EXCITATORY), "loihi2", r"weights go from -1 to 0, but excitatory ones are 0\.\.255"),
    (lambda: weighing(-256, SignMode.INHIBITORY), "loihi2", r"weights go from -256 to 0, but inhibitory ones are -255\.\.0"),
    (lambda: layers(20000, 10), "loihi2", r"^population 'l1': one neuron needs 40003 64-bit words of memory in all, 2\.0x"),
    (lambda: layers(8, *[4] * 5), "tiny", r"^the network needs 5 cores \(1 for population 'l1', 1 for population 'l2', 1 for population 'l3'\), but tiny has 4; use loihi2 \(120 cores, 5 needed\), or use loihi1 \(128 cores, 5 needed\), or use kapoho-point \(960 cores, 5 needed\), or use hala-point \(140544 cores, 5 needed\)$"),
    (lambda: layers(784, 2048, 2048, 10), "loihi2", r"^the network needs \d+ cores \(\d+ for population 'l2', \d+ for population 'l1', \d+ for population 'l3'\), but loihi2 has 120; .*use kapoho-point \(960 cores, \d+ needed\)"),
    (lambda: layers(50, 70), "tiny", r"but tiny has 4; .*or use 4-bit weights \(4 cores\)$"),
]  # fmt: skip


@pytest.mark.parametrize(("build", "name", "sentence"), REFUSED, ids=range(len(REFUSED)))
def test_what_does_not_fit_is_said_in_one_sentence(
    build: Callable[[], QuantNetwork], name: str, sentence: str
) -> None:
    violations = check(build(), load_board(name))
    assert len(violations) == 1
    assert "\n" not in violations[0]
    assert re.search(sentence, violations[0]), violations[0]


def test_everything_is_said_at_once() -> None:
    net = network(
        [("in", (20000,))],
        [population("p", (5,), 1, model="soft_lif", amount=1, vth=1 << 17)],
        [
            replace(
                projection("in", "p", zeros(5, 20000)),
                weight_exp=9,
                payload_bits=8,
                delay=70,
            )
        ],
    )
    violations = check(net, LOIHI1)
    said = [
        "soft_lif",
        "vth",
        "spikes carry 8",
        "delay of 70",
        "exponent 9",
        "one neuron needs",
    ]
    for word in said:
        assert sum(word in sentence for sentence in violations) == 1, word
    assert len(violations) == len(said)


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_fit_loihi2(seed: int) -> None:
    assert check(random_network(seed)[0], LOIHI2) == ()


def test_the_limits_themselves_are_allowed() -> None:
    net = with_population(
        du=4095,
        dv=4096,
        vth=131071,
        bias_mant=-4096,
        bias_exp=7,
        model="soft_lif",
        amount=8388607,
    )
    assert check(net, LOIHI2) == ()
    assert check(one(delay=62, weight_exp=-8), LOIHI2) == ()
    assert check(weighing(254, SignMode.MIXED), LOIHI2) == ()
    assert check(with_population(model="refractory_lif", hold=62), LOIHI1) == ()


def test_the_cores_named_as_ways_out_are_those_that_are_needed() -> None:
    net = layers(784, 2048, 2048, 10)
    sentence = check(net, LOIHI2)[0]
    kapoho = load_board("kapoho-point")
    needed = len(partition(net, kapoho).pieces)
    assert f"use kapoho-point (960 cores, {needed} needed)" in sentence
    assert sentence.startswith(
        f"the network needs {len(partition(net, LOIHI2).pieces)} cores"
    )


def test_a_better_cut_is_named_when_it_fits() -> None:
    net = layers(50, 46)
    assert len(partition(net, TINY).pieces) > 4
    assert len(partition(net, TINY, method="fewest").pieces) == 4
    assert "; use partition='fewest' (4 cores), or use " in check(net, TINY)[0]


def test_dead_cores_are_missing_from_the_count() -> None:
    board = msgspec.structs.replace(TINY, dead_cores=(1,))
    assert "but tiny has 3;" in check(layers(8, *[4] * 4), board)[0]


def test_where_no_board_is_large_enough_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "snn_deploy.mapping.check.shipped_boards", lambda: ("loihi2", "tiny")
    )
    (sentence,) = check(layers(4000, 20000), load_board("loihi2"))
    assert sentence.endswith("no shipped board has enough: make the network smaller")
