"""Modules of SpikingJelly, as `live_modules.Case`s."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from support import live_modules as live


def jelly(kind: str, **more: Any) -> Any:
    from spikingjelly.activation_based import neuron

    return getattr(neuron, kind)(**more).double()


def jelly_fc(kind: str, scale: float, **more: Any) -> live.Build:
    def build(rng: np.random.Generator) -> Any:
        from spikingjelly.activation_based import layer

        return torch.nn.Sequential(
            live.dyadic(layer.Linear(20, live.WIDTH), rng, scale), jelly(kind, **more), layer.Dropout(0.0),
            live.dyadic(layer.Linear(live.WIDTH, live.WIDTH), rng, 2 * scale), jelly(kind, **more),
        ).eval()  # fmt: skip

    return build


def jelly_conv(soft: bool) -> live.Build:
    reset = {"v_reset": None} if soft else {}

    def build(rng: np.random.Generator) -> Any:
        from spikingjelly.activation_based import layer

        return torch.nn.Sequential(
            live.dyadic(layer.Conv2d(2, 4, 3, padding=1, bias=False), rng, 1 / 2),
            live.batch_norm(layer.BatchNorm2d(4), rng), jelly("LIFNode", tau=2.0, **reset),
            layer.MaxPool2d(2), live.dyadic(layer.Conv2d(4, 8, 3, padding=1, groups=2), rng, 1 / 2),
            jelly("IFNode", **reset), layer.AvgPool2d(2, padding=1, count_include_pad=False),
            layer.Flatten(), live.dyadic(layer.Linear(72, live.WIDTH), rng, 1 / 4), jelly("IFNode", **reset),
        ).eval()  # fmt: skip

    return build


def jelly_sequence(rng: np.random.Generator) -> Any:
    from spikingjelly.activation_based import functional, layer

    net = torch.nn.Sequential(
        layer.SeqToANNContainer(live.conv2d(rng, 2, 6, 3, padding=1, stride=2, scale=2.0), torch.nn.AvgPool2d(2)),
        jelly("LIFNode", tau=2.0), layer.Flatten(), layer.Delay(2),
        live.dyadic(layer.Linear(24, live.WIDTH), rng, 1 / 2), jelly("IFNode", v_reset=None),
    ).eval()  # fmt: skip
    functional.set_step_mode(net[1:], "m")
    return net


def jelly_line(rng: np.random.Generator) -> Any:
    from spikingjelly.activation_based import layer

    return torch.nn.Sequential(
        live.dyadic(layer.Conv1d(4, 8, 5, padding=2, groups=2, stride=2), rng, 1 / 2), jelly("LIFNode", tau=2.0),
        layer.AvgPool1d(2, padding=1), live.dyadic(layer.Conv1d(8, 8, 3, groups=4), rng, 1.0), jelly("IFNode"),
        layer.Flatten(), live.dyadic(layer.Linear(72, live.WIDTH), rng, 1 / 4), jelly("IFNode", v_reset=None),
    ).eval()  # fmt: skip


def jelly_recurrent(rng: np.random.Generator) -> Any:
    from spikingjelly.activation_based import layer

    box = layer.LinearRecurrentContainer(jelly("LIFNode", tau=2.0), live.WIDTH, live.WIDTH)
    box.rc = live.linear(rng, 2 * live.WIDTH, live.WIDTH, 1 / 2)
    return torch.nn.Sequential(
        live.dyadic(layer.Linear(20, live.WIDTH), rng, 1 / 2), jelly("IFNode"), box,
        live.dyadic(layer.Linear(live.WIDTH, live.WIDTH), rng, 1.0), jelly("LIFNode", tau=2.0),
    )  # fmt: skip


def jelly_elementwise(rng: np.random.Generator) -> Any:
    from spikingjelly.activation_based import layer

    box = layer.ElementWiseRecurrentContainer(
        jelly("IFNode", v_reset=None), element_wise_function=lambda y, x: x - 0.5 * y
    )
    return torch.nn.Sequential(live.dyadic(layer.Linear(20, live.WIDTH), rng, 1 / 4), box)


def jelly_skip(rng: np.random.Generator) -> Any:
    return live.Skip(
        live.linear(rng, 20, live.WIDTH, 1.0), jelly("LIFNode", tau=2.0),
        live.linear(rng, live.WIDTH, live.WIDTH, 1 / 2), jelly("LIFNode", tau=4.0),
    )  # fmt: skip


class Sew(torch.nn.Module):
    """Two convolutions with a shortcut that joins spikes by a function, then by addition."""

    def __init__(self, rng: np.random.Generator, join: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.join = join
        self.conv1, self.lif1 = live.conv2d(rng, 2, 4, 3, padding=1), jelly("IFNode")
        self.conv2, self.lif2 = live.conv2d(rng, 4, 4, 3, padding=1), jelly("IFNode")
        self.fc, self.out = (
            live.linear(rng, 256, live.WIDTH, 1 / 32),
            jelly("IFNode", v_reset=None),
        )

    def forward(self, x: Any) -> Any:
        first = self.lif1(self.conv1(x))
        second = self.join(self.lif2(self.conv2(first)), first)
        return self.out(self.fc((second + first).flatten(1)))


CASES = (
    live.Case("SpikingJelly", live.LIF, "LIF hard", jelly_fc("LIFNode", 1 / 2, tau=2.0)),
    live.Case("SpikingJelly", live.LIF, "LIF soft", jelly_fc("LIFNode", 1 / 2, tau=2.0, v_reset=None)),
    live.Case("SpikingJelly", live.LIF, "LIF rest below 0", jelly_fc("LIFNode", 1.0, tau=2.0, v_reset=-0.25)),
    live.Case("SpikingJelly", live.LIF, "LIF input not decayed", jelly_fc("LIFNode", 1 / 4, tau=4.0, decay_input=False)),
    live.Case("SpikingJelly", live.LIF, "PLIF", jelly_fc("ParametricLIFNode", 1 / 2, init_tau=2.0)),
    live.Case("SpikingJelly", live.LIF, "IF soft", jelly_fc("IFNode", 1 / 8, v_reset=None)),
    live.Case("SpikingJelly", live.LIF, "half threshold", jelly_fc("HalfThresholdIFNode", 1 / 8)),
    live.Case("SpikingJelly", live.CUBA, "CUBALIF", jelly_fc("CUBALIFNode", 1 / 8, v_threshold=1.0)),
    live.Case("SpikingJelly", live.CUBA, "CUBALIF soft", jelly_fc("CUBALIFNode", 1 / 16, v_reset=None)),
    live.Case("SpikingJelly", live.CONV, "BatchNorm MaxPool groups", jelly_conv(soft=False), live.IMAGE),
    live.Case("SpikingJelly", live.CONV, "the same, soft", jelly_conv(soft=True), live.IMAGE),
    live.Case("SpikingJelly", live.CONV, "step mode m, Delay", jelly_sequence, live.IMAGE, layout="TB"),
    live.Case("SpikingJelly", live.LOOP, "LinearRecurrentContainer", jelly_recurrent),
    live.Case("SpikingJelly", live.LOOP, "ElementWiseRecurrentContainer", jelly_elementwise),
    live.Case("SpikingJelly", live.SKIP, "ADD", jelly_skip),
    live.Case("SpikingJelly", live.SKIP, "SEW AND", lambda rng: Sew(rng, lambda x, y: x * y), live.IMAGE, rate=0.2),
    live.Case("SpikingJelly", live.SKIP, "SEW IAND", lambda rng: Sew(rng, lambda x, y: (1.0 - x) * y), live.IMAGE, rate=0.2),
    live.Case("SpikingJelly", live.CONV, "Conv1d groups, AvgPool1d padding", jelly_line, (4, 40)),
    live.Case("SpikingJelly", live.TOKENS, "LIF, Linear per token", lambda rng: live.Mixer(rng, lambda: jelly("LIFNode", tau=2.0), 2.0), live.SEQUENCE),
    live.Case("SpikingJelly", live.TOKENS, "IF, step mode m", lambda rng: live.Mixer(rng, lambda: jelly("IFNode", step_mode="m"), 1 / 4), live.SEQUENCE, layout="TB"),
)  # fmt: skip
