"""Integer networks as NIR files: every weight exactly, and the same spikes where nothing rounds."""

from dataclasses import replace
from pathlib import Path

import nir
import numpy as np
import pytest

from snn_deploy.board.board import load_board
from snn_deploy.frontends.dequantize import dequantize
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.frontends.nir_writer.write_nir import write_nir
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.neurons import Lif, MultiLevel
from snn_deploy.passes.fuse import fuse
from snn_deploy.passes.retime import retime
from snn_deploy.quantization.quantize import Calibration, quantize
from snn_deploy_simulators import integer, reference
from snn_deploy_simulators.stimulus import encode
from support.random_models import calibration, random_model


def integrators(seed: int, soft: bool) -> tuple[Network, np.ndarray]:
    """Two layers without leak, recurrent, weights of 4 bits: integers that never round."""
    rng = np.random.default_rng(seed)
    reset = "subtract" if soft else "zero"
    pops = tuple(
        Population(k, (16,), Lif.of(16, threshold=float(th), reset=reset))
        for k, th in (("a", 8), ("b", 16))
    )
    net = Network(
        (Input("x", (12,)),),
        pops,
        (
            Projection("x", "a", Dense(rng.integers(-4, 8, (16, 12)).astype(float))),
            Projection("a", "b", Dense(rng.integers(-4, 8, (16, 16)).astype(float))),
            Projection("b", "a", Dense(rng.integers(-4, 2, (16, 16)).astype(float)), 2),
        ),
        ("b",),
        1e-3,
    )
    x = (rng.random((2, 60, 12)) < 0.3).astype(np.float64)
    return retime(net), x


def quantized(net: Network, x: np.ndarray) -> QuantNetwork:
    peaks = reference.run(net, x).peaks
    return quantize(net, load_board("loihi2"), Calibration({"x": x}, peaks))


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_file_spikes_as_the_integers_where_nothing_rounds(
    seed: int, soft: bool, tmp_path: Path
) -> None:
    net, x = integrators(seed, soft)
    quant = quantized(net, x)
    assert all(p.weight_exp >= 0 for p in quant.projections)
    written = write_nir(quant, tmp_path / "model.nir")
    back = fuse(read_nir(written.path, profile="nir", dt=written.dt))
    theirs = integer.run(quant, encode(quant, {"x": x})).outputs["b"]
    ours = reference.run(back, x).outputs["b"]
    assert theirs.sum() > 50
    assert (ours == theirs).all()


@pytest.mark.parametrize("seed", range(6))
def test_every_weight_is_its_integer_times_a_power_of_two(
    seed: int, tmp_path: Path
) -> None:
    net, x = random_model(seed)
    held = [replace(p, neuron=replace(p.neuron, hold=0)) for p in net.populations]
    net = replace(net, populations=tuple(held))
    quant = quantize(net, load_board("loihi2"), calibration(net, x))
    real = dequantize(quant)
    for q, p in zip(quant.projections, real.projections, strict=True):
        assert (
            matrix(p.map).toarray() == matrix(q.map).toarray() * 2.0**q.weight_exp
        ).all()
    written = write_nir(quant, tmp_path / "model.nir")
    assert nir.read(written.path).nodes
    back = fuse(read_nir(written.path, profile="nir", dt=written.dt))
    for pop in quant.populations:
        neuron = back.population(pop.name).neuron
        assert (neuron.alpha == (4095 - pop.params["du"]) / 4096).all()
        assert (neuron.beta == (4096 - pop.params["dv"]) / 4096).all()
        shift = pop.v0 / 64  # the file measures membranes from where they start
        if pop.spiking:
            assert (neuron.threshold == pop.params["vth"] - shift).all()


def test_a_static_input_that_the_host_turns_into_a_bias_comes_back(tmp_path: Path) -> None:
    net, _ = integrators(0, soft=False)
    x = np.broadcast_to(np.random.default_rng(1).random((2, 1, 12)), (2, 60, 12))
    quant = quantize(
        net, load_board("loihi1"), Calibration({"x": x}, reference.run(net, x).peaks)
    )
    assert quant.drives
    written = write_nir(quant, tmp_path / "model.nir")
    back = fuse(read_nir(written.path, profile="nir", dt=written.dt))
    theirs = integer.run(quant, encode(quant, {"x": x})).outputs["b"]
    ours = reference.run(back, x).outputs["b"]
    assert theirs.sum() > 50
    assert (ours != theirs).mean() < 0.02  # the 13 bit bias is rounded, the file's is not


def test_a_held_neuron_survives_the_file(tmp_path: Path) -> None:
    net, x = integrators(0, soft=False)
    held = [replace(p, neuron=replace(p.neuron, hold=1)) for p in net.populations]
    quant = quantized(replace(net, populations=tuple(held)), x)
    expected = reference.run(dequantize(quant), x).outputs
    back = fuse(read_nir(write_nir(quant, tmp_path / "model.nir").path))
    assert {p.neuron.hold for p in back.populations} == {1}
    for name in back.outputs:
        assert expected[name].any()
        np.testing.assert_array_equal(reference.run(back, x).outputs[name], expected[name])


def test_multi_level_neurons_send_the_same_levels_as_their_integers() -> None:
    rng = np.random.default_rng(7)
    bounds = {"low": -np.inf, "high": np.inf, "floor": 0, "ceiling": 15}
    neuron = MultiLevel.of(8, threshold=33, v0=17.5, **bounds)
    weight = rng.integers(-60, 61, (8, 6)).astype(float)
    net = Network(
        (Input("in", (6,)),),
        (Population("a", (8,), neuron),),
        (Projection("in", "a", Dense(weight)),),
        ("a",),
    )
    x = {"in": rng.integers(0, 9, (5, 6, 6))}
    peaks = reference.run(net, x).peaks
    quant = quantize(retime(net), load_board("loihi2"), Calibration(x, peaks))
    integers = integer.run(quant, encode(quant, x)).outputs["a"]
    floats = reference.run(dequantize(quant), x).outputs["a"]
    np.testing.assert_array_equal(integers, floats)
    assert integers.max() > 3
    assert integers.min() < 0
