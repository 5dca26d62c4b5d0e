from dataclasses import replace

import numpy as np
import pytest

from snn_deploy.board.board import Board, load_board
from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.ir.quant import QuantNetwork, SignMode
from snn_deploy.neurons import Lif
from snn_deploy.passes.retime import retime
from snn_deploy.quantization.quantize import Calibration, quantize
from snn_deploy_simulators import integer, reference
from snn_deploy_simulators.stimulus import encode
from support.random_models import calibration, random_model


@pytest.fixture(scope="module")
def loihi2() -> Board:
    return load_board("loihi2")


def single(weight: np.ndarray, **neuron: object) -> Network:
    """Return input -> one population with these weights."""
    n_post, n_pre = weight.shape
    pop = Population("pop", (n_post,), Lif.of(n_post, **neuron))
    return retime(
        Network(
            (Input("in", (n_pre,)),),
            (pop,),
            (Projection("in", "pop", Dense(weight)),),
            ("pop",),
        )
    )


def run_both(
    net: Network, x: np.ndarray, board: Board
) -> tuple[np.ndarray, np.ndarray, QuantNetwork]:
    quant = quantize(net, board, calibration(net, x))
    floating = reference.run(net, x).outputs["pop"]
    whole = integer.run(quant, encode(quant, {"in": x})).outputs["pop"]
    return floating, whole, quant


def spikes(n: int, rate: float = 0.4, seed: int = 0, steps: int = 60) -> np.ndarray:
    return (np.random.default_rng(seed).random((4, steps, n)) < rate).astype(np.float64)


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("reset", ["zero", "subtract"])
def test_integer_weights_pass_unchanged_and_nothing_differs(
    loihi2: Board, inclusive: bool, reset: str
) -> None:
    weight = np.random.default_rng(1).integers(-60, 100, (8, 12)) * 2.0
    net = single(weight, threshold=150.0, inclusive=inclusive, reset=reset)
    floating, whole, quant = run_both(net, spikes(12), loihi2)
    stored = quant.projections[0].map
    assert isinstance(stored, Dense)
    np.testing.assert_array_equal(stored.weight, weight)
    assert quant.projections[0].weight_exp == 0
    assert floating.sum() > 100
    np.testing.assert_array_equal(floating, whole)


def test_dyadic_weights_lose_nothing(loihi2: Board) -> None:
    weight = np.random.default_rng(2).integers(-100, 120, (8, 12)) / 64.0
    floating, whole, quant = run_both(single(weight, threshold=1.25), spikes(12), loihi2)
    assert quant.losses[0].max_error == 0
    assert floating.sum() > 100
    np.testing.assert_array_equal(floating, whole)


def test_reaching_a_threshold_exactly_counts_only_where_the_model_says_so(
    loihi2: Board,
) -> None:
    x = np.ones((1, 12, 1))
    for inclusive, first in ((True, 3), (False, 4)):
        net = single(np.array([[0.25]]), threshold=1.0, inclusive=inclusive)
        floating, whole, _ = run_both(net, x, loihi2)
        assert int(whole[0].argmax()) == first
        np.testing.assert_array_equal(floating, whole)


def test_wide_weights_are_two_arrays_and_a_hundred_times_finer(loihi2: Board) -> None:
    weight = np.random.default_rng(3).normal(size=(10, 20))
    net, x = single(weight, beta=0.9), spikes(20)
    narrow = quantize(net, loihi2, calibration(net, x))
    wide = quantize(net, loihi2, calibration(net, x), wide=frozenset({0}))
    assert [len(q.projections) for q in (narrow, wide)] == [1, 2]
    assert wide.losses[0].rms_error < narrow.losses[0].rms_error / 50


@pytest.mark.parametrize("bits", [2, 4, 6])
def test_fewer_weight_bits_give_coarser_legal_weights(loihi2: Board, bits: int) -> None:
    weight = np.random.default_rng(4).normal(size=(10, 20))
    net = single(weight, beta=0.9)
    quant = quantize(net, loihi2, calibration(net, spikes(20)), weight_bits=bits)
    p = quant.projections[0]
    assert isinstance(p.map, Dense)
    assert p.sign_mode is SignMode.MIXED
    assert p.weight_bits <= bits
    assert np.all(p.map.weight % (1 << (9 - bits)) == 0)


def test_a_sixteenth_is_a_payload_of_one_and_exact(loihi2: Board) -> None:
    x = np.random.default_rng(5).integers(0, 17, (2, 30, 6)) / 16
    net = single(np.ones((3, 6)) * 0.25, threshold=1.0)
    floating, whole, quant = run_both(net, x, loihi2)
    assert (quant.inputs[0].payload_bits, quant.inputs[0].scale) == (8, 16.0)
    assert floating.sum() > 20
    np.testing.assert_array_equal(floating, whole)


def test_signed_values_use_seven_bits_and_a_sign(loihi2: Board) -> None:
    x = np.random.default_rng(6).normal(size=(2, 30, 6))
    net = single(np.ones((3, 6)), threshold=1.0)
    quant = quantize(net, loihi2, calibration(net, x))
    payload = encode(quant, {"in": x}).spikes["in"]
    assert np.abs(payload).max() == 127
    assert payload.min() < 0


def test_loihi1_takes_a_static_image_as_one_bias_per_sample() -> None:
    board = load_board("loihi1")
    x = np.broadcast_to(np.random.default_rng(7).random((5, 1, 6)), (5, 40, 6))
    weight = np.random.default_rng(8).normal(0.1, 0.3, (7, 6))
    net = single(weight, beta=0.75, bias=0.05)
    floating, whole, quant = run_both(net, x, board)
    assert not quant.projections
    assert quant.drives[0].post == "pop"
    assert floating.sum() > 50
    assert (floating == whole).mean() > 0.97


def test_loihi1_refuses_values_that_change_over_time() -> None:
    net, x = single(np.ones((2, 3))), np.random.default_rng(9).random((2, 10, 3))
    with pytest.raises(DoesNotFitError, match=r"input 'in'.*graded.*binary.*loihi2"):
        quantize(net, load_board("loihi1"), calibration(net, x))


def test_measured_peaks_stay_inside_their_ranges(loihi2: Board) -> None:
    for seed in range(30):
        net, x = random_model(seed)
        quant = quantize(net, loihi2, calibration(net, x))
        peaks = integer.run(quant, encode(quant, {"in": x})).peaks
        for r in quant.ranges:
            assert peaks[r.where][r.what] <= r.limit, (seed, r)
            assert r.bound is None or peaks[r.where][r.what] <= r.bound * 1.1 + 256, (
                seed,
                r,
            )


def test_without_data_inputs_are_taken_for_spikes_and_bounds_hold(loihi2: Board) -> None:
    net, x = random_model(3)
    quant = quantize(net, loihi2)
    assert quant.inputs[0].payload_bits == 0
    assert all(r.measured is None for r in quant.ranges)
    peaks = integer.run(quant, encode(quant, {"in": np.ones_like(x)})).peaks
    assert all(peaks[r.where][r.what] <= r.limit for r in quant.ranges)


def test_quantized_networks_spike_like_the_float_ones(loihi2: Board) -> None:
    agreement = []
    for seed in range(40):
        net, x = random_model(seed)
        quant = quantize(
            net, loihi2, calibration(net, x), wide=frozenset(range(len(net.projections)))
        )
        floating = reference.run(net, x).outputs
        whole = integer.run(quant, encode(quant, {"in": x})).outputs
        agreement += [
            (floating[p.name] == whole[p.name]).mean()
            for p in net.populations
            if p.neuron.spiking
        ]
    assert np.mean(agreement) > 0.99
    assert np.median(agreement) > 0.995


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (
            single(np.ones((2, 2)), beta=-0.1),
            r"'pop': a decay factor of -0\.1.*outside 0\.\.1",
        ),
        (
            single(np.ones((2, 2)), v_reset=2.0),
            r"'pop': its threshold 1 is not above the reset",
        ),
        (
            single(np.ones((2, 2)), beta=0.0, reset="subtract_late"),
            r"'pop': it subtracts its threshold one step after",
        ),
        (
            single(np.full((2, 2), 1e9), threshold=1e-3),
            r"'pop': its threshold 0\.001 rounds to 0, because its membrane reaches",
        ),
    ],
)
def test_what_has_no_integers_is_refused_by_name(
    loihi2: Board, net: Network, message: str
) -> None:
    with pytest.raises(DoesNotFitError, match=message):
        quantize(net, loihi2)


def test_a_readout_that_feeds_another_population_is_refused(loihi2: Board) -> None:
    net = single(np.ones((2, 2)), spiking=False, threshold=np.inf)
    after = Population("after", (2,), Lif.of(2), lag=2)
    wired = replace(
        net,
        populations=(*net.populations, after),
        projections=(*net.projections, Projection("pop", "after", Dense(np.eye(2)))),
    )
    with pytest.raises(DoesNotFitError, match=r"'pop' does not spike but feeds 'after'"):
        quantize(wired, loihi2)


def test_more_thresholds_than_groups_become_one(loihi2: Board) -> None:
    rng = np.random.default_rng(12)
    net = single(
        rng.normal(0.2, 0.4, (20, 12)), beta=0.5, threshold=rng.uniform(0.5, 1.5, 20)
    )
    x = spikes(12)
    quant = quantize(net, loihi2, calibration(net, x), wide=frozenset({0}))
    assert len(np.unique(quant.populations[0].params["vth"])) == 1
    floating = reference.run(net, x).outputs["pop"]
    whole = integer.run(quant, encode(quant, {"in": x})).outputs["pop"]
    assert floating.sum() > 100
    assert (floating == whole).mean() > 0.995


def test_quantizing_twice_gives_the_same_integers(loihi2: Board) -> None:
    net, x = random_model(11)
    data = Calibration({"in": x}, reference.run(net, x).peaks)
    a, b = quantize(net, loihi2, data), quantize(net, loihi2, data)
    for p, q in zip(a.populations, b.populations, strict=True):
        assert all(np.array_equal(p.params[k], q.params[k]) for k in p.params)
