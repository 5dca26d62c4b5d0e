"""Train a convolutional spiking network on 8x8 digits with sinabs, and export it as NIR.

    python examples/digits_sinabs/train.py

The image itself is the input current, the same in each of 8 steps. All neurons are
`IAFSqueeze` as sinabs builds them: no leak, as many spikes in a step as thresholds fit
into the membrane (`MultiSpike`), each of which takes the threshold off. The output
neuron that sends most spikes in all is the answer. Writes digits_sinabs.nir and test.npz
beside this file.
"""

from collections import OrderedDict
from pathlib import Path

import nir
import numpy as np
import torch
from sinabs.activation import PeriodicExponential
from sinabs.layers import IAFSqueeze, SumPool2d
from sinabs.nir import to_nir
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

HERE = Path(__file__).parent
SEED = 0
STEPS = 8
EPOCHS = 60
BATCH = 32
WEIGHT_LIMIT = 1.0  # few large weights would make the 8-bit grid coarse for all others
GRID = 2.0**-12


def split_digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return train [1347, 1, 8, 8] and test [450, 1, 8, 8] pixels in 0..1, and labels."""
    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        digits.images[:, None] / 16,
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


def vary(pixels: Tensor) -> Tensor:
    """Return `pixels` [N, 1, 8, 8] with noise, sometimes moved by up to one pixel."""
    noisy = pixels + 0.05 * torch.randn_like(pixels)
    if torch.rand(()) < 0.7:
        return noisy
    down, right = torch.randint(-1, 2, (2,)).tolist()
    return noisy.roll((down, right), dims=(2, 3))


def train(net: nn.Sequential, pixels: Tensor, labels: Tensor) -> None:
    """Fit `net` to `pixels` [N, 1, 8, 8] and `labels` [N]."""
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for epoch in range(EPOCHS):
        for batch in torch.randperm(len(pixels)).split(BATCH):
            counts = count_spikes(net, vary(pixels[batch]))
            loss = cross_entropy(counts / 4, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            clip_weights(net)
        schedule.step()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1:3d}  loss {loss.item():.3f}")


@torch.no_grad()
def clip_weights(net: nn.Sequential) -> None:
    """Clip all weights to +-WEIGHT_LIMIT; biases stay free."""
    for module in net:
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.clamp_(-WEIGHT_LIMIT, WEIGHT_LIMIT)


@torch.no_grad()
def snap_weights(net: nn.Sequential) -> None:
    """Round weights and biases to multiples of 2**-12.

    Pixels are multiples of 2**-4, so every membrane is a multiple of 2**-16 and exact in
    float32: the network spikes in the same way on every machine.
    """
    for module in net:
        if isinstance(module, nn.Conv2d | nn.Linear):
            for parameter in module.parameters():
                parameter.copy_(torch.round(parameter / GRID) * GRID)


def accuracy(net: nn.Sequential, pixels: Tensor, labels: Tensor) -> float:
    """Return the share of `labels` [N] that spike counting finds; ties go to the lowest."""
    with torch.no_grad():
        counts = count_spikes(net, pixels).numpy()
    return float((counts.argmax(1) == labels.numpy()).mean())


def export(net: nn.Sequential, file: Path) -> None:
    """Write `net` as a NIR graph over single samples and steps."""
    count_spikes(net, torch.zeros(1, 1, 8, 8))
    graph = to_nir(net, torch.zeros(STEPS, 1, 8, 8))
    graph.edges = sorted(graph.edges)  # the exporter's order changes from run to run
    graph.infer_types()  # without it, convolutions cannot be written
    nir.write(file, graph)


def main() -> None:
    """Train, print the test accuracy, write the network and the test set."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    x_train, x_test, y_train, y_test = split_digits()
    net = build()
    train(net, x_train, y_train)
    snap_weights(net)

    print(f"test accuracy {accuracy(net, x_test, y_test):.4f}")
    np.savez_compressed(HERE / "test.npz", x=x_test.numpy(), y=y_test.numpy())
    export(net, HERE / "digits_sinabs.nir")


if __name__ == "__main__":
    main()
