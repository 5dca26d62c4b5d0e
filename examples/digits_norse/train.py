"""Train a spiking MLP on 8x8 digits with Norse, and export it as NIR.

    python examples/digits_norse/train.py

A pixel of grey level k (0 to 16) spikes k times in 16 steps, evenly spaced. Two layers of
`LIFCell` follow, Norse's default neuron: a synaptic current, a membrane, hard reset to 0.
The output neuron that spikes most often is the answer. Writes digits_norse.nir and
test.npz beside this file.
"""

from pathlib import Path

import nir
import norse.torch as norse
import numpy as np
import torch
from norse.torch.utils.export_nir import to_nir
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional

HERE = Path(__file__).parent
SEED = 0
STEPS = 16
HIDDEN = 100
EPOCHS = 60
BATCH = 32
WEIGHT_LIMIT = 2.0  # few large weights would make the 8-bit grid coarse for all others
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


def code(pixels: Tensor, phase: Tensor) -> Tensor:
    """Return evenly spaced spikes [N, T, 64], 0.0 or 1.0, for pixels [N, 64] in 0..1.

    A pixel of value p adds p to a counter in each step and spikes whenever the counter
    passes a whole number; `phase` [N, 64] in 0..1 is where the counter starts.
    """
    step = torch.arange(STEPS + 1)[:, None]
    return torch.floor(pixels[:, None] * step + phase[:, None]).diff(dim=1)


def build() -> norse.SequentialState:
    """Return the network 64-100-10.

    Every neuron gets its own parameters, all alike, because the exporter fails on scalars.
    """

    def lif(size: int) -> norse.LIFCell:
        one = torch.ones(size)
        return norse.LIFCell(
            p=norse.LIFParameters(
                tau_syn_inv=200 * one,  # 5 ms, Norse's default
                tau_mem_inv=100 * one,  # 10 ms, Norse's default
                v_leak=0 * one,
                v_th=one,
                v_reset=0 * one,
                alpha=torch.tensor(5.0),
            )
        )

    return norse.SequentialState(
        nn.Linear(64, HIDDEN), lif(HIDDEN), nn.Linear(HIDDEN, 10), lif(10)
    )


def count_spikes(net: norse.SequentialState, spikes: Tensor) -> Tensor:
    """Run `net` from rest on `spikes` [N, T, 64]; return spike counts [N, 10]."""
    counts, state = torch.zeros(len(spikes), 10), None
    for step in spikes.unbind(1):
        out, state = net(step, state)
        counts = counts + out
    return counts


def train(net: norse.SequentialState, pixels: Tensor, labels: Tensor) -> None:
    """Fit `net`; spikes come at other times for each image in each epoch."""
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for epoch in range(EPOCHS):
        for batch in torch.randperm(len(pixels)).split(BATCH):
            images = pixels[batch]
            counts = count_spikes(net, code(images, torch.rand_like(images)))
            loss = functional.cross_entropy(counts / 2, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            clip_weights(net)
        schedule.step()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1:3d}  loss {loss.item():.3f}")


@torch.no_grad()
def clip_weights(net: norse.SequentialState) -> None:
    """Clip all weights to +-WEIGHT_LIMIT; biases stay free."""
    for module in net.modules():
        if isinstance(module, nn.Linear):
            module.weight.clamp_(-WEIGHT_LIMIT, WEIGHT_LIMIT)


@torch.no_grad()
def snap_weights(net: norse.SequentialState) -> None:
    """Round weights and biases to multiples of 2**-16.

    All sums of weights are then exact in float32, whatever their order.
    """
    for parameter in net.parameters():
        parameter.copy_(torch.round(parameter / GRID) * GRID)


def accuracy(net: norse.SequentialState, spikes: Tensor, labels: Tensor) -> float:
    """Return the share of `labels` [N] that spike counting finds; ties go to the lowest."""
    with torch.no_grad():
        counts = count_spikes(net, spikes).numpy()
    return float((counts.argmax(1) == labels.numpy()).mean())


def export(net: norse.SequentialState, file: Path) -> None:
    """Write `net` as a NIR graph over single samples and steps."""
    graph = to_nir(net, torch.zeros(64))
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

    spikes = code(x_test, torch.full_like(x_test, 0.5))
    print(f"test accuracy {accuracy(net, spikes, y_test):.4f}")
    packed: NDArray[np.uint8] = spikes.numpy().astype(np.uint8)
    np.savez_compressed(HERE / "test.npz", x=packed, y=y_test.numpy())
    export(net, HERE / "digits_norse.nir")


if __name__ == "__main__":
    main()
