"""Live modules of every framework, and the frameworks' own answer: what from_torch is held against.

Parameters are dyadic and modules run in float64, so that neither side rounds where it could
matter: no bin may differ. `Cast` puts back to float64 what a framework turned into float32.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

WIDTH = 64
IMAGE = (2, 8, 8)

Array: TypeAlias = NDArray[np.float64]
Build: TypeAlias = Callable[[np.random.Generator], Any]


@dataclass(frozen=True)
class Case:
    """One architecture of one framework.

    layout: what forward takes: "step" [B, *], "TB" [T, B, *], "BT" [B, T, *], "flat" [B * T, *],
    "state" one step and a state. rate: of the input spikes. looped: forward loops over time itself.
    refusal: why write_nir refuses the network, if it does.
    """

    framework: str
    architecture: str
    detail: str
    build: Build
    shape: tuple[int, ...] = (20,)
    layout: str = "step"
    rate: float = 0.3
    looped: bool = False
    refusal: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.framework}-{self.architecture}-{self.detail}".replace(" ", "_")


# --- layers ---------------------------------------------------------------------------


class Cast(torch.nn.Module):
    def forward(self, x: Any) -> Any:
        return x.double()


def dyadic(module: Any, rng: np.random.Generator, scale: float, low: int = -12) -> Any:
    """Return the layer in float64, weights in `scale` / 16 steps, biases in 1/16."""
    module = module.double()
    with torch.no_grad():
        shape = tuple(module.weight.shape)
        module.weight.copy_(torch.tensor(rng.integers(low, 16, shape) * scale / 16))
        if module.bias is not None:
            module.bias.copy_(torch.tensor(rng.integers(-2, 4, shape[0]) / 16))
    return module


def linear(
    rng: np.random.Generator, n_in: int, n_out: int, scale: float, **more: Any
) -> Any:
    return dyadic(torch.nn.Linear(n_in, n_out, **more), rng, scale)


def conv2d(
    rng: np.random.Generator,
    n_in: int,
    n_out: int,
    size: int,
    scale: float = 0.5,
    **more: Any,
) -> Any:
    return dyadic(torch.nn.Conv2d(n_in, n_out, size, **more), rng, scale)


def batch_norm(module: Any, rng: np.random.Generator) -> Any:
    """Return BatchNorm with statistics whose roots are powers of two."""
    n = module.num_features
    module = module.double().eval()
    with torch.no_grad():
        module.running_mean.copy_(torch.tensor(rng.integers(-2, 3, n) / 16))
        module.running_var.copy_(torch.tensor(4.0 ** rng.integers(-1, 2, n)))
        module.weight.copy_(torch.tensor(2.0 ** rng.integers(-1, 1, n)))
        module.bias.copy_(torch.tensor(rng.integers(-1, 3, n) / 16))
    module.eps = 0.0
    return module


class Skip(torch.nn.Module):
    """fc1 -> first -> fc2 -> second, and first straight into second."""

    def __init__(self, fc1: Any, first: Any, fc2: Any, second: Any) -> None:
        super().__init__()
        self.fc1, self.first, self.fc2, self.second = fc1, first, fc2, second

    def forward(self, x: Any) -> Any:
        hidden = self.first(self.fc1(x)).double()
        return self.second(self.fc2(hidden) + hidden)


# --- snnTorch -------------------------------------------------------------------------


def fires(u: Any) -> Any:
    """snnTorch's own spike function, which would always return float32."""
    return (u > 0).to(u.dtype)


def snn(kind: str, reset: str = "subtract", **more: Any) -> Any:
    import snntorch

    values = {"beta": 0.5, "threshold": 1.0, **more}
    if kind in ("Synaptic", "RSynaptic"):
        values.setdefault("alpha", 0.5)
    tensors = {
        k: torch.tensor(v, dtype=torch.float64) if isinstance(v, float) else v
        for k, v in values.items()
    }
    hidden = {"init_hidden": True} | tensors
    return getattr(snntorch, kind)(
        reset_mechanism=reset, spike_grad=fires, **hidden
    ).double()


def with_recurrent(module: Any, rng: np.random.Generator) -> Any:
    layer = module.recurrent
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(rng.integers(-4, 4, layer.weight.shape) / 32))
        layer.bias.copy_(torch.tensor(rng.integers(-2, 3, layer.bias.shape) / 16))
    return module


def snn_fc(kind: str, reset: str, scale: float, last: Any = None, **more: Any) -> Build:
    def build(rng: np.random.Generator) -> Any:
        return torch.nn.Sequential(
            linear(rng, 20, WIDTH, scale), snn(kind, reset, **more), torch.nn.Dropout(0.0),
            linear(rng, WIDTH, WIDTH, 2 * scale), snn(kind, reset, **(more if last is None else last)),
        )  # fmt: skip

    return build


def snn_conv(rng: np.random.Generator) -> Any:
    return torch.nn.Sequential(
        conv2d(rng, 2, 6, 3, padding=1, stride=2), snn("Leaky"), torch.nn.AvgPool2d(2),
        torch.nn.Flatten(), linear(rng, 24, WIDTH, 1 / 2), snn("Leaky", "zero"),
    )  # fmt: skip


def snn_conv_more(rng: np.random.Generator) -> Any:
    """BatchNorm, maximum pooling of spikes, grouped convolution, padded average pooling."""
    return torch.nn.Sequential(
        conv2d(rng, 2, 4, 3, padding=1, bias=False), batch_norm(torch.nn.BatchNorm2d(4), rng),
        snn("Leaky"), torch.nn.MaxPool2d(2), conv2d(rng, 4, 8, 3, padding=1, groups=2),
        snn("Leaky"), torch.nn.AvgPool2d(2, padding=1), torch.nn.Dropout2d(0.0),
        torch.nn.Flatten(), linear(rng, 72, WIDTH, 1 / 2), snn("Leaky"),
    )  # fmt: skip


def snn_line(rng: np.random.Generator) -> Any:
    return torch.nn.Sequential(
        dyadic(torch.nn.Conv1d(3, 8, 5, padding=2, stride=2), rng, 1 / 4), snn("Leaky"),
        torch.nn.MaxPool1d(2), torch.nn.Flatten(), linear(rng, 80, WIDTH, 1.0), snn("Leaky"),
    )  # fmt: skip


def snn_recurrent(kind: str, reset: str, scale: float) -> Build:
    def build(rng: np.random.Generator) -> Any:
        layer = snn(kind, reset, linear_features=WIDTH)
        return torch.nn.Sequential(
            linear(rng, 20, WIDTH, scale), with_recurrent(layer, rng),
            linear(rng, WIDTH, WIDTH, scale), snn("Leaky", reset),
        )  # fmt: skip

    return build


def snn_recurrent_conv(rng: np.random.Generator) -> Any:
    layer = snn("RLeaky", conv2d_channels=2, kernel_size=3)
    return torch.nn.Sequential(conv2d(rng, 2, 2, 3, padding=1), with_recurrent(layer, rng))


def snn_one_to_one(rng: np.random.Generator) -> Any:
    gains = torch.tensor(rng.integers(-8, 4, WIDTH) / 16)
    return torch.nn.Sequential(
        linear(rng, 20, WIDTH, 1 / 2), snn("RLeaky", all_to_all=False, V=gains)
    )


def snn_skip(rng: np.random.Generator) -> Any:
    return Skip(
        linear(rng, 20, WIDTH, 1 / 4),
        snn("Leaky"),
        linear(rng, WIDTH, WIDTH, 1 / 8),
        snn("Leaky"),
    )


class Loop(torch.nn.Module):
    """A forward with its own loop over time and its own recurrence, as tutorials write it."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self.fc1, self.lif1 = linear(rng, 20, WIDTH, 1 / 2), snn("Leaky", init_hidden=False)
        self.back = linear(rng, WIDTH, WIDTH, 1 / 8, bias=False)
        self.fc2, self.lif2 = (
            linear(rng, WIDTH, WIDTH, 1 / 4),
            snn("Synaptic", init_hidden=False),
        )

    def forward(self, x: Any) -> Any:
        mem1 = self.lif1.reset_mem()
        syn2, mem2 = self.lif2.reset_mem()
        spk1 = torch.zeros(x.size(1), WIDTH, dtype=x.dtype)
        spikes, membranes = [], []
        for t in range(x.size(0)):
            spk1, mem1 = self.lif1(self.fc1(x[t]) + self.back(spk1), mem1)
            spk2, syn2, mem2 = self.lif2(self.fc2(spk1), syn2, mem2)
            spikes.append(spk2)
            membranes.append(mem2)
        return torch.stack(spikes), torch.stack(membranes)


# --- SpikingJelly ---------------------------------------------------------------------


def jelly(kind: str, **more: Any) -> Any:
    from spikingjelly.activation_based import neuron

    return getattr(neuron, kind)(**more).double()


def jelly_fc(kind: str, scale: float, **more: Any) -> Build:
    def build(rng: np.random.Generator) -> Any:
        from spikingjelly.activation_based import layer

        return torch.nn.Sequential(
            dyadic(layer.Linear(20, WIDTH), rng, scale), jelly(kind, **more), layer.Dropout(0.0),
            dyadic(layer.Linear(WIDTH, WIDTH), rng, 2 * scale), jelly(kind, **more),
        ).eval()  # fmt: skip

    return build


def jelly_conv(soft: bool) -> Build:
    reset = {"v_reset": None} if soft else {}

    def build(rng: np.random.Generator) -> Any:
        from spikingjelly.activation_based import layer

        return torch.nn.Sequential(
            dyadic(layer.Conv2d(2, 4, 3, padding=1, bias=False), rng, 1 / 2),
            batch_norm(layer.BatchNorm2d(4), rng), jelly("LIFNode", tau=2.0, **reset),
            layer.MaxPool2d(2), dyadic(layer.Conv2d(4, 8, 3, padding=1, groups=2), rng, 1 / 2),
            jelly("IFNode", **reset), layer.AvgPool2d(2, padding=1, count_include_pad=False),
            layer.Flatten(), dyadic(layer.Linear(72, WIDTH), rng, 1 / 4), jelly("IFNode", **reset),
        ).eval()  # fmt: skip

    return build


def jelly_sequence(rng: np.random.Generator) -> Any:
    from spikingjelly.activation_based import functional, layer

    net = torch.nn.Sequential(
        layer.SeqToANNContainer(conv2d(rng, 2, 6, 3, padding=1, stride=2, scale=2.0), torch.nn.AvgPool2d(2)),
        jelly("LIFNode", tau=2.0), layer.Flatten(), layer.Delay(2),
        dyadic(layer.Linear(24, WIDTH), rng, 1 / 2), jelly("IFNode", v_reset=None),
    ).eval()  # fmt: skip
    functional.set_step_mode(net[1:], "m")
    return net


def jelly_recurrent(rng: np.random.Generator) -> Any:
    from spikingjelly.activation_based import layer

    box = layer.LinearRecurrentContainer(jelly("LIFNode", tau=2.0), WIDTH, WIDTH)
    box.rc = linear(rng, 2 * WIDTH, WIDTH, 1 / 2)
    return torch.nn.Sequential(
        dyadic(layer.Linear(20, WIDTH), rng, 1 / 2), jelly("IFNode"), box,
        dyadic(layer.Linear(WIDTH, WIDTH), rng, 1.0), jelly("LIFNode", tau=2.0),
    )  # fmt: skip


def jelly_elementwise(rng: np.random.Generator) -> Any:
    from spikingjelly.activation_based import layer

    box = layer.ElementWiseRecurrentContainer(
        jelly("IFNode", v_reset=None), element_wise_function=lambda y, x: x - 0.5 * y
    )
    return torch.nn.Sequential(dyadic(layer.Linear(20, WIDTH), rng, 1 / 4), box)


def jelly_skip(rng: np.random.Generator) -> Any:
    return Skip(
        linear(rng, 20, WIDTH, 1.0), jelly("LIFNode", tau=2.0),
        linear(rng, WIDTH, WIDTH, 1 / 2), jelly("LIFNode", tau=4.0),
    )  # fmt: skip


class Sew(torch.nn.Module):
    """Two convolutions with a shortcut that joins spikes by a function, then by addition."""

    def __init__(self, rng: np.random.Generator, join: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.join = join
        self.conv1, self.lif1 = conv2d(rng, 2, 4, 3, padding=1), jelly("IFNode")
        self.conv2, self.lif2 = conv2d(rng, 4, 4, 3, padding=1), jelly("IFNode")
        self.fc, self.out = linear(rng, 256, WIDTH, 1 / 32), jelly("IFNode", v_reset=None)

    def forward(self, x: Any) -> Any:
        first = self.lif1(self.conv1(x))
        second = self.join(self.lif2(self.conv2(first)), first)
        return self.out(self.fc((second + first).flatten(1)))


# --- sinabs ---------------------------------------------------------------------------


def sinabs_layer(kind: str, mem: float = 0.5, syn: float | None = None, **more: Any) -> Any:
    """Return a layer of single spikes; its decays set exactly."""
    import sinabs.activation
    import sinabs.layers

    spiking = (
        {} if kind.startswith("ExpLeak") else {"spike_fn": sinabs.activation.SingleSpike}
    )
    options = {"train_alphas": True, "tau_mem": 1.0} if "IAF" not in kind else {}
    if syn is not None:
        options["tau_syn"] = 1.0
    made = getattr(sinabs.layers, kind)(**spiking, **options, **more).double()
    with torch.no_grad():
        if "IAF" not in kind:
            made.alpha_mem.fill_(mem)
        if syn is not None:
            made.alpha_syn.fill_(syn)
    return made


def sinabs_fc(kind: str, scale: float, **more: Any) -> Build:
    def build(rng: np.random.Generator) -> Any:
        return torch.nn.Sequential(
            linear(rng, 20, WIDTH, scale), sinabs_layer(kind, **more), Cast(),
            linear(rng, WIDTH, WIDTH, 2 * scale), sinabs_layer(kind, **more),
        )  # fmt: skip

    return build


def sinabs_exponential(rng: np.random.Generator) -> Any:
    """Time constants as people give them: exp(-1 / tau) is not dyadic."""
    import sinabs.activation
    import sinabs.layers

    single = sinabs.activation.SingleSpike
    return torch.nn.Sequential(
        linear(rng, 20, WIDTH, 2.0), sinabs.layers.LIF(tau_mem=20.0, spike_fn=single).double(), Cast(),
        linear(rng, WIDTH, WIDTH, 2.0), sinabs.layers.LIF(tau_mem=7.0, spike_fn=single).double(),
    )  # fmt: skip


def sinabs_conv(rng: np.random.Generator) -> Any:
    import sinabs.layers

    return torch.nn.Sequential(
        conv2d(rng, 2, 4, 3, padding=1, bias=False), batch_norm(torch.nn.BatchNorm2d(4), rng),
        sinabs_layer("IAFSqueeze", batch_size=1), Cast(), torch.nn.MaxPool2d(2),
        conv2d(rng, 4, 8, 3, padding=1), sinabs_layer("IAFSqueeze", batch_size=1), Cast(),
        sinabs.layers.SumPool2d(2), torch.nn.Flatten(), linear(rng, 32, WIDTH, 1 / 16),
        sinabs_layer("LIFSqueeze", batch_size=1),
    )  # fmt: skip


def sinabs_recurrent(kind: str) -> Build:
    def build(rng: np.random.Generator) -> Any:
        back = torch.nn.Sequential(
            Cast(), torch.nn.Flatten(), linear(rng, WIDTH, WIDTH, 1 / 16)
        )
        more = {} if "IAF" in kind else {"norm_input": False}
        return torch.nn.Sequential(
            linear(rng, 20, WIDTH, 1 / 4), sinabs_layer(kind, rec_connect=back, **more)
        )

    return build


class Merged(torch.nn.Module):
    """A skip edge through sinabs' Merge."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        import sinabs.layers

        self.fc1, self.first = linear(rng, 20, WIDTH, 1 / 8), sinabs_layer("IAF")
        self.fc2, self.second = linear(rng, WIDTH, WIDTH, 1 / 8), sinabs_layer("IAF")
        self.merge = sinabs.layers.Merge()

    def forward(self, x: Any) -> Any:
        hidden = self.first(self.fc1(x)).double()
        return self.second(self.merge(self.fc2(hidden), hidden))


# --- Norse ----------------------------------------------------------------------------

NORSE_DT = 1 / 1024


def tensor(value: float) -> Any:
    return torch.tensor(value, dtype=torch.float64)


def norse_cell(kind: str, *sizes: int, **more: float) -> Any:
    """Return a cell whose shares of a step are powers of two."""
    import norse.torch as nt

    own: dict[str, Any] = {"tau_mem_inv": 512.0, "v_th": 1.0, "v_reset": 0.0, "v_leak": 0.0}
    cuba = kind.startswith(("LIFCell", "LIFRecurrent")) or kind in ("LIF", "LI", "LICell")
    if cuba:
        own["tau_syn_inv"] = 256.0
    family = {"LIFBoxCell": nt.LIFBoxParameters, "LIBoxCell": nt.LIBoxParameters}
    family |= {"IAFCell": nt.IAFParameters, "IAF": nt.IAFParameters}
    family |= {"LI": nt.LIParameters, "LICell": nt.LIParameters}
    made = family.get(kind, nt.LIFParameters)
    reset = more.pop("reset_method", None)
    values = {k: tensor(v) for k, v in (own | more).items() if k in made._fields}
    if reset is not None:
        values["reset_method"] = reset
    return getattr(nt, kind)(*sizes, p=made(**values), dt=NORSE_DT)


def norse_fc(kind: str, scale: float, **more: Any) -> Build:
    def build(rng: np.random.Generator) -> Any:
        import norse.torch as nt

        return nt.SequentialState(
            linear(rng, 20, WIDTH, scale), norse_cell(kind, **more), Cast(),
            linear(rng, WIDTH, WIDTH, 2 * scale), norse_cell(kind, **more),
        )  # fmt: skip

    return build


def norse_soft(rng: np.random.Generator) -> Any:
    import norse.torch.functional.reset as reset

    return norse_fc("LIFBoxCell", 1.0, reset_method=reset.reset_subtract)(rng)


def norse_conv(rng: np.random.Generator) -> Any:
    import norse.torch as nt

    return nt.SequentialState(
        conv2d(rng, 2, 4, 3, padding=1, bias=False), batch_norm(torch.nn.BatchNorm2d(4), rng),
        norse_cell("LIFBoxCell"), Cast(), torch.nn.MaxPool2d(2), conv2d(rng, 4, 8, 3, padding=1),
        norse_cell("IAFCell"), Cast(), torch.nn.AvgPool2d(2), torch.nn.Flatten(),
        linear(rng, 32, WIDTH, 1 / 4), norse_cell("IAFCell"),
    )  # fmt: skip


def norse_recurrent(kind: str) -> Build:
    def build(rng: np.random.Generator) -> Any:
        import norse.torch as nt

        layer = norse_cell(kind, 20, WIDTH)
        with torch.no_grad():
            layer.input_weights.data = torch.tensor(rng.integers(-4, 8, (WIDTH, 20)) / 16)
            back = torch.tensor(rng.integers(-4, 4, (WIDTH, WIDTH)) / 32)
            layer.recurrent_weights.data = back
        return nt.SequentialState(layer)

    return build


def norse_loop(rng: np.random.Generator) -> Any:
    """RecurrentSequential: the output of the last layer back into the first."""
    import norse.torch as nt

    return nt.RecurrentSequential(
        linear(rng, WIDTH, WIDTH, 1 / 4), norse_cell("IAFCell"), Cast(),
        linear(rng, WIDTH, WIDTH, 1 / 8), norse_cell("IAFCell"), Cast(),
    )  # fmt: skip


class NorseSkip(torch.nn.Module):
    """A skip edge in a module that passes its states on."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self.fc1, self.first = linear(rng, 20, WIDTH, 1.0), norse_cell("LIFBoxCell")
        self.fc2, self.second = linear(rng, WIDTH, WIDTH, 1 / 2), norse_cell("LIFBoxCell")

    def forward(self, x: Any, state: Any = None) -> Any:
        one, two = (None, None) if state is None else state
        hidden, one = self.first(self.fc1(x), one)
        out, two = self.second(self.fc2(hidden.double()) + hidden.double(), two)
        return out, (one, two)


def norse_sequence(rng: np.random.Generator) -> Any:
    import norse.torch as nt

    return nt.SequentialState(
        nt.Lift(conv2d(rng, 2, 4, 3, padding=1, stride=2, scale=0.5)), norse_cell("LIF"), Cast(),
        torch.nn.Flatten(2), linear(rng, 64, WIDTH, 1 / 8), norse_cell("LIF"),
    )  # fmt: skip


# --- the matrix -----------------------------------------------------------------------

LIF, CUBA, CONV, LOOP, SKIP = (
    "FC LIF",
    "FC CUBA",
    "conv + pool",
    "recurrent",
    "skip / residual",
)
HELD = "held for 1 steps after a spike"

CASES = (
    Case("snnTorch", LIF, "Leaky subtract", snn_fc("Leaky", "subtract", 1 / 4)),
    Case("snnTorch", LIF, "Leaky zero", snn_fc("Leaky", "zero", 1 / 4)),
    Case("snnTorch", LIF, "Leaky none", snn_fc("Leaky", "none", 1 / 4)),
    Case("snnTorch", LIF, "Leaky zero at once", snn_fc("Leaky", "zero", 1 / 4, reset_delay=False)),
    Case("snnTorch", LIF, "graded factor 2", snn_fc("Leaky", "subtract", 1 / 4, {}, graded_spikes_factor=2.0)),
    Case("snnTorch", CUBA, "Synaptic subtract", snn_fc("Synaptic", "subtract", 1 / 4)),
    Case("snnTorch", CUBA, "Synaptic zero", snn_fc("Synaptic", "zero", 1 / 4), refusal=HELD),
    Case("snnTorch", CONV, "AvgPool", snn_conv, IMAGE),
    Case("snnTorch", CONV, "BatchNorm MaxPool groups", snn_conv_more, IMAGE),
    Case("snnTorch", CONV, "Conv1d MaxPool1d", snn_line, (3, 40)),
    Case("snnTorch", LOOP, "RLeaky subtract", snn_recurrent("RLeaky", "subtract", 1 / 2)),
    Case("snnTorch", LOOP, "RLeaky zero", snn_recurrent("RLeaky", "zero", 1 / 2), refusal=HELD),
    Case("snnTorch", LOOP, "RSynaptic subtract", snn_recurrent("RSynaptic", "subtract", 1 / 4)),
    Case("snnTorch", LOOP, "RLeaky Conv2d", snn_recurrent_conv, (2, 8, 8)),
    Case("snnTorch", LOOP, "RLeaky one to one", snn_one_to_one),
    Case("snnTorch", LOOP, "own loop over time", Loop, layout="TB", looped=True),
    Case("snnTorch", SKIP, "Leaky", snn_skip),
    Case("SpikingJelly", LIF, "LIF hard", jelly_fc("LIFNode", 1 / 2, tau=2.0)),
    Case("SpikingJelly", LIF, "LIF soft", jelly_fc("LIFNode", 1 / 2, tau=2.0, v_reset=None)),
    Case("SpikingJelly", LIF, "LIF rest below 0", jelly_fc("LIFNode", 1.0, tau=2.0, v_reset=-0.25)),
    Case("SpikingJelly", LIF, "LIF input not decayed", jelly_fc("LIFNode", 1 / 4, tau=4.0, decay_input=False)),
    Case("SpikingJelly", LIF, "PLIF", jelly_fc("ParametricLIFNode", 1 / 2, init_tau=2.0)),
    Case("SpikingJelly", LIF, "IF soft", jelly_fc("IFNode", 1 / 8, v_reset=None)),
    Case("SpikingJelly", LIF, "half threshold", jelly_fc("HalfThresholdIFNode", 1 / 8)),
    Case("SpikingJelly", CUBA, "CUBALIF", jelly_fc("CUBALIFNode", 1 / 8, v_threshold=1.0)),
    Case("SpikingJelly", CUBA, "CUBALIF soft", jelly_fc("CUBALIFNode", 1 / 16, v_reset=None)),
    Case("SpikingJelly", CONV, "BatchNorm MaxPool groups", jelly_conv(soft=False), IMAGE),
    Case("SpikingJelly", CONV, "the same, soft", jelly_conv(soft=True), IMAGE),
    Case("SpikingJelly", CONV, "step mode m, Delay", jelly_sequence, IMAGE, layout="TB"),
    Case("SpikingJelly", LOOP, "LinearRecurrentContainer", jelly_recurrent),
    Case("SpikingJelly", LOOP, "ElementWiseRecurrentContainer", jelly_elementwise),
    Case("SpikingJelly", SKIP, "ADD", jelly_skip),
    Case("SpikingJelly", SKIP, "SEW AND", lambda rng: Sew(rng, lambda x, y: x * y), IMAGE, rate=0.2),
    Case("SpikingJelly", SKIP, "SEW IAND", lambda rng: Sew(rng, lambda x, y: (1.0 - x) * y), IMAGE, rate=0.2),
    Case("sinabs", LIF, "LIF", sinabs_fc("LIF", 1 / 2), layout="BT"),
    Case("sinabs", LIF, "LIF exp(-1/tau)", sinabs_exponential, layout="BT"),
    Case("sinabs", LIF, "IAF", sinabs_fc("IAF", 1 / 16), layout="BT"),
    Case("sinabs", CUBA, "LIF with tau_syn", sinabs_fc("LIF", 1 / 4, syn=0.75), layout="BT"),
    Case("sinabs", CONV, "BatchNorm MaxPool SumPool, Squeeze", sinabs_conv, IMAGE, layout="flat"),
    Case("sinabs", LOOP, "LIFRecurrent", sinabs_recurrent("LIFRecurrent"), layout="BT"),
    Case("sinabs", LOOP, "IAFRecurrent", sinabs_recurrent("IAFRecurrent"), layout="BT"),
    Case("sinabs", SKIP, "Merge", Merged, layout="BT"),
    Case("Norse", LIF, "LIFBoxCell", norse_fc("LIFBoxCell", 1 / 2), layout="state"),
    Case("Norse", LIF, "LIFBoxCell subtract", norse_soft, layout="state"),
    Case("Norse", LIF, "leak and reset not 0", norse_fc("LIFBoxCell", 1 / 2, v_leak=0.125, v_reset=-0.25), layout="state"),
    Case("Norse", LIF, "IAFCell", norse_fc("IAFCell", 1 / 8), layout="state"),
    Case("Norse", CUBA, "LIFCell", norse_fc("LIFCell", 1 / 8), layout="state"),
    Case("Norse", CONV, "BatchNorm MaxPool", norse_conv, IMAGE, layout="state"),
    Case("Norse", CONV, "LIF of sequences, Lift", norse_sequence, IMAGE, layout="TBstate"),
    Case("Norse", LOOP, "LIFRecurrentCell", norse_recurrent("LIFRecurrentCell"), layout="state"),
    Case("Norse", LOOP, "LIFRecurrent", norse_recurrent("LIFRecurrent"), layout="TBstate"),
    Case("Norse", LOOP, "RecurrentSequential", norse_loop, (WIDTH,), layout="state"),
    Case("Norse", SKIP, "LIFBoxCell", NorseSkip, layout="state"),
)  # fmt: skip


def sample_of(case: Case, x: Array) -> Any:
    """Return what from_torch is shown of x [N, T, *shape]."""
    t = torch.tensor(x)
    if case.layout in ("TB", "TBstate"):
        return t.transpose(0, 1)
    if case.layout == "BT":
        return t
    return t.flatten(0, 1) if case.layout == "flat" else t[:, 0]


def run_framework(case: Case, module: Any, x: Array) -> Array:
    """Return what the module itself answers to x [N, T, *shape], as [N, T, *out]."""
    _forget(module)
    with torch.no_grad():
        if case.layout in ("TB", "TBstate", "BT", "flat"):
            out = module(sample_of(case, x))
            out = out[0] if isinstance(out, tuple) else out
            if case.layout == "flat":
                out = out.unflatten(0, x.shape[:2])
            elif case.layout != "BT":
                out = out.transpose(0, 1)
            return np.asarray(out.double().numpy())
        answers, state = [], None
        for t in range(x.shape[1]):
            step = torch.tensor(x[:, t])
            if case.layout == "state":
                out, state = module(step, state)
            else:
                out = module(step)
            answers.append(out.double().numpy().copy())
    return np.stack(answers, axis=1)


def _forget(module: Any) -> None:
    """Put every neuron of every framework to rest."""
    for m in module.modules():
        for method in ("reset_mem", "reset_states", "reset"):
            if hasattr(m, method):
                getattr(m, method)()
                break


def spikes_for(case: Case, rng: np.random.Generator, steps: int, samples: int = 1) -> Array:
    return (rng.random((samples, steps, *case.shape)) < case.rate).astype(np.float64)
