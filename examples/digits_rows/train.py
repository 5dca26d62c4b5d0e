"""Train a recurrent spiking network that reads digits row by row, and export it as NIR.

    python -m examples.digits_rows.train

The network sees one row of 8 pixels at a time, from top to bottom, each for 4 steps,
so it must remember: its hidden layer is snnTorch's `RSynaptic` (synaptic current,
membrane, all-to-all recurrence, soft reset), its output layer `Synaptic`. A pixel of
grey level k spikes in about k/16 of its 4 steps, evenly spaced. The output neuron that
spikes most often is the answer. Writes digits_rows.nir and test.npz beside this file.
"""

from collections import OrderedDict
from pathlib import Path

import snntorch as snn
import torch
from snntorch import surrogate
from snntorch.export_nir import export_to_nir
from torch import Tensor, nn

from examples import digits

HERE = Path(__file__).parent
STEPS_PER_ROW = 4
HIDDEN = 128
ALPHA = 0.5  # share of the synaptic current that is left after a step
BETA = 0.75  # share of the membrane that is left after a step
EPOCHS = 100
BATCH = 64
WEIGHT_LIMIT = 0.5  # few large weights would make the 8-bit grid coarse for all others


def code_rows(pixels: Tensor, phase: Tensor) -> Tensor:
    """Return evenly spaced spikes [N, T, 8] for pixels [N, 8, 8], row after row."""
    return digits.spaced(pixels.flatten(0, 1), STEPS_PER_ROW, phase.flatten(0, 1)).reshape(
        len(pixels), -1, pixels.shape[2]
    )


def code(pixels: Tensor) -> Tensor:
    """Return the spikes that test pixels [N, 8, 8] become, the same every time."""
    return code_rows(pixels, torch.full_like(pixels, 0.5))


def build() -> nn.Sequential:
    """Return the network 8-128-10, recurrent in its hidden layer."""

    def parameters(size: int) -> dict[str, Tensor]:
        return {
            "alpha": torch.full((size,), ALPHA),
            "beta": torch.full((size,), BETA),
            "threshold": torch.ones(size),
        }

    spike_grad = surrogate.fast_sigmoid(slope=5)
    hidden = snn.RSynaptic(
        **parameters(HIDDEN),
        linear_features=HIDDEN,
        spike_grad=spike_grad,
        init_hidden=True,
    )
    output = snn.Synaptic(**parameters(10), spike_grad=spike_grad, init_hidden=True)
    layers = {
        "fc1": nn.Linear(8, HIDDEN),
        "hidden": hidden,
        "fc2": nn.Linear(HIDDEN, 10),
        "out": output,
    }
    return nn.Sequential(OrderedDict(layers))


def count_spikes(net: nn.Sequential, spikes: Tensor) -> Tensor:
    """Run `net` from rest on `spikes` [N, T, 8]; return spike counts [N, 10]."""
    for module in net:
        if isinstance(module, snn.RSynaptic | snn.Synaptic):
            module.reset_mem()
    return torch.stack([net(step) for step in spikes.unbind(1)]).sum(0)


def export(net: nn.Sequential, file: Path) -> None:
    """Write `net` as a NIR graph over single samples and steps."""
    count_spikes(net, torch.zeros(1, 1, 8))
    graph = export_to_nir(net, torch.zeros(1, 8), ignore_dims=[0])
    digits.write_graph(file, graph)


def shift_some(pixels: Tensor) -> Tensor:
    """Move the images [N, 8, 8] of one batch in seven sideways by up to one pixel."""
    if torch.rand(()) < 0.85:
        return pixels
    return pixels.roll(int(torch.randint(-1, 2, ())), dims=2)


def train(net: nn.Sequential, pixels: Tensor, labels: Tensor) -> None:
    """Fit `net`; spikes come at other times for each image in each epoch."""

    def draw(images: Tensor) -> Tensor:
        moved = shift_some(images)
        return code_rows(moved, torch.rand_like(moved))

    digits.fit(
        net, pixels, labels, count_spikes, draw, per_nat=4, epochs=EPOCHS,
        batch=BATCH, rate=3e-3, weight_limit=WEIGHT_LIMIT, gradient_limit=1.0,
    )  # fmt: skip


if __name__ == "__main__":
    digits.make(HERE, (8, 8), build, train, count_spikes, export, code=code)
