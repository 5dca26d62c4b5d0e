"""The NIR specification, integrated by a plain forward Euler loop, against what read_nir makes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.options.reading import ReadingOptions
from snn_deploy.pipeline.deploy import deploy
from snn_deploy_simulators.reference import run
from support.said import said

Write = Callable[..., Path]
Array = NDArray[np.float64]
DT, STEPS = 0.25, 200


def euler(kind: str, p: dict[str, Array], x: Array, w: Array) -> tuple[Array, Array]:
    """Integrate the equations of nir/ir/neuron.py; return spikes and membranes [T, n].

    All derivatives are taken at the old state; w feeds back the spikes of the state.
    """
    n = x.shape[1]
    v, i, z = np.zeros(n), np.zeros(n), np.zeros(n)
    spikes, membranes = [], []
    for arriving in x:
        s = arriving + w @ z
        if kind in ("I", "IF"):
            dv, di = p["r"] * s, 0 * i
        elif kind in ("LI", "LIF"):
            dv, di = ((p["v_leak"] - v) + p["r"] * s) / p["tau"], 0 * i
        else:
            dv = ((p["v_leak"] - v) + p["r"] * i) / p["tau_mem"]
            di = (p["w_in"] * s - i) / p["tau_syn"]
        v, i = v + DT * dv, i + DT * di
        z = (v > p["v_threshold"]).astype(float) if "v_threshold" in p else 0 * v
        membranes.append(v.copy())
        v = np.where(z > 0, p.get("v_reset", 0.0), v)
        spikes.append(z)
    return np.array(spikes), np.array(membranes)


def parameters(kind: str, n: int, rng: np.random.Generator) -> dict[str, Array]:
    def pick(*values: float) -> Array:
        return rng.choice(values, n)

    fires = {"v_threshold": pick(0.5, 1.0), "v_reset": pick(-0.25, 0.0)}
    leaks = {"r": pick(1.0, 2.0), "v_leak": pick(0.0, 0.125)}
    by_kind = {
        "I": {"r": pick(0.5, 2.0)},
        "IF": {"r": pick(0.5, 2.0), **fires},
        "LI": {"tau": pick(0.5, 1.0, 2.0), **leaks},
        "LIF": {"tau": pick(0.5, 1.0, 2.0), **leaks, **fires},
        "CubaLI": {
            "tau_syn": pick(0.25, 0.5),
            "tau_mem": pick(0.5, 1.0),
            "w_in": pick(1.0, 2.0),
            **leaks,
        },
    }
    by_kind["CubaLIF"] = by_kind["CubaLI"] | fires
    return by_kind[kind]


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("kind", ["I", "IF", "LI", "LIF", "CubaLI", "CubaLIF"])
def test_nir_neurons_follow_the_specification(
    write: Write, node: Any, kind: str, recurrent: bool
) -> None:
    rng, n = np.random.default_rng(7), 64
    p = parameters(kind, n, rng)
    if recurrent and "v_threshold" not in p:
        return  # the membrane of a readout feeds back without bound
    w = rng.integers(-4, 5, (n, n)) / 32 * recurrent
    x = rng.integers(0, 5, (STEPS, n)) / 2.0
    nodes = {
        "in": node.input(n),
        "x": {"type": kind, **p},
        "w": node.linear(w),
        "out": node.output(n),
    }
    edges = [("in", "x"), ("x", "out")] + [("x", "w"), ("w", "x")] * recurrent
    net = read_nir(
        write({k: nodes[k] for k in nodes if recurrent or k != "w"}, edges),
        profile="nir",
        dt=DT,
    )
    spikes, membranes = euler(kind, p, x, w)
    result = run(net, x[None]).outputs["x"][0]
    if "v_threshold" in p:
        assert 0.02 < spikes.mean() < 0.98
        assert np.count_nonzero(result != spikes) == 0
    else:
        assert result == pytest.approx(membranes, rel=1e-12, abs=1e-12)
        assert np.abs(membranes).max() > 1


@pytest.mark.parametrize(
    ("threshold", "fires"), [(None, False), ("gt", False), ("ge", True)]
)
def test_threshold_decides_at_equality(
    write: Write, node: Any, threshold: Any, fires: bool
) -> None:
    for target in (node.if_(1), {"type": "Threshold", "threshold": np.ones(1)}):
        path = write({"in": node.input(1), "x": target, "out": node.output(1)})
        net = read_nir(path, profile="nir", dt=1.0, threshold=threshold)
        assert run(net, np.ones((1, 1, 1))).outputs["x"].item() == fires


def test_a_threshold_node_forgets_at_once(write: Write, node: Any) -> None:
    threshold = {"type": "Threshold", "threshold": np.array([1.0, 2.0])}
    x = np.array([[[1.5, 1.5], [3.0, 3.0], [0.9, 0.9], [1.0, 2.0]]])
    for profile in ("nir", "snntorch", "spikingjelly"):
        net = read_nir(
            write({"in": node.input(2), "x": threshold, "out": node.output(2)}),
            **said(profile),
        )
        equal = [1, 1] if profile == "spikingjelly" else [0, 0]
        assert run(net, x).outputs["x"][0].tolist() == [[1, 0], [1, 1], [0, 0], equal]


def membrane_after_a_spike(write: Write, node: Any, **wishes: Any) -> list[float]:
    """Return v after each step for an IF that gets 1.5, 0, 0 at threshold 1, reset at 0.25."""
    path = write(
        {"in": node.input(1), "x": node.if_(1, v_reset=0.25), "out": node.output(1)}
    )
    neuron = read_nir(path, dt=1.0, **wishes).populations[0].neuron
    state, result = neuron.start(1), []
    for x in (1.5, 0.0, 0.0):
        state, _ = neuron.step(state, np.array([[x]]))
        result.append(state.v.item())
    return result


@pytest.mark.parametrize(
    ("profile", "reset", "wanted"),
    [
        ("nir", None, [0.25, 0.25, 0.25]),
        ("nir", "v_reset", [0.25, 0.25, 0.25]),
        ("nir", "zero", [0.0, 0.0, 0.0]),
        ("nir", "subtract", [0.5, 0.5, 0.5]),
        ("spikingjelly", None, [0.25, 0.25, 0.25]),
        ("spikingjelly", "zero", [0.0, 0.0, 0.0]),
        ("spikingjelly", "subtract", [0.5, 0.5, 0.5]),
        ("snntorch", "subtract", [1.5, 0.5, 0.5]),
        ("snntorch", "zero", [0.0, 0.0, 0.0]),
        ("snntorch", "v_reset", [0.25, 0.25, 0.25]),
    ],
)
def test_reset_is_what_was_wished(
    write: Write, node: Any, profile: str, reset: str | None, wanted: list[float]
) -> None:
    assert membrane_after_a_spike(write, node, profile=profile, reset=reset) == wanted


@pytest.mark.parametrize(
    ("profile", "start"), [("nir", 0.0), ("snntorch", 0.0), ("spikingjelly", 0.25)]
)
def test_the_membrane_starts_where_the_framework_starts_it(
    write: Write, node: Any, profile: Any, start: float
) -> None:
    path = write(
        {"in": node.input(1), "x": node.if_(1, v_reset=0.25), "out": node.output(1)}
    )
    net = read_nir(path, **said(profile, dt=1.0))
    assert net.populations[0].neuron.v0.tolist() == [start]


def test_only_neurons_with_current_or_own_loop_hold_after_a_reset_to_zero(
    write: Write, node: Any
) -> None:
    w = node.linear(np.eye(2))
    nodes = {
        "in": node.input(2),
        "a": node.lif(2, r=np.full(2, 2.0)),
        "b": node.cuba(2),
        "c": node.lif(2, r=np.full(2, 2.0)),
        "w": w,
        "out": node.output(2),
    }
    edges = [("in", "a"), ("a", "b"), ("b", "c"), ("c", "w"), ("w", "c"), ("c", "out")]
    path = write(nodes, edges)
    net = read_nir(path, **said("snntorch", dt=1.0, reset="zero"))
    assert {p.name: p.neuron.hold for p in net.populations} == {"a": 0, "b": 1, "c": 1}
    for reading in (
        ReadingOptions(**said("snntorch", dt=1.0)),
        ReadingOptions(profile="nir", dt=1.0, reset="zero"),
    ):
        net = read_nir(path, reading)
        assert {p.neuron.hold for p in net.populations} == {0}


def test_infinite_time_constants_mean_no_leak(write: Write, node: Any) -> None:
    path = write(
        {"in": node.input(2), "x": node.lif(2, tau=np.inf, r=np.inf), "out": node.output(2)}
    )
    neuron = read_nir(path, **said("snntorch")).populations[0].neuron
    assert neuron.beta.tolist() == neuron.gain.tolist() == [1, 1]
    with pytest.raises(
        InputError, match=r"node 'x' \(LIF\): r or w_in is infinite.*profile"
    ):
        read_nir(path, profile="nir", dt=1.0)


def test_a_time_constant_of_one_step_leaves_nothing(write: Write, node: Any) -> None:
    tau = np.full(2, 1e-4, np.float32)  # 2.5e-9 below 1e-4
    path = write({"in": node.input(2), "x": node.lif(2, tau=tau), "out": node.output(2)})
    assert read_nir(path, profile="nir", dt=1e-4).populations[0].neuron.beta.tolist() == [
        0,
        0,
    ]


def biological(node: Any, **changed: float) -> dict[str, Any]:
    """Return neurons in millivolts: rest and reset at -65, threshold at -50."""
    units = {"tau": 0.02, "r": 1.0, "v_leak": -65, "v_threshold": -50, "v_reset": -65}
    return {"type": "LIF"} | {k: np.full(5, v) for k, v in {**units, **changed}.items()}


def test_neurons_in_millivolts_start_at_rest_and_fire_above_their_threshold(
    write: Write, node: Any
) -> None:
    rng = np.random.default_rng(0)
    weight, x = rng.integers(0, 30, (5, 4)) * 10.0, rng.random((1, 120, 4)) < 0.4
    nodes = {"input": node.input(4), "a": node.linear(weight), "l": biological(node)}
    net = read_nir(write({**nodes, "output": node.output(5)}), profile="nir", dt=1e-3)
    v, sent = np.full(5, -65.0), []
    for current in x[0] @ weight.T:
        v = v + 1e-3 / 0.02 * (-65 - v + current)
        sent.append(v > -50)
        v = np.where(v > -50, -65.0, v)
    assert 0.02 < np.mean(sent) < 0.9
    assert (run(net, x.astype(float)).outputs["l"][0] == np.array(sent)).all()
    report = deploy(net, "loihi2", input=x.astype(np.uint8))
    assert report.fidelity is not None
    (layer,) = report.fidelity.layers
    assert (layer.gap("integer").loss or 0) < 0.1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changed", "wishes", "message"),
    [
        ({}, {"reset": "zero"}, r"v_threshold -50 is not above 0, so that it would fire for "
         r"ever with reset 'zero'; give reset='v_reset', which is -65 in the file"),
        ({}, {"reset": "subtract", "spikes_per_step": "many"}, r"fire for ever with reset 'sub"),
        ({"v_reset": -40}, {}, r"-50 is not above -40, .* 'v_reset'; correct it and export"),
    ],
)  # fmt: skip
def test_a_threshold_below_the_reset_is_refused(
    write: Write, node: Any, changed: dict[str, float], wishes: dict[str, Any], message: str
) -> None:
    path = write(
        {"in": node.input(5), "l": biological(node, **changed), "o": node.output(5)}
    )
    with pytest.raises(InputError, match=message):
        read_nir(path, profile="nir", dt=1e-3, **wishes)


def test_an_integrator_with_a_negative_threshold_starts_at_its_reset(
    write: Write, node: Any
) -> None:
    unit = node.if_(1, r=1.0, v_threshold=-50.0, v_reset=-65.0)
    net = read_nir(write({"in": node.input(1), "x": unit, "o": node.output(1)}), dt=1.0)
    sent = run(net, np.full((1, 8, 1), 4.0)).outputs["x"].ravel().tolist()
    assert sent == [0, 0, 0, 1, 0, 0, 0, 1]
