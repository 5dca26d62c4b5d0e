"""Software estimates: the counts of NeuroBench and SpikingJelly, and the energies of papers."""

from dataclasses import replace
from math import ceil, log2
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from snn_deploy.arrays import AnyArray
from snn_deploy.ir.linear import apply, matrix
from snn_deploy.ir.maps import Chain, Conv, Dense, Pool, Sparse
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif, MultiLevel
from snn_deploy.software.counts import MapCounts, Watched, fan_out, layers
from snn_deploy.software.estimates import NDNS, NEUROBENCH, SPIKINGJELLY, software
from snn_deploy.software.lemaire import lemaire_ann, lemaire_snn
from snn_deploy.software.prices import load_prices
from snn_deploy_simulators import reference
from support.deployed import measured

SAMPLES, STEPS = 3, 5
RNG = np.random.default_rng(4)
CONV = Conv(
    RNG.normal(size=(4, 1, 3, 3)), (2, 6, 5), (4, 3, 3), (2, 2), (1, 1), groups=2
)  # [4, 2 / 2, 3, 3]
DENSE = Dense(RNG.normal(size=(7, 36)) * (RNG.random((7, 36)) < 0.5))


def network(bias: float = 0.05, beta: float = 0.5) -> Network:
    """2x6x5 -> conv -> 4x3x3 -> dense -> 7."""
    conv, dense = Chain((CONV,), 60), Chain((DENSE,), 36)
    neurons = (
        Lif.of(36, bias=bias, beta=beta, threshold=0.5),
        Lif.of(7, bias=bias, beta=beta),
    )
    return Network(
        inputs=(Input("x", (2, 6, 5)),),
        populations=(
            Population("a", (4, 3, 3), neurons[0]),
            Population("b", (7,), neurons[1]),
        ),
        projections=(Projection("x", "a", conv), Projection("a", "b", dense)),
        outputs=("b",),
    )


def spikes(rate: float = 0.3) -> AnyArray:
    rng = np.random.default_rng(8)
    return (rng.random((SAMPLES, STEPS, 2, 6, 5)) < rate).astype(np.float64)


def watch(net: Network, x: AnyArray, static: bool = False) -> Watched:
    recording = reference.run(net, {"x": x})
    return Watched(net, {"x": x, **recording.outputs}, static)


def tallies(seen: Watched) -> dict[tuple[str, str], float]:
    return {(t.definition, t.name): t.value for t in software(seen).tallies}


# Counting


@pytest.mark.parametrize(
    "m",
    [
        CONV,
        DENSE,
        Sparse(matrix(DENSE)),
        Conv(RNG.normal(size=(3, 2, 3, 2)), (2, 7, 6), (3, 3, 5), (2, 1), (1, 0), (2, 1)),
    ],
)
@pytest.mark.parametrize("nonzero", [True, False])
def test_fan_out_is_the_column_sum_of_the_matrix(m: Any, nonzero: bool) -> None:
    full = matrix(replace(m, weight=np.ones_like(m.weight)) if isinstance(m, Conv) else m)
    if isinstance(m, Dense):
        full = matrix(Dense(np.ones_like(m.weight)))
    marks = matrix(m) if nonzero else full
    values = (marks.toarray() != 0) if nonzero or not isinstance(m, Sparse) else _stored(m)
    assert np.array_equal(fan_out(m, nonzero=nonzero), values.sum(axis=0))


def _stored(m: Sparse) -> AnyArray:
    ones = m.matrix.copy()
    ones.data = np.ones_like(ones.data)
    return np.asarray(ones.toarray())


def test_a_map_without_synapses_has_no_fan_out() -> None:
    with pytest.raises(TypeError, match="a Chain has no synapses"):
        fan_out(Chain((), 3), nonzero=False)


def test_pooled_spikes_are_no_longer_binary_and_are_counted_after_the_pool() -> None:
    pool = Pool((2, 2), (1, 4, 4), (1, 2, 2), (2, 2), (0, 0), True)
    dense = Dense(np.ones((3, 4)))
    net = Network(
        (Input("x", (1, 4, 4)),),
        (Population("a", (3,), Lif.of(3)),),
        (Projection("x", "a", Chain((pool, dense), 16)),),
        ("a",),
    )
    x = np.zeros((1, 2, 1, 4, 4))
    x[0, 0, 0, 0, 0] = x[0, 0, 0, 0, 1] = x[0, 1, 0, 3, 3] = 1
    (layer,) = layers(net, {"x": x, "a": np.zeros((1, 2, 3))})
    assert not layer.binary
    assert (layer.events, layer.synops) == (2, 6)  # two pooled pixels, three targets each


def test_late_spikes_of_a_delayed_projection_are_not_counted() -> None:
    net = network()
    loop = Projection("b", "b", Chain((Dense(np.ones((7, 7))),), 7), delay=2)
    looped = replace(net, projections=(*net.projections, loop))
    seen = watch(looped, spikes())
    last = layers(looped, seen.values)[-1]
    sent = np.count_nonzero(seen.values["b"][:, : STEPS - 2]) / SAMPLES
    assert sent < np.count_nonzero(seen.values["b"]) / SAMPLES
    assert (last.events, last.dense) == (sent, 49 * (STEPS - 2))


# Against the tools themselves


def torch_parts(net: Network) -> tuple[Any, Any]:
    """Return Conv2d and Linear with the weights and biases of `network`."""

    conv, linear = nn.Conv2d(2, 4, 3, 2, 1, groups=2), nn.Linear(36, 7)
    bias = float(net.population("a").neuron.bias[0])
    with torch.no_grad():
        conv.weight.copy_(torch.tensor(CONV.weight))
        linear.weight.copy_(torch.tensor(DENSE.weight))
        conv.bias.fill_(bias)  # type: ignore[union-attr]
        linear.bias.fill_(bias)
    return conv, linear


@pytest.mark.parametrize("graded", [False, True])
def test_counts_are_neurobenchs(graded: bool) -> None:
    """On a convolution and a dense layer with zero weights, spikes from snnTorch's Leaky."""
    pytest.importorskip("neurobench")
    import snntorch as snn
    from neurobench.benchmarks import Benchmark
    from neurobench.metrics.static import ConnectionSparsity
    from neurobench.metrics.workload import ActivationSparsity, SynapticOperations
    from neurobench.models import SNNTorchModel
    from torch.utils.data import DataLoader, TensorDataset

    net = network()
    conv, linear = torch_parts(net)
    first = snn.Leaky(beta=0.5, threshold=0.5, init_hidden=True, reset_mechanism="zero")
    last = snn.Leaky(beta=0.5, init_hidden=True, output=True, reset_mechanism="zero")
    model = SNNTorchModel(nn.Sequential(conv, first, nn.Flatten(), linear, last))
    x = spikes() * (0.7 if graded else 1.0)
    data = TensorDataset(torch.tensor(x, dtype=torch.float32), torch.zeros(SAMPLES))
    sent: dict[str, list[Any]] = {"a": [], "b": []}
    first.register_forward_hook(lambda _m, _i, out: sent["a"].append(out))
    last.register_forward_hook(lambda _m, _i, out: sent["b"].append(out[0]))
    benchmark = Benchmark(
        model,
        DataLoader(data, batch_size=SAMPLES),
        [],
        [],
        [[ConnectionSparsity], [SynapticOperations, ActivationSparsity]],
    )
    with torch.no_grad():
        theirs = benchmark.run(quiet=True)
    values = {name: torch.stack(out, 1).numpy() for name, out in sent.items()}
    ours = tallies(Watched(net, {"x": x, **values}, False))
    operations = theirs["SynapticOperations"]
    assert np.count_nonzero(values["a"]) > 0
    assert (operations["Effective_MACs"] > 0) == graded
    for name in ("Effective_ACs", "Effective_MACs", "Dense"):
        assert ours[NEUROBENCH, name] == pytest.approx(operations[name], abs=1e-9)
    sparsity = ours[NEUROBENCH, "ActivationSparsity"]
    assert sparsity == pytest.approx(theirs["ActivationSparsity"], rel=1e-15, abs=0)
    assert round(ours[NEUROBENCH, "ConnectionSparsity"], 4) == pytest.approx(
        theirs["ConnectionSparsity"], abs=1e-6
    )


class Replay(nn.Module):
    """Says what neurons sent, [N, T, *shape], step by step."""

    def __init__(self, sent: AnyArray, *, last: bool = False) -> None:
        super().__init__()
        self.sent, self.last, self.step = torch.tensor(sent), last, 0

    def forward(self, _: Any) -> Any:
        now = self.sent[:, self.step].float()
        self.step += 1
        return (now, now) if self.last else now


@pytest.mark.parametrize(
    ("low", "high", "multiplies"), [(0, 1, False), (-1, 1, False), (-2, 3, True)]
)
def test_graded_spikes_multiply_as_in_neurobench(
    low: int, high: int, multiplies: bool
) -> None:
    """Spikes of -1, 0 and 1 accumulate; as soon as there are others, all multiply."""
    pytest.importorskip("neurobench")
    from neurobench.benchmarks import Benchmark
    from neurobench.metrics.workload import SynapticOperations
    from neurobench.models import SNNTorchModel
    from torch.utils.data import DataLoader, TensorDataset

    plain = network()
    sender = MultiLevel.of(36, threshold=0.3, low=low, high=high)
    net = replace(
        plain,
        populations=(Population("a", (4, 3, 3), sender), plain.populations[1]),
    )
    x = spikes()
    sent = reference.run(net, {"x": x}).outputs
    assert set(np.unique(sent["a"])) == set(range(low, high + 1))
    conv, linear = torch_parts(plain)
    model = nn.Sequential(
        conv, Replay(sent["a"]), nn.Flatten(), linear, Replay(sent["b"], last=True)
    )
    data = TensorDataset(torch.tensor(x, dtype=torch.float32), torch.zeros(SAMPLES))
    loader = DataLoader(data, batch_size=SAMPLES)
    benchmark = Benchmark(SNNTorchModel(model), loader, [], [], [[], [SynapticOperations]])
    with torch.no_grad():
        theirs = benchmark.run(quiet=True)["SynapticOperations"]
    seen = Watched(net, {"x": x, **sent}, False)
    ours = tallies(seen)
    for name in ("Effective_ACs", "Effective_MACs", "Dense"):
        assert ours[NEUROBENCH, name] == pytest.approx(theirs[name], abs=1e-9)
    assert (theirs["Effective_MACs"] > 0) == multiplies
    priced = next(e for e in software(seen).energies if e.model == "AC/MAC float32")
    assert (priced.parts["multiplications"] > 0) == multiplies
    assert priced.parts["accumulations"] > 0


def spikingjelly_model(net: Network) -> Any:
    from spikingjelly.activation_based import neuron

    conv, linear = torch_parts(net)
    nodes = [
        neuron.LIFNode(tau=2.0, decay_input=False, v_threshold=v, v_reset=0.0)
        for v in (0.5, 1.0)
    ]
    return nn.Sequential(conv, nodes[0], nn.Flatten(), linear, nodes[1])


def run_spikingjelly(model: Any, x: AnyArray, context: Any) -> dict[str, AnyArray]:
    """Run each sample step by step inside `context`; return what the neurons sent."""
    from spikingjelly.activation_based import functional

    sent: dict[str, list[Any]] = {"a": [], "b": []}
    for name, module in zip("ab", (model[1], model[4]), strict=True):
        module.register_forward_hook(lambda _m, _i, out, n=name: sent[n].append(out))
    with context, torch.no_grad():
        for sample in x:
            functional.reset_net(model)
            for step in sample:
                model(torch.tensor(step[None], dtype=torch.float32))
    return {
        name: torch.cat(out).numpy().reshape(len(x), x.shape[1], -1)
        for name, out in sent.items()
    }


def test_synops_are_spikingjellys() -> None:
    from spikingjelly.activation_based.op_counter import DispatchCounterMode, SynOpCounter

    net, counter = network(), SynOpCounter()
    values = run_spikingjelly(
        spikingjelly_model(net), spikes(), DispatchCounterMode([counter])
    )
    ours = tallies(Watched(net, {"x": spikes(), **values}, False))
    assert np.count_nonzero(values["a"]) > 0
    assert ours[SPIKINGJELLY, "SynOps"] * SAMPLES == pytest.approx(
        counter.get_total(), abs=1e-6
    )


PARTS = {
    "operations": "ops_pj",
    "addressing": "addressing_pj",
    "input and output": "inout_pj",
    "parameters": "params_pj",
    "potentials": "potential_pj",
}


@pytest.mark.parametrize("graded", [False, True])
def test_lemaires_energy_is_spikingjellys(graded: bool) -> None:
    from spikingjelly.activation_based.op_counter import (
        LemaireEnergyConfig,
        LemaireEnergyProfiler,
    )

    net, x = network(), spikes() * (0.7 if graded else 1.0)
    profiler = LemaireEnergyProfiler(config=LemaireEnergyConfig(strict=False))
    model = spikingjelly_model(net)
    profiler.bind_model(model)
    with pytest.warns(RuntimeWarning, match="Flatten"):
        values = run_spikingjelly(model, x, profiler)
    theirs = profiler.get_report().breakdown_pj
    seen = Watched(net, {"x": x, **values}, False)
    ours = lemaire_snn(layers(net, seen.values), seen, load_prices())
    for part, name in PARTS.items():
        assert theirs[name] > 0
        assert ours[part] * SAMPLES * 1e12 == pytest.approx(theirs[name]), part


def test_lemaires_ann_is_spikingjellys() -> None:
    from spikingjelly.activation_based.op_counter import (
        LemaireEnergyConfig,
        estimate_lemaire_energy,
    )

    net = network()
    conv, linear = torch_parts(net)
    model = nn.Sequential(conv, nn.Flatten(), linear)
    with pytest.warns(RuntimeWarning, match="Flatten"):
        theirs = estimate_lemaire_energy(
            model,
            torch.full((1, 2, 6, 5), 0.3),
            config=LemaireEnergyConfig(strict=False),
        ).breakdown_pj
    seen = watch(net, spikes())
    ours = lemaire_ann(layers(net, seen.values), 1, load_prices())
    for part in ("operations", "addressing", "input and output", "parameters"):
        assert ours[part] * 1e12 == pytest.approx(theirs[PARTS[part]]), part


# Energies and notes


def test_accumulations_and_multiplications_are_priced_apart() -> None:
    seen = watch(network(), spikes())
    synops = tallies(seen)[SPIKINGJELLY, "SynOps"]
    found = {(e.model, e.subject): e for e in software(seen).energies}
    snn = found["AC/MAC float32", "SNN"]
    assert snn.parts == {
        "accumulations": pytest.approx(synops * 0.9e-12),
        "multiplications": 0,
    }
    ann = found["AC/MAC float32", "ANN"]
    dense = sum(x.synapses for x in layers(seen.net, seen.values)) * STEPS
    assert ann.joules == pytest.approx(dense * 4.6e-12)
    assert found["AC/MAC int8", "ANN"].joules == pytest.approx(ann.joules / 20)
    for e in found.values():
        assert e.joules == pytest.approx(sum(e.parts.values()))
        assert e.scope.startswith("arithmetic")


def test_ann_runs_once_only_for_still_input_without_recurrence() -> None:
    still = np.broadcast_to(spikes()[:, :1], spikes().shape)
    assert software(watch(network(), still, static=True)).ann_passes == 1
    assert software(watch(network(), spikes())).ann_passes == STEPS
    loop = Projection("b", "b", Chain((Dense(np.ones((7, 7))),), 7), delay=1)
    looped = replace(network(), projections=(*network().projections, loop))
    assert software(watch(looped, still, static=True)).ann_passes == STEPS


def test_ndns_proxy_weighs_neurons_ten_times() -> None:
    found = tallies(watch(network(), spikes()))
    assert found[NDNS, "NeuronOPS"] == 43 * STEPS
    assert found[NDNS, "Effective SynOPS"] == found[NDNS, "SynOPS"] + 430 * STEPS
    assert found[NDNS, "SynOPS"] > 0


def test_notes_warn_where_a_comparison_would_mislead() -> None:
    notes = " ".join(software(watch(network(), spikes() * 0.7)).notes)
    assert f"{ceil(log2(STEPS + 1))}-bit activations" in notes
    assert "input of the maps after 'x' is not binary" in notes
    assert "not binary" not in " ".join(software(watch(network(), spikes())).notes)


def test_price_of_an_access_grows_with_the_memory_and_ends_level() -> None:
    memory = load_prices().memory
    sizes = [0, 8192, 20480, 32768, 1 << 20, 1 << 24]
    picojoules = [memory.access_j(size) * 1e12 for size in sizes]
    assert picojoules == pytest.approx([0, 10, 15, 20, 100, 100])


def test_report_counts_the_network_as_read_on_its_samples() -> None:
    report = measured()
    assert report.software is not None
    assert report.input is not None
    assert report.software.samples == report.input.samples
    found = {(t.definition, t.name): t.value for t in report.software.tallies}
    (hidden,) = [x for x in report.layers if x.name == "hidden"]
    assert hidden.spikes is not None
    assert (
        found[NDNS, "NeuronOPS"]
        == sum(x.neurons for x in report.layers) * report.input.steps
    )
    assert found[SPIKINGJELLY, "SynOps"] > 0


def test_blocks_do_not_change_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watch(network(), spikes())
    whole = layers(seen.net, seen.values)
    monkeypatch.setattr("snn_deploy.software.counts.BLOCK_VALUES", 1)
    assert layers(seen.net, seen.values) == whole
    assert isinstance(whole[0], MapCounts)
    assert apply(CONV, seen.values["x"][0].reshape(STEPS, -1)).shape == (STEPS, 36)
