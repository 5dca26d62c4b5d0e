"""Leaky neurons that fire at v >= threshold: ties are kept where all else is exact, and what is
lost is said where it is not. The nets are as attention layers of SpikingJelly: small whole
numbers over a power of two, so that many membranes lie on the threshold.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_deploy.arrays import AnyArray
from snn_deploy.board.board import load_board
from snn_deploy.ir.maps import Chain, Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif
from snn_deploy.passes.normalize import normalize
from snn_deploy.passes.retime import retime
from snn_deploy.pipeline.deploy import deploy
from snn_deploy.quantization.quantize import quantize
from snn_deploy_simulators import integer, reference
from snn_deploy_simulators.stimulus import encode
from support.random_models import calibration

N, INPUTS, SAMPLES = 48, 24, 40


def network(rng: np.random.Generator, *, inclusive: bool = True, **values: Any) -> Network:
    weight = rng.integers(-1, 3, (N, INPUTS)) / 8.0
    beta = values.get("beta", 0.5)
    usual = {"threshold": 0.5, "beta": beta, "gain": 1 - beta, "inclusive": inclusive}
    neuron = Lif.of(N, **{**usual, **values})
    chain = Chain((Dense(weight),), INPUTS)
    return Network(
        inputs=(Input("x", (INPUTS,)),),
        populations=(Population("h", (N,), neuron),),
        projections=(Projection("x", "h", chain, 0),),
        outputs=("h",),
    )


def spikes(rng: np.random.Generator, steps: int) -> AnyArray:
    return (rng.random((SAMPLES, steps, INPUTS)) < 0.3).astype(np.uint8)


def run_both(net: Network, x: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Return what the floats send, and the integers."""
    ready = retime(normalize(net))
    floats = reference.run(ready, x.astype(np.float64)).outputs["h"]
    quant = quantize(ready, load_board("loihi2"), calibration(ready, x))
    return floats, integer.run(quant, encode(quant, {"x": x})).outputs["h"]


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    leak=st.sampled_from([(0.5, 8), (0.75, 6), (0.875, 4)]),
    reset=st.sampled_from(["zero", "subtract"]),
    data=st.data(),
)
def test_ties_of_leaky_neurons_are_exact_up_to_eight_steps(
    seed: int, leak: tuple[float, int], reset: str, data: st.DataObject
) -> None:
    """Fewer where the leak divides by more: 24 bits hold no longer remainders."""
    beta, most = leak
    rng, steps = np.random.default_rng(seed), data.draw(st.integers(1, most))
    net, x = network(rng, beta=beta, reset=reset), spikes(rng, steps)
    floats, chip = run_both(net, x)
    assert (floats != chip).sum() == 0


@pytest.mark.parametrize("steps", [4, 8, 16, 32])
@pytest.mark.parametrize("reset", ["zero", "subtract"])
def test_ties_are_many_and_none_is_lost(reset: str, steps: int) -> None:
    seed = 5
    nets = [
        network(np.random.default_rng(seed), inclusive=k, reset=reset)
        for k in (True, False)
    ]
    x = spikes(np.random.default_rng(6), steps)
    (floats, chip), (strict, strict_chip) = (run_both(net, x) for net in nets)
    assert (floats != strict).sum() > 0.02 * floats.sum(), "else there are no ties"
    assert (floats != chip).sum() == 0
    assert (strict != strict_chip).mean() < 1e-3


def test_a_current_that_decays_keeps_its_ties_too() -> None:
    rng = np.random.default_rng(1)
    net, x = network(rng, alpha=0.5, beta=0.5, gain=0.5), spikes(rng, 6)
    floats, chip = run_both(net, x)
    assert floats.sum() > 500
    assert (floats != chip).sum() == 0


def deployed(weights: AnyArray) -> Any:
    rng = np.random.default_rng(2)
    net = network(rng)
    chain = Chain((Dense(weights),), INPUTS)
    net = Network(
        net.inputs, net.populations, (Projection("x", "h", chain, 0),), net.outputs
    )
    return deploy(net, "loihi2", input=spikes(rng, 8))


def test_what_rounding_changes_at_the_threshold_is_said() -> None:
    rng = np.random.default_rng(3)
    whole = rng.integers(-1, 3, (N, INPUTS)) / 8.0
    exact = deployed(whole)
    assert not any("compares with >" in c for c in exact.caveats)
    (loss,) = (x for x in exact.losses if x.what == "threshold")
    assert loss.note.endswith("> on the chip, where a bias of one unit lets ties fire")
    rough = whole.copy()
    rough[:, ::2] += 0.013  # no longer on one grid: ties are gone, rounding is not
    said = [c for c in deployed(rough).caveats if "compares with >" in c]
    assert len(said) == 1
    assert said[0].startswith("1 of 1 populations that leak and fire at v >= threshold")
    assert "the integers of 'h' change most" in said[0]
