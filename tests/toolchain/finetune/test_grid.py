"""What is stored in training is what the quantizer stores afterwards, to the last bit."""

from dataclasses import replace

import numpy as np
import pytest

from snn_deploy import DoesNotFitError
from snn_deploy.arrays import AnyArray
from snn_deploy.board.board import Board, load_board
from snn_deploy.finetune.grid import best_unit, on_grid, stored, weight_range
from snn_deploy.finetune.trainable import Trainable
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.neurons import Lif, MultiLevel
from snn_deploy.passes.normalize import normalize
from snn_deploy.passes.retime import retime
from snn_deploy.quantization.quantize import quantize
from snn_deploy_simulators import integer, reference
from snn_deploy_simulators.stimulus import encode
from support.random_models import calibration, random_model

SEEDS = 24


@pytest.fixture(scope="module")
def loihi2() -> Board:
    return load_board("loihi2")


def rounded(
    net: Network, x: AnyArray, board: Board, bits: int
) -> tuple[Network, QuantNetwork, bool]:
    """Return `net` on the grid, its integers, and whether no sum is rounded there."""
    quant = quantize(net, board, calibration(net, x), weight_bits=bits)
    grid = on_grid(net, quant, board, bits)
    made = Trainable(grid).network()
    again = quantize(made, board, calibration(made, x), weight_bits=bits)
    return made, again, all(e is None or e >= 0 for e in grid.exponents)


def spikes_that_differ(net: Network, quant: QuantNetwork, x: AnyArray) -> tuple[int, int]:
    floats = reference.run(net, x).outputs
    ints = integer.run(quant, encode(quant, {net.inputs[0].name: x})).outputs
    spiking = [p.name for p in net.populations if p.neuron.spiking]
    differ = sum(int((floats[n] != ints[n]).sum()) for n in spiking)
    return differ, sum(int(floats[n].sum()) for n in spiking)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_rounded_network_quantizes_without_loss(loihi2: Board, bits: int) -> None:
    whole, differ, fired = 0, 0, 0
    for seed in range(SEEDS):
        net, x = random_model(seed, graded=True)
        made, quant, exact = rounded(net, x, loihi2, bits)
        if not exact:  # the membrane reaches too far for whole weights
            continue
        whole += 1
        lost = [x for x in quant.losses if x.what != "payload" and x.max_error > 1e-12]
        assert not lost, seed
        assert all((p.scale == 64).all() for p in quant.populations)
        assert all(p.weight_bits <= bits for p in quant.projections)
        more = spikes_that_differ(made, quant, x)
        differ, fired = differ + more[0], fired + more[1]
    assert whole >= SEEDS - 4
    assert fired > 500
    assert differ <= 0.005 * fired  # the chip rounds decays toward zero in every step


def test_eight_bits_on_the_grid_do_what_the_floats_did(loihi2: Board) -> None:
    """Moving resets to zero, gains into weights and payloads into inputs changes little."""
    agree, spikes = 0, 0
    for seed in range(SEEDS):
        net, x = random_model(seed, graded=True)
        made, _, _ = rounded(net, x, loihi2, 8)
        a, b = reference.run(net, x).outputs, reference.run(made, x).outputs
        for p in net.populations:
            if p.neuron.spiking:
                agree += int((a[p.name] * b[p.name]).sum())
                spikes += int(np.maximum(a[p.name], b[p.name]).sum())
    assert spikes > 500
    assert agree > 0.9 * spikes


def test_weights_of_payloads_that_are_no_power_of_two_stay_as_they_are(
    loihi2: Board,
) -> None:
    """Pixels k / 255 are fed as k, so weights are divided by 255 and back; their sums are
    too large for whole weights, so that the chip rounds them down by less than 1/4096 of
    the threshold."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (4, 12, 20)) / 255
    net = retime(
        Network(
            (Input("in", (20,)),),
            (Population("p", (9,), Lif.of(9, beta=0.9)),),
            (Projection("in", "p", Dense(rng.normal(0.02, 0.1, (9, 20)))),),
            ("p",),
        )
    )
    made, quant, exact = rounded(net, x, loihi2, 4)
    assert not exact
    assert quant.inputs[0].scale == 255
    assert np.log2(quant.populations[0].scale[0]) % 1 == 0  # as trained, or finer
    assert quant.populations[0].params["vth"].min() > 4096
    assert not [x for x in quant.losses if x.what == "weights" and x.max_error > 1e-12]
    differ, fired = spikes_that_differ(made, quant, x)
    assert fired > 20
    assert differ <= 0.01 * fired


def test_static_values_on_a_chip_with_binary_spikes_stay_with_the_host() -> None:
    rng = np.random.default_rng(1)
    x = np.broadcast_to(rng.random((6, 1, 12)), (6, 15, 12))
    net = retime(
        normalize(
            Network(
                (Input("in", (12,)),),
                (
                    Population("a", (10,), Lif.of(10, beta=0.75, threshold=500.0)),
                    Population("b", (4,), Lif.of(4, beta=0.75)),
                ),
                (
                    Projection("in", "a", Dense(rng.normal(25, 100, (10, 12)))),
                    Projection("a", "b", Dense(rng.normal(0.2, 0.4, (4, 10)))),
                ),
                ("b",),
            )
        )
    )
    board = load_board("loihi1")
    quant = quantize(net, board, calibration(net, x), weight_bits=4)
    assert quant.drives
    grid = on_grid(net, quant, board, 4)
    assert grid.exponents[0] is None
    assert grid.exponents[1] is not None
    made = Trainable(grid).network()
    again = quantize(made, board, calibration(made, x), weight_bits=4)
    differ, fired = spikes_that_differ(made, again, x)
    assert fired > 50
    assert differ <= 0.01 * fired


def test_the_unit_clips_few_large_weights_where_that_rounds_the_rest_better(
    loihi2: Board,
) -> None:
    rng = np.random.default_rng(2)
    weight = np.append(rng.normal(0, 0.1, 500), 1.5)
    unit, (exponent,) = best_unit([weight], 4, np.inf, loihi2)
    low, high = weight_range(weight, exponent)
    assert weight.max() * unit > high
    made = stored(weight * unit, 4, exponent)
    assert low <= made.min()
    assert made.max() <= high
    held = 254 / 1.5  # the unit that holds them all
    clipped = np.mean((made / unit - weight) ** 2)
    assert clipped < np.mean((stored(weight * held, 4, 0) / held - weight) ** 2)


def test_signs_bound_the_range() -> None:
    assert weight_range(np.array([0.0, 3.0]), 1) == (0, 510)
    assert weight_range(np.array([-1.0, 0.0]), 0) == (-255, 0)
    assert weight_range(np.array([-1.0, 1.0]), 2) == (-1024, 1016)
    assert weight_range(np.array([-1.0, 1.0]), None) == (-np.inf, np.inf)


def test_levels_are_refused(loihi2: Board) -> None:
    net, x = random_model(0)
    quant = quantize(net, loihi2, calibration(net, x))
    first = net.populations[0]
    graded = replace(first, neuron=MultiLevel.of(first.neuron.n))
    changed = replace(net, populations=(graded, *net.populations[1:]))
    with pytest.raises(DoesNotFitError, match=r"'layer 0' \(1 in all\) sends levels"):
        on_grid(changed, quant, loihi2, 4)
