"""Integer simulator == golden model, bit for bit, on everything a QuantNetwork can say."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy_simulators import golden, integer
from support.random_networks import features, random_network

SEEDS = range(300)


def one_sample(stimulus: Stimulus, i: int) -> Stimulus:
    return Stimulus(
        1,
        stimulus.steps,
        {k: v[i : i + 1] for k, v in stimulus.spikes.items()},
        {k: v[i : i + 1] for k, v in stimulus.bias.items()},
    )


def assert_same(a: Mapping[str, Any], b: Mapping[str, Any]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@pytest.mark.parametrize("block", range(10))
def test_integer_equals_golden_on_random_networks(block: int) -> None:
    for seed in SEEDS[block::10]:
        net, stimulus = random_network(seed)
        plain, fast = golden.run(net, stimulus), integer.run(net, stimulus, threads=1)
        assert all(plain.events[p.name].sum() > 0 for p in net.populations if p.spiking)
        assert_same(plain.outputs, fast.outputs)
        assert_same(plain.events, fast.events)
        assert_same(plain.peaks, fast.peaks)


def test_the_random_networks_cover_everything() -> None:
    seen = set().union(*(features(*random_network(seed)) for seed in SEEDS[:100]))
    wanted = {
        "Dense",
        "Sparse",
        "Conv",
        "recurrent",
        "skip",
        "payload 0",
        "payload 8",
        "readout",
    }
    wanted |= {"delay 1-15", "delay 16-62", "drive", "v0", "soft_lif", "refractory_lif"}
    assert wanted <= seen, wanted - seen


@pytest.mark.parametrize("seed", range(40))
def test_a_run_of_many_samples_is_many_runs_of_one(seed: int) -> None:
    net, stimulus = random_network(1000 + seed)
    together = golden.run(net, stimulus)
    for i in range(stimulus.samples):
        alone = golden.run(net, one_sample(stimulus, i))
        for name, output in alone.outputs.items():
            np.testing.assert_array_equal(
                output[0], together.outputs[name][i], err_msg=name
            )


def test_threads_change_nothing() -> None:
    net, stimulus = random_network(7)
    many = repeated(stimulus, 9)
    one, two = integer.run(net, many, threads=1), integer.run(net, many, threads=2)
    assert_same(one.outputs, two.outputs)


def repeated(stimulus: Stimulus, times: int) -> Stimulus:
    def tile(x: np.ndarray) -> np.ndarray:
        return np.tile(x, (times, *[1] * (x.ndim - 1)))

    return Stimulus(
        stimulus.samples * times,
        stimulus.steps,
        {k: tile(v) for k, v in stimulus.spikes.items()},
        {k: tile(v) for k, v in stimulus.bias.items()},
    )


def test_only_kept_outputs_are_returned_and_readouts_always() -> None:
    net, stimulus = network_with_hidden()
    kept = integer.run(net, stimulus, keep=[]).outputs
    assert set(kept) == set(net.outputs)


def network_with_hidden() -> tuple[QuantNetwork, Stimulus]:
    seed = 0
    while True:
        net, stimulus = random_network(seed)
        if len(net.populations) > len(net.outputs):
            return net, stimulus
        seed += 1
