"""Multi-level neurons through NIR: written in standard nodes, found again without metadata.

The oracle of the decomposition is the reference simulator on the file's own parts, with
`gather` switched off; of the way back, the network that was written.
"""

from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir import read_nir as front
from snn_deploy.frontends.nir_writer.write_nir import write_nir
from snn_deploy.ir.maps import Conv, Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif, MultiLevel
from snn_deploy.passes.fuse import fuse
from snn_deploy_simulators import reference

INF = np.inf
SETTINGS: dict[str, dict[str, float]] = {
    "ternary with tracer": {"low": -1, "high": 1, "floor": 0, "ceiling": 7},
    "graded with tracer": {"low": -INF, "high": INF, "floor": 0, "ceiling": 7},
    "signed with tracer": {"low": -INF, "high": INF, "floor": -4, "ceiling": 3},
    "one level with tracer": {"low": -INF, "high": INF, "floor": 0, "ceiling": 1},
    "leaky with tracer": {"low": -2, "high": 3, "floor": -3, "ceiling": 6, "beta": 0.5},
    "group": {"low": 0, "high": 5},
    "many spikes, leaky": {"low": 0, "high": 9, "beta": 0.75},
    "many spikes, current": {"low": 0, "high": 9, "beta": 0.75, "alpha": 0.5},
}


def network(seed: int, **settings: float) -> Network:
    """Return two recurrent multi-level populations and a readout, all whole numbers."""
    rng = np.random.default_rng(seed)
    own = {"threshold": rng.integers(20, 40, 8) | 1, "v0": rng.integers(10, 30, 8) + 0.5}
    last = Lif.of(3, spiking=False, threshold=INF, amount=0.0, v0=np.array([1.0, 2, -3]))
    return Network(
        (Input("in", (6,)),),
        (
            Population("a", (8,), MultiLevel.of(8, **own, **settings)),
            Population("b", (5,), MultiLevel.of(5, threshold=11, v0=5.5, **settings)),
            Population("o", (3,), last),
        ),
        (
            Projection("in", "a", Dense(rng.integers(-9, 10, (8, 6)).astype(float))),
            Projection("a", "b", Dense(rng.integers(-5, 6, (5, 8)).astype(float))),
            Projection("b", "o", Dense(rng.integers(-5, 6, (3, 5)).astype(float))),
            Projection("b", "a", Dense(rng.integers(-2, 3, (8, 5)).astype(float)), 1),
        ),
        ("o",),
    )


@pytest.mark.parametrize("threshold", ["ge", "gt"])
@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_written_is_found_again_and_sends_the_same(
    name: str, threshold: Any, tmp_path: Path
) -> None:
    net = network(1, **SETTINGS[name])
    x = np.random.default_rng(2).integers(0, 9, (4, 30, 6))
    written = write_nir(net, tmp_path / "m.nir")
    strip_metadata(written.path)
    back = fuse(
        front.read_nir(written.path, profile="nir", dt=written.dt, threshold=threshold)
    )
    assert [p.name for p in back.populations] == ["a", "b", "o"]
    assert all(isinstance(back.population(p).neuron, MultiLevel) for p in "ab")
    (readout,) = [a.value for a in back.assumptions if a.name == "readout"]
    assert readout.startswith("'o' outputs its membrane, which starts at")
    ours, theirs = reference.run(net, x), reference.run(back, x)
    for pop in "abo":
        np.testing.assert_array_equal(ours.outputs[pop], theirs.outputs[pop])
    assert np.count_nonzero(ours.outputs["b"]) > 20


@pytest.mark.parametrize("name", SETTINGS)
def test_the_parts_in_the_file_compute_the_same_as_the_neuron(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network(3, **SETTINGS[name])
    x = np.random.default_rng(4).integers(0, 9, (2, 20, 6))
    written = write_nir(net, tmp_path / "m.nir")
    monkeypatch.setattr(front, "gather", lambda graph, *_: graph)
    parts = front.read_nir(written.path, profile="nir", dt=written.dt, threshold="ge")
    assert not any(isinstance(p.neuron, MultiLevel) for p in parts.populations)
    ours, theirs = reference.run(net, x), reference.run(parts, x)
    np.testing.assert_array_equal(ours.outputs["o"], theirs.outputs["o"])
    assert len(np.unique(ours.outputs["o"])) > 5


def test_an_image_of_multi_level_neurons_keeps_its_shape(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    kernel = rng.integers(-3, 4, (4, 2, 3, 3)).astype(float)
    conv = Conv(kernel, (2, 6, 6), (4, 6, 6), (1, 1), (1, 1), (1, 1), 1)
    neuron = MultiLevel.of(
        144, threshold=9, v0=4.5, low=-INF, high=INF, floor=0, ceiling=15
    )
    net = Network(
        (Input("in", (2, 6, 6)),),
        (Population("a", (4, 6, 6), neuron),),
        (Projection("in", "a", conv),),
        ("a",),
    )
    written = write_nir(net, tmp_path / "m.nir")
    assert nir.read(written.path).nodes["a"].scale.shape == (4, 6, 6)
    back = front.read_nir(written.path, profile="nir", dt=written.dt)
    x = rng.integers(0, 15, (3, 4, 2, 6, 6))
    ours, theirs = reference.run(net, x), reference.run(back, x)
    np.testing.assert_array_equal(ours.outputs["a"], theirs.outputs["a"])
    assert ours.outputs["a"].max() > 1
    assert ours.outputs["a"].min() < 0


def test_a_level_that_is_not_evenly_spaced_is_left_in_parts(tmp_path: Path) -> None:
    written = write_nir(network(6, **SETTINGS["group"]), tmp_path / "m.nir")
    graph = nir.read(written.path)
    node = next(n for name, n in graph.nodes.items() if name.startswith("a_level_up"))
    node.threshold = node.threshold + 0.25
    nir.write(written.path, graph)
    back = front.read_nir(written.path, profile="nir", dt=written.dt)
    assert not isinstance({p.name: p.neuron for p in back.populations}.get("a"), MultiLevel)
    assert isinstance(back.population("b").neuron, MultiLevel)


REFUSED = (
    ({"low": 0, "high": INF}, r"population 'a': it sends up to inf levels in one step"),
    ({"low": 0, "high": 5, "ceiling": 9}, r"population 'a': .* bounded on one side only"),
    ({"low": 0, "high": np.arange(8)}, r"population 'a': its neurons differ in their levels"),
)  # fmt: skip


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_what_has_no_standard_form_is_refused(
    settings: dict[str, float], message: str, tmp_path: Path
) -> None:
    net = Network(
        (Input("in", (8,)),),
        (Population("a", (8,), MultiLevel.of(8, **settings)),),
        (Projection("in", "a", Dense(np.eye(8))),),
        ("a",),
    )
    with pytest.raises(InputError, match=message):
        write_nir(net, tmp_path / "m.nir")
    assert not list(tmp_path.iterdir())


def strip_metadata(path: Path) -> None:
    """Delete all metadata of a NIR file."""
    with h5py.File(path, "r+") as file:
        found: list[str] = []
        file.visit(lambda name: found.append(name) if name.endswith("metadata") else None)
        for name in found:
            del file[name]
