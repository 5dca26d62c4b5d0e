"""Train a rate-coded spiking MLP on 8x8 digits with snnTorch, and export it as NIR.

    python examples/digits_mlp/train.py

A pixel of grey level k (0 to 16) spikes in each step with probability k/16. Two
layers of snnTorch's `Leaky` neurons with its default soft reset follow, and the
output neuron that spikes most often is the answer. Writes digits_mlp.nir and
test.npz beside this file.
"""

from collections import OrderedDict
from pathlib import Path

import nir
import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from snntorch import surrogate
from snntorch.export_nir import export_to_nir
from torch import Tensor, nn
from torch.nn import functional

HERE = Path(__file__).parent
SEED = 0
STEPS = 25
HIDDEN = 128
BETA = 0.9  # share of the membrane that is left after a step
EPOCHS = 60
BATCH = 64
WEIGHT_LIMIT = 0.5  # few large weights would make the 8-bit grid coarse for all others
GRID = 2.0**-16


def split_digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return train pixels [1347, 64] and test pixels [450, 64] in 0..1, and labels."""
    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        digits.data / 16,
        digits.target,
        test_size=450,
        stratify=digits.target,
        random_state=SEED,
    )
    return (
        torch.tensor(x_train, dtype=torch.float32),
        torch.tensor(x_test, dtype=torch.float32),
        torch.tensor(y_train),
        torch.tensor(y_test),
    )


def rate_code(pixels: Tensor, rng: torch.Generator) -> Tensor:
    """Return random spikes [N, T, 64], 0.0 or 1.0, for pixels [N, 64] in 0..1."""
    draw = torch.rand(len(pixels), STEPS, pixels.shape[1], generator=rng)
    return (draw < pixels[:, None]).float()


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
    rng = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for epoch in range(EPOCHS):
        for batch in torch.randperm(len(pixels), generator=rng).split(BATCH):
            counts = count_spikes(net, rate_code(pixels[batch], rng))
            loss = functional.cross_entropy(counts / 2, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            clip_weights(net)
        schedule.step()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1:3d}  loss {loss.item():.3f}")


@torch.no_grad()
def clip_weights(net: nn.Sequential) -> None:
    """Clip all weights to +-WEIGHT_LIMIT; biases stay free."""
    for module in net.modules():
        if isinstance(module, nn.Linear):
            module.weight.clamp_(-WEIGHT_LIMIT, WEIGHT_LIMIT)


@torch.no_grad()
def snap_weights(net: nn.Sequential) -> None:
    """Round weights and biases to multiples of 2**-16.

    All sums of weights are then exact in float32, whatever their order, so that the
    network spikes in the same way on every machine.
    """
    for parameter in net.parameters():
        parameter.copy_(torch.round(parameter / GRID) * GRID)


def accuracy(net: nn.Sequential, spikes: Tensor, labels: Tensor) -> float:
    """Return the share of `labels` [N] that spike counting finds; ties go to the lowest."""
    with torch.no_grad():
        counts = count_spikes(net, spikes).numpy()
    return float((counts.argmax(1) == labels.numpy()).mean())


def export(net: nn.Sequential, file: Path) -> None:
    """Write `net` as a NIR graph over single samples and steps."""
    count_spikes(net, torch.zeros(1, 1, 64))
    graph = export_to_nir(net, torch.zeros(1, 64), ignore_dims=[0])
    graph.edges = sorted(graph.edges)  # the exporter's order changes from run to run
    nir.write(file, graph)


def main() -> None:
    """Train, print the test accuracy, write the network and the test set."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    x_train, x_test, y_train, y_test = split_digits()
    net = build()
    train(net, x_train, y_train)
    snap_weights(net)

    spikes = rate_code(x_test, torch.Generator().manual_seed(SEED))
    print(f"test accuracy {accuracy(net, spikes, y_test):.4f}")
    packed: NDArray[np.uint8] = spikes.numpy().astype(np.uint8)
    np.savez_compressed(HERE / "test.npz", x=packed, y=y_test.numpy())
    export(net, HERE / "digits_mlp.nir")


if __name__ == "__main__":
    main()
