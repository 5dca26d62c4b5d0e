"""sinabs against the reading of its files: its steps written out, and sinabs itself."""

from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.read_nir import read_nir, readings
from snn_deploy_simulators.reference import run
from support.framework_files import (
    STEPS,
    WIDTH,
    Array,
    Write,
    active,
    assert_same_answers,
    chain,
    draw,
    outputs,
)
from support.said import said

SEEDS = [0, 1, 2]
SCALES = {"IF": 0.3, "LIF": 8.0, "LI": 1.0}


def parameters(kind: str, rng: np.random.Generator) -> dict[str, Array]:
    """Return what sinabs' layers hold: time constants in steps, of float32."""
    values = {}
    if kind != "LI":
        values["v_threshold"] = rng.uniform(0.5, 1.0, WIDTH)
    if kind != "IF":
        values["tau"] = rng.uniform(2, 20, WIDTH)
    return {k: v.astype(np.float32).astype(np.float64) for k, v in values.items()}


def exported(kind: str, p: dict[str, Array]) -> dict[str, Any]:
    """Return the node that sinabs writes: r is 1, and the rest is as it is."""
    leak = {} if kind == "IF" else {"v_leak": np.zeros(WIDTH)}
    return {"type": kind, "r": np.ones(WIDTH), **leak, **p}


def steps(kind: str, p: dict[str, Array], current: Array, most: float = 1.0) -> Array:
    """Return what the layer sends [T, n], as layers/functional/{iaf,lif}.py compute it.

    most: spikes in a step; np.inf is MultiSpike.
    """
    a = np.exp(-1 / p["tau"]) if "tau" in p else np.ones(WIDTH)
    v, sent = np.zeros(WIDTH), []
    for x in current:
        v = a * v + ((1 - a) * x if kind == "LIF" else x)
        if kind == "LI":
            sent.append(v.copy())
            continue
        s = np.minimum(np.where(v > 0, np.trunc(v / p["v_threshold"]), 0.0), most)
        v = v - s * p["v_threshold"]
        sent.append(s)
    return np.array(sent)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["IF", "LIF", "LI"])
@pytest.mark.parametrize("dt", [None, 1e-3])
@pytest.mark.parametrize("spikes", ["one", "many"])
def test_files_of_sinabs_take_its_own_step(
    write: Write, node: Any, kind: str, seed: int, dt: float | None, spikes: Any
) -> None:
    rng = np.random.default_rng(seed)
    p, layer = parameters(kind, rng), draw(rng, SCALES[kind])
    path = write(chain(node, layer, exported(kind, p)))
    expected = steps(kind, p, layer.current, most=1 if spikes == "one" else np.inf)
    ours = outputs(path, layer.x, **said("sinabs", dt=dt, spikes_per_step=spikes))
    assert read_nir(path, **said("sinabs", dt=dt)).step_s == dt
    assert_same_answers(ours, expected, readout=kind == "LI", many=spikes == "many")


def test_the_decay_is_exponential(write: Write, node: Any) -> None:
    rng = np.random.default_rng(0)
    p, layer = parameters("LIF", rng), draw(rng, 8.0)
    path = write(chain(node, layer, exported("LIF", p)))
    euler = outputs(path, layer.x, profile="nir", dt=1.0, reset="subtract", threshold="ge")
    expected = steps("LIF", p, layer.current)
    assert np.count_nonzero(euler != expected) > 0.01 * expected.size


def test_a_net_of_several_spikes_per_step_is_another_one(write: Write, node: Any) -> None:
    rng = np.random.default_rng(0)
    p, layer = parameters("IF", rng), draw(rng, 0.6)
    path = write(chain(node, layer, exported("IF", p)))
    several = steps("IF", p, layer.current, most=np.inf)
    single = outputs(path, layer.x, **said("sinabs", spikes_per_step="one"))
    assert single.max() == 1 < several.max()
    assert (single != several).mean() > 0.05
    assert (outputs(path, layer.x, **said("sinabs")) == several).all(), "its default"


@pytest.mark.parametrize(
    ("wishes", "value", "evidence"),
    [
        ({"spikes_per_step": "one"}, "at most one", "given by the user"),
        ({"spikes_per_step": "many"}, "as many as thresholds fit", "given by the user"),
    ],
)
def test_how_many_spikes_a_step_holds_is_an_assumption(
    write: Write, node: Any, wishes: dict[str, Any], value: str, evidence: str
) -> None:
    rng = np.random.default_rng(0)
    path = write(chain(node, draw(rng, 1.0), exported("IF", parameters("IF", rng))))
    net = read_nir(path, **said("sinabs", **wishes))
    (noted,) = [a for a in net.assumptions if a.name == "spikes per step"]
    assert noted.value == value
    assert evidence in noted.evidence


def test_a_membrane_at_its_threshold_fires(write: Write, node: Any) -> None:
    layer = {"input": node.input(1), "0": node.affine([[1.0]], [0.0])}
    neuron = {"type": "IF", "r": np.ones(1), "v_threshold": np.ones(1)}
    path = write({**layer, "1": neuron, "output": node.output(1)})
    x = np.full((10, 1), 0.375)
    # 0.375, 0.75, 1.125 - 1, 0.5, 0.875, 1.25 - 1, 0.625, 1.0 - 1: exact numbers
    assert np.flatnonzero(outputs(path, x, **said("sinabs"))).tolist() == [2, 5, 7]


def test_time_constants_above_a_second_show_sinabs_but_do_not_settle_it(
    write: Write, node: Any
) -> None:
    rng = np.random.default_rng(0)
    path = write(chain(node, draw(rng, 1.0), exported("LIF", parameters("LIF", rng))))
    assert [(r.profile, r.dt) for r in readings(path)] == [("sinabs", None), ("nir", None)]
    for dt in (None, 1.0):
        with pytest.raises(
            InputError, match=r"fit an export of sinabs.*profile='sinabs' or 'nir'"
        ):
            read_nir(path, dt=dt)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"r": np.full(WIDTH, 2.0)}, r"node '1' \(LIF\): r is 2, but sinabs writes 1"),
        ({"v_leak": np.full(WIDTH, 0.1)}, r"node '1' \(LIF\): v_leak is not 0, as sinabs"),
        (
            {"tau": np.full(WIDTH, 0.02)},
            r"node '1' \(LIF\): tau is 0\.02, but sinabs writes it in steps.*seconds",
        ),
        (
            {
                "type": "CubaLIF",
                "tau_mem": np.full(WIDTH, 9.0),
                "tau_syn": np.full(WIDTH, 5.0),
            },
            r"node '1' \(CubaLIF\): sinabs writes no CubaLIF; choose another profile",
        ),
    ],
)
def test_what_sinabs_cannot_have_written_is_refused(
    write: Write, node: Any, change: dict[str, Any], message: str
) -> None:
    rng = np.random.default_rng(0)
    neuron = exported("LIF", parameters("LIF", rng)) | change
    path = write(chain(node, draw(rng, 1.0), neuron))
    with pytest.raises(InputError, match=message):
        read_nir(path, **said("sinabs"))
    assert [r.profile for r in readings(path)] == ["nir"]


def test_what_the_file_lost_is_assumed(write: Write, node: Any) -> None:
    rng = np.random.default_rng(0)
    path = write(chain(node, draw(rng, 1.0), exported("LIF", parameters("LIF", rng))))
    noted = {a.name: a.value for a in read_nir(path, **said("sinabs")).assumptions}
    assert noted["dt"] == "1 step"
    assert noted["lowest membrane"] == "none"
    assert noted["decay"] == "exp(-1/tau) per step"
    assert noted["input"] == "LIF scales it by 1 - exp(-1/tau)"
    assert noted["reset"] == "subtract the threshold"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["IF", "LIF"])
@pytest.mark.parametrize("spikes", ["one", "many"])
def test_spikes_equal_those_of_the_exported_module(
    kind: str, seed: int, spikes: Any
) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("sinabs")
    import sinabs.nir
    from sinabs.activation import MultiSpike, SingleSpike
    from sinabs.layers import IAF, LIF

    rng = np.random.default_rng(seed)
    x = (rng.random((1, STEPS, 20)) < 0.3).astype(np.float64)
    parts: list[Any] = []
    for n_in, mean in ((20, 0.1), (WIDTH, 0.02)):
        layer = torch.nn.Linear(n_in, WIDTH).double()
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(rng.normal(mean, 0.3, (WIDTH, n_in))))
            layer.weight.mul_(SCALES[kind] / (2 if spikes == "one" else 1))
        p = parameters(kind, rng)
        options = {
            "spike_threshold": torch.tensor(p["v_threshold"]),
            "spike_fn": SingleSpike if spikes == "one" else MultiSpike,
        }
        if kind == "LIF":
            made = LIF(tau_mem=torch.tensor(p["tau"]), **options)
        else:
            made = IAF(**options)
        parts += [layer, made.double()]
    with torch.no_grad():
        value = torch.tensor(x)
        for part in parts:
            value = part(value.double())
        expected = value.double().numpy()[0]
    for part in parts[1::2]:
        part.reset_states()
    graph = sinabs.nir.to_nir(torch.nn.Sequential(*_casting(torch, parts)), torch.tensor(x))
    net = read_nir(graph, **said("sinabs", spikes_per_step=spikes))
    ours = run(net, x).outputs[net.outputs[0]][0]
    assert active(expected != 0)
    assert (expected.max() > 1) == (spikes == "many")
    assert np.count_nonzero(ours != expected) == 0


def _casting(torch: Any, parts: list[Any]) -> list[Any]:
    """Return the modules; linear ones take the float32 spikes that sinabs' layers send."""
    for part in parts:
        if isinstance(part, torch.nn.Linear):
            part.register_forward_pre_hook(lambda module, args: (args[0].double(),))
    return parts
