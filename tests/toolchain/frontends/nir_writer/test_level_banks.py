"""Multi-level neurons through NIR: written in standard nodes, found again without metadata.

The oracle of the decomposition is the reference simulator on the file's own parts, with
`gather` switched off; of the way back, the network that was written.
"""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir import read_nir as front
from snn_deploy.frontends.nir_writer.write_nir import write_nir
from snn_deploy.frontends.torch import from_torch
from snn_deploy.ir.maps import Conv, Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif, MultiLevel
from snn_deploy.passes.fuse import fuse
from snn_deploy_simulators import reference
from support import live_sinabs
from support.live_modules import run_framework, sample_of, spikes_for

INF = np.inf
SETTINGS: dict[str, dict[str, float]] = {
    "ternary with tracer": {"low": -1, "high": 1, "floor": 0, "ceiling": 7},
    "graded with tracer": {"low": -INF, "high": INF, "floor": 0, "ceiling": 7},
    "signed with tracer": {"low": -INF, "high": INF, "floor": -4, "ceiling": 3},
    "downwards with tracer": {"low": -INF, "high": INF, "floor": -9, "ceiling": 0},
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
    for pop, key in product("ab", ("threshold", "v0")):
        own, found = (getattr(n.population(pop).neuron, key) for n in (net, back))
        np.testing.assert_array_equal(own, found)
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
    (
        {"low": 0, "high": INF},
        r"population 'a': it sends up to inf levels in one step.*most=N, N up to 256.*deploy\(",
    ),
    ({"low": 0, "high": 257}, r"population 'a': it sends up to 257 levels in one step"),
    ({"low": 0, "high": 2.5}, r"'a': its levels are bounded by 0 \.\. 2\.5 in one step.*whole"),
    ({"low": 1, "high": 2}, r"'a': its levels are bounded by 1 \.\. 2 in one step.* around 0"),
    ({"low": 0, "high": 0}, r"'a': it can send no level at all; leave it out"),
    ({"high": 5, "threshold": 0.0}, r"'a': its thresholds, 0 \.\. 0, have to be finite and above"),
    ({"high": 5, "gain": 0.0}, r"'a': it takes nothing of its input \(gain 0\)"),
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


# --- a limit that the caller gives ----------------------------------------------------


def limited(high: float = INF, **settings: float) -> Network:
    """Return x -> a -> b, of which `b` knows a limit of 2."""
    rng = np.random.default_rng(8)
    neuron = MultiLevel.of(8, threshold=3.0, high=high, **settings)
    return Network(
        (Input("in", (6,)),),
        (
            Population("a", (8,), neuron),
            Population("b", (5,), MultiLevel.of(5, threshold=4.0, beta=0.5, high=2.0)),
        ),
        (
            Projection("in", "a", Dense(rng.integers(-4, 10, (8, 6)).astype(float))),
            Projection("a", "b", Dense(rng.integers(-2, 5, (5, 8)).astype(float))),
        ),
        ("b",),
    )


@pytest.mark.parametrize("settings", [{}, {"low": -INF}, {"beta": 0.5, "alpha": 0.5}])
def test_neurons_without_a_limit_are_written_up_to_the_most_that_occurs(
    settings: dict[str, float], tmp_path: Path
) -> None:
    net = limited(**settings)
    x = np.random.default_rng(9).integers(0, 4, (3, 40, 6))
    ours = reference.run(net, x)
    most = int(np.abs(ours.outputs["a"]).max())
    assert most > 5
    written = write_nir(net, tmp_path / "m.nir", most=most)
    back = fuse(front.read_nir(written.path, profile="nir", dt=written.dt, threshold="ge"))
    theirs = reference.run(back, x)
    for name in "ab":
        np.testing.assert_array_equal(ours.outputs[name], theirs.outputs[name])
    found = {p.name: p.neuron for p in back.populations}
    assert {n: getattr(found[n], "most", None) for n in "ab"} == {"a": most, "b": 2}


def test_a_lower_limit_sends_the_rest_later_and_is_said(tmp_path: Path) -> None:
    net = limited()
    x = np.random.default_rng(9).integers(0, 4, (3, 40, 6))
    written = write_nir(net, tmp_path / "m.nir", most=3)
    back = fuse(front.read_nir(written.path, profile="nir", dt=written.dt, threshold="ge"))
    same = reference.run(limited(3.0), x)
    theirs = reference.run(back, x)
    np.testing.assert_array_equal(same.outputs["a"], theirs.outputs["a"])
    assert (reference.run(net, x).outputs["a"] != theirs.outputs["a"]).any()
    (said,) = [a for a in written.assumptions if a.name == "spikes per step"]
    assert said.value == "'a' sends no more than 3 in one step"
    assert said.evidence == "most=3 was given"


def test_a_limit_changes_nothing_where_one_is_known(tmp_path: Path) -> None:
    net = limited(7.0)
    ours = write_nir(net, tmp_path / "a.nir", most=2)
    theirs = write_nir(net, tmp_path / "b.nir")
    assert ours.path.read_bytes() == theirs.path.read_bytes()
    assert ours.assumptions == theirs.assumptions


@pytest.mark.parametrize("most", [0, -1, 257, 2.5, INF])
def test_a_limit_is_a_whole_number(most: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"most .*limited by a whole number, 1 \.\. 256"):
        write_nir(limited(), tmp_path / "m.nir", most=most)
    assert not list(tmp_path.iterdir())


MODULES = {
    case.name: case
    for case in live_sinabs.CASES
    if "MultiSpike" in case.detail and "min_v_mem" not in case.detail
}


@pytest.mark.filterwarnings("ignore")  # sinabs' own
@pytest.mark.parametrize("name", MODULES)
def test_modules_of_sinabs_spike_the_same_from_a_file_of_the_most_that_occurs(
    name: str, tmp_path: Path
) -> None:
    case, rng = MODULES[name], np.random.default_rng(0)
    module = case.build(rng)
    x = spikes_for(case, rng, 100)
    expected = run_framework(case, module, x)
    net = from_torch(module, sample_of(case, x))
    peaks = reference.run(net, x).outputs
    most = max(peaks[p.name].max() for p in net.populations if p.neuron.spiking)
    written = write_nir(net, tmp_path / "m.nir", most=int(most))
    back = fuse(front.read_nir(written.path, profile="nir", dt=written.dt, threshold="ge"))
    (output,) = back.outputs
    ours = reference.run(back, x).outputs[output]
    assert expected.max() > 1
    np.testing.assert_array_equal(ours.ravel(), expected.ravel())


# --- traps ----------------------------------------------------------------------------


def test_a_source_of_several_levels_is_no_constant_of_one(tmp_path: Path) -> None:
    source = MultiLevel.of(8, beta=0.0, bias=2.5, high=4.0)
    net = limited(7.0)
    clock = Population("clock", (8,), source)
    net = replace(
        net,
        populations=(clock, *net.populations),
        projections=(*net.projections, Projection("clock", "b", Dense(np.eye(8)[:5]))),
    )
    x = np.random.default_rng(9).integers(0, 2, (3, 40, 6))
    assert (reference.run(net, x).outputs["clock"] == 2).all()
    written = write_nir(net, tmp_path / "m.nir")
    back = fuse(front.read_nir(written.path, profile="nir", dt=written.dt, threshold="ge"))
    ours, theirs = (reference.run(n, x).outputs["b"] for n in (net, back))
    np.testing.assert_array_equal(ours, theirs)


def test_a_binary_neuron_takes_off_its_threshold_whatever_else_it_holds(
    tmp_path: Path,
) -> None:
    binary = MultiLevel.of(8, beta=0.5, high=1.0)
    net = limited()
    pops = (replace(net.populations[0], neuron=replace(binary, threshold=np.full(8, 7.0))),)
    net = replace(net, populations=(*pops, net.populations[1]))
    x = np.random.default_rng(9).integers(0, 4, (3, 40, 6))
    written = write_nir(net, tmp_path / "m.nir")
    back = fuse(front.read_nir(written.path, profile="nir", dt=written.dt, threshold="ge"))
    ours, theirs = (reference.run(n, x).outputs["a"] for n in (net, back))
    assert 0 < ours.mean() < 1
    np.testing.assert_array_equal(ours, theirs)


def strip_metadata(path: Path) -> None:
    """Delete all metadata of a NIR file."""
    with h5py.File(path, "r+") as file:
        found: list[str] = []
        file.visit(lambda name: found.append(name) if name.endswith("metadata") else None)
        for name in found:
            del file[name]
