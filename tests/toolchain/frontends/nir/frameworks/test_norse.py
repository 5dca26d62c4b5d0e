"""Norse against the reading of its files: its steps written out, and Norse itself."""

from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.read_nir import read_nir, readings
from snn_deploy_simulators.reference import run
from support.framework_files import STEPS, WIDTH, Array, Write, active, chain, draw, outputs
from support.said import said

DT = 1e-3  # of every Norse module, unless it is given another
SEEDS = [0, 1, 2]


def parameters(kind: str, rng: np.random.Generator) -> dict[str, Array]:
    """Return what Norse's modules hold: time constants in seconds."""
    values = {"v_threshold": rng.uniform(0.5, 1.0, WIDTH)}
    if kind != "IF":
        values["v_leak"] = rng.uniform(-0.1, 0.1, WIDTH)
    if kind in ("LIF", "LI"):
        values["tau"] = rng.uniform(2e-3, 2e-2, WIDTH)
    if kind == "CubaLIF":
        values["tau_mem"] = rng.uniform(5e-3, 2e-2, WIDTH)
        values["tau_syn"] = rng.uniform(2e-3, 1e-2, WIDTH)
    return values


def exported(kind: str, p: dict[str, Array], unit: float = 1e-3) -> dict[str, Any]:
    """Return the node that Norse 1.1 writes: time constants times dt, no w_in, no v_reset."""
    scaled = {key: value * unit if "tau" in key else value for key, value in p.items()}
    if kind == "LI":
        scaled.pop("v_threshold")
    return {"type": kind, "r": np.ones(WIDTH), **scaled}


def one_layer(
    node: Any, kind: str, change: dict[str, Array] | None = None, unit: float = 1e-3
) -> dict[str, Any]:
    """Return the nodes of a layer of neurons as Norse writes it, but for `change`."""
    rng = np.random.default_rng(0)
    neuron = exported(kind, parameters(kind, rng), unit) | (change or {})
    return chain(node, draw(rng, 1.0), neuron)


def steps(kind: str, p: dict[str, Array], current: Array, dt: float = DT) -> Array:
    """Return what the module sends [T, n], as functional/{iaf,lif_box,lif}.py compute it."""
    v = np.zeros(WIDTH) if kind == "IF" else p["v_leak"].copy()
    i, sent = np.zeros(WIDTH), []
    for x in current:
        if kind == "IF":
            v = v + x
        elif kind == "CubaLIF":
            jump = i + x
            v = v + dt / p["tau_mem"] * (p["v_leak"] - v + jump)
            i = jump - dt / p["tau_syn"] * jump
        else:
            v = v + dt / p["tau"] * (p["v_leak"] - v + x)
        z = v > p["v_threshold"]
        sent.append(v.copy() if kind == "LI" else z.astype(np.float64))
        if kind != "LI":
            v = np.where(z, 0.0, v)
    return np.array(sent)


SCALES = {"IF": 0.3, "LIF": 3.0, "LI": 1.0, "CubaLIF": 0.5}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["IF", "LIF", "LI", "CubaLIF"])
@pytest.mark.parametrize("unit", [1e-3, 1.0])
def test_files_of_norse_take_its_own_step(
    write: Write, node: Any, kind: str, seed: int, unit: float
) -> None:
    rng = np.random.default_rng(seed)
    p, layer = parameters(kind, rng), draw(rng, SCALES[kind])
    path = write(chain(node, layer, exported(kind, p, unit)))
    expected = steps(kind, p, layer.current)
    ours = outputs(path, layer.x, **said("norse"))
    if kind == "LI":
        assert ours == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert np.abs(expected).max() > 0.5
    else:
        assert active(expected)
        assert np.count_nonzero(ours != expected) == 0


def test_another_step_of_norse_is_given_as_dt(write: Write, node: Any) -> None:
    rng = np.random.default_rng(3)
    p, layer = parameters("CubaLIF", rng), draw(rng, 0.5)
    path = write(chain(node, layer, exported("CubaLIF", p)))
    expected = steps("CubaLIF", p, layer.current, dt=5e-4)
    assert active(expected)
    ours = outputs(path, layer.x, **said("norse", dt=5e-4))
    assert np.count_nonzero(ours != expected) == 0
    assert np.count_nonzero(outputs(path, layer.x, **said("norse")) != expected) > 100


def test_a_membrane_at_its_threshold_does_not_fire(write: Write, node: Any) -> None:
    layer = {"input": node.input(1), "0": node.affine([[1.0]], [0.0])}
    neuron = {"type": "IF", "r": np.ones(1), "v_threshold": np.ones(1)}
    path = write({**layer, "1": neuron, "output": node.output(1)})
    x = np.full((10, 1), 0.25)
    assert np.flatnonzero(outputs(path, x, **said("norse"))).tolist() == [4, 9]


def test_time_constants_below_the_step_show_norse_but_do_not_settle_it(
    write: Write, node: Any
) -> None:
    path = write(one_layer(node, "CubaLIF"))
    assert [(r.profile, r.dt) for r in readings(path)] == [("norse", DT), ("nir", None)]
    for dt in (None, 1e-6):
        with pytest.raises(
            InputError, match=r"fit an export of Norse 1\.1.*profile='norse' or 'nir'"
        ):
            read_nir(path, dt=dt)


@pytest.mark.parametrize(
    "change",
    [
        {"r": np.full(WIDTH, 2.0)},
        {"v_reset": np.full(WIDTH, 0.1)},
        {"tau": np.full(WIDTH, 5e-3)},
    ],
)
def test_other_numbers_are_none_of_norse(
    write: Write, node: Any, change: dict[str, Array]
) -> None:
    path = write(one_layer(node, "LIF", change))
    assert [r.profile for r in readings(path)] == ["nir"]


@pytest.mark.parametrize(("unit", "value"), [(1e-3, "times 1000"), (1.0, "in seconds")])
def test_what_was_corrected_is_assumed(
    write: Write, node: Any, unit: float, value: str
) -> None:
    net = read_nir(write(one_layer(node, "CubaLIF", unit=unit)), **said("norse"))
    noted = {a.name: a.value for a in net.assumptions}
    assert noted["time constants"] == value
    assert noted["synaptic current"] == "grows by the input itself"
    assert noted["initial membrane"] == "v_leak"
    assert net.step_s == DT


def test_time_constants_of_both_units_are_refused(write: Write, node: Any) -> None:
    nodes = one_layer(node, "LIF")
    nodes["1"]["tau"][0] = 1e-2
    path = write(nodes)
    with pytest.raises(
        InputError, match=r"time constants go from .* to 0\.01 s, but Norse 1\.1 writes"
    ):
        read_nir(path, **said("norse"))


def test_a_corrected_time_constant_shorter_than_the_step_is_refused(
    write: Write, node: Any
) -> None:
    path = write(one_layer(node, "LIF"))
    with pytest.raises(InputError, match=r"node '1' \(LIF\): tau 0\.002.* is shorter than"):
        read_nir(path, **said("norse", dt=0.01))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["IF", "LIF", "CubaLIF"])
def test_spikes_equal_those_of_the_exported_module(kind: str, seed: int) -> None:
    torch = pytest.importorskip("torch")
    norse = pytest.importorskip("norse.torch")
    export = pytest.importorskip("norse.torch.utils.export_nir")
    rng = np.random.default_rng(seed)
    cells, layers = [], []
    x = (rng.random((STEPS, 20)) < 0.3).astype(np.float64)
    for n_in in (20, WIDTH):
        layer = torch.nn.Linear(n_in, WIDTH).double()
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(rng.normal(0.15, 0.5, (WIDTH, n_in))))
            layer.weight.mul_(SCALES[kind])
        layers.append(layer)
        cells.append(cell(norse, torch, kind, parameters(kind, rng)))
    module = norse.SequentialState(layers[0], cells[0], layers[1], cells[1])
    graph = export.to_nir(module, torch.tensor(x[0]))
    expected = run_cells(torch, layers, cells, x)
    net = read_nir(graph, **said("norse"))
    ours = run(net, x[None]).outputs[net.outputs[0]][0]
    assert active(expected)
    assert np.count_nonzero(ours != expected) == 0


def cell(norse: Any, torch: Any, kind: str, p: dict[str, Array]) -> Any:
    """Return the module of a kind with these parameters."""
    held = {
        "v_th": torch.tensor(p["v_threshold"]),
        "v_reset": torch.zeros(WIDTH, dtype=torch.float64),
    }
    if "v_leak" in p:
        held["v_leak"] = torch.tensor(p["v_leak"])
    if kind == "IF":
        return norse.IAFCell(p=norse.IAFParameters(**held))
    if kind == "LIF":
        held["tau_mem_inv"] = torch.tensor(1 / p["tau"])
        return norse.LIFBoxCell(p=norse.LIFBoxParameters(**held))
    held["tau_mem_inv"] = torch.tensor(1 / p["tau_mem"])
    held["tau_syn_inv"] = torch.tensor(1 / p["tau_syn"])
    return norse.LIFCell(p=norse.LIFParameters(**held))


def run_cells(torch: Any, layers: list[Any], cells: list[Any], x: Array) -> Array:
    """Return the spikes of the last cell [T, n]; Norse's spikes are float32 in between."""
    states: list[Any] = [None] * len(cells)
    sent = []
    with torch.no_grad():
        for arriving in torch.tensor(x):
            value = arriving
            for k, (layer, neuron) in enumerate(zip(layers, cells, strict=True)):
                value, states[k] = neuron(layer(value.double()), states[k])
            sent.append(value.double().numpy().copy())
    return np.array(sent)


def test_a_file_without_evidence_is_refused_with_the_profiles_it_may_mean(
    write: Write, node: Any
) -> None:
    odd = node.if_(WIDTH, r=np.linspace(1.5, 2.5, WIDTH))
    path = write(chain(node, draw(np.random.default_rng(0), 1.0), odd))
    with pytest.raises(
        InputError,
        match=r"or profile='norse'; norse needs reset='v_reset' or 'subtract' as well$",
    ):
        read_nir(path)
    assert read_nir(path, **said("norse")).populations  # the others write one gain for IF


@pytest.mark.parametrize("dt", [None, 1.0])
def test_integrators_that_add_up_their_input_may_be_of_norse_or_sinabs(
    write: Write, node: Any, dt: float | None
) -> None:
    path = write(chain(node, draw(np.random.default_rng(0), 1.0), node.if_(WIDTH)))
    assert [r.profile for r in readings(path)] == ["norse", "sinabs", "nir"]
    assert "every neuron is an IF with r == 1" in readings(path)[0].evidence
    with pytest.raises(InputError, match=r"profile='norse' or 'sinabs' or 'nir'"):
        read_nir(path, dt=dt)
    sent = [outputs(path, x_of_ones(), **said(p, dt=dt)) for p in ("norse", "sinabs")]
    assert (sent[0] != sent[1]).any(), "else there would be nothing to refuse"


def x_of_ones() -> Array:
    return np.ones((STEPS, 20))
