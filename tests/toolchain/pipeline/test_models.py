"""A live module or a Network is deployed without a file, also where NIR cannot say it."""

from typing import Any

import numpy as np
import pytest

from snn_deploy import InputError, deploy
from snn_deploy.frontends.nir_writer.write_nir import write_nir
from snn_deploy.frontends.torch import from_torch
from snn_deploy.ir.network import Network
from support import live_sinabs, live_snntorch
from support.live_modules import Case, run_framework, sample_of, spikes_for

pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own

BY_NAME = {c.name: c for m in (live_snntorch, live_sinabs) for c in m.CASES}
STEPS = 12
UNSAYABLE = ["snnTorch-FC_CUBA-Synaptic_zero", "sinabs-FC_LIF-IAF_MultiSpike"]
SAYABLE = ["snnTorch-FC_LIF-Leaky_subtract", "sinabs-recurrent-LIFRecurrent"]


def made(name: str) -> tuple[Case, Any, Any]:
    """Return a case, its module and spikes [N, T, *shape]."""
    case, rng = BY_NAME[name], np.random.default_rng(3)
    module = case.build(rng).eval()
    return case, module, spikes_for(case, rng, STEPS, samples=3)


@pytest.mark.parametrize("name", UNSAYABLE + SAYABLE)
def test_a_module_deploys_as_its_network_does(name: str, tmp_path: Any) -> None:
    case, module, x = made(name)
    sample = sample_of(case, x)
    trace = tmp_path / "trace.npz"
    report = deploy(module, "loihi2", sample=sample, input=x, trace=trace)
    net = from_torch(module, sample)
    assert deploy(net, "loihi2", input=x) == report
    assert (report.model.file, report.model.sha256) == ("(in memory)", None)
    assert sum(layer.spikes.mean or 0 for layer in report.layers if layer.spikes) > 0
    with np.load(trace) as saved:
        found = saved[f"reference/{net.outputs[0]}"]
        np.testing.assert_array_equal(saved[f"chip/{net.outputs[0]}"].shape, found.shape)
    wanted = run_framework(case, module, x)
    np.testing.assert_array_equal(found.reshape(wanted.shape), wanted)
    assert np.count_nonzero(wanted) > 0


@pytest.mark.parametrize("name", UNSAYABLE)
def test_nir_cannot_say_these(name: str, tmp_path: Any) -> None:
    case, module, x = made(name)
    with pytest.raises(InputError):
        write_nir(from_torch(module, sample_of(case, x)), tmp_path / "m.nir")


def test_a_module_needs_a_sample_and_nothing_else_takes_one(two_layer: Network) -> None:
    _, module, x = made(UNSAYABLE[0])
    with pytest.raises(
        InputError, match=r"a live module is read by running.*give sample, a"
    ):
        deploy(module, "loihi2", input=x)
    with pytest.raises(InputError, match=r"^sample: is for a live torch module"):
        deploy(two_layer, "loihi2", sample=x)


def test_a_network_cannot_be_read_in_another_way(two_layer: Network) -> None:
    with pytest.raises(InputError, match=r"^dt: has no meaning for a Network"):
        deploy(two_layer, "loihi2", dt=1e-3)
    case, module, x = made(UNSAYABLE[0])
    with pytest.raises(InputError, match=r"^reset: has no meaning for a live module"):
        deploy(module, "loihi2", sample=sample_of(case, x), reset="zero")
