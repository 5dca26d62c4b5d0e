"""Train a spiking MLP on 8x8 digits with Norse, and export it as NIR.

    python -m examples.digits_norse.train

A pixel of grey level k (0 to 16) spikes k times in 16 steps, evenly spaced. Two layers of
`LIFCell` follow, Norse's default neuron: a synaptic current, a membrane, hard reset to 0.
The output neuron that spikes most often is the answer. Writes digits_norse.nir and
test.npz beside this file.
"""

from pathlib import Path

import norse.torch as norse
import torch
from norse.torch.utils.export_nir import to_nir
from torch import Tensor, nn

from examples import digits

HERE = Path(__file__).parent
STEPS = 16
HIDDEN = 100
EPOCHS = 60
BATCH = 32
WEIGHT_LIMIT = 2.0  # few large weights would make the 8-bit grid coarse for all others


def code(pixels: Tensor) -> Tensor:
    """Return the spikes that test pixels [N, 64] become, the same every time."""
    return digits.spaced(pixels, STEPS, torch.full_like(pixels, 0.5))


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

    def draw(images: Tensor) -> Tensor:
        return digits.spaced(images, STEPS, torch.rand_like(images))

    digits.fit(
        net, pixels, labels, count_spikes, draw, per_nat=2, epochs=EPOCHS,
        batch=BATCH, rate=3e-3, weight_limit=WEIGHT_LIMIT, gradient_limit=1.0,
    )  # fmt: skip


def export(net: norse.SequentialState, file: Path) -> None:
    """Write `net` as a NIR graph over single samples and steps."""
    graph = to_nir(net, torch.zeros(64))
    digits.write_graph(file, graph)


if __name__ == "__main__":
    digits.make(HERE, (64,), build, train, count_spikes, export, code=code)
