"""Decoders: scores, ties, defaults and refusals."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from snn_deploy import InputError
from snn_deploy.evaluation.decode import (
    DECODERS,
    UNDECIDED,
    choose_answer,
    decide,
    decisions,
    decode,
    to_float,
)
from snn_deploy.ir.activity import Recording
from snn_deploy.ir.network import Network, Population
from snn_deploy.ir.quant import QuantNetwork, QuantPopulation
from snn_deploy.names import DecoderName
from snn_deploy.neurons import Lif

# One sample, four steps, three neurons; every decoder of its kind names another winner.
SPIKES = np.array([[[0, 1, 0], [0, 0, 5], [2, 0, 0], [1, 0, 0]]], np.int8)
MEMBRANES = np.array(
    [[[0.0, 9.0, 3.0], [1.0, -9.0, 3.0], [2.0, 0.0, 3.0], [4.0, 0.0, 1.0]]]
)

WINNERS = [
    ("count", SPIKES, 0),  # 2, 1, 1 spikes
    ("payload", SPIKES, 2),  # 3, 1, 5
    ("first", SPIKES, 1),  # steps 2, 0, 1
    ("mean", MEMBRANES, 2),  # 1.75, 0, 2.5
    ("final", MEMBRANES, 0),  # 4, 0, 1
    ("max", MEMBRANES, 1),  # 4, 9, 3
]


@pytest.mark.parametrize(("name", "output", "winner"), WINNERS)
def test_each_decoder_has_its_own_winner(
    name: DecoderName, output: np.ndarray, winner: int
) -> None:
    assert decode(output, name).tolist() == [winner]


@pytest.mark.parametrize("name", DECODERS)
def test_ties_go_to_the_lowest_index(name: DecoderName) -> None:
    output = np.zeros((2, 3, 4), np.int64)
    output[1, 1] = [0, 7, 0, 7]
    winner = 1 if name != "final" else 0
    found = decide(output, name)
    assert found.classes.tolist() == [UNDECIDED, winner], "the first sample is silent"
    assert found.silent.tolist() == [True, False]
    assert found.tied.tolist() == [False, True]
    winners = [1, 3] if name != "final" else [0, 1, 2, 3]
    for label in range(-1, 6):
        assert found.among(np.array([label, label])).tolist() == [False, label in winners]


@pytest.mark.parametrize("name", DECODERS)
def test_an_output_that_never_moves_is_silent_whatever_its_value(name: DecoderName) -> None:
    spikes = DECODERS[name].reads == "spikes"
    still = np.zeros((1, 3, 4)) if spikes else np.full((1, 3, 4), -0.5)
    assert decode(still, name).tolist() == [UNDECIDED]
    assert decode(np.full((1, 3, 4), 2), name).tolist() == [0 if spikes else UNDECIDED]
    assert decode(np.array([[[0.0], [0.5]]]), name).tolist() == [0], "one neuron alone"
    assert decode(np.arange(4.0).reshape(1, 1, 4), name).tolist() != [UNDECIDED]


def test_a_neuron_that_never_fires_comes_last() -> None:
    output = np.zeros((1, 3, 3), np.int64)
    output[0, 2, 2] = 1  # in the last step
    assert decode(output, "first").tolist() == [2]


def test_output_of_any_shape_is_read_flat() -> None:
    output = np.zeros((1, 2, 2, 3), np.int64)
    output[0, 0, 1, 2] = 1
    assert decode(output, "count").tolist() == [5]


def test_payloads_add_up_beyond_their_own_type() -> None:
    output = np.full((1, 3, 2), 100, np.int8)
    output[0, 0, 0] = -100
    assert decode(output, "payload").tolist() == [1]


def readout(net: Network) -> Network:
    pop = Population("out", (2,), Lif.of(2, threshold=np.inf, amount=0.0, spiking=False))
    return replace(net, populations=(pop,))


def test_default_follows_the_kind_of_output(two_layer: Network) -> None:
    spikes, membranes = (
        choose_answer(two_layer, None),
        choose_answer(readout(two_layer), None),
    )
    assert (spikes.decoder, membranes.decoder) == ("count", "mean")
    assert spikes.chosen_by.startswith("default")
    assert choose_answer(two_layer, "first").chosen_by == "--decode"


def test_with_several_outputs_the_first_is_read_and_said(two_layer: Network) -> None:
    more = replace(two_layer, outputs=("out", "out"))
    assert "first of 2 outputs" in choose_answer(more, None).chosen_by


REFUSED = [
    ("mean", False, r"reads membranes, but output 'out' gives spikes; use one of count"),
    ("max", False, r"reads membranes, but output 'out' gives spikes"),
    ("final", False, r"reads membranes, but output 'out' gives spikes"),
    (
        "count",
        True,
        r"reads spikes, but output 'out' gives membranes; use one of mean, final",
    ),
    ("payload", True, r"reads spikes, but output 'out' gives membranes"),
    ("first", True, r"reads spikes, but output 'out' gives membranes"),
]


@pytest.mark.parametrize(("name", "reads_out", "message"), REFUSED)
def test_decoder_that_cannot_read_the_output_is_refused(
    name: Any, reads_out: bool, message: str, two_layer: Network
) -> None:
    with pytest.raises(InputError, match=message):
        choose_answer(readout(two_layer) if reads_out else two_layer, name)


def test_membranes_are_compared_in_float_units() -> None:
    ints = np.array([[[100, 90]]])
    pop = QuantPopulation(
        name="out",
        shape=(2,),
        model="lif",
        params={},
        v0=np.zeros(2, np.int64),
        scale=np.array([100.0, 10.0]),
        offset=np.array([0.0, 0.5]),
        lag=1,
        spiking=False,
    )
    net = QuantNetwork((), (), (pop,), (), ("out",), "loihi")
    volts = to_float(net, "out", Recording({"out": ints}, {}, {}))
    assert volts.tolist() == [[[1.0, 9.5]]]
    assert decode(volts, "mean").tolist() == [1]
    assert decode(ints, "mean").tolist() == [0]


@pytest.mark.parametrize("name", DECODERS)
def test_decisions_after_each_step_are_those_of_the_output_so_far(
    name: DecoderName,
) -> None:
    """Also in blocks: whole numbers, so that no rounding decides."""
    rng = np.random.default_rng(3)
    spikes = (rng.random((40, 9, 4)) < 0.2) * rng.integers(-2, 4, (40, 9, 4))
    output = spikes if DECODERS[name].reads == "spikes" else rng.integers(-3, 4, (40, 9, 4))
    found = decisions(output, name)
    undecided = 0
    for t in range(9):
        so_far = output[:, : t + 1]
        score = DECODERS[name].score(so_far)
        tied = (score == score[:, :1]).all(axis=1)
        expected = np.where(tied, UNDECIDED, decode(so_far, name))
        assert np.array_equal(found[:, t], expected)
        undecided += int(tied.sum())
    assert len(np.unique(found)) >= 4
    assert undecided > 0 or name in ("mean", "final")


def test_decisions_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    output = np.random.default_rng(4).integers(0, 2, (7, 5, 2, 3))
    whole = decisions(output, "count")
    monkeypatch.setattr("snn_deploy.evaluation.decode.SCORED_VALUES", 1)
    assert np.array_equal(decisions(output, "count"), whole)
    assert decisions(output[..., :1, :1], "count").max() == 0  # the only class there is
