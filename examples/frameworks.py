"""Run the example networks in the frameworks that trained them, from their .nir files.

This is the oracle of the tests: each runner rebuilds the framework's own modules with
the weights and neuron parameters of the committed file, and records what each layer of
neurons received, held and sent in each step. It runs on the CPU and trains nothing.

The frameworks are imported inside the functions, so that this module loads without them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nir
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor, nn

FloatArray = NDArray[np.float32]

HERE = Path(__file__).parent
NAMES = ("digits_mlp", "digits_conv", "digits_rows", "digits_sinabs", "digits_norse")
# Steps for which an image is shown; a .nir file has no duration, they were trained so.
IMAGE_STEPS = {"digits_conv": 10, "digits_sinabs": 8}
NORSE_TAU = 1e-3  # Norse 1.1 writes its time constants times its dt


@dataclass(frozen=True, eq=False)
class Record:
    """What each layer of neurons did, by NIR node name; arrays [N, T, *layer shape].

    `currents` is all that arrives at the neurons in a step, biases and recurrent input
    included; `spikes` is what leaves them in that step; `membranes` is what the
    framework holds at the end of it. By then SpikingJelly, sinabs and Norse have reset the
    neurons that spiked, while snnTorch resets them in the next step.
    """

    spikes: dict[str, FloatArray]
    currents: dict[str, FloatArray]
    membranes: dict[str, FloatArray]


def nir_file(name: str) -> Path:
    """Return the path of the example's network."""
    return HERE / name / f"{name}.nir"


def load_test(name: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the example's test inputs [N, ...] as stored, and their labels [N]."""
    with np.load(HERE / name / "test.npz") as data:
        return data["x"], data["y"]


def run_framework(name: str, x: NDArray[Any], steps: int | None = None) -> Record:
    """Run the example `name` from rest on `x`, laid out as in its test.npz.

    `x` is spikes [N, T, *input shape], of which `steps` are used (all unless told); for
    digits_conv and digits_sinabs it is images [N, 1, 8, 8], each shown for `steps` steps
    (10 and 8 unless told).
    """
    import torch

    runners = {
        "digits_mlp": _run_mlp,
        "digits_conv": _run_conv,
        "digits_rows": _run_rows,
        "digits_sinabs": _run_sinabs,
        "digits_norse": _run_norse,
    }
    inputs = torch.from_numpy(x.astype(np.float32))
    if name in IMAGE_STEPS:
        frames = inputs.expand(IMAGE_STEPS[name] if steps is None else steps, *inputs.shape)
    else:
        frames = inputs[:, :steps].transpose(0, 1)
    tape = _Tape()
    with torch.no_grad():
        runners[name](nir.read(nir_file(name)), frames, tape)
    return tape.record()


@dataclass
class _Tape:
    """Collects (spikes, current, membrane), each [N, *layer shape], by layer and step."""

    steps: dict[str, list[tuple["Tensor", "Tensor", "Tensor"]]] = field(
        default_factory=dict
    )

    def add(
        self, name: str, spikes: "Tensor", current: "Tensor", membrane: "Tensor"
    ) -> None:
        self.steps.setdefault(name, []).append((spikes, current, membrane))

    def record(self) -> Record:
        """Return all that was added, as arrays [N, T, *layer shape]."""

        def stack(part: int) -> dict[str, FloatArray]:
            return {
                name: np.stack([step[part].numpy() for step in steps], axis=1)
                for name, steps in self.steps.items()
            }

        return Record(spikes=stack(0), currents=stack(1), membranes=stack(2))


def _run_mlp(graph: nir.NIRGraph, frames: "Tensor", tape: _Tape) -> None:
    """Run digits_mlp on `frames` [T, N, 64] in snnTorch."""
    fc1, fc2 = _linear(graph.nodes["fc1"]), _linear(graph.nodes["fc2"])
    lif1, lif2 = _leaky(graph.nodes["lif1"]), _leaky(graph.nodes["lif2"])
    for frame in frames:
        current1 = fc1(frame)
        spikes1, membrane1 = lif1(current1)
        tape.add("lif1", spikes1, current1, membrane1)
        current2 = fc2(spikes1)
        spikes2, membrane2 = lif2(current2)
        tape.add("lif2", spikes2, current2, membrane2)


def _run_rows(graph: nir.NIRGraph, frames: "Tensor", tape: _Tape) -> None:
    """Run digits_rows on `frames` [T, N, 8] in snnTorch."""
    import torch

    fc1, fc2 = _linear(graph.nodes["fc1"]), _linear(graph.nodes["fc2"])
    hidden = _rsynaptic(graph.nodes["hidden.lif"], graph.nodes["hidden.w_rec"])
    out = _synaptic(graph.nodes["out"])
    spikes = torch.zeros(frames.shape[1], fc1.out_features)
    for frame in frames:
        feedforward = fc1(frame)
        current = feedforward + hidden.recurrent(spikes)  # what RSynaptic adds up inside
        spikes, _, membrane = hidden(feedforward)
        tape.add("hidden.lif", spikes, current, membrane)
        current_out = fc2(spikes)
        spikes_out, _, membrane_out = out(current_out)
        tape.add("out", spikes_out, current_out, membrane_out)


def _run_conv(graph: nir.NIRGraph, frames: "Tensor", tape: _Tape) -> None:
    """Run digits_conv on `frames` [T, N, 1, 8, 8] in SpikingJelly, one layer at a time."""
    from spikingjelly.activation_based import functional

    signal = frames
    for name in _chain(graph):
        module = _spikingjelly_module(graph.nodes[name])
        functional.set_step_mode(module, "m")
        received, signal = signal, module(signal)
        if isinstance(graph.nodes[name], nir.LIF):
            for step in zip(signal, received, module.v_seq, strict=True):
                tape.add(name, *step)


def _run_sinabs(graph: nir.NIRGraph, frames: "Tensor", tape: _Tape) -> None:
    """Run digits_sinabs on `frames` [T, N, 1, 8, 8] in sinabs, one layer at a time."""
    steps, samples = frames.shape[:2]
    signal = frames.transpose(0, 1).flatten(0, 1)  # [N * T, ...], as Squeeze layers take it
    for name in _chain(graph):
        node = graph.nodes[name]
        module = _sinabs_module(node, samples)
        received, signal = signal, module(signal)
        if isinstance(node, nir.IF):
            held = module.recordings["v_mem"]
            for step in zip(
                signal.unflatten(0, (samples, steps)).unbind(1),
                received.unflatten(0, (samples, steps)).unbind(1),  # type: ignore[no-untyped-call]
                held.unbind(1),
                strict=True,
            ):
                tape.add(name, *step)


def _run_norse(graph: nir.NIRGraph, frames: "Tensor", tape: _Tape) -> None:
    """Run digits_norse on `frames` [T, N, 64] in Norse."""
    chain = _chain(graph)  # linear layers and cells in turn
    layers = {
        cell: (_linear(graph.nodes[fc]), _lif_cell(graph.nodes[cell]))
        for fc, cell in zip(chain[::2], chain[1::2], strict=True)
    }
    states: dict[str, Any] = dict.fromkeys(layers)
    for frame in frames:
        signal = frame
        for name, (linear, cell) in layers.items():
            current = linear(signal)
            signal, states[name] = cell(current, states[name])
            tape.add(name, signal, current, states[name].v)


def _chain(graph: nir.NIRGraph) -> list[str]:
    """Return the nodes of a graph without branches in order, input and output left out."""
    after = dict(graph.edges)
    (name,) = after.keys() - after.values()
    names = []
    while (name := after[name]) in after:
        names.append(name)
    return names


def _linear(node: nir.Affine) -> "nn.Linear":
    """Return torch's layer with the node's weight [out, in] and bias [out]."""
    import torch

    layer = torch.nn.Linear(node.weight.shape[1], node.weight.shape[0])
    layer.load_state_dict(
        {"weight": torch.tensor(node.weight), "bias": torch.tensor(node.bias)}
    )
    return layer


def _leaky(node: nir.LIF) -> Any:
    """Return snnTorch's `Leaky` with soft reset, its default."""
    import snntorch

    return snntorch.Leaky(beta=_decay(node.r), threshold=_float32(node.v_threshold))


def _synaptic(node: nir.CubaLIF) -> Any:
    """Return snnTorch's `Synaptic` with soft reset, its default."""
    import snntorch

    return snntorch.Synaptic(
        alpha=_decay(node.w_in), beta=_decay(node.r), threshold=_float32(node.v_threshold)
    )


def _rsynaptic(node: nir.CubaLIF, recurrent: nir.Affine) -> Any:
    """Return snnTorch's `RSynaptic` with soft reset, its default, and its recurrence."""
    import snntorch

    module = snntorch.RSynaptic(
        alpha=_decay(node.w_in),
        beta=_decay(node.r),
        threshold=_float32(node.v_threshold),
        linear_features=len(recurrent.bias),
    )
    module.recurrent = _linear(recurrent)
    return module


def _decay(gain: NDArray[Any]) -> "Tensor":
    """Return the decay that snnTorch wrote as the gain 1 / (1 - decay), in float32."""
    return _float32(1 - 1 / gain.astype(np.float64))


def _float32(values: NDArray[Any]) -> "Tensor":
    import torch

    return torch.tensor(values, dtype=torch.float32)


def _lif_cell(node: nir.CubaLIF) -> Any:
    """Return Norse's `LIFCell`, its time constants in seconds again."""
    import norse.torch as norse

    return norse.LIFCell(
        p=norse.LIFParameters(
            tau_syn_inv=_float32(NORSE_TAU / node.tau_syn.astype(np.float64)),
            tau_mem_inv=_float32(NORSE_TAU / node.tau_mem.astype(np.float64)),
            v_leak=_float32(node.v_leak),
            v_th=_float32(node.v_threshold),
            v_reset=_float32(node.v_reset),
        )
    )


def _sinabs_module(node: nir.NIRNode, samples: int) -> Any:
    """Return sinabs' module for one node of digits_sinabs, as sinabs builds it."""
    import torch
    from sinabs.layers import IAFSqueeze, SumPool2d

    if isinstance(node, nir.IF):
        threshold = _float32(node.v_threshold)
        return IAFSqueeze(batch_size=samples, spike_threshold=threshold, record_states=True)
    if isinstance(node, nir.SumPool2d):
        return SumPool2d(tuple(int(k) for k in node.kernel_size))
    if isinstance(node, nir.Flatten):
        return torch.nn.Flatten()
    return _conv2d(node) if isinstance(node, nir.Conv2d) else _linear(node)


def _conv2d(node: nir.Conv2d) -> "nn.Conv2d":
    """Return torch's layer with the node's weight [out, in, y, x] and bias [out]."""
    import torch

    n_out, n_in, size = node.weight.shape[:3]
    layer = torch.nn.Conv2d(n_in, n_out, size, padding=tuple(node.padding))
    layer.load_state_dict(
        {"weight": torch.tensor(node.weight), "bias": torch.tensor(node.bias)}
    )
    return layer


def _spikingjelly_module(node: nir.NIRNode) -> Any:
    """Return SpikingJelly's module for one node of digits_conv."""
    import torch
    from spikingjelly.activation_based import layer, neuron

    if isinstance(node, nir.LIF):
        return neuron.LIFNode(
            tau=float(node.r.flat[0]),  # so written by `decay_input=False`
            decay_input=False,
            v_threshold=float(node.v_threshold.flat[0]),
            v_reset=float(node.v_reset.flat[0]),
            store_v_seq=True,
        )
    if isinstance(node, nir.AvgPool2d):
        return layer.AvgPool2d(int(node.kernel_size), int(node.stride))
    if isinstance(node, nir.Flatten):
        return layer.Flatten()
    n_out, n_in = node.weight.shape[:2]
    module = (
        layer.Conv2d(n_in, n_out, node.weight.shape[2], padding=tuple(node.padding))
        if isinstance(node, nir.Conv2d)
        else layer.Linear(n_in, n_out)
    )
    module.load_state_dict(
        {"weight": torch.tensor(node.weight), "bias": torch.tensor(node.bias)}
    )
    return module
