"""Train a rate-coded spiking MLP on 8x8 digits with snnTorch, and export it as NIR.

    python -m examples.digits_mlp.train

A pixel of grey level k (0 to 16) spikes in each step with probability k/16. Two
layers of snnTorch's `Leaky` neurons with its default soft reset follow, and the
output neuron that spikes most often is the answer. Writes digits_mlp.nir and
test.npz beside this file.
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
STEPS = 25
HIDDEN = 128
BETA = 0.9  # share of the membrane that is left after a step
EPOCHS = 60
BATCH = 64
WEIGHT_LIMIT = 0.5  # few large weights would make the 8-bit grid coarse for all others


def rate_code(pixels: Tensor, rng: torch.Generator) -> Tensor:
    """Return random spikes [N, T, 64], 0.0 or 1.0, for pixels [N, 64] in 0..1."""
    draw = torch.rand(len(pixels), STEPS, pixels.shape[1], generator=rng)
    return (draw < pixels[:, None]).float()


def code(pixels: Tensor) -> Tensor:
    """Return the spikes that test pixels [N, 64] become, the same every time."""
    return rate_code(pixels, torch.Generator().manual_seed(digits.SEED))


def build() -> nn.Sequential:
    """Return the network 64-128-10.

    Every neuron gets its own beta and threshold, all alike, because the exporter
    fails on scalars.
    """

    def leaky(size: int) -> snn.Leaky:
        return snn.Leaky(
            beta=torch.full((size,), BETA),
            threshold=torch.ones(size),
            spike_grad=surrogate.fast_sigmoid(slope=10),
            init_hidden=True,
        )

    layers = {
        "fc1": nn.Linear(64, HIDDEN),
        "lif1": leaky(HIDDEN),
        "fc2": nn.Linear(HIDDEN, 10),
        "lif2": leaky(10),
    }
    return nn.Sequential(OrderedDict(layers))


def count_spikes(net: nn.Sequential, spikes: Tensor) -> Tensor:
    """Run `net` from rest on `spikes` [N, T, 64]; return spike counts [N, 10]."""
    for module in net:
        if isinstance(module, snn.Leaky):
            module.reset_mem()
    return torch.stack([net(step) for step in spikes.unbind(1)]).sum(0)


def train(net: nn.Sequential, pixels: Tensor, labels: Tensor) -> None:
    """Fit `net`, drawing new spikes for each image in each epoch."""
    rng = torch.Generator().manual_seed(digits.SEED)

    def draw(images: Tensor) -> Tensor:
        return rate_code(images, rng)

    digits.fit(
        net, pixels, labels, count_spikes, draw, per_nat=2, epochs=EPOCHS,
        batch=BATCH, rate=2e-3, weight_limit=WEIGHT_LIMIT, rng=rng,
    )  # fmt: skip


def export(net: nn.Sequential, file: Path) -> None:
    """Write `net` as a NIR graph over single samples and steps."""
    count_spikes(net, torch.zeros(1, 1, 64))
    graph = export_to_nir(net, torch.zeros(1, 64), ignore_dims=[0])
    digits.write_graph(file, graph)


if __name__ == "__main__":
    digits.make(HERE, (64,), build, train, count_spikes, export, code=code)
