"""Multi-level neurons in integers: what is kept exactly, and how far they can go."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.board.board import load_board
from snn_deploy.board.narrow import narrowed
from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy.mapping.check import check
from snn_deploy.neurons import MultiLevel
from snn_deploy.options.mapping import MappingOptions
from snn_deploy.passes.lower import lower
from snn_deploy.passes.retime import retime
from snn_deploy.quantization.multi_level import payload_width
from snn_deploy.quantization.quantize import Calibration, quantize
from snn_deploy_backends.lava.states import states
from snn_deploy_simulators import integer, reference
from snn_deploy_simulators.stimulus import encode
from support.random_models import random_levels_model

BOARD = load_board("loihi2")
BINARY = narrowed(BOARD, MappingOptions(spike_bits=0))
LIMIT = (1 << 23) - 1


def one(**values: object) -> Network:
    """Return three inputs into two neurons."""
    weight = np.array([[3.0, -5.0, 2.0], [7.0, 1.0, -4.0]])
    pop = Population("p", (2,), MultiLevel.of(2, **values))
    link = Projection("in", "p", Dense(weight))
    return retime(Network((Input("in", (3,)),), (pop,), (link,), ("p",)))


def calibrated(net: Network, x: AnyArray) -> Calibration:
    return Calibration({"in": x}, reference.run(net, x).peaks)


def far(quant: QuantNetwork, stimulus: Stimulus) -> Iterator[tuple[str, str, int]]:
    """Yield (population, what, largest magnitude) with integers that have no end: of the
    summed input, the current, and the membrane before what is sent is taken off."""
    ran = states(quant, stimulus, stimulus.samples)
    for pop in quant.populations:
        if pop.model != "multi_level":
            continue
        p, u = pop.params, ran[pop.name]["u"]
        v = np.concatenate([np.zeros_like(u[:, :1]) + pop.v0, ran[pop.name]["v"]], axis=1)
        before = _toward_zero(v[:, :-1], 4096 - p["dv"]) + u
        before = before + (p["bias_mant"] << p["bias_exp"])
        last = np.concatenate([np.zeros_like(u[:, :1]), u[:, :-1]], axis=1)
        arrived = (u - _toward_zero(last, 4095 - p["du"])) >> p["shift"]
        yield pop.name, "a_in", int(np.abs(arrived).max())
        yield pop.name, "u", int(np.abs(u).max())
        yield pop.name, "v", max(int(np.abs(before).max()), int(np.abs(v).max()))


def _toward_zero(x: IntArray, kept: IntArray) -> IntArray:
    result: IntArray = np.sign(x) * (np.abs(x) * kept >> 12)
    return result


def extreme(x: AnyArray, seed: int) -> AnyArray:
    """Return inputs as wide as x in any step: constant, or of random signs."""
    rng = np.random.default_rng(seed)
    low, high = x.min(), x.max()
    shape = x.shape
    parts = [np.full(shape, high), np.full(shape, low), rng.choice([low, high], shape)]
    held = np.repeat(rng.choice([low, high], (shape[0], 1, *shape[2:])), shape[1], axis=1)
    return np.concatenate([*parts, held])


@pytest.mark.parametrize("calibration", [True, False])
def test_no_state_leaves_its_bound_and_what_is_safe_never_saturates(
    calibration: bool,
) -> None:
    facts: Counter[str] = Counter()
    for seed in range(60):
        net, x = random_levels_model(seed)
        net = retime(net)
        x = x if calibration else (x > 0).astype(np.float64)
        quant = quantize(net, BOARD, calibrated(net, x) if calibration else None)
        pops = {p.name: p.neuron for p in net.populations}
        traced = any(isinstance(n, MultiLevel) and n.traced for n in pops.values())
        fed = x if traced else extreme(x, seed)  # a tracer's bound sums up the data
        bounds = {(r.where, r.what): r for r in quant.ranges}
        for name, what, largest in far(quant, encode(quant, {"in": fed})):
            known = bounds[name, what]
            if known.bound is None:
                facts["unbounded"] += 1
                continue
            assert largest <= known.bound, (seed, name, what)
            facts["close"] += 2 * largest > known.bound
            if known.bound <= known.limit:
                assert largest <= LIMIT
                facts[f"safe {what}"] += largest > 0
    assert facts["close"] >= 30
    assert facts["unbounded"] >= 5
    assert all(facts[f"safe {what}"] >= 10 for what in ("a_in", "u", "v"))


def test_a_membrane_that_can_saturate_is_said_to_leave_its_range() -> None:
    """So much input that the data itself goes past 24 bits once it is repeated."""
    net = one(threshold=1000.5, high=1.0)
    quiet, loud = np.ones((1, 3, 3)), np.ones((1, 4000, 3)) * np.array([1.0, 0.0, 1.0])
    quant = quantize(net, BOARD, calibrated(net, 60000 * quiet))
    (v,) = (r for r in quant.ranges if r.what == "v")
    assert v.bound is None or v.bound > v.limit
    stimulus = encode(quant, {"in": 60000 * loud})
    ran = integer.run(quant, stimulus, threads=1)
    assert ran.peaks["p"]["v"] >= LIMIT - quant.population("p").params["theta"].max()


def test_what_is_taken_back_can_lift_a_membrane_to_its_threshold() -> None:
    net = one(threshold=100.0, low=-1.0, high=0.0, beta=0.5)
    x = np.zeros((1, 6, 3))
    x[:, 0, 1] = 1.0  # v = -5 in the first neuron: a level of -1 makes it 95
    quant = quantize(net, BOARD, calibrated(net, x))
    (v,) = (r for r in quant.ranges if r.what == "v")
    found = {what: n for _, what, n in far(quant, encode(quant, {"in": x}))}
    assert found["v"] >= 95 * quant.population("p").scale.max()
    assert v.bound is not None
    assert found["v"] <= v.bound <= v.limit


def test_whole_numbers_stay_as_they_are() -> None:
    net = one(threshold=9.0, v0=4.5, low=-2.0, high=3.0, floor=-3.0, ceiling=12.0)
    quant = quantize(net, BOARD, calibrated(net, np.ones((1, 2, 3))))
    pop, (link,) = quant.population("p"), quant.projections
    p = pop.params
    assert set(p["theta"] / pop.scale) == {9.0}
    assert set(pop.v0 / pop.scale) == {4.5}
    assert isinstance(link.map, Dense)
    weight = link.map.weight * 2.0**link.weight_exp * 2.0 ** p["shift"][0]
    assert (weight / pop.scale[0] == [[3, -5, 2], [7, 1, -4]]).all()
    bounds = [int(p[k][0]) for k in ("low", "high", "floor", "ceiling", "member", "plane")]
    assert bounds == [-2, 3, -3, 12, 0, 0]
    assert pop.payload_bits == 3


@pytest.mark.parametrize(
    ("least", "most", "bits"),
    [(0, 1, 0), (-1, 1, 2), (0, 2, 2), (0, 15, 4), (-15, 15, 5), (-16, 3, 6), (-1, 0, 2)],
)
def test_payloads_are_as_wide_as_they_must_be(least: int, most: int, bits: int) -> None:
    assert payload_width(least, most) == bits


def test_levels_without_bound_get_the_width_of_what_was_seen() -> None:
    net, x = one(threshold=1.0), np.ones((1, 4, 3))
    quant = quantize(net, BOARD, calibrated(net, x))
    pop = quant.population("p")
    seen = int(reference.run(net, x).peaks["p"]["sent"])
    assert 1 < seen < 2**pop.payload_bits <= 2 * seen
    assert set(pop.params["high"]) == {2**pop.payload_bits - 1}
    assert quantize(net, BOARD).population("p").payload_bits == 8


def test_levels_on_a_chip_with_binary_spikes_name_the_way_out_and_it_is_one() -> None:
    net, x = one(threshold=2.0, low=-3.0, high=3.0), np.ones((1, 4, 3))
    found = check(quantize(net, BINARY, calibrated(net, x)), BINARY)
    assert len(found) == 1
    assert "make them binary with lower='bit-planes' or 'unary'" in found[0]
    for method in ("bit-planes", "unary"):
        low = retime(lower(net, method))
        quant = quantize(low, BINARY, calibrated(low, x))
        assert check(quant, BINARY) == ()
        assert {p.payload_bits for p in quant.populations} == {0}


def test_a_graded_input_that_only_a_bias_could_carry_is_refused() -> None:
    net, x = one(threshold=2.0, high=3.0), np.tile([[[0.5, 0.25, 1.0]]], (1, 4, 1))
    with pytest.raises(DoesNotFitError, match=r"'p': its input 'in' is graded, but spikes"):
        quantize(net, BINARY, calibrated(net, x))
