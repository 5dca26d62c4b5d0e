"""Modules of snnTorch, as `live_modules.Case`s."""

from typing import Any

import numpy as np
import torch

from support import live_modules as live


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


def snn_fc(
    kind: str, reset: str, scale: float, last: Any = None, **more: Any
) -> live.Build:
    def build(rng: np.random.Generator) -> Any:
        return torch.nn.Sequential(
            live.linear(rng, 20, live.WIDTH, scale), snn(kind, reset, **more), torch.nn.Dropout(0.0),
            live.linear(rng, live.WIDTH, live.WIDTH, 2 * scale), snn(kind, reset, **(more if last is None else last)),
        )  # fmt: skip

    return build


def snn_conv(rng: np.random.Generator) -> Any:
    return torch.nn.Sequential(
        live.conv2d(rng, 2, 6, 3, padding=1, stride=2), snn("Leaky"), torch.nn.AvgPool2d(2),
        torch.nn.Flatten(), live.linear(rng, 24, live.WIDTH, 1 / 2), snn("Leaky", "zero"),
    )  # fmt: skip


def snn_conv_more(rng: np.random.Generator) -> Any:
    """BatchNorm, maximum pooling of spikes, grouped convolution, padded average pooling."""
    return torch.nn.Sequential(
        live.conv2d(rng, 2, 4, 3, padding=1, bias=False), live.batch_norm(torch.nn.BatchNorm2d(4), rng),
        snn("Leaky"), torch.nn.MaxPool2d(2), live.conv2d(rng, 4, 8, 3, padding=1, groups=2),
        snn("Leaky"), torch.nn.AvgPool2d(2, padding=1), torch.nn.Dropout2d(0.0),
        torch.nn.Flatten(), live.linear(rng, 72, live.WIDTH, 1 / 2), snn("Leaky"),
    )  # fmt: skip


def snn_line(rng: np.random.Generator) -> Any:
    return torch.nn.Sequential(
        live.dyadic(torch.nn.Conv1d(3, 8, 5, padding=2, stride=2), rng, 1 / 4), snn("Leaky"),
        torch.nn.MaxPool1d(2), torch.nn.Flatten(), live.linear(rng, 80, live.WIDTH, 1.0), snn("Leaky"),
    )  # fmt: skip


def snn_recurrent(kind: str, reset: str, scale: float) -> live.Build:
    def build(rng: np.random.Generator) -> Any:
        layer = snn(kind, reset, linear_features=live.WIDTH)
        return torch.nn.Sequential(
            live.linear(rng, 20, live.WIDTH, scale), with_recurrent(layer, rng),
            live.linear(rng, live.WIDTH, live.WIDTH, scale), snn("Leaky", reset),
        )  # fmt: skip

    return build


def snn_recurrent_conv(rng: np.random.Generator) -> Any:
    layer = snn("RLeaky", conv2d_channels=2, kernel_size=3)
    return torch.nn.Sequential(
        live.conv2d(rng, 2, 2, 3, padding=1), with_recurrent(layer, rng)
    )


def snn_one_to_one(rng: np.random.Generator) -> Any:
    gains = torch.tensor(rng.integers(-8, 4, live.WIDTH) / 16)
    return torch.nn.Sequential(
        live.linear(rng, 20, live.WIDTH, 1 / 2), snn("RLeaky", all_to_all=False, V=gains)
    )


def snn_skip(rng: np.random.Generator) -> Any:
    return live.Skip(
        live.linear(rng, 20, live.WIDTH, 1 / 4),
        snn("Leaky"),
        live.linear(rng, live.WIDTH, live.WIDTH, 1 / 8),
        snn("Leaky"),
    )


class Loop(torch.nn.Module):
    """A forward with its own loop over time and its own recurrence, as tutorials write it."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self.fc1, self.lif1 = (
            live.linear(rng, 20, live.WIDTH, 1 / 2),
            snn("Leaky", init_hidden=False),
        )
        self.back = live.linear(rng, live.WIDTH, live.WIDTH, 1 / 8, bias=False)
        self.fc2, self.lif2 = (
            live.linear(rng, live.WIDTH, live.WIDTH, 1 / 4),
            snn("Synaptic", init_hidden=False),
        )

    def forward(self, x: Any) -> Any:
        mem1 = self.lif1.reset_mem()
        syn2, mem2 = self.lif2.reset_mem()
        spk1 = torch.zeros(x.size(1), live.WIDTH, dtype=x.dtype)
        spikes, membranes = [], []
        for t in range(x.size(0)):
            spk1, mem1 = self.lif1(self.fc1(x[t]) + self.back(spk1), mem1)
            spk2, syn2, mem2 = self.lif2(self.fc2(spk1), syn2, mem2)
            spikes.append(spk2)
            membranes.append(mem2)
        return torch.stack(spikes), torch.stack(membranes)


CASES = (
    live.Case("snnTorch", live.LIF, "Leaky subtract", snn_fc("Leaky", "subtract", 1 / 4)),
    live.Case("snnTorch", live.LIF, "Leaky zero", snn_fc("Leaky", "zero", 1 / 4)),
    live.Case("snnTorch", live.LIF, "Leaky none", snn_fc("Leaky", "none", 1 / 4)),
    live.Case("snnTorch", live.LIF, "Leaky zero at once", snn_fc("Leaky", "zero", 1 / 4, reset_delay=False)),
    live.Case("snnTorch", live.LIF, "graded factor 2", snn_fc("Leaky", "subtract", 1 / 4, {}, graded_spikes_factor=2.0)),
    live.Case("snnTorch", live.CUBA, "Synaptic subtract", snn_fc("Synaptic", "subtract", 1 / 4)),
    live.Case("snnTorch", live.CUBA, "Synaptic zero", snn_fc("Synaptic", "zero", 1 / 4)),
    live.Case("snnTorch", live.CONV, "AvgPool", snn_conv, live.IMAGE),
    live.Case("snnTorch", live.CONV, "BatchNorm MaxPool groups", snn_conv_more, live.IMAGE),
    live.Case("snnTorch", live.CONV, "Conv1d MaxPool1d", snn_line, (3, 40)),
    live.Case("snnTorch", live.LOOP, "RLeaky subtract", snn_recurrent("RLeaky", "subtract", 1 / 2)),
    live.Case("snnTorch", live.LOOP, "RLeaky zero", snn_recurrent("RLeaky", "zero", 1 / 2)),
    live.Case("snnTorch", live.LOOP, "RSynaptic subtract", snn_recurrent("RSynaptic", "subtract", 1 / 4)),
    live.Case("snnTorch", live.LOOP, "RLeaky Conv2d", snn_recurrent_conv, (2, 8, 8)),
    live.Case("snnTorch", live.LOOP, "RLeaky one to one", snn_one_to_one),
    live.Case("snnTorch", live.LOOP, "own loop over time", Loop, layout="TB", looped=True),
    live.Case("snnTorch", live.SKIP, "Leaky", snn_skip),
    live.Case("snnTorch", live.TOKENS, "Leaky, Linear per token", lambda rng: live.Mixer(rng, lambda: snn("Leaky"), 1 / 2), live.SEQUENCE),
)  # fmt: skip
