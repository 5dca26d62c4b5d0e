"""Files that write_nir writes: standard, readable by nir itself, and read back the same."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.frontends.nir_writer.write_nir import Written, write_nir
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Chain, Conv, Dense, Map, Pool, Scale, Sparse
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif
from snn_deploy.passes.fuse import fuse
from snn_deploy.passes.normalize import normalize
from snn_deploy_simulators.reference import run
from support.random_models import random_model

STANDARD = {
    "Input", "Output", "Affine", "Linear", "Scale", "Conv1d", "Conv2d", "AvgPool2d", "SumPool2d",
    "Flatten", "Delay", "I", "LI", "IF", "LIF", "CubaLI", "CubaLIF", "Threshold",
}  # fmt: skip


def read_back(written: Written) -> Network:
    return read_nir(
        written.path, profile=written.profile, dt=written.dt, threshold=written.threshold
    )


def same_comparison(net: Network, inclusive: bool) -> Network:
    """Return a network that one file can state: one comparison."""
    populations = tuple(
        replace(p, neuron=replace(p.neuron, inclusive=inclusive)) for p in net.populations
    )
    return replace(net, populations=populations)


def assert_same(a: Network, b: Network, x: AnyArray) -> None:
    ours, theirs = run(a, x).outputs, run(b, x).outputs
    for pop in b.populations:
        if pop.name in ours:
            got, want = ours[pop.name].reshape(theirs[pop.name].shape), theirs[pop.name]
            assert np.abs(got - want).max() <= (0 if pop.neuron.spiking else 1e-9), pop.name
    assert set(b.outputs) <= set(ours)


@pytest.mark.parametrize("seed", range(30))
def test_random_networks_come_back_bit_for_bit(seed: int, tmp_path: Path) -> None:
    net, x = random_model(seed)
    net = same_comparison(net, bool(seed % 2))
    written = write_nir(net, tmp_path / "model.nir")
    back = read_back(written)
    assert back.outputs == net.outputs
    for other in (back, fuse(back), normalize(fuse(back))):
        assert_same(other, net, x)
    assert {p.name for p in fuse(back).populations} == {p.name for p in net.populations}


@pytest.mark.parametrize("seed", range(12))
def test_files_hold_standard_nodes_that_nir_type_checks(seed: int, tmp_path: Path) -> None:
    net, _ = random_model(seed)
    write_nir(same_comparison(net, False), tmp_path / "model.nir")
    graph = nir.read(tmp_path / "model.nir")
    assert {type(node).__name__ for node in graph.nodes.values()} <= STANDARD


def test_stripping_the_metadata_changes_nothing(tmp_path: Path) -> None:
    net, x = random_model(3)
    written = write_nir(same_comparison(net, False), tmp_path / "model.nir")
    graph = nir.read(written.path)
    assert graph.metadata
    graph.metadata = {}
    bare = read_nir(graph, profile="nir", dt=written.dt)
    assert_same(fuse(bare), same_comparison(net, False), x)


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    net = same_comparison(random_model(1)[0], False)
    files = [
        write_nir(net, tmp_path / name).path.read_bytes() for name in ("a.nir", "b.nir")
    ]
    assert files[0] == files[1]


def test_a_file_replaces_another_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "model.nir"
    for seed in (1, 2):
        write_nir(same_comparison(random_model(seed)[0], False), path)
    assert [p.name for p in path.parent.iterdir()] == ["model.nir"]


# --- neurons --------------------------------------------------------------------------


def one(neuron: Lif, m: Map | None = None, **options: Any) -> Network:
    """x [4] -> out."""
    weight = np.arange(4 * neuron.n).reshape(neuron.n, 4) % 7 / 8
    return Network(
        (Input("x", (4,)),),
        (Population("out", (neuron.n,), neuron),),
        (Projection("x", "out", Dense(weight) if m is None else m),),
        ("out",),
        **options,
    )


def spikes(*shape: int, rate: float = 0.4) -> AnyArray:
    return (np.random.default_rng(7).random((2, 100, *shape)) < rate).astype(np.float64)


MIXED = np.array([0.0, 0.5, 0.9, 1.0, 0.25])
NEURONS = {
    "hard reset, every leak in one population": Lif.of(5, beta=MIXED, gain=MIXED + 0.5),
    "soft reset, every leak in one population": Lif.of(
        5, beta=MIXED, reset="subtract", gain=0.5
    ),
    "late reset, every leak in one population": Lif.of(
        5, beta=MIXED, reset="subtract_late"
    ),
    "every current in one population": Lif.of(5, alpha=MIXED * 0.75, beta=0.5, gain=0.25),
    "a current and a bias": Lif.of(5, alpha=0.5, beta=0.75, gain=0.125, bias=0.125),
    "a current, no leak, a bias": Lif.of(5, alpha=0.5, gain=0.125, bias=0.0625),
    "current and soft reset": Lif.of(5, alpha=0.5, beta=0.5, gain=0.25, reset="subtract"),
    "membrane that starts elsewhere": Lif.of(5, beta=0.5, v0=-0.5, v_reset=-0.25),
    "threshold below 0 without memory": Lif.of(5, beta=0.0, threshold=-0.5, bias=-1.0),
    "no memory, but a gain": Lif.of(5, beta=0.0, gain=2.0, bias=-0.75),
    "no reset": Lif.of(5, beta=0.5, amount=0.0, reset="subtract"),
    "takes another amount than its threshold": Lif.of(
        5, beta=0.5, amount=0.75, reset="subtract"
    ),
    "integrates": Lif.of(5, bias=-0.125, v_reset=0.25),
}


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("name", NEURONS)
def test_neurons_come_back(name: str, inclusive: bool, tmp_path: Path) -> None:
    net = one(replace(NEURONS[name], inclusive=inclusive))
    written = write_nir(net, tmp_path / "model.nir", dt=1 / 1024)
    assert written.threshold == ("ge" if inclusive else "gt")
    back = read_back(written)
    x = spikes(4)
    assert 0 < run(net, x).outputs["out"].mean() < 1
    assert_same(back, net, x)
    assert_same(fuse(back), net, x)
    assert [p.name for p in fuse(back).populations] == ["out"]
    assert fuse(back).population("out").neuron.spiking


@pytest.mark.parametrize(
    "neuron",
    [
        Lif.of(5, beta=0.5, alpha=0.75, threshold=np.inf, spiking=False, bias=0.25),
        Lif.of(5, threshold=np.inf, spiking=False),
        Lif.of(5, beta=0.0, threshold=np.inf, spiking=False, bias=0.5),
        Lif.of(5, beta=0.0, gain=2.0, threshold=np.inf, spiking=False),
    ],
    ids=["current and leak", "integrator", "passes on", "gain alone"],
)
def test_readouts_come_back(neuron: Lif, tmp_path: Path) -> None:
    net = one(neuron)
    back = read_back(write_nir(net, tmp_path / "model.nir"))
    assert back.outputs == ("out",)
    assert_same(fuse(back), net, spikes(4))


def test_a_layer_that_ends_the_network_is_written_without_neurons(tmp_path: Path) -> None:
    neuron = Lif.of(5, beta=0.0, threshold=np.inf, spiking=False, bias=0.5)
    graph = nir.read(write_nir(one(neuron), tmp_path / "model.nir").path)
    assert {type(n).__name__ for n in graph.nodes.values()} == {"Input", "Affine", "Output"}


def test_several_outputs_keep_their_order(tmp_path: Path) -> None:
    names = [f"{k}" for k in range(12, 0, -1)]
    net = Network(
        (Input("x", (4,)),),
        tuple(Population(k, (2,), Lif.of(2)) for k in names),
        tuple(Projection("x", k, Dense(np.full((2, 4), 0.5))) for k in names),
        tuple(names),
    )
    assert read_back(write_nir(net, tmp_path / "model.nir")).outputs == tuple(names)


def test_names_that_a_file_cannot_hold_are_changed(tmp_path: Path) -> None:
    net = one(Lif.of(3))
    named = replace(
        net,
        populations=(replace(net.populations[0], name="a/b"),),
        projections=(replace(net.projections[0], post="a/b"),),
        outputs=("a/b",),
    )
    assert read_back(write_nir(named, tmp_path / "model.nir")).outputs == ("a_b",)


def test_what_no_input_reaches_is_written_and_runs(tmp_path: Path) -> None:
    clock = Population("clock", (3,), Lif.of(3, bias=0.375))
    net = one(Lif.of(3, beta=0.5))
    net = replace(
        net,
        populations=(*net.populations, clock),
        projections=(*net.projections, Projection("clock", "out", Dense(np.eye(3)))),
    )
    assert run(net, spikes(4)).events["clock"].min() > 0
    assert_same(read_back(write_nir(net, tmp_path / "model.nir")), net, spikes(4))


# --- layers ---------------------------------------------------------------------------


def image(m: Map, shape: tuple[int, ...], out: tuple[int, ...]) -> Network:
    neuron = Lif.of(int(np.prod(out)), beta=0.5, threshold=0.5)
    return Network(
        (Input("x", shape),),
        (Population("out", out, neuron),),
        (Projection("x", "out", m),),
        ("out",),
    )


RNG = np.random.default_rng(3)


def kernel(*shape: int) -> AnyArray:
    return RNG.integers(-6, 10, shape) / 8


NONE = (0, 0)  # padding
LAYERS: dict[str, tuple[Map, tuple[int, ...], tuple[int, ...]]] = {
    "grouped": (
        Conv(kernel(4, 1, 3, 3), (2, 6, 6), (4, 4, 4), groups=2),
        (2, 6, 6),
        (4, 4, 4),
    ),
    "oblong": (Conv(kernel(2, 2, 1, 3), (2, 6, 6), (2, 6, 4)), (2, 6, 6), (2, 6, 4)),
    "oblong, odd": (Conv(kernel(2, 2, 2, 3), (2, 6, 6), (2, 5, 4)), (2, 6, 6), (2, 5, 4)),
    "cropped": (Conv(kernel(2, 2, 3, 3), (2, 6, 6), (2, 3, 3)), (2, 6, 6), (2, 3, 3)),
    "padded behind": (Conv(kernel(2, 2, 2, 2), (2, 6, 6), (2, 6, 6)), (2, 6, 6), (2, 6, 6)),
    "dilated": (
        Conv(kernel(2, 2, 3, 3), (2, 7, 7), (2, 2, 2), (2, 2), (0, 0), (2, 2)),
        (2, 7, 7),
        (2, 2, 2),
    ),
    "line": (
        Conv(kernel(3, 2, 1, 5), (2, 1, 12), (3, 1, 6), (1, 2), (0, 2)),
        (2, 12),
        (3, 6),
    ),
    "mean": (Pool((2, 3), (2, 6, 6), (2, 3, 2), (2, 3), NONE, True), (2, 6, 6), (2, 3, 2)),
    "mean of a line": (
        Pool((1, 2), (2, 1, 6), (2, 1, 3), (1, 2), NONE, True),
        (2, 6),
        (2, 3),
    ),
    "sum, ceiled": (
        Pool((2, 2), (2, 5, 5), (2, 3, 3), (2, 2), NONE, False),
        (2, 5, 5),
        (2, 3, 3),
    ),
    "flat population": (Conv(kernel(2, 2, 3, 3), (2, 6, 6), (2, 4, 4)), (2, 6, 6), (32,)),
    "image from a matrix": (Dense(kernel(18, 8)), (8,), (2, 3, 3)),
    "token by token": (
        Sparse(sp.csr_array(sp.kron(np.eye(4), kernel(3, 5)))),
        (4, 5),
        (4, 3),
    ),
    "picked": (Sparse(sp.csr_array(np.eye(8)[::-1])), (8,), (8,)),
    "scaled": (Chain((Scale(kernel(8)), Dense(kernel(4, 8))), 8), (8,), (4,)),
    "nothing": (Chain((), 8), (8,), (8,)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_come_back(name: str, tmp_path: Path) -> None:
    m, shape, out = LAYERS[name]
    net = image(m, shape, out)
    x = spikes(*shape)
    assert 0 < run(net, x).outputs["out"].mean() < 1
    written = write_nir(net, tmp_path / "model.nir")
    nir.read(written.path)
    back = read_back(written)
    assert_same(back, net, x)
    (after,) = back.projections
    assert (matrix(after.map).toarray() == matrix(m).toarray()).all()


def test_an_image_behind_a_matrix_is_convolved_as_a_matrix(tmp_path: Path) -> None:
    conv = Conv(kernel(2, 2, 3, 3), (2, 5, 5), (2, 3, 3))
    net = Network(
        (Input("x", (6,)),),
        (
            Population("a", (2, 5, 5), Lif.of(50, beta=0.5, threshold=0.5)),
            Population("b", (2, 3, 3), Lif.of(18, beta=0.5, threshold=0.5)),
        ),
        (Projection("x", "a", Dense(kernel(50, 6))), Projection("a", "b", conv)),
        ("b",),
    )
    back = read_back(write_nir(net, tmp_path / "model.nir"))
    assert run(net, spikes(6)).events["b"].min() > 0
    assert_same(back, net, spikes(6))


def test_delays_and_parallel_edges_come_back(tmp_path: Path) -> None:
    net = one(Lif.of(4, beta=0.5), Chain((), 4))
    more = (
        Projection("x", "out", Chain((), 4)),
        Projection("x", "out", Dense(kernel(4, 4)), 3),
        Projection("out", "out", Dense(kernel(4, 4) / 4), 2),
    )
    net = replace(net, projections=(*net.projections, *more))
    written = write_nir(net, tmp_path / "model.nir")
    assert_same(read_back(written), net, spikes(4))


# --- refusals -------------------------------------------------------------------------


def mixed() -> Network:
    net = one(Lif.of(3, inclusive=True))
    strict = Population("strict", (3,), Lif.of(3))
    more = Projection("x", "strict", Dense(np.ones((3, 4))))
    return replace(
        net, populations=(*net.populations, strict), projections=(*net.projections, more)
    )


REFUSED: dict[str, tuple[Network, str]] = {
    "fires for ever": (
        one(Lif.of(3, v_reset=np.array([0.0, 2.0, 0.0]))),
        r"'out': a spike leaves its membrane at 2, which is not below its threshold, 1,.*raise",
    ),
    "reset and deaf": (
        one(Lif.of(3, reset="subtract", gain=np.array([1.0, 0.0, 1.0]))),
        r"'out': it takes nothing of its input \(gain 0\).*give all its neurons a gain",
    ),
    "no reset that is known": (
        one(Lif.of(3, reset="slowly")),
        r"'out': its reset is 'slowly'; give one of zero, subtract, subtract_late",
    ),
    "both comparisons": (
        mixed(),
        r"'out' \(1 in all\) fire at v >= threshold and 'strict'.*inclusive",
    ),
    "grows": (
        one(Lif.of(3, beta=1.5)),
        r"decay factor beta of 1\.5 \.\. 1\.5 per step is outside 0\.\.1",
    ),
    "fires at once": (
        one(Lif.of(3, threshold=-1.0)),
        r"threshold is -1 above the membrane's start.*raise",
    ),
    "endless": (
        one(Lif.of(3, threshold=np.inf)),
        r"threshold is not finite; make it a readout",
    ),
    "readout that fires": (
        one(Lif.of(3, threshold=1.0, spiking=False)),
        r"a readout with a threshold has no standard form",
    ),
    "huge": (
        one(Lif.of(1), Sparse(sp.csr_array((1, 2**27)))),
        r"'x_to_out': written as a matrix it has 1 x 134217728 entries, more than 67108864",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_nir_cannot_say_is_refused_and_nothing_is_written(
    name: str, tmp_path: Path
) -> None:
    net, message = REFUSED[name]
    with pytest.raises(InputError, match=message):
        write_nir(net, tmp_path / "model.nir")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dt", [0.0, -1.0, np.nan, np.inf])
def test_a_time_step_has_to_be_positive(dt: float, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a time step is a positive number of seconds"):
        write_nir(one(Lif.of(3)), tmp_path / "model.nir", dt=dt)


def test_the_flags_say_how_the_file_is_meant(tmp_path: Path) -> None:
    written = write_nir(one(Lif.of(3, inclusive=True), step_s=5e-4), tmp_path / "model.nir")
    assert written.flags == "--profile nir --dt 0.0005 --threshold ge"
    assert nir.read(written.path).metadata["read_with"] == written.flags
    stated = {a.name: a.value for a in written.assumptions}
    assert re.search(">= threshold", stated["threshold"])
