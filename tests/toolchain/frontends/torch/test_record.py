"""record: what a framework's own layers send, held against what the module itself returns, and
against our network, population by population."""

from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.torch import from_torch, record
from snn_deploy_simulators.reference import run
from support import (
    live_norse,
    live_sinabs,
    live_snntorch,
    live_spikingjelly,
)
from support.frameworks import torch  # first, quietly
from support.live_modules import run_framework, sample_of, spikes_for

STEPS = 60
MODULES = (live_snntorch, live_spikingjelly, live_sinabs, live_norse)
BY_NAME = {case.name: case for module in MODULES for case in module.CASES}

pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own


@pytest.mark.parametrize("name", BY_NAME)
def test_every_layer_that_is_recorded_sent_what_our_population_sends(name: str) -> None:
    case = BY_NAME[name]
    rng = np.random.default_rng(0)
    module = case.build(rng)
    x = spikes_for(case, rng, STEPS)
    expected = run_framework(case, module, x)
    net = from_torch(module, sample_of(case, x), steps=STEPS if case.looped else None)
    whole = (lambda m, t: m(sample_of(case, x))) if case.looped else None
    heard = record(module, x, net=net, run=whole)
    ours = run(net, x).outputs
    assert heard, "nothing was recorded"
    for layer, sent in heard.items():
        assert sent.shape == ours[layer].shape
        assert np.count_nonzero(sent) > 0, f"{layer} is dead"
        assert (sent == ours[layer]).all(), layer
    (output,) = net.outputs
    if output in heard and not case.looped:
        assert (
            heard[output].reshape(expected.shape)
            == (expected if case.most > 1 else expected != 0)
        ).all()


def test_a_module_is_left_at_rest_without_hooks() -> None:
    import snntorch as snn

    module = torch.nn.Sequential(
        torch.nn.Linear(3, 4), snn.Leaky(beta=0.5, init_hidden=True)
    )
    x = torch.rand(2, 5, 3) * 4
    first, second = record(module, x), record(module, x.numpy())
    assert (first["1"] == second["1"]).all()
    assert first["1"].any()
    assert not module[1]._forward_hooks


def twice(module: Any, x: Any) -> None:
    for _ in range(2):
        for step in x.unbind(1):
            module(step)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((4, 3), {}, r"x is \[4, 3\]; give \[samples, steps, \*shape"),
        ((2, 5, 3), {"run": twice}, r"'1' was called 10 times, its first output \[2, 4\], for 2 samples of 5"),
    ],
)  # fmt: skip
def test_what_cannot_be_recorded_is_refused(
    shape: tuple[int, ...], options: dict[str, Any], message: str
) -> None:
    import snntorch as snn

    module = torch.nn.Sequential(
        torch.nn.Linear(3, 4), snn.Leaky(beta=0.5, init_hidden=True)
    )
    with pytest.raises(InputError, match=message):
        record(module, torch.rand(shape), **options)
