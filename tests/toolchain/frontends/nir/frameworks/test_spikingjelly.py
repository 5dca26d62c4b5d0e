"""SpikingJelly itself against the reading of the files that its exporter writes: all bins.

Dyadic parameters in float64, so that no bin may differ.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.read_nir import read_nir, readings
from snn_deploy_simulators.reference import run

torch = pytest.importorskip("torch")
pytest.importorskip("spikingjelly")

with pytest.MonkeyPatch.context() as patch:
    patch.setattr("warnings.warn", lambda *args, **kwargs: None)  # on import, about CuPy
    from spikingjelly.activation_based import functional, layer, neuron, nir_exchange

STEPS = 200
WIDTH = 64

pytestmark = pytest.mark.filterwarnings("ignore")  # the framework's own


def dyadic(module: Any, rng: np.random.Generator, scale: float) -> Any:
    module = module.double()
    with torch.no_grad():
        shape = tuple(module.weight.shape)
        module.weight.copy_(torch.tensor(rng.integers(-8, 16, shape) * scale / 16))
        if module.bias is not None:
            module.bias.copy_(torch.tensor(rng.integers(-2, 4, shape[0]) / 16))
    return module


def fc(neurons: Callable[[], Any], scale: float) -> Callable[[np.random.Generator], Any]:
    def build(rng: np.random.Generator) -> Any:
        return torch.nn.Sequential(
            dyadic(layer.Linear(20, WIDTH), rng, scale), neurons(),
            dyadic(layer.Linear(WIDTH, WIDTH), rng, scale / 2), neurons(),
        )  # fmt: skip

    return build


def conv_pool(rng: np.random.Generator) -> Any:
    return torch.nn.Sequential(
        dyadic(layer.Conv2d(2, 6, 3, padding=1, stride=2), rng, 1 / 2), neuron.LIFNode(tau=2.0),
        layer.AvgPool2d(2), layer.Flatten(),
        dyadic(layer.Linear(96, WIDTH), rng, 1 / 2), neuron.IFNode(),
    )  # fmt: skip


class Residual(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """Two layers, the first also straight into the second."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self.fc1, self.lif1 = (
            dyadic(layer.Linear(20, WIDTH), rng, 1 / 2),
            neuron.LIFNode(tau=2.0),
        )
        self.fc2, self.lif2 = (
            dyadic(layer.Linear(WIDTH, WIDTH), rng, 1 / 4),
            neuron.LIFNode(tau=4.0),
        )

    def forward(self, x: Any) -> Any:
        hidden = self.lif1(self.fc1(x))
        return self.lif2(self.fc2(hidden) + hidden)


BUILDS: dict[str, Callable[[np.random.Generator], Any]] = {
    "fc_lif": fc(lambda: neuron.LIFNode(tau=2.0), 1 / 2),
    "fc_lif_input_not_decayed": fc(
        lambda: neuron.LIFNode(tau=4.0, decay_input=False), 1 / 4
    ),
    "fc_lif_reset_below_zero": fc(lambda: neuron.LIFNode(tau=2.0, v_reset=-0.25), 1.0),
    "fc_if": fc(lambda: neuron.IFNode(v_threshold=2.0), 1 / 4),
    "fc_cuba": fc(
        lambda: neuron.CUBALIFNode(c_decay=0.5, v_decay=0.75, v_threshold=1.0), 1 / 8
    ),
    "fc_cuba_reset_above_zero": fc(lambda: neuron.CUBALIFNode(v_reset=0.125), 1 / 64),
    "fc_plif": fc(lambda: neuron.ParametricLIFNode(init_tau=2.0).double(), 1 / 2),
    "conv_pool": conv_pool,
    "residual": Residual,
}


def run_framework(module: Any, x: NDArray[np.float64]) -> NDArray[np.float64]:
    functional.reset_net(module)
    with torch.no_grad():
        return np.stack(
            [module(torch.tensor(x[:, t])).numpy().copy() for t in range(x.shape[1])],
            axis=1,
        )


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", BUILDS)
def test_spikes_equal_those_of_the_exported_module(
    name: str, seed: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(seed)
    module = BUILDS[name](rng)
    shape = (2, 16, 16) if name == "conv_pool" else (20,)
    x = (rng.random((2, STEPS, *shape)) < 0.3).astype(np.float64)
    expected = run_framework(module, x)
    path = tmp_path / "model.nir"
    functional.reset_net(module)
    nir_exchange.export_to_nir(module, torch.tensor(x[:1, 0]), save_path=path, dt=1e-4)
    net = read_nir(path, profile="spikingjelly")
    ours = run(net, x).outputs[net.outputs[0]]
    assert 0.02 < expected.mean() < 0.9
    assert np.count_nonzero(ours != expected) == 0


@pytest.mark.parametrize("dt", [1e-4, 1e-3, 5e-4])
def test_the_time_step_of_the_export_is_found(dt: float) -> None:
    module = BUILDS["fc_if"](np.random.default_rng(0))
    graph = nir_exchange.export_to_nir(
        module, torch.zeros(1, 20, dtype=torch.float64), dt=dt
    )
    net = read_nir(graph)
    assert net.step_s == pytest.approx(dt, rel=1e-6)
    assert {a.name: a.value for a in net.assumptions}["profile"] == "spikingjelly"
    assert (net.populations[0].neuron.gain == 1).all()


def test_an_export_whose_input_decays_leaves_the_time_step_open() -> None:
    module = BUILDS["fc_lif"](np.random.default_rng(0))
    graph = nir_exchange.export_to_nir(
        module, torch.zeros(1, 20, dtype=torch.float64), dt=1e-3
    )
    assert [(r.profile, r.settles) for r in readings(graph)] == [
        ("spikingjelly", False),
        ("nir", False),
    ]
    with pytest.raises(
        InputError,
        match=r"fit an export of SpikingJelly 2\.0.*profile='spikingjelly' or 'nir'",
    ):
        read_nir(graph)
    net = read_nir(graph, profile="spikingjelly", dt=1e-3)
    assert net.populations[0].neuron.beta.tolist() == [0.5] * WIDTH
