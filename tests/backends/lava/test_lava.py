"""Rung 3: the emitted program, really run on Lava 0.10, equals our integers bit for bit."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snn_deploy.arrays import AnyArray
from snn_deploy.board.board import load_board
from snn_deploy.ir.network import Network
from snn_deploy.ir.quant import SignMode, Stimulus
from snn_deploy.ir.twin import LEVEL_MODELS
from snn_deploy.quantization.quantize import Calibration, quantize
from snn_deploy_backends.lava.plan import plan
from snn_deploy_backends.lava.states import states
from snn_deploy_simulators import reference
from snn_deploy_simulators.stimulus import encode
from support import integer_oracle as oracle
from support.integer_networks import (
    held_network,
    levels_network,
    population,
    stimulus,
    stock_network,
)
from support.lava_runs import Case, States, run_all
from support.random_levels import ALL_FACTS, level_facts
from support.random_lossless import fed, random_ann, spiking
from support.random_networks import STOCK, Limits, features, random_network

SMALL = Limits(steps=(8, 18), populations=3)
TINY = replace(SMALL, populations=2)
ANNS = range(6)
LEVELS = replace(TINY, images=0.8, delays=0.1, models=("lif",), levels=0.9)
STOCK_SMALL = replace(STOCK, steps=(8, 18), populations=2)


@pytest.fixture(scope="module")
def cases(request: pytest.FixtureRequest) -> list[Case]:
    """Random networks (--lava-networks); of five, two are mostly Lava's own processes."""
    count = request.config.getoption("--lava-networks")
    limits = (STOCK_SMALL, STOCK_SMALL, TINY, LEVELS, SMALL)
    return [random_network(seed, limits[seed % len(limits)]) for seed in range(count)]


@pytest.fixture(scope="module")
def on_lava(
    cases: list[Case], lava_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[States]:
    return run_all(cases, tmp_path_factory.mktemp("random"), lava_python)


def differences(expected: States, got: States) -> Iterator[str]:
    """Yield each population and state that differs, with the number of values."""
    for name, wanted in expected.items():
        for state, values in wanted.items():
            wrong = int(np.count_nonzero(values != got[name][state]))
            if wrong:
                yield f"{name}.{state}: {wrong} of {values.size}"


def test_every_state_and_spike_on_lava_equals_the_integer_simulator(
    cases: list[Case], on_lava: list[States]
) -> None:
    wrong = {}
    for seed, (net, given) in enumerate(cases):
        found = list(differences(states(net, given, given.samples), on_lava[seed]))
        wrong.update({seed: found} if found else {})
    assert not wrong


def test_every_state_and_spike_on_lava_equals_an_independent_oracle(
    cases: list[Case], on_lava: list[States]
) -> None:
    wrong = {}
    for seed, (net, given) in enumerate(cases):
        found = list(differences(oracle.run(net, given), on_lava[seed]))
        wrong.update({seed: found} if found else {})
    assert not wrong


def test_the_random_networks_are_alive_and_cover_everything(
    cases: list[Case], on_lava: list[States]
) -> None:
    found: Counter[str] = Counter()
    for (net, given), result in zip(cases, on_lava, strict=True):
        planned = plan(net, frozenset(given.bias))
        found.update(features(net, given))
        found.update(
            {n.process for n in planned.neurons} | {s.process for s in planned.synapses}
        )
        spikes = sum(np.count_nonzero(r["s"]) for r in result.values())
        moved = sum(np.count_nonzero(r["v"]) for r in result.values())
        assert spikes or moved
        assert spikes or not any(p.spiking for p in net.populations)
    wanted = {"LIFReset", "HeldLif", "HeldSoftLif", "HeldRefractoryLif", "HeldMultiLevel"}
    wanted |= {"Dense", "Sparse", "Conv", "DelayDense", "DelaySparse"}
    wanted |= {
        "MIXED",
        "EXCITATORY",
        "INHIBITORY",
        "recurrent",
        "skip",
        "readout",
        "v0",
        "drive",
    }
    wanted |= {f"{bits} bits" for bits in range(1, 9)}
    wanted |= {f"exponent {e}" for e in range(-6, 4)}
    wanted |= {f"payload {bits}" for bits in (0, 8, 16, 24)}
    wanted |= {"delay 0", "delay 1-15", "delay 16-62", "several inputs", "several outputs"}
    assert wanted <= {word for word, count in found.items() if count >= 3}


def test_everything_a_level_can_be_happened_on_lava(
    cases: list[Case], on_lava: list[States]
) -> None:
    happened: Counter[str] = Counter()
    for (net, _), result in zip(cases, on_lava, strict=True):
        for pop in net.populations:
            if pop.model in LEVEL_MODELS:
                happened.update(level_facts(pop, result[pop.name]))
    assert happened.keys() >= ALL_FACTS, ALL_FACTS - happened.keys()


def test_signed_levels_pass_every_kind_of_connection(
    lava_python: Path, tmp_path: Path
) -> None:
    net = levels_network()
    given = stimulus(net, steps=12)
    (result,) = run_all([(net, given)], tmp_path, lava_python)
    assert list(differences(states(net, given, given.samples), result)) == []
    assert list(differences(oracle.run(net, given), result)) == []
    planned = plan(net, frozenset())
    sent = {n.key: result[n.name]["s"] for n in planned.neurons}
    passed = {s.process for s in planned.synapses if s.pre in sent}
    assert passed == {"Conv", "Dense", "Sparse", "DelayDense", "DelaySparse"}
    for s in planned.synapses:
        if s.pre in sent:
            assert s.sign_mode is SignMode.MIXED
            assert sent[s.pre].max() > 1
            assert sent[s.pre].min() < 0


@pytest.mark.parametrize("ternary", [True, False])
def test_a_quantized_ann_on_lava_equals_the_ann(
    ternary: bool, lava_python: Path, tmp_path: Path
) -> None:
    """The conv network too: graded and signed spikes over Lava's own Conv and Dense."""
    anns = [random_ann(seed) for seed in ANNS]
    assert {ann.x.ndim for ann in anns} == {2, 4}
    cases = [
        lossless(spiking(ann, ternary=ternary, delays=seed), fed(ann, spread=3))
        for seed, ann in zip(ANNS, anns, strict=True)
    ]
    ran = run_all(cases, tmp_path, lava_python)
    signs: set[int] = set()
    for ann, (net, given), result in zip(anns, cases, ran, strict=True):
        assert list(differences(states(net, given, given.samples), result)) == []
        assert list(differences(oracle.run(net, given), result)) == []
        for layer in ann.layers:
            s = result[layer.name]["s"]
            wanted = ann.activations()[layer.name][: given.samples]
            assert (s.sum(axis=1) == wanted).all()
            assert (result[layer.name]["total"][:, -1] == wanted).all()
            signs |= set(np.sign(s).ravel().tolist())
    assert signs == {-1, 0, 1}


def lossless(net: Network, x: AnyArray) -> Case:
    """Return the integers of a network of whole numbers, and its first two samples."""
    x = x[:2, :50]
    peaks = reference.run(net, x).peaks
    quant = quantize(net, load_board("loihi2"), Calibration({"in": x}, peaks))
    assert all(p.sign_mode is SignMode.MIXED for p in quant.projections)
    return quant, encode(quant, {"in": x})


def test_hand_written_networks_equal_on_lava(lava_python: Path, tmp_path: Path) -> None:
    cases = [(net, stimulus(net)) for net in (stock_network(), held_network())]
    for (net, given), result in zip(
        cases, run_all(cases, tmp_path, lava_python), strict=True
    ):
        assert list(differences(states(net, given, given.samples), result)) == []
        assert list(differences(oracle.run(net, given), result)) == []
        assert all(r["v"].any() for r in result.values())


def test_stock_neurons_with_a_bias_start_every_sample_anew(
    lava_python: Path, tmp_path: Path
) -> None:
    """LIFReset is never held, so a bias fires it in the silent steps, too; the same sample
    five times must give the same answer five times."""
    net = stock_network()
    busy = tuple(
        replace(
            p,
            params={
                **p.params,
                "bias_mant": np.full(p.n, 2000),
                "bias_exp": np.full(p.n, 2),
            },
        )
        for p in net.populations
    )
    net = replace(net, populations=busy)
    one = stimulus(net, samples=1, steps=9)
    five = Stimulus(5, 9, {k: np.repeat(x, 5, axis=0) for k, x in one.spikes.items()}, {})
    assert {n.process for n in plan(net, frozenset()).neurons} == {"LIFReset"}
    (result,) = run_all([(net, five)], tmp_path, lava_python)
    for states_of in result.values():
        for values in states_of.values():
            assert (values == values[:1]).all()
    assert result["pool"]["s"].any()


def test_a_population_that_nothing_feeds_runs_beside_the_rest(
    lava_python: Path, tmp_path: Path
) -> None:
    net = stock_network()
    alone = population("alone", (2,), 0, bias_mant=2000, bias_exp=1)
    net = replace(net, populations=(*net.populations, alone), outputs=("out", "alone"))
    given = stimulus(net)
    (result,) = run_all([(net, given)], tmp_path, lava_python)
    assert list(differences(oracle.run(net, given), result)) == []
    assert result["alone"]["s"].any()
