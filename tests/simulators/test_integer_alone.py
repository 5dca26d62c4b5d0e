"""A layer alone, fed with what the whole network sent, does what it does in the whole network."""

import numpy as np
import pytest

from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy_simulators import golden
from snn_deploy_simulators.integer import run_alone
from support.random_networks import random_network


@pytest.mark.parametrize("block", range(4))
def test_a_layer_fed_as_in_the_network_outputs_the_same(block: int) -> None:
    loops = spikes = 0
    for seed in range(2000 + block, 2080, 4):
        net, stimulus = random_network(seed)
        together = golden.run(net, stimulus)
        for pop in net.populations:
            alone = run_alone(net, pop.name, together.outputs, stimulus)
            np.testing.assert_array_equal(
                alone, together.outputs[pop.name], err_msg=pop.name
            )
            spikes += int(np.count_nonzero(alone)) if pop.spiking else 0
            loops += any(p.pre == p.post for p in net.into(pop.name))
    assert loops > 3
    assert spikes > 1000


def changed_source(net: QuantNetwork, stimulus: Stimulus) -> tuple[str, str] | None:
    """Return a population that spikes and one that it feeds, if there are two."""
    for p in net.projections:
        names = {q.name: q.spiking for q in net.populations}
        if names.get(p.pre) and p.post != p.pre:
            return p.pre, p.post
    return None


def test_what_a_layer_is_sent_changes_what_it_outputs_and_nothing_else_does() -> None:
    differs = 0
    for seed in range(2000, 2040):
        net, stimulus = random_network(seed)
        pair = changed_source(net, stimulus)
        if pair is None:
            continue
        sent = dict(golden.run(net, stimulus).outputs)
        silent = {**sent, pair[0]: np.zeros_like(sent[pair[0]])}
        differs += bool((run_alone(net, pair[1], silent, stimulus) != sent[pair[1]]).any())
        own = any(p.pre == p.post == pair[0] for p in net.projections)
        if not own:
            again = run_alone(net, pair[0], silent, stimulus)
            np.testing.assert_array_equal(again, sent[pair[0]])
    assert differs > 5
