"""What from_torch refuses, in which words, and what it says about the network it makes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sinabs.activation as sa
import sinabs.layers as sl
import snntorch as snn
from spikingjelly.activation_based import functional, layer, neuron, surrogate

import snn_deploy
from snn_deploy.errors import InputError
from snn_deploy.frontends.torch import from_torch
from snn_deploy_simulators.reference import run
from support.frameworks import torch  # first, quietly

nn = torch.nn
Module: Any = torch.nn.Module

pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own


def seq(*modules: Any) -> Any:
    return nn.Sequential(nn.Linear(5, 4), *modules).eval()


def leaky(**options: Any) -> Any:
    return snn.Leaky(beta=0.5, init_hidden=True, **options)


class Forward(Module):  # type: ignore[misc, unused-ignore]
    """A module of the given parts whose forward is a function of them and the input."""

    def __init__(self, forward: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.function = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Any) -> Any:
        return self.function(self, x)


def twice(self: Any, x: Any) -> Any:
    return self.lif(self.fc(self.lif(x)))


def rewired(self: Any, x: Any) -> Any:
    for scale in (1.0, 2.0, 3.0):
        out = self.lif(scale * x)
    return out


def branching(self: Any, x: Any) -> Any:
    return self.lif(x) if x.sum() > 0 else x


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "unknown modules, all at once": (
        lambda: nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.LayerNorm(4), nn.Linear(4, 4), nn.GRU(4, 4)),
        r"no equivalent for '1' \(torch's ReLU\), '2' \(torch's LayerNorm\), '4' \(torch's GRU\); remove",
    ),
    "unknown functions": (
        lambda: Forward(lambda self, x: torch.relu(x) + torch.softmax(x, 1)),
        r"no equivalent for .*function relu",
    ),
    "product of values": (lambda: Forward(lambda self, x: x * x), r"no equivalent for function"),
    "modules and neurons": (
        lambda: seq(nn.Sigmoid(), leaky(reset_delay=False), leaky(inhibition=True)),
        r"'1' \(torch's Sigmoid\).*'2': with reset_delay=False and reset 'subtract'.*'3': inhibition has no",
    ),
    "batch statistics": (
        lambda: nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), leaky()).train(),
        r"'1' normalizes by the statistics of each batch.*call module\.eval\(\)",
    ),
    "maximum of no spikes": (
        lambda: nn.Sequential(nn.Unflatten(1, (1, 5)), nn.Conv1d(1, 2, 1), nn.MaxPool1d(2)),
        r"'2' takes the maximum of values that are no spikes.*behind a layer of neurons",
    ),
    "reflecting padding": (
        lambda: nn.Sequential(nn.Unflatten(1, (1, 5)), nn.Conv1d(1, 2, 3, padding=1, padding_mode="reflect")),
        r"'1' pads with 'reflect'; only zeros",
    ),
    "padding with ones": (lambda: nn.Sequential(nn.ConstantPad1d(1, 1.0)), r"'0' pads with 1; pad with zeros"),
    "stochastic spikes": (
        lambda: seq(leaky(spike_grad=torch.sigmoid)),
        r"'1': its surrogate function gives \[0\.26.* instead of spikes; use one that spikes",
    ),
    "quantized state": (
        lambda: seq(leaky(state_quant=lambda x: x)), r"'1': state_quant has no equivalent",
    ),
    "snnTorch's Alpha": (
        lambda: seq(snn.Alpha(alpha=0.9, beta=0.5, init_hidden=True)), r"'1' \(snntorch's Alpha\)",
    ),
    "RSynaptic that fails": (
        lambda: seq(snn.RSynaptic(alpha=0.5, beta=0.5, linear_features=4, init_hidden=True,
                                  reset_delay=False, reset_mechanism="zero")),
        r"RSynaptic\(reset_delay=False\) of snnTorch 1\.0\.0 fails",
    ),
    "membrane that resets as output": (
        lambda: Forward(lambda self, x: self.lif(x)[1], lif=snn.Leaky(beta=0.5)),
        r"returns membranes alone, and those of 'lif' are reset by spikes",
    ),
    "several spikes per step and a reset to 0": (
        lambda: seq(sl.IAFSqueeze(batch_size=2, reset_fn=sa.MembraneReset())),
        r"'1' fires several spikes per step \(MultiSpike\).*its reset is MembraneReset.*SingleSpike",
    ),
    "several spikes that take off too little": (
        lambda: seq(sl.IAFSqueeze(batch_size=2, spike_fn=sa.MaxSpike(2), reset_fn=sa.MembraneSubtract(0.5))),
        r"'1' fires several spikes per step \(MaxSpike\).*its reset is MembraneSubtract\(subtract_value=0\.5\)",
    ),
    "a spike function of one's own": (
        lambda: seq(sl.IAFSqueeze(batch_size=2, spike_fn=Exception)),
        r"'1': spike_fn \w+ is not known; use MultiSpike, MaxSpike\(n\) or SingleSpike",
    ),
    "maximum of several spikes": (
        lambda: nn.Sequential(nn.Unflatten(1, (1, 5)), sl.IAFSqueeze(batch_size=2), nn.MaxPool1d(2)),
        r"'2' takes the maximum of values that are no spikes",
    ),
    "lowest membrane": (
        lambda: seq(sl.IAFSqueeze(batch_size=2, spike_fn=sa.SingleSpike, min_v_mem=-1.0, reset_fn=sa.MembraneReset())),
        r"'1' keeps its membrane at or above min_v_mem -1, which only neurons that spike and subtract",
    ),
    "lowest membrane above 0": (
        lambda: seq(sl.IAFSqueeze(batch_size=2, min_v_mem=0.5)),
        r"'1' keeps its membrane at or above min_v_mem 0.5",
    ),
    "reset that always adds": (
        lambda: seq(sl.IAFSqueeze(batch_size=2, spike_fn=sa.SingleSpike, reset_fn=sa.MembraneReset(0.5))),
        r"MembraneReset adds its reset_value 0\.5 in every step",
    ),
    "mixed step modes": (
        lambda: functional.set_step_mode(seq(neuron.IFNode(), layer.Linear(4, 4))[2:], "m")
        or seq(neuron.IFNode(), neuron.IFNode(step_mode="m")),
        r"'1' has step_mode 's' among modules with 'm'.*set_step_mode",
    ),
    "surrogate that does not spike": (
        lambda: seq(neuron.IFNode(surrogate_function=surrogate.Sigmoid(spiking=False))),
        r"'1': its surrogate function gives .*SpikingJelly: spiking=True",
    ),
    "SpikingJelly's KLIF": (lambda: seq(neuron.KLIFNode()), r"'1' \(spikingjelly's KLIFNode\)"),
    "one layer, two places": (
        lambda: Forward(twice, lif=leaky(), fc=nn.Linear(5, 5)), r"'lif' is fed differently in calls 1 and 2",
    ),
    "another wiring in each step": (
        lambda: Forward(rewired, lif=leaky()), r"'lif' is fed differently in calls 1 and 2",
    ),
    "a state from outside": (
        lambda: Forward(lambda self, x: self.lif(x, torch.ones(2, 5))[0], lif=snn.Leaky(beta=0.5)),
        r"'lif' is handed a state that is neither None, nor zeros",
    ),
    "spikes of others as its own": (
        lambda: Forward(
            lambda self, x: self.b(self.a(x), self.a.lif(x)[0], None)[0],
            a=nn.Identity(), b=snn.RLeaky(beta=0.5, linear_features=5),
        ),
        r"fails on a traced tensor \[2, 5\] at line \d+ of .*\(AttributeError",
    ),
    "a forward that looks at values": (
        lambda: Forward(branching, lif=leaky()), r"no equivalent for .*a look at values \(__bool__\)",
    ),
    "nothing returned": (lambda: Forward(lambda self, x: None), r"returns no spikes and no readout"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_say_what_and_what_to_do(name: str) -> None:
    build, message = REFUSED[name]
    shape = (3, 2, 5) if name == "mixed step modes" else (2, 5)
    with pytest.raises(InputError, match=message) as caught:
        from_torch(build(), torch.rand(*shape))
    assert "\n" not in str(caught.value)


def test_norse_time_steps_have_to_agree() -> None:
    import norse.torch as nt

    net = nt.SequentialState(nt.IAFCell(dt=0.001), nt.IAFCell(dt=0.002))
    with pytest.raises(InputError, match=r"different time steps \(0\.001 s, 0\.002 s\)"):
        from_torch(net, torch.zeros(2, 5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sample_input": [1.0]}, r"takes a module and a tensor, not Sequential and list"),
        (
            {"sample_input": torch.zeros(5)},
            r"\[5\] has no dimensions behind its 1 of batch",
        ),
        (
            {"sample_input": torch.zeros(2, 7)},
            r"takes 5 values in the last dimension.*is the batch",
        ),
        (
            {"steps": 9},
            r"steps 9 was given, but the sample input \[2, 5\] has no time dimension",
        ),
        (
            {"profile": "norse"},
            r"profile 'norse' was given, but it has neurons of snntorch",
        ),
        ({"profile": "nir"}, r"unknown profile 'nir'; from_torch knows snntorch"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_torch(seq(leaky()), **{"sample_input": torch.zeros(2, 5), **arguments})


def test_assumptions_name_what_was_left_out() -> None:
    class Net(Module):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.drop = nn.Linear(5, 4), nn.Dropout()
            self.lif = neuron.LIFNode(step_mode="m")

        def forward(self, x: Any) -> Any:
            return self.lif(self.drop(self.fc(x))).mean(0)

    net = from_torch(Net(), torch.zeros(7, 2, 5), profile="spikingjelly")
    assert net.outputs == ("lif",)
    assert {a.name for a in net.assumptions} == {"dropout", "decoding", "profile"}


def test_states_beside_spikes_are_no_outputs() -> None:
    net = from_torch(
        Forward(lambda self, x: self.lif(x), lif=snn.Synaptic(0.5, 0.5)), torch.zeros(2, 5)
    )
    assert net.outputs == ("lif",)
    assert any("membranes" in a.evidence for a in net.assumptions)


def test_a_membrane_that_never_resets_can_be_the_output() -> None:
    lif = snn.Leaky(beta=0.5, reset_mechanism="none")
    module = Forward(lambda self, x: self.lif(self.fc(x))[1], lif=lif, fc=nn.Linear(5, 4))
    net = from_torch(module, torch.zeros(2, 5))
    x = torch.rand(3, 20, 5)
    ours = run(net, x.numpy()).outputs[net.outputs[0]]
    with torch.no_grad():
        theirs = np.stack([module(x[:, t]).numpy() for t in range(20)], axis=1)
    assert np.abs(theirs).max() > 0.3
    assert np.allclose(ours, theirs, rtol=0, atol=1e-6)


def test_layers_without_an_effect_on_the_output_are_left_out() -> None:
    def forward(self: Any, x: Any) -> Any:
        self.unused(x)
        return self.lif(x)

    net = from_torch(Forward(forward, lif=leaky(), unused=leaky()), torch.zeros(2, 5))
    assert [p.name for p in net.populations] == ["lif"]


def test_neurons_alone_are_a_network() -> None:
    net = from_torch(neuron.IFNode(v_threshold=2.0), torch.zeros(2, 5))
    assert net.outputs == ("ifnode",)
    assert run(net, np.ones((1, 6, 5))).outputs["ifnode"][0, :, 0].tolist() == [
        0,
        1,
        0,
        1,
        0,
        1,
    ]


def test_branches_of_two_shapes_are_not_merged() -> None:
    class Net(Module):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.merge = sl.Merge()

        def forward(self, x: Any) -> Any:
            return self.merge(x, x[:, :2])

    with pytest.raises(InputError, match=r"'merge' adds \[2\] to \[5\]; give both"):
        from_torch(Net(), torch.zeros(2, 5))


def test_the_state_a_module_is_in_changes_nothing() -> None:
    module = nn.Sequential(nn.Linear(5, 4, bias=False), leaky())
    nn.init.constant_(next(iter(module.parameters())), 0.25)
    before = from_torch(module, torch.zeros(2, 5))
    module(torch.ones(2, 5))
    after = from_torch(module, torch.zeros(2, 5))
    x = np.random.default_rng(0).random((2, 30, 5))
    assert (run(before, x).outputs["1"] == run(after, x).outputs["1"]).all()
    assert run(after, x).events["1"].sum() > 0


def test_a_loop_over_a_static_input_is_one_network() -> None:
    def forward(self: Any, x: Any) -> Any:
        mem, total = self.lif.reset_mem(), 0
        for _ in range(25):
            spk, mem = self.lif(self.fc(x), mem)
            total = total + spk
        return total / 25

    torch.manual_seed(0)
    module = Forward(forward, lif=snn.Leaky(beta=0.5), fc=nn.Linear(5, 64)).double()
    x = torch.rand(4, 5, dtype=torch.float64) * 4
    net = from_torch(module, x)
    assert net.outputs == ("lif",)
    fed = np.repeat(x.numpy()[:, None], 25, axis=1)
    with torch.no_grad():
        theirs = module(x).numpy()
    assert 0.05 < theirs.mean() < 0.9
    assert np.allclose(run(net, fed).outputs["lif"].mean(axis=1), theirs, atol=1e-6)


def test_a_readout_summed_over_a_loop_is_one_readout() -> None:
    def forward(self: Any, x: Any) -> Any:
        mem, total = self.lif.reset_mem(), 0
        for t in range(x.size(0)):
            spk, mem = self.lif(self.fc(x[t]), mem)
            total = total + self.out(spk)
        return total

    torch.manual_seed(0)
    lif = snn.Leaky(beta=0.5, spike_grad=lambda u: (u > 0).to(u.dtype))
    parts = {"fc": nn.Linear(5, 64), "lif": lif, "out": nn.Linear(64, 3)}
    module = Forward(forward, **parts).double()
    x = torch.rand(25, 4, 5, dtype=torch.float64) * 4
    net = from_torch(module, x, steps=25)
    ours = run(net, x.transpose(0, 1).numpy()).outputs[net.outputs[0]]
    with torch.no_grad():
        theirs = module(x).numpy()
    assert np.abs(theirs).max() > 1
    assert np.allclose(ours.sum(axis=1), theirs, atol=1e-9)


# --- float32, decays and weights as training leaves them ---------------------------------


def plain_snntorch() -> Any:
    return nn.Sequential(
        nn.Linear(40, 100), snn.Leaky(beta=0.9, init_hidden=True),
        nn.Linear(100, 64), snn.Synaptic(alpha=0.8, beta=0.7, init_hidden=True),
    )  # fmt: skip


def plain_spikingjelly() -> Any:
    return nn.Sequential(
        nn.Linear(40, 100),
        neuron.LIFNode(tau=3.0),
        nn.Linear(100, 64),
        neuron.LIFNode(tau=2.2, v_reset=None),
    )


def plain_sinabs() -> Any:
    single = sa.SingleSpike
    return nn.Sequential(
        nn.Linear(40, 100), sl.LIFSqueeze(batch_size=4, tau_mem=9.0, spike_fn=single),
        nn.Linear(100, 64), sl.LIFSqueeze(batch_size=4, tau_mem=5.0, tau_syn=3.0, spike_fn=single),
    )  # fmt: skip


def plain_sinabs_many() -> Any:
    return nn.Sequential(
        nn.Linear(40, 100), sl.IAFSqueeze(batch_size=4),
        nn.Linear(100, 64), sl.LIFSqueeze(batch_size=4, tau_mem=2.0, spike_threshold=torch.tensor(0.3)),
    )  # fmt: skip


def plain_norse() -> Any:
    import norse.torch as nt

    return nt.SequentialState(
        nn.Linear(40, 100), nt.LIFBoxCell(), nn.Linear(100, 64), nt.LIFCell()
    )


PLAIN = {
    "snntorch": plain_snntorch,
    "spikingjelly": plain_spikingjelly,
    "sinabs": plain_sinabs,
    "sinabs, several spikes per step": plain_sinabs_many,
    "norse": plain_norse,
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", PLAIN)
def test_float32_modules_differ_by_rounding_alone(name: str, seed: int) -> None:
    """Each layer is fed the framework's own spikes; first differences only, at most 1 in 100,000."""
    torch.manual_seed(seed)
    module, x = PLAIN[name](), (torch.rand(4, 200, 40) < 0.3).float()
    with torch.no_grad():
        for k, gain in ((0, 3.0), (2, 6.0)):
            module[k].weight *= gain * (1.0 if name == "snntorch" else 2.0)
    layers = framework_layers(name, module, x)
    bins = wrong = 0
    for k, (fed, fired) in enumerate(layers):
        pair = (
            module[2 * k : 2 * k + 2]
            if name != "norse"
            else type(module)(*list(module)[2 * k : 2 * k + 2])
        )
        squeezed = name.startswith("sinabs")
        net = from_torch(pair, fed.flatten(0, 1) if squeezed else fed[:, 0])
        ours = run(net, fed.numpy()).outputs[net.outputs[0]]
        assert 0.01 < float((fired != 0).float().mean()) < 0.8
        assert (fired.max() > 2) == ("several" in name)
        differs = ours != fired.numpy()
        bins += ours.size
        wrong += int((differs & (np.cumsum(differs, axis=1) == 1)).sum())
    assert bins >= 2 * 64 * 200
    assert wrong <= max(1, bins // 100_000)


def framework_layers(name: str, module: Any, x: Any) -> list[tuple[Any, Any]]:
    """Return what each pair of layers was fed and sent, [N, T, n]."""
    if name == "spikingjelly":
        functional.reset_net(module)
    found = []
    with torch.no_grad():
        for k in (0, 2):
            fc, cell = module[k], module[k + 1]
            if name.startswith("sinabs"):
                out = cell(fc(x).flatten(0, 1)).unflatten(0, x.shape[:2])
            else:
                steps, state = [], None
                for t in range(x.shape[1]):
                    made = (
                        cell(fc(x[:, t]), state) if name == "norse" else cell(fc(x[:, t]))
                    )
                    spikes, state = made if name == "norse" else (made, None)
                    steps.append(spikes)
                out = torch.stack(steps, dim=1)
            found.append((x, out))
            x = out
    return found


@pytest.mark.parametrize("name", ["from_torch", "record"])
def test_a_missing_torch_is_said_in_a_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("snn_deploy.find_spec", lambda name: None)
    with pytest.raises(InputError, match=f"^{name} reads .* pip install torch$"):
        getattr(snn_deploy, name)
