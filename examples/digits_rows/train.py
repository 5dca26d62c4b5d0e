"""Train a recurrent spiking network that reads digits row by row, and export it as NIR.

    python examples/digits_rows/train.py

The network sees one row of 8 pixels at a time, from top to bottom, each for 4 steps,
so it must remember: its hidden layer is snnTorch's `RSynaptic` (synaptic current,
membrane, all-to-all recurrence, soft reset), its output layer `Synaptic`. A pixel of
grey level k spikes in about k/16 of its 4 steps, evenly spaced. The output neuron that
spikes most often is the answer. Writes digits_rows.nir and test.npz beside this file.
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
STEPS_PER_ROW = 4
HIDDEN = 128
ALPHA = 0.5  # share of the synaptic current that is left after a step
BETA = 0.75  # share of the membrane that is left after a step
EPOCHS = 100
BATCH = 64
WEIGHT_LIMIT = 0.5  # few large weights would make the 8-bit grid coarse for all others
GRID = 2.0**-16


def split_digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return train pixels [1347, 8, 8] and test pixels [450, 8, 8] in 0..1, and labels."""
    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        digits.images / 16,
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


def code_rows(pixels: Tensor, phase: Tensor) -> Tensor:
    """Return evenly spaced spikes [N, T, 8], 0.0 or 1.0, for pixels [N, 8, 8] in 0..1.

    A pixel of value p adds p to a counter in each of its steps and spikes whenever the
    counter passes a whole number; `phase` [N, 8, 8] in 0..1 is where the counter starts.
    """
    step = torch.arange(STEPS_PER_ROW + 1)[:, None]
    counter = torch.floor(pixels[:, :, None] * step + phase[:, :, None])
    return counter.diff(dim=2).flatten(1, 2)


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


def shift_some(pixels: Tensor) -> Tensor:
    """Move the images [N, 8, 8] of one batch in seven sideways by up to one pixel."""
    if torch.rand(()) < 0.85:
        return pixels
    return pixels.roll(int(torch.randint(-1, 2, ())), dims=2)


def train(net: nn.Sequential, pixels: Tensor, labels: Tensor) -> None:
    """Fit `net`; spikes come at other times for each image in each epoch."""
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for epoch in range(EPOCHS):
        for batch in torch.randperm(len(pixels)).split(BATCH):
            images = shift_some(pixels[batch])
            counts = count_spikes(net, code_rows(images, torch.rand_like(images)))
            loss = functional.cross_entropy(counts / 4, labels[batch])
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
    count_spikes(net, torch.zeros(1, 1, 8))
    graph = export_to_nir(net, torch.zeros(1, 8), ignore_dims=[0])
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

    spikes = code_rows(x_test, torch.full_like(x_test, 0.5))
    print(f"test accuracy {accuracy(net, spikes, y_test):.4f}")
    packed: NDArray[np.uint8] = spikes.numpy().astype(np.uint8)
    np.savez_compressed(HERE / "test.npz", x=packed, y=y_test.numpy())
    export(net, HERE / "digits_rows.nir")


if __name__ == "__main__":
    main()
