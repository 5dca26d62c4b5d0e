"""Rung 3: the emitted program, really run on Lava 0.10, equals our integers bit for bit."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import integer_oracle as oracle
from integer_networks import held_network, population, stimulus, stock_network
from lava_runs import Case, States, run_all
from random_networks import STOCK, Limits, features, random_network
from snn_deploy.quant import Stimulus
from snn_deploy_backends import lava
from snn_deploy_backends.lava.states import states

SMALL = Limits(steps=(8, 18), populations=3)
TINY = replace(SMALL, populations=2)
STOCK_SMALL = replace(STOCK, steps=(8, 18), populations=2)


@pytest.fixture(scope="module")
def cases(request: pytest.FixtureRequest) -> list[Case]:
    """Random networks (--lava-networks); of five, two are mostly Lava's own processes."""
    count = request.config.getoption("--lava-networks", default=300)
    limits = (STOCK_SMALL, STOCK_SMALL, TINY, TINY, SMALL)
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


def test_every_u_v_and_spike_on_lava_equals_the_integer_simulator(
    cases: list[Case], on_lava: list[States]
) -> None:
    wrong = {}
    for seed, (net, given) in enumerate(cases):
        found = list(differences(states(net, given, given.samples), on_lava[seed]))
        wrong.update({seed: found} if found else {})
    assert not wrong


def test_every_u_v_and_spike_on_lava_equals_an_independent_oracle(
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
        planned = lava.plan(net, frozenset(given.bias))
        found.update(features(net, given))
        found.update(
            {n.process for n in planned.neurons} | {s.process for s in planned.synapses}
        )
        spikes = sum(np.count_nonzero(r["s"]) for r in result.values())
        moved = sum(np.count_nonzero(r["v"]) for r in result.values())
        assert spikes or moved
        assert spikes or not any(p.spiking for p in net.populations)
    wanted = {"LIFReset", "HeldLif", "HeldSoftLif", "HeldRefractoryLif"}
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
    assert {n.process for n in lava.plan(net, frozenset()).neurons} == {"LIFReset"}
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
