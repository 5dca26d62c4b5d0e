"""Lowered networks send binary spikes only, and compute exactly the same."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from snn_deploy.arrays import AnyArray
from snn_deploy.board.board import load_board
from snn_deploy.board.narrow import narrowed
from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.maps import Conv, Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.mapping.check import check
from snn_deploy.names import LoweringName
from snn_deploy.neurons import Lif, MultiLevel
from snn_deploy.options.mapping import MappingOptions
from snn_deploy.passes.lower import MEMBERS, METHODS, lower, parts_of
from snn_deploy.passes.retime import retime
from snn_deploy.quantization.quantize import Calibration, quantize
from snn_deploy_simulators import integer, reference
from snn_deploy_simulators.stimulus import encode
from support.random_lossless import ENDS_BEFORE, fed, random_ann, spiking
from support.random_models import random_levels_model

SEEDS = range(200)


def summed(
    net: Network, method: LoweringName, outputs: dict[str, AnyArray]
) -> dict[str, AnyArray]:
    """Return what the parts of each population sent in each step, times their worth."""
    result: dict[str, AnyArray] = {}
    for pop in net.populations:
        if isinstance(pop.neuron, MultiLevel):
            parts = parts_of(pop, method)
            assert all(np.isin(outputs[p.population.name], (0, 1)).all() for p in parts)
            each = [p.worth * outputs[p.population.name] for p in parts]
            result[pop.name] = np.sum(each, axis=0)
        else:
            result[pop.name] = outputs[pop.name]
    return result


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_lowered_network_sends_the_same_sums_in_every_step(method: LoweringName) -> None:
    facts: Counter[str] = Counter()
    for seed in SEEDS:
        net, x = random_levels_model(seed, members=method == MEMBERS)
        low = lower(net, method)
        graded, binary = reference.run(net, x).outputs, reference.run(low, x).outputs
        for name, sums in summed(net, method, dict(binary)).items():
            np.testing.assert_array_equal(sums, graded[name], err_msg=f"{seed} {name}")
        for pop in net.populations:
            s = graded[pop.name]
            facts["above 1"] += bool((s > 1).any())
            facts["below -1"] += bool((s < -1).any())
            facts["tracer"] += getattr(pop.neuron, "traced", False) and bool(s.any())
            facts["leak"] += bool((pop.neuron.beta < 1).any() and s.any())
            facts["lif"] += type(pop.neuron) is Lif
        facts["conv"] += any(isinstance(p.map, Conv) for p in net.projections)
        facts["recurrent"] += any(p.pre == p.post for p in net.projections)
    happens = ("above 1", "leak", "conv", "recurrent", "lif")
    assert all(facts[fact] >= 20 for fact in happens), facts
    if method != MEMBERS:
        assert facts["below -1"] >= 20
        assert facts["tracer"] >= 20


@pytest.mark.parametrize("method", sorted(METHODS))
def test_an_output_keeps_its_name_as_the_sum_of_all_its_levels(
    method: LoweringName,
) -> None:
    read = 0
    for seed in range(30):
        net, x = random_levels_model(seed, members=method == MEMBERS)
        (name,) = net.outputs
        if not isinstance(net.population(name).neuron, MultiLevel):
            continue
        low = lower(net, method)
        assert low.outputs == (name,)
        assert not low.population(name).neuron.spiking
        graded = reference.run(net, x).outputs[name]
        membrane = reference.run(low, x).outputs[name]
        np.testing.assert_array_equal(membrane, graded.cumsum(axis=1), err_msg=str(seed))
        read += 1
    assert read > 20


@pytest.mark.parametrize("method", ["bit-planes", "unary"])
@pytest.mark.parametrize("ternary", [True, False])
def test_a_lowered_ann_is_the_ann_in_integers_and_all_its_spikes_are_binary(
    method: LoweringName, ternary: bool
) -> None:
    board = narrowed(load_board("loihi2"), MappingOptions(spike_bits=8))
    several = 0
    for seed in range(3):
        ann = random_ann(seed)
        net = spiking(ann, ternary=ternary)
        low = retime(lower(net, method))
        x = fed(ann)
        floats = reference.run(low, x)
        quant = quantize(low, board, Calibration({"in": x}, floats.peaks))
        assert all(p.payload_bits == 0 for p in quant.populations)
        assert check(quant, board) == ()
        got = integer.run(quant, encode(quant, {"in": x}), threads=1).outputs
        sums = summed(net, method, dict(got))
        wanted = ann.activations()
        for name, s in sums.items():
            flat = s.reshape(*s.shape[:2], -1)
            assert not flat[:, -ENDS_BEFORE:].any()
            np.testing.assert_array_equal(flat.sum(axis=1), wanted[name])
            several += len(np.unique(wanted[name])) > 2
    assert several >= 3


def test_a_member_bank_runs_on_a_chip_with_binary_spikes() -> None:
    """Whole numbers: thresholds and weights are stored as they are, and nothing differs."""
    board = narrowed(load_board("loihi2"), MappingOptions(spike_bits=0))
    rng, most = np.random.default_rng(3), 0
    for _ in range(10):
        neuron = MultiLevel.of(6, threshold=9.0, v0=4.5, high=3.0)
        projections = (
            Projection("in", "a", Dense(rng.integers(-6, 9, (6, 5)).astype(np.float64))),
            Projection("a", "b", Dense(rng.integers(-6, 9, (6, 6)).astype(np.float64))),
        )
        pops = (Population("a", (6,), neuron), Population("b", (6,), neuron))
        net = Network((Input("in", (5,)),), pops, projections, ("b",))
        x = (rng.random((4, 12, 5)) < 0.5).astype(np.float64)
        low = retime(lower(net, MEMBERS))
        floats, graded = reference.run(low, x), reference.run(net, x).outputs
        quant = quantize(low, board, Calibration({"in": x}, floats.peaks))
        assert check(quant, board) == ()
        got = integer.run(quant, encode(quant, {"in": x}), threads=1).outputs
        for name, sums in summed(net, MEMBERS, dict(got)).items():
            np.testing.assert_array_equal(sums, graded[name])
            most = max(most, int(sums.max()))
    assert most == 3


def test_each_method_makes_as_many_parts_as_it_says() -> None:
    pop = Population("p", (4,), MultiLevel.of(4, low=-5.0, high=7.0))
    assert [p.worth for p in parts_of(pop, "bit-planes")] == [1, 2, 4, -1, -2, -4]
    assert [p.worth for p in parts_of(pop, "unary")] == [1.0] * 7 + [-1.0] * 5
    bank = replace(pop, neuron=MultiLevel.of(4, threshold=2.0, high=3.0))
    members = [p.population.neuron for p in parts_of(bank, MEMBERS)]
    assert [float(m.threshold[0]) for m in members] == [2, 4, 6]
    assert not any(m.amount.any() for m in members)


def one(**values: object) -> Network:
    neuron = MultiLevel.of(3, **values)
    link = Projection("in", "p", Dense(np.eye(3)))
    return Network((Input("in", (3,)),), (Population("p", (3,), neuron),), (link,), ("p",))


@pytest.mark.parametrize(
    ("net", "method", "message"),
    [
        (one(), "unary", r"'p': its levels in one step go from 0 to inf.*needs bounds"),
        (one(low=-1, high=1), MEMBERS, r"sends levels below 0.*lower='unary' or"),
        (one(high=2, floor=0, ceiling=9), MEMBERS, r"\(tracer\).*lower='unary' or"),
        (one(high=2, alpha=0.5), MEMBERS, r"current that decays.*bit-planes"),
        (one(high=[1, 2, 3]), MEMBERS, r"several highest levels"),
        (one(high=2, gain=0), MEMBERS, r"input times 0"),
        (one(high=100), "unary", r"makes 100 populations, more than 64; use lower='bit-"),
    ],
)
def test_what_cannot_be_lowered_is_refused(
    net: Network, method: LoweringName, message: str
) -> None:
    with pytest.raises(DoesNotFitError, match=message):
        lower(net, method)


def test_many_levels_fit_into_bit_planes() -> None:
    low = lower(one(high=100), "bit-planes")
    assert len(low.populations) == 7 + 1
