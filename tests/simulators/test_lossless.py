"""Neurons with tracer compute a quantized ANN exactly, whatever the order of arrival."""

from collections import Counter

import numpy as np
import pytest

from snn_deploy.arrays import AnyArray
from snn_deploy.board.board import load_board
from snn_deploy.ir.network import Network
from snn_deploy.mapping.check import check
from snn_deploy.quantization.quantize import Calibration, quantize
from snn_deploy_simulators import integer, reference
from snn_deploy_simulators.stimulus import encode
from support.random_lossless import ENDS_BEFORE, Ann, fed, random_ann, spiking

SEEDS = range(16)


def sent(net: Network, x: AnyArray) -> dict[str, AnyArray]:
    """Return the spikes [samples, steps, n] of every population, in floats and in integers,
    which must be equal; they must be at rest before the end."""
    floats = reference.run(net, x)
    board = load_board("loihi2")
    quant = quantize(net, board, Calibration({"in": x}, floats.peaks))
    assert check(quant, board) == ()
    stimulus = encode(quant, {"in": x})
    whole = integer.run(quant, stimulus, threads=1)
    outputs = {}
    for pop in net.populations:
        got = whole.outputs[pop.name].reshape(len(x), x.shape[1], -1)
        assert (got == floats.outputs[pop.name].reshape(got.shape)).all(), pop.name
        assert not got[:, -ENDS_BEFORE:].any()
        outputs[pop.name] = got
    return outputs


def assert_computes(ann: Ann, spikes: dict[str, AnyArray]) -> None:
    wanted = ann.activations()
    for name, s in spikes.items():
        np.testing.assert_array_equal(s.sum(axis=1), wanted[name], err_msg=name)


@pytest.mark.parametrize("ternary", [True, False])
def test_what_was_sent_at_rest_is_the_quantized_ann(ternary: bool) -> None:
    facts: Counter[str] = Counter()
    half = len(SEEDS) // 2
    for seed in SEEDS:
        ann = random_ann(seed)
        spikes = sent(spiking(ann, ternary=ternary), fed(ann))
        assert_computes(ann, spikes)
        last = ann.activations()[ann.layers[-1].name]
        facts["several answers"] += len(np.unique(last)) >= 3
        facts["negative"] += any((s < 0).any() for s in spikes.values())
        facts["above 1"] += any((s > 1).any() for s in spikes.values())
        facts["skip"] += any(len(layer.sources) > 1 for layer in ann.layers)
        facts["conv"] += ann.x.ndim == 4
    assert facts["several answers"] > half
    if ternary:
        assert facts["negative"] > half  # something was sent too early, and taken back
        assert facts["above 1"] == 0
    else:
        assert facts["above 1"] > half  # and all in one step, so that nothing is taken back
        assert facts["negative"] == 0
    assert facts["skip"] >= 3
    assert facts["conv"] >= 3


@pytest.mark.parametrize("ternary", [True, False])
def test_delays_and_spread_inputs_change_the_spikes_but_not_what_they_sum_to(
    ternary: bool,
) -> None:
    changed, taken_back = 0, 0
    for seed in list(SEEDS)[::2]:
        ann = random_ann(seed)
        plain = sent(spiking(ann, ternary=ternary), fed(ann))
        late = sent(spiking(ann, ternary=ternary, delays=seed), fed(ann, spread=6))
        assert_computes(ann, late)
        changed += any((late[n] != plain[n]).any() for n in plain)
        taken_back += any((s < 0).any() for s in late.values())
    assert changed > len(SEEDS) // 4
    assert taken_back > len(SEEDS) // 4


@pytest.mark.parametrize("ternary", [True, False])
def test_without_tracer_the_sums_are_not_those_of_the_ann(ternary: bool) -> None:
    """The tracer is what makes it equal: without, sums leave 0..top in both directions."""
    wrong, below, above = 0, 0, 0
    for seed in SEEDS:
        ann = random_ann(seed)
        net = spiking(ann, ternary=ternary, tracer=False)
        outputs = reference.run(net, fed(ann)).outputs
        sums = {k: s.reshape(*s.shape[:2], -1).sum(axis=1) for k, s in outputs.items()}
        wanted = ann.activations()
        wrong += any((sums[k] != wanted[k]).any() for k in sums)
        below += any((s < 0).any() for s in sums.values())
        above += any((s > ann.top).any() for s in sums.values())
    assert wrong == len(SEEDS)
    assert below > len(SEEDS) // 2
    assert above > len(SEEDS) // 2
