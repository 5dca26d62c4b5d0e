"""A live module or a Network is deployed without a file, also where NIR cannot say it."""

from typing import Any

import networkx as nx
import numpy as np
import pytest

from snn_deploy import InputError, deploy
from snn_deploy.frontends.nir_writer.write_nir import write_nir
from snn_deploy.frontends.torch import from_torch
from snn_deploy.ir.network import Network
from support import live_sinabs, live_snntorch
from support.live_modules import Case, run_framework, sample_of, spikes_for

pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own

BY_NAME = {c.name: c for m in (live_snntorch, live_sinabs) for c in m.CASES}
STEPS = 12
UNSAYABLE = ["sinabs-FC_LIF-IAF_MultiSpike"]
SAYABLE = [
    "snnTorch-FC_CUBA-Synaptic_zero",
    "snnTorch-FC_LIF-Leaky_subtract",
    "sinabs-recurrent-LIFRecurrent",
]


def made(name: str) -> tuple[Case, Any, Any]:
    """Return a case, its module and spikes [N, T, *shape]."""
    case, rng = BY_NAME[name], np.random.default_rng(3)
    module = case.build(rng).eval()
    return case, module, spikes_for(case, rng, STEPS, samples=3)


@pytest.mark.parametrize("name", UNSAYABLE + SAYABLE)
def test_a_module_deploys_as_its_network_does(name: str, tmp_path: Any) -> None:
    case, module, x = made(name)
    sample = sample_of(case, x)
    trace = tmp_path / "trace.npz"
    report = deploy(module, "loihi2", sample=sample, input=x, trace=trace)
    net = from_torch(module, sample)
    assert deploy(net, "loihi2", input=x) == report
    assert (report.model.file, report.model.sha256) == ("(in memory)", None)
    assert sum(layer.spikes.mean or 0 for layer in report.layers if layer.spikes) > 0
    with np.load(trace) as saved:
        found = saved[f"reference/{net.outputs[0]}"]
        np.testing.assert_array_equal(saved[f"chip/{net.outputs[0]}"].shape, found.shape)
    wanted = run_framework(case, module, x)
    np.testing.assert_array_equal(found.reshape(wanted.shape), wanted)
    assert np.count_nonzero(wanted) > 0


@pytest.mark.parametrize("name", UNSAYABLE)
def test_nir_cannot_say_these(name: str, tmp_path: Any) -> None:
    case, module, x = made(name)
    with pytest.raises(InputError):
        write_nir(from_torch(module, sample_of(case, x)), tmp_path / "m.nir")


def test_a_module_needs_a_sample_and_nothing_else_takes_one(two_layer: Network) -> None:
    _, module, x = made(SAYABLE[0])
    with pytest.raises(
        InputError, match=r"a live module is read by running.*give sample, a"
    ):
        deploy(module, "loihi2", input=x)
    with pytest.raises(InputError, match=r"^sample: is for a live torch module"):
        deploy(two_layer, "loihi2", sample=x)


def test_a_network_cannot_be_read_in_another_way(two_layer: Network) -> None:
    with pytest.raises(InputError, match=r"^dt: has no meaning for a Network"):
        deploy(two_layer, "loihi2", dt=1e-3)
    case, module, x = made(SAYABLE[0])
    with pytest.raises(InputError, match=r"^reset: has no meaning for a live module"):
        deploy(module, "loihi2", sample=sample_of(case, x), reset="zero")


def leaky() -> Any:
    """Return a module of 4 inputs, a layer of 3 neurons, and a sample of it."""
    torch = pytest.importorskip("torch")
    neurons = pytest.importorskip("snntorch").Leaky(beta=0.5, init_hidden=True, output=True)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), neurons), torch.zeros(2, 4)


@pytest.mark.parametrize("wrapper", ["TorchModel", "SNNTorchModel"])
def test_a_model_of_neurobench_is_the_module_that_it_holds(wrapper: str) -> None:
    models = pytest.importorskip("neurobench.models")
    module, sample = leaky()
    x = np.ones((2, 6, 4), np.uint8)
    wrapped = getattr(models, wrapper)(module)
    report = deploy(wrapped, "loihi2", sample=sample, input=x)
    assert report == deploy(module, "loihi2", sample=sample, input=x)
    with pytest.raises(InputError, match=r"^Sequential: a live module .* give sample, a"):
        deploy(wrapped, "loihi2")


def test_modules_that_others_made_of_modules_are_read() -> None:
    torch = pytest.importorskip("torch")
    norse = pytest.importorskip("norse.torch")
    module, sample = leaky()

    class Tracer(torch.fx.Tracer):  # type: ignore[name-defined,misc]
        def is_leaf_module(self, part: Any, name: str) -> bool:
            return part is not module

    made = torch.fx.GraphModule(module, Tracer().trace(module))
    found = deploy(made, "loihi2", sample=sample)
    assert found.layers[0].neurons == 3
    sequence = norse.SequentialState(torch.nn.Linear(4, 3), norse.LIFBoxCell())
    assert deploy(sequence, "loihi2", sample=sample).layers[0].neurons == 3


def of_package(module: str, *bases: type) -> Any:
    """Return an object of a class of a package that need not be here."""
    kind = type("Made", (*bases, object), {"__module__": module, "nodes": {}, "edges": []})
    return kind()


LIVE = r"deploy\(module, board, sample=x\)"
OBJECTS: list[tuple[Any, str]] = [
    (lambda: leaky()[0].state_dict(), rf"^OrderedDict: 6 tensors by name .*a state_dict.*load_state_dict.*{LIVE}"),
    (lambda: {"epoch": 3, "state_dict": leaky()[0].state_dict()}, "^dict: 6 tensors by name"),
    (lambda: {"epoch": 3}, "^dict: an object, in which no network is found; give the path"),
    (lambda: type(leaky()[0]), "^Sequential: a class, of which there is no object yet"),
    (lambda: leaky, "^leaky: a function, which is not called here; give what it returns"),
    (lambda: 3, rf"^int: an object, in which .* torch module: {LIVE}"),
    (lambda: None, "^NoneType: an object, in which no network is found"),
    (lambda: leaky()[1], "^Tensor: an object, in which no network is found"),
    (lambda: nx.DiGraph([(1, 2)]), r"^DiGraph: a graph of networkx, .*nir\.NIRGraph"),
    (lambda: of_package("lava.proc.lif.process"), r"^Made: a process of Lava, .* lava-dl \.net"),
    (lambda: of_package("brian2.core.network"), r"^Made: an object of Brian 2, .*nir\.NIRGraph"),
    (lambda: of_package("nengo.network"), r"^Made: an object of Nengo, .*nir\.NIRGraph"),
    (lambda: of_package("onnx.onnx_ml_pb2"), "^Made: an ONNX graph, .*snn-deploy convert"),
    (lambda: of_package("keras.src.models"), "^Made: a Keras model, .*snn-deploy convert"),
    (lambda: of_package("rockpool.nn.modules", type(leaky()[0])), r"^Made: a module of Rockpool, .*to_nir\(module\)\), .*profile="),
]  # fmt: skip


@pytest.mark.parametrize(("made", "message"), OBJECTS)
def test_what_is_no_network_is_told_the_way_in(made: Any, message: str) -> None:
    model = made()
    for sample in (None, np.ones(3)):
        with pytest.raises(InputError, match=message) as caught:
            deploy(model, "loihi2", sample=sample)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("how", ["script", "trace"])
def test_compiled_modules_are_told_the_way_in(how: str) -> None:
    torch = pytest.importorskip("torch")
    plain, sample = torch.nn.Sequential(torch.nn.Linear(4, 3)), torch.zeros(2, 4)
    arguments = (plain,) if how == "script" else (plain, sample)
    compiled = getattr(torch.jit, how)(*arguments)
    with pytest.raises(InputError, match=rf"a TorchScript program, .*state_dict.*{LIVE}"):
        deploy(compiled, "loihi2", sample=sample)
    program = torch.export.export(plain, (sample,))
    with pytest.raises(InputError, match=rf"^ExportedProgram: .*single operations.*{LIVE}"):
        deploy(program, "loihi2", sample=sample)


def test_a_file_of_weights_says_so_before_the_sample_is_refused(tmp_path: Any) -> None:
    torch = pytest.importorskip("torch")
    module, sample = leaky()
    torch.save(module.state_dict(), tmp_path / "m.pt")
    with pytest.raises(
        InputError, match=r"m\.pt: a state_dict of \d tensors, weights with"
    ):
        deploy(tmp_path / "m.pt", "loihi2", sample=sample)
