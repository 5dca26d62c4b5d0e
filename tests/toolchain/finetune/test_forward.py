"""The torch step against the reference simulator: the same bins wherever sums are exact."""

from dataclasses import fields, replace
from itertools import product

import numpy as np
import pytest
import torch

from snn_deploy.arrays import AnyArray
from snn_deploy.finetune.forward import run
from snn_deploy.finetune.grid import folded_map
from snn_deploy.finetune.step import SLOPE, TensorLif, neurons_of, scan
from snn_deploy.ir.maps import Conv, Dense, Sparse
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif
from snn_deploy_simulators import reference
from support.random_models import random_model

SEEDS = 60


def dyadic(net: Network) -> Network:
    """Return `net` with weights in steps of 1/256, so that every sum of inputs is exact."""
    projections = []
    for p in net.projections:
        assert isinstance(p.map, Dense | Conv | Sparse)
        weight = np.rint(p.map.stored * 256) / 256
        projections.append(replace(p, map=p.map.with_stored(weight)))
    return replace(net, projections=tuple(projections))


def in_torch(net: Network, x: AnyArray) -> dict[str, np.ndarray]:
    weights = [torch.tensor(folded_map(p).stored) for p in net.projections]
    neurons = {p.name: neurons_of(p.neuron, torch.float64) for p in net.populations}
    fed = torch.tensor(np.asarray(x, np.float64)).flatten(2)
    with torch.no_grad():
        sent = run(net, weights, neurons, {net.inputs[0].name: fed})
    return {name: output.numpy() for name, output in sent.items()}


def test_every_bin_equals_the_reference_on_random_networks() -> None:
    """Skips, delays, cycles, convolutions, sparse maps, leaks, all resets, graded input."""
    fired, covered = 0.0, set()
    for seed in range(SEEDS):
        net, x = random_model(seed, graded=True)
        net = dyadic(net)
        wanted = reference.run(net, x).outputs
        for name, output in in_torch(net, x).items():
            flat = wanted[name].reshape(output.shape)
            assert (output == flat).all(), (seed, name)
            fired += float(flat.sum())
        covered |= {type(p.map).__name__ for p in net.projections}
        covered |= {p.neuron.reset for p in net.populations}
        covered |= {"cycle" for p in net.projections if p.pre == p.post}
        covered |= {"delay" for p in net.projections if p.delay and p.pre != p.post}
        covered |= {"readout" for p in net.populations if not p.neuron.spiking}
        covered |= {"hold" for p in net.populations if p.neuron.hold}
    assert fired > 1000
    assert covered == {
        "Dense", "Conv", "Sparse", "zero", "subtract", "subtract_late", "cycle", "delay",
        "readout", "hold",
    }  # fmt: skip


SETTINGS = tuple(
    product(
        ("zero", "subtract", "subtract_late"),
        (False, True),
        (0, 2),
        (0.0, 0.5),
        (1.0, 0.75),
    )
)


@pytest.mark.parametrize(("reset", "inclusive", "hold", "alpha", "beta"), SETTINGS)
def test_every_setting_of_a_lif_steps_alike(
    reset: str, inclusive: bool, hold: int, alpha: float, beta: float
) -> None:
    rng = np.random.default_rng(3)
    lif = Lif.of(
        8, alpha=alpha, beta=beta, gain=0.5, bias=rng.integers(-2, 3, 8) / 16, threshold=1.0,
        v_reset=-0.25, v0=0.125, reset=reset, inclusive=inclusive, hold=hold,
    )  # fmt: skip
    net = Network(
        (Input("in", (8,)),), (Population("p", (8,), lif),),
        (Projection("in", "p", Dense(np.eye(8))),), ("p",),
    )  # fmt: skip
    x = rng.integers(-4, 12, (5, 40, 8)) / 8
    wanted = reference.run(net, x).outputs["p"]
    assert (in_torch(net, x)["p"] == wanted).all()
    assert 20 < wanted.sum() < wanted.size


def test_a_spike_passes_the_gradient_of_a_fast_sigmoid() -> None:
    lif = Lif.of(1, beta=0.0, threshold=2.0)
    drive = torch.tensor([[[1.0]], [[2.5]]], dtype=torch.float64, requires_grad=True)
    output = scan(neurons_of(lif, torch.float64), drive)
    output.sum().backward()  # type: ignore[no-untyped-call]
    distance = torch.tensor([0.5, 0.25])  # of the threshold, in thresholds
    assert output.flatten().tolist() == [0.0, 1.0]
    assert drive.grad is not None
    wanted = 0.5 / (1 + SLOPE * distance) ** 2
    assert drive.grad.flatten().tolist() == pytest.approx(wanted.tolist())


def test_training_has_every_setting_of_the_float_neuron() -> None:
    own = {f.name for f in fields(TensorLif)} - {"current"}
    assert own == {f.name for f in fields(Lif)}
