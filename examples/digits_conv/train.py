"""Train a convolutional spiking network on 8x8 digits with SpikingJelly, export it as NIR.

    python examples/digits_conv/train.py

The image itself is the input current, the same in each of 10 steps (direct coding).
All neurons are `LIFNode` with hard reset to 0, and the output neuron that spikes most
often is the answer. Writes digits_conv.nir and test.npz beside this file.
"""

from collections import OrderedDict
from pathlib import Path

import nir
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.nir_exchange import export_to_nir
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

HERE = Path(__file__).parent
SEED = 0
STEPS = 10
TAU = 2.0  # membrane time constant in steps: half of the membrane is left after a step
EPOCHS = 100
BATCH = 32
WEIGHT_LIMIT = 1.0  # few large weights would make the 8-bit grid coarse for all others
GRID = 2.0**-16


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


def vary(pixels: Tensor) -> Tensor:
    """Return `pixels` [N, 1, 8, 8] with noise, sometimes moved by up to one pixel."""
    noisy = pixels + 0.05 * torch.randn_like(pixels)
    if torch.rand(()) < 0.7:
        return noisy
    down, right = torch.randint(-1, 2, (2,)).tolist()
    return noisy.roll((down, right), dims=(2, 3))


def train(net: nn.Sequential, pixels: Tensor, labels: Tensor) -> None:
    """Fit `net` to `pixels` [N, 1, 8, 8] and `labels` [N]."""
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for epoch in range(EPOCHS):
        for batch in torch.randperm(len(pixels)).split(BATCH):
            counts = count_spikes(net, vary(pixels[batch]))
            loss = cross_entropy(counts / 2, labels[batch])
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
    for module in net:
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.clamp_(-WEIGHT_LIMIT, WEIGHT_LIMIT)


@torch.no_grad()
def snap_weights(net: nn.Sequential) -> None:
    """Round weights and biases to multiples of 2**-16.

    All sums of weights are then exact in float32, whatever their order, so that the
    network spikes in the same way on every machine.
    """
    for parameter in net.parameters():
        parameter.copy_(torch.round(parameter / GRID) * GRID)


def accuracy(net: nn.Sequential, pixels: Tensor, labels: Tensor) -> float:
    """Return the share of `labels` [N] that spike counting finds; ties go to the lowest."""
    with torch.no_grad():
        counts = count_spikes(net, pixels).numpy()
    return float((counts.argmax(1) == labels.numpy()).mean())


def export(net: nn.Sequential, file: Path) -> None:
    """Write `net` as a NIR graph over single samples and steps."""
    functional.reset_net(net)
    functional.set_step_mode(net, "s")
    graph = export_to_nir(net, torch.zeros(1, 1, 8, 8))
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
    export(net, HERE / "digits_conv.nir")


if __name__ == "__main__":
    main()
