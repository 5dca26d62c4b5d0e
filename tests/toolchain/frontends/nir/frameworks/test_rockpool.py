"""Rockpool's steps, written out after its source, against the reading of its files.

Rockpool itself is not run: it installs packages when it is imported.
"""

from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.read_nir import read_nir, readings
from support.framework_files import (
    WIDTH,
    Array,
    Write,
    assert_same_answers,
    chain,
    draw,
    outputs,
)
from support.said import said

SEEDS = [0, 1, 2]
SCALES = {"LIF": 0.5, "LI": 1.0, "CubaLIF": 0.15}


def parameters(kind: str, rng: np.random.Generator) -> dict[str, Array]:
    """Return what Rockpool's modules hold: time constants in seconds."""
    values = {}
    if kind != "LI":
        values["v_threshold"] = rng.uniform(0.5, 1.0, WIDTH)
    if kind == "CubaLIF":
        values["tau_mem"] = rng.uniform(5e-3, 2e-2, WIDTH)
        values["tau_syn"] = rng.uniform(2e-3, 1e-2, WIDTH)
    else:
        values["tau"] = rng.uniform(2e-3, 2e-2, WIDTH)
    return values


def exported(
    kind: str, p: dict[str, Array], dt: float, dtype: Any = float
) -> dict[str, Any]:
    """Return the node that Rockpool writes: r is tau/dt * exp(-dt/tau), w_in is left out."""
    tau = p["tau_mem"] if kind == "CubaLIF" else p["tau"]
    values = {"r": tau * np.exp(-dt / tau) / dt, "v_leak": np.zeros(WIDTH), **p}
    return {"type": kind, **{key: value.astype(dtype) for key, value in values.items()}}


def steps(
    kind: str, p: dict[str, Array], current: Array, dt: float, most: float = np.inf
) -> Array:
    """Return what the module sends [T, n], as {exp_syn,lif_neuron,lif}_torch.py compute it.

    most: max_spikes_per_dt, 2**16 unless told otherwise.
    """
    v, i, sent = np.zeros(WIDTH), np.zeros(WIDTH), []
    for x in current:
        if kind == "LI":
            v = (v + x) * np.exp(-dt / p["tau"])
            sent.append(v.copy())
            continue
        if kind == "LIF":
            v = v * np.exp(-dt / p["tau"]) + x
        else:
            i = i + x
            v = v * np.exp(-dt / p["tau_mem"])
            i = i * np.exp(-dt / p["tau_syn"])
            v = v + i
        s = np.where(v >= p["v_threshold"], np.floor(v / p["v_threshold"]), 0.0)
        s = np.minimum(s, most)
        v = v - s * p["v_threshold"]
        sent.append(s)
    return np.array(sent)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["LIF", "LI", "CubaLIF"])
@pytest.mark.parametrize("dt", [1e-3, 5e-4])
@pytest.mark.parametrize("spikes", ["one", "many"])
def test_files_of_rockpool_take_its_own_step(
    write: Write, node: Any, kind: str, seed: int, dt: float, spikes: str
) -> None:
    rng = np.random.default_rng(seed)
    p, layer = parameters(kind, rng), draw(rng, SCALES[kind])
    path = write(chain(node, layer, exported(kind, p, dt)))
    expected = steps(kind, p, layer.current, dt, 1 if spikes == "one" else np.inf)
    ours = outputs(path, layer.x, **said("rockpool", spikes_per_step=spikes))
    assert read_nir(path, **said("rockpool")).step_s == dt
    assert_same_answers(ours, expected, readout=kind == "LI", many=spikes == "many")


def test_the_decay_is_exponential(write: Write, node: Any) -> None:
    rng = np.random.default_rng(0)
    p, layer = parameters("LIF", rng), draw(rng, 0.5)
    path = write(chain(node, layer, exported("LIF", p, 1e-3)))
    euler = outputs(path, layer.x, profile="nir", dt=1e-3, reset="subtract")
    expected = steps("LIF", p, layer.current, 1e-3)
    assert np.count_nonzero(euler != expected) > 0.01 * expected.size


def test_a_membrane_at_its_threshold_fires(write: Write, node: Any) -> None:
    tau = np.full(1, np.inf)  # no leak, so that 4 * 0.25 is 1
    neuron = {"type": "LIF", "tau": tau, "r": tau, "v_leak": np.zeros(1)}
    layer = {"input": node.input(1), "0": node.affine([[1.0]], [0.0])}
    path = write({**layer, "1": {**neuron, "v_threshold": np.ones(1)}, "o": node.output(1)})
    x = np.full((10, 1), 0.25)
    spikes = outputs(path, x, **said("rockpool", dt=1e-3))
    assert np.flatnonzero(spikes).tolist() == [3, 7]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", ["LIF", "LI", "CubaLIF"])
def test_its_r_shows_rockpool_and_its_step_but_does_not_settle_it(
    write: Write, node: Any, kind: str, dtype: Any
) -> None:
    rng = np.random.default_rng(0)
    neuron = exported(kind, parameters(kind, rng), 1e-3, dtype)
    path = write(chain(node, draw(rng, 1.0), neuron))
    assert [(r.profile, r.dt) for r in readings(path)] == [
        ("rockpool", 1e-3),
        ("nir", None),
    ]
    for dt in (None, 1e-3):
        with pytest.raises(
            InputError, match=r"fit an export of Rockpool.*profile='rockpool' or 'nir'"
        ):
            read_nir(path, dt=dt)


@pytest.mark.parametrize(
    ("change", "wishes", "message"),
    [
        (
            {"w_in": np.full(WIDTH, 2.0)},
            {},
            r"\(CubaLIF\): w_in is 2, but Rockpool writes 1",
        ),
        ({"v_leak": np.full(WIDTH, 0.1)}, {}, r"v_leak is not 0, as Rockpool writes it"),
        ({"r": np.full(WIDTH, 2.0)}, {}, r"r is 2, but Rockpool writes tau/dt \* exp"),
        ({}, {"dt": 2e-3}, r"which is [\d.]+ for dt 0\.002 s; give the dt that is meant"),
        ({"type": "IF"}, {}, r"node '1' \(IF\): Rockpool writes no IF; choose another"),
    ],
)
def test_what_rockpool_cannot_have_written_is_refused(
    write: Write, node: Any, change: dict[str, Any], wishes: dict[str, Any], message: str
) -> None:
    rng = np.random.default_rng(0)
    neuron = exported("CubaLIF", parameters("CubaLIF", rng), 1e-3) | change
    path = write(chain(node, draw(rng, 1.0), neuron))
    with pytest.raises(InputError, match=message):
        read_nir(path, **said("rockpool", **{"dt": 1e-3, **wishes}))
    if change:
        assert "rockpool" not in {r.profile for r in readings(path)}


def test_a_file_of_another_r_needs_a_dt(write: Write, node: Any) -> None:
    rng = np.random.default_rng(0)
    neuron = exported("LIF", parameters("LIF", rng), 1e-3) | {"r": np.ones(WIDTH)}
    path = write(chain(node, draw(rng, 1.0), neuron))
    with pytest.raises(InputError, match=r"the time step is not in the file.*give dt"):
        read_nir(path, **said("rockpool"))


def test_what_the_file_lost_is_assumed(write: Write, node: Any) -> None:
    rng = np.random.default_rng(0)
    neuron = exported("CubaLIF", parameters("CubaLIF", rng), 1e-3)
    net = read_nir(write(chain(node, draw(rng, 1.0), neuron)), **said("rockpool"))
    noted = {a.name: a.value for a in net.assumptions}
    assert noted["spikes per step"] == "as many as thresholds fit"
    assert noted["bias of neurons"] == "0"
    assert noted["decay"] == "exp(-dt/tau) per step"
    assert noted["input"] == "the input of LI and CubaLIF decays in its own step"
