"""Train quantized recurrent networks (QRNNs) on 8x8 digits with Brevitas, convert, write NIR.

    python examples/digits_sequence/train.py

A digit is a sequence: its 8 rows of 8 pixels, or 8 times 8 pixels of a fixed random order
(`permuted`). QuantElman with 64 units, 4-bit levels and weights; a readout that answers in
every step. Each becomes a spiking network that is fed the changes of the input and sends
those of the hidden levels, one step per step of the sequence, with the QRNN's own integers.
Writes rows.nir, rows.npz, permuted.nir and permuted.npz beside this file: `answers` are the
integers of the readout in every step, `levels` those of the hidden layer, `qrnn` the classes
that PyTorch gives, in float32 and with the scales as trained.
"""

from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snn_deploy import convert, write_nir
from snn_deploy.conversion.ann import encode, evaluate
from snn_deploy.conversion.brevitas.elman import QuantElman

HERE = Path(__file__).parent
SEED = 0
EPOCHS = 60
BATCH = 32
HIDDEN, BITS = 64, 4
ORDERS = {
    "rows": np.arange(64),
    "permuted": np.random.default_rng(SEED).permutation(64),
}


class Sequence(nn.Module):
    """8 - Elman 64 - 10."""

    def __init__(self) -> None:
        super().__init__()
        # Pixels are 0..16, in whole numbers: 5 bits with a scale of one.
        self.entry = qnn.QuantReLU(bit_width=5, max_val=31.0, scaling_impl_type="const")
        self.cell = QuantElman(8, HIDDEN, bits=BITS, weight_bits=BITS)
        self.fc = qnn.QuantLinear(HIDDEN, 10, bias=True, weight_bit_width=8)

    def forward(self, x: Tensor) -> Any:
        """Return the logits of every step [N, 8, 10] of pixels 0..16, [N, 8, 8]."""
        return self.fc(self.cell(self.entry(x)))


def split_digits(order: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return train [1347, 8, 8] and test [450, 8, 8] pixels 0..16 in `order`, and labels."""
    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        digits.data[:, order].reshape(-1, 8, 8),
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


def train(x: Tensor, y: Tensor) -> Sequence:
    """Return the network, trained with its quantizers on; later steps count more."""
    torch.manual_seed(SEED)
    net = Sequence()
    weight = torch.arange(1.0, 9.0) / 36.0
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    steps = EPOCHS * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, steps)
    for _ in range(EPOCHS):
        for index in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            logits = net(x[index]).transpose(1, 2)
            wanted = y[index, None].expand(-1, 8)
            losses = cross_entropy(logits, wanted, reduction="none")
            (losses @ weight).mean().backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    net.eval()
    return net


def write(name: str) -> None:
    """Train, convert and write one variant, and print what was reached in every step."""
    x_train, x_test, y_train, y_test = split_digits(ORDERS[name])
    net = train(x_train, y_train)
    made = convert(net, x_train.numpy(), method="graded")
    samples, labels = x_test.numpy(), y_test.numpy()
    computed = evaluate(made.ann, encode(made.ann.port, samples))
    answers = computed[made.ann.output]
    with torch.no_grad():
        qrnn = net(x_test).argmax(-1).numpy()
    print(name, "QRNN, right in every step:", (qrnn == labels[:, None]).sum(0))
    print(name, "its integers:            ", (answers.argmax(-1) == labels[:, None]).sum(0))
    written = write_nir(made.network, HERE / f"{name}.nir")
    np.savez_compressed(
        HERE / f"{name}.npz",
        x=made.feed(samples).astype(np.int8),
        y=labels.astype(np.uint8),
        answers=answers.astype(np.int32),
        levels=computed["cell"].astype(np.int8),
        qrnn=qrnn.astype(np.uint8),
    )
    print(f"read it with {written.flags} --decode final")


def main() -> None:
    """Write both variants."""
    torch.set_num_threads(1)
    for name in ORDERS:
        write(name)


if __name__ == "__main__":
    main()
