"""Train a convolutional spiking network on 8x8 digits with sinabs, and export it as NIR.

    python -m examples.digits_sinabs.train

The image itself is the input current, the same in each of 8 steps. All neurons are
`IAFSqueeze` as sinabs builds them: no leak, as many spikes in a step as thresholds fit
into the membrane (`MultiSpike`), each of which takes the threshold off. The output
neuron that sends most spikes in all is the answer. Writes digits_sinabs.nir and test.npz
beside this file.
"""

from collections import OrderedDict
from pathlib import Path

import torch
from sinabs.activation import PeriodicExponential
from sinabs.layers import IAFSqueeze, SumPool2d
from sinabs.nir import to_nir
from torch import Tensor, nn

from examples import digits

HERE = Path(__file__).parent
STEPS = 8
EPOCHS = 60
BATCH = 32
WEIGHT_LIMIT = 1.0  # few large weights would make the 8-bit grid coarse for all others
# Pixels are multiples of 2**-4, so every membrane is one of 2**-16, exact in float32.
GRID = 2.0**-12


def build() -> nn.Sequential:
    """Return the network: two convolutions, each with pooling, then 64-10."""

    def iaf() -> IAFSqueeze:
        return IAFSqueeze(batch_size=1, surrogate_grad_fn=PeriodicExponential())

    layers = {
        "conv1": nn.Conv2d(1, 8, 3, padding=1),
        "iaf1": iaf(),
        "pool1": SumPool2d(2),
        "conv2": nn.Conv2d(8, 16, 3, padding=1),
        "iaf2": iaf(),
        "pool2": SumPool2d(2),
        "flatten": nn.Flatten(),
        "fc": nn.Linear(64, 10),
        "out": iaf(),
    }
    return nn.Sequential(OrderedDict(layers))


def count_spikes(net: nn.Sequential, pixels: Tensor) -> Tensor:
    """Run `net` from rest on `pixels` [N, 1, 8, 8]; return spike counts [N, 10]."""
    for module in net:
        if isinstance(module, IAFSqueeze):
            module.batch_size = len(pixels)
            module.reset_states()
    spikes = net(pixels.repeat_interleave(STEPS, dim=0))
    return torch.as_tensor(spikes.unflatten(0, (len(pixels), STEPS)).sum(1))


def train(net: nn.Sequential, pixels: Tensor, labels: Tensor) -> None:
    """Fit `net` to `pixels` [N, 1, 8, 8] and `labels` [N]."""
    digits.fit(
        net, pixels, labels, count_spikes, digits.vary, per_nat=4, epochs=EPOCHS,
        batch=BATCH, rate=3e-3, weight_limit=WEIGHT_LIMIT, gradient_limit=1.0,
    )  # fmt: skip


def export(net: nn.Sequential, file: Path) -> None:
    """Write `net` as a NIR graph over single samples and steps."""
    count_spikes(net, torch.zeros(1, 1, 8, 8))
    graph = to_nir(net, torch.zeros(STEPS, 1, 8, 8))
    graph.infer_types()  # without it, convolutions cannot be written
    digits.write_graph(file, graph)


if __name__ == "__main__":
    digits.make(HERE, (1, 8, 8), build, train, count_spikes, export, grid=GRID)
