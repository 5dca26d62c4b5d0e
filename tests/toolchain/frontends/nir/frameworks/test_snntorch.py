"""snnTorch itself against the reading of the files that its exporter writes: all bins, all layers.

Parameters are dyadic and the modules run in float64, so that both sides compute without rounding
that could matter: no bin may differ.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from numpy.typing import NDArray

from snn_deploy.frontends.nir.read_nir import read_nir, readings
from snn_deploy.ir.network import Network
from snn_deploy_simulators.reference import run
from support.said import said

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
export_nir = pytest.importorskip("snntorch.export_nir")

STEPS = 200
WIDTH = 64
DT = 1e-4

pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own


def linear(rng: np.random.Generator, n_in: int, n_out: int, scale: float) -> Any:
    layer = torch.nn.Linear(n_in, n_out).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(rng.integers(-8, 16, (n_out, n_in)) * scale / 16))
        layer.bias.copy_(torch.tensor(rng.integers(-2, 4, n_out) / 16))
    return layer


def full(value: float, *shape: int) -> Any:
    return torch.full(shape, value, dtype=torch.float64)


def fires(u: Any) -> Any:
    """The framework's own spike function, which would always return float32."""
    return (u > 0).to(u.dtype)


def leaky(*shape: int, beta: float = 0.5, **options: Any) -> Any:
    return snn.Leaky(
        beta=full(beta, *shape), threshold=full(1.0, *shape),
        init_hidden=True, spike_grad=fires, **options,
    )  # fmt: skip


def synaptic(*shape: int, **options: Any) -> Any:
    return snn.Synaptic(
        alpha=full(0.5, *shape), beta=full(0.75, *shape), threshold=full(1.0, *shape),
        init_hidden=True, spike_grad=fires, **options,
    )  # fmt: skip


def recurrent_of(layer: Any, rng: np.random.Generator) -> Any:
    layer = layer.double()
    with torch.no_grad():
        n = layer.recurrent.weight.shape[0]
        layer.recurrent.weight.copy_(torch.tensor(rng.integers(-4, 4, (n, n)) / 32))
        layer.recurrent.bias.copy_(torch.tensor(rng.integers(-2, 3, n) / 16))
    return layer


def fc_lif(rng: np.random.Generator, reset: str) -> Any:
    return torch.nn.Sequential(
        linear(rng, 20, WIDTH, 1 / 4), leaky(WIDTH, reset_mechanism=reset),
        linear(rng, WIDTH, WIDTH, 1 / 8), leaky(WIDTH, beta=0.75, reset_mechanism=reset),
    )  # fmt: skip


def fc_cuba(rng: np.random.Generator, reset: str) -> Any:
    return torch.nn.Sequential(
        linear(rng, 20, WIDTH, 1 / 16), synaptic(WIDTH, reset_mechanism=reset),
        linear(rng, WIDTH, WIDTH, 1 / 64), synaptic(WIDTH, reset_mechanism=reset),
    )  # fmt: skip


def conv_pool(rng: np.random.Generator, reset: str) -> Any:
    conv = torch.nn.Conv2d(2, 6, 3, padding=1, stride=2).double()
    with torch.no_grad():
        conv.weight.copy_(torch.tensor(rng.integers(-8, 16, conv.weight.shape) / 32))
        conv.bias.copy_(torch.tensor(rng.integers(-2, 4, 6) / 16))
    return torch.nn.Sequential(
        conv, leaky(6, 8, 8, reset_mechanism=reset), torch.nn.AvgPool2d(2), torch.nn.Flatten(),
        linear(rng, 96, WIDTH, 1 / 16), leaky(WIDTH, reset_mechanism=reset),
    )  # fmt: skip


def recurrent_lif(rng: np.random.Generator, reset: str) -> Any:
    layer = snn.RLeaky(
        beta=full(0.5, WIDTH), threshold=full(1.0, WIDTH), linear_features=WIDTH,
        init_hidden=True, spike_grad=fires, reset_mechanism=reset,
    )  # fmt: skip
    return torch.nn.Sequential(
        linear(rng, 20, WIDTH, 1 / 2), recurrent_of(layer, rng),
        linear(rng, WIDTH, WIDTH, 1 / 4), leaky(WIDTH, reset_mechanism=reset),
    )  # fmt: skip


def recurrent_cuba(rng: np.random.Generator, reset: str) -> Any:
    layer = snn.RSynaptic(
        alpha=full(0.5, WIDTH), beta=full(0.75, WIDTH), threshold=full(1.0, WIDTH),
        linear_features=WIDTH, init_hidden=True, spike_grad=fires, reset_mechanism=reset,
    )  # fmt: skip
    return torch.nn.Sequential(
        linear(rng, 20, WIDTH, 1 / 16), recurrent_of(layer, rng),
        linear(rng, WIDTH, WIDTH, 1 / 64), synaptic(WIDTH, reset_mechanism=reset),
    )  # fmt: skip


NEURONS = (snn.Leaky, snn.Synaptic, snn.RLeaky, snn.RSynaptic)


def run_framework(net: Any, x: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the spikes of each neuron layer, [N, T, *shape]."""
    for layer in net:
        if isinstance(layer, NEURONS):
            layer.reset_mem()
    spikes: list[list[Any]] = [[] for layer in net if isinstance(layer, NEURONS)]
    with torch.no_grad():
        for t in range(x.shape[1]):
            value, index = torch.tensor(x[:, t]), 0
            for layer in net:
                value = layer(value)
                if isinstance(layer, NEURONS):
                    spikes[index].append(value.numpy().copy())
                    index += 1
    return [np.stack(parts, axis=1) for parts in spikes]


def spikes_in(rng: np.random.Generator, *shape: int) -> NDArray[np.float64]:
    return (rng.random((2, STEPS, *shape)) < 0.3).astype(np.float64)


def compare(
    net: Network,
    expected: list[NDArray[np.float64]],
    x: NDArray[np.float64],
    most: float = 0.9,
) -> None:
    outputs = run(net, x).outputs
    ours = [outputs[p.name] for p in net.populations if not p.name.startswith("bias:")]
    assert len(ours) == len(expected)
    for mine, theirs in zip(ours, expected, strict=True):
        assert 0.02 < theirs.mean() < most
        assert np.count_nonzero(mine != theirs.reshape(mine.shape)) == 0


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize(
    "build", [fc_lif, fc_cuba, conv_pool, recurrent_lif, recurrent_cuba]
)
def test_spikes_equal_those_of_the_exported_module(
    build: Callable[[np.random.Generator, str], Any], reset: Any, seed: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(seed)
    module = build(rng, reset)
    shape = (2, 16, 16) if build is conv_pool else (20,)
    x = spikes_in(rng, *shape)
    expected = run_framework(module, x)
    sample = torch.tensor(x[:1, 0])
    graph = export_nir.export_to_nir(module, sample, ignore_dims=[0])
    path = tmp_path / "model.nir"
    write(path, graph)
    net = read_nir(path, profile="snntorch", reset=reset)
    most = 1.0 if reset == "none" else 0.9  # without reset some always fire
    compare(net, expected, x, most)
    in_memory = read_nir(graph, profile="snntorch", reset=reset)
    assert [p.name for p in in_memory.populations] == [p.name for p in net.populations]
    compare(in_memory, expected, x, most)


def write(path: Path, graph: Any) -> None:
    """Write a graph; tensors, which nir.write cannot write, become arrays."""
    for node in graph.nodes.values():
        for key, value in vars(node).items():
            if isinstance(value, torch.Tensor):
                setattr(node, key, value.detach().numpy())
    nir.write(path, graph)


def test_residual_sum_equals_the_modules_joined_by_hand(tmp_path: Path) -> None:
    # snnTorch's exporter loses skip edges, so the graph is written by hand
    rng = np.random.default_rng(5)
    first, second = linear(rng, 20, WIDTH, 1 / 4), linear(rng, WIDTH, WIDTH, 1 / 16)
    lif1, lif2 = leaky(WIDTH), leaky(WIDTH, beta=0.75)
    x = spikes_in(rng, 20)
    hidden, out = [], []
    with torch.no_grad():
        for t in range(STEPS):
            a = lif1(first(torch.tensor(x[:, t])))
            b = lif2(second(a) + a / 2)
            hidden.append(a.numpy().copy())
            out.append(b.numpy().copy())
    nodes = {
        "input": nir.Input(np.array([20])),
        "fc1": affine(first),
        "lif1": lif_node(0.5),
        "fc2": affine(second),
        "half": nir.Scale(np.full(WIDTH, 0.5)),
        "lif2": lif_node(0.75),
        "output": nir.Output(np.array([WIDTH])),
    }
    edges = [
        ("input", "fc1"), ("fc1", "lif1"), ("lif1", "fc2"), ("fc2", "lif2"),
        ("lif1", "half"), ("half", "lif2"), ("lif2", "output"),
    ]  # fmt: skip
    path = tmp_path / "model.nir"
    nir.write(path, nir.NIRGraph(nodes, edges))
    net = read_nir(path, **said("snntorch"))
    assert len(net.into("lif2")) == 2
    compare(net, [np.stack(hidden, 1), np.stack(out, 1)], x)


def affine(layer: Any) -> nir.Affine:
    return nir.Affine(layer.weight.detach().numpy(), layer.bias.detach().numpy())


def lif_node(beta: float) -> nir.LIF:
    tau = np.full(WIDTH, DT / (1 - beta))
    return nir.LIF(tau, tau / DT, np.zeros(WIDTH), np.ones(WIDTH), np.zeros(WIDTH))


@pytest.mark.parametrize("beta", [0.9, 0.3, 0.99, 0.8125])
def test_decays_come_back_as_the_float32_that_was_exported(beta: float) -> None:
    module = torch.nn.Sequential(
        torch.nn.Linear(3, 4),
        snn.Leaky(beta=torch.full((4,), beta), threshold=torch.ones(4), init_hidden=True),
    )
    graph = export_nir.export_to_nir(module, torch.zeros(1, 3), ignore_dims=[0])
    neuron = read_nir(graph, reset="subtract").populations[0].neuron
    assert neuron.beta.tolist() == pytest.approx([np.float32(beta)] * 4, abs=6e-8, rel=0)
    if beta > 0.5:
        assert (neuron.beta == np.float32(beta)).all()
    assert (neuron.gain == 1).all()


def test_an_integrator_without_leak_keeps_its_gain() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), leaky(4, beta=1.0))
    with np.errstate(divide="ignore"):
        graph = export_nir.export_to_nir(
            module.double(), torch.zeros(1, 3, dtype=torch.float64), ignore_dims=[0]
        )
    neuron = read_nir(graph, **said("snntorch")).populations[0].neuron
    assert (neuron.beta == 1).all()
    assert (neuron.gain == 1).all()


def test_a_float32_export_is_recognised_without_a_profile() -> None:
    module = torch.nn.Sequential(
        torch.nn.Linear(3, 4),
        snn.Leaky(beta=torch.full((4,), 0.9), threshold=torch.ones(4), init_hidden=True),
    )
    graph = export_nir.export_to_nir(module, torch.zeros(1, 3), ignore_dims=[0])
    assert [r.profile for r in readings(graph)] == ["snntorch", "nir"]
    net = read_nir(graph, reset="subtract")
    chosen = {a.name: a.value for a in net.assumptions}
    assert chosen["profile"] == "snntorch"
    assert chosen["reset"] == "subtract the threshold, one step later"
    assert net.step_s == DT
