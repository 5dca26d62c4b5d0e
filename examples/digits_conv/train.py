"""Train a convolutional spiking network on 8x8 digits with SpikingJelly, export it as NIR.

    python -m examples.digits_conv.train

The image itself is the input current, the same in each of 10 steps (direct coding).
All neurons are `LIFNode` with hard reset to 0, and the output neuron that spikes most
often is the answer. Writes digits_conv.nir and test.npz beside this file.
"""

from collections import OrderedDict
from pathlib import Path

import nir
import torch
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.nir_exchange import export_to_nir
from torch import Tensor, nn

from examples import digits

HERE = Path(__file__).parent
STEPS = 10
TAU = 2.0  # membrane time constant in steps: half of the membrane is left after a step
EPOCHS = 100
BATCH = 32
WEIGHT_LIMIT = 1.0  # few large weights would make the 8-bit grid coarse for all others


def build() -> nn.Sequential:
    """Return the network: two convolutions, each with pooling, then 96-64-10."""

    def lif() -> neuron.LIFNode:
        return neuron.LIFNode(
            tau=TAU,
            decay_input=False,
            v_threshold=1.0,
            v_reset=0.0,
            surrogate_function=surrogate.ATan(),
            detach_reset=True,
        )

    layers = {
        "conv1": layer.Conv2d(1, 12, 3, padding=1),
        "lif1": lif(),
        "pool1": layer.AvgPool2d(2),
        "conv2": layer.Conv2d(12, 24, 3, padding=1),
        "lif2": lif(),
        "pool2": layer.AvgPool2d(2),
        "flatten": layer.Flatten(),
        "fc1": layer.Linear(96, 64),
        "lif3": lif(),
        "fc2": layer.Linear(64, 10),
        "lif4": lif(),
    }
    net = nn.Sequential(OrderedDict(layers))
    functional.set_step_mode(net, "m")
    return net


def count_spikes(net: nn.Sequential, pixels: Tensor) -> Tensor:
    """Run `net` from rest on `pixels` [N, 1, 8, 8]; return spike counts [N, 10]."""
    functional.reset_net(net)
    counts: Tensor = net(pixels.expand(STEPS, *pixels.shape)).sum(0)
    return counts


def train(net: nn.Sequential, pixels: Tensor, labels: Tensor) -> None:
    """Fit `net` to `pixels` [N, 1, 8, 8] and `labels` [N]."""
    digits.fit(
        net, pixels, labels, count_spikes, digits.vary, per_nat=2, epochs=EPOCHS,
        batch=BATCH, rate=1e-2, weight_limit=WEIGHT_LIMIT,
    )  # fmt: skip


def export(net: nn.Sequential, file: Path) -> None:
    """Write `net` as a NIR graph over single samples and steps."""
    functional.reset_net(net)
    functional.set_step_mode(net, "s")
    graph = export_to_nir(net, torch.zeros(1, 1, 8, 8))
    nir.write(file, graph)


if __name__ == "__main__":
    digits.make(HERE, (1, 8, 8), build, train, count_spikes, export)
