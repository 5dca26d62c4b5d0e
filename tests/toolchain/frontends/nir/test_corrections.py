"""What the corrections of all frameworks have in common; their steps are tested one by one."""

from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.profiles import PROFILES
from snn_deploy.frontends.nir.read_nir import read_nir, readings
from snn_deploy_simulators.reference import run
from support.framework_files import Write
from support.said import said

TINY, HUGE = 5e-324, 1.7e308
CORRECTED = [p.name for p in PROFILES.values() if p.correction]
VALUES = [TINY, 1e-300, 1e-30, 1e-6, 1.0, 1e30, HUGE, np.inf]


def one(node: Any, kind: str, tau: float, r: float) -> dict[str, Any]:
    """Return the nodes of a file with one neuron."""
    keys = ("tau_mem", "tau_syn") if kind == "CubaLIF" else ("tau",)
    neuron = {"type": kind, "r": np.array([r]), "v_leak": np.zeros(1)}
    neuron |= {key: np.array([tau]) for key in keys}
    if kind != "LI":
        neuron["v_threshold"] = np.ones(1)
    layer = {"input": node.input(1), "0": node.affine([[1.0]], [0.0])}
    return {**layer, "1": neuron, "output": node.output(1)}


@pytest.mark.parametrize("kind", ["LI", "LIF", "CubaLIF"])
@pytest.mark.parametrize("profile", CORRECTED)
def test_extreme_numbers_are_read_as_numbers_or_refused_in_one_sentence(
    write: Write, node: Any, profile: Any, kind: str
) -> None:
    read, refusals = 0, []
    for tau in VALUES:
        for r in (1.0, TINY, HUGE, np.inf):
            path = write(one(node, kind, tau, r))
            assert readings(path)[-1].profile == "nir"
            for dt in (None, 1e-3):
                try:
                    net = read_nir(path, **said(profile, dt=dt))
                except InputError as error:
                    refusals.append(str(error))
                    continue
                neuron = net.populations[0].neuron
                for values in (neuron.alpha, neuron.beta, neuron.gain, neuron.bias):
                    assert np.isfinite(values).all()
                assert 0 <= neuron.beta.item() <= 1
                read += 1
    assert not any("\n" in refusal for refusal in refusals)
    assert read > 0 or (profile, kind) == ("sinabs", "CubaLIF")


@pytest.mark.parametrize(
    ("profile", "kind", "r", "gain"),
    [
        ("norse", "LIF", 1.0, 0.0),
        ("sinabs", "LIF", 1.0, 0.0),
        ("sinabs", "LI", 1.0, 1.0),
        ("rockpool", "LIF", np.inf, 1.0),
        ("rockpool", "LI", np.inf, 1.0),
        ("rockpool", "CubaLIF", np.inf, 1.0),
    ],
)
def test_an_infinite_time_constant_is_an_integrator(
    write: Write, node: Any, profile: Any, kind: str, r: float, gain: float
) -> None:
    net = read_nir(write(one(node, kind, np.inf, r)), **said(profile, dt=1e-3))
    neuron = net.populations[0].neuron
    assert (neuron.beta.item(), neuron.gain.item()) == (1.0, gain)


@pytest.mark.parametrize("profile", ["norse", "sinabs", "rockpool"])
def test_a_threshold_needs_no_correction(write: Write, node: Any, profile: Any) -> None:
    threshold = {"type": "Threshold", "threshold": np.ones(1)}
    path = write({"in": node.input(1), "x": threshold, "out": node.output(1)})
    net = read_nir(path, **said(profile))
    assert net.step_s is None
    assert run(net, np.array([[[2.0], [0.5]]])).outputs["x"].ravel().tolist() == [1, 0]


def test_delays_are_in_seconds_even_where_time_constants_are_in_steps(
    write: Write, node: Any
) -> None:
    nodes = one(node, "LIF", 5.0, 1.0)
    delay = {"type": "Delay", "delay": np.array([2e-3])}
    chain = {"input": nodes["input"], "d": delay, "1": nodes["1"], "output": node.output(1)}
    path = write(chain)
    with pytest.raises(InputError, match=r"node 'd' \(Delay\): delays are in seconds.*dt"):
        read_nir(path, **said("sinabs"))
    assert read_nir(path, **said("sinabs", dt=1e-3)).projections[0].delay == 2


@pytest.mark.parametrize(
    ("profile", "reset"), [("norse", "subtract"), ("sinabs", "zero"), ("rockpool", "zero")]
)
def test_another_reset_can_be_stated(
    write: Write, node: Any, profile: Any, reset: Any
) -> None:
    r = 1.0 if profile != "rockpool" else 5.0 * np.exp(-1 / 5)
    tau = 5.0 if profile == "sinabs" else 5e-3
    path = write(one(node, "LIF", tau, r))
    plain = read_nir(path, **said(profile, dt=1e-3))
    stated = read_nir(path, **said(profile, dt=1e-3, reset=reset, spikes_per_step="one"))
    assert stated.populations[0].neuron.reset == reset
    assert plain.populations[0].neuron.reset != reset
