"""Train a quantized convolutional ANN on 8x8 digits with Brevitas, convert it, write NIR.

    python -m examples.digits_convert.train

Weights have 4 bits (8 in the last layer), activations 3; a residual sum and an average pool
are in it. Every quantizer becomes a spiking neuron that sends its level as one graded
spike, so that the network gives the ANN's own integers. Writes digits_convert.nir and
test.npz beside this file; `answers` in test.npz are the integers that the ANN computes.
"""

from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from examples.digits import SEED, fit_quantized, split_digits
from snn_deploy import convert, write_nir

HERE = Path(__file__).parent
EPOCHS = 60
BATCH = 32
WEIGHT_BITS, BITS = 4, 3


class Digits(nn.Module):
    """3x3 convolution 16 with stride 2, a residual one of 16, average pool 2, 64-10."""

    def __init__(self) -> None:
        super().__init__()
        conv: Any = {"padding": 1, "bias": False, "weight_bit_width": WEIGHT_BITS}
        # Pixels are 0..16, in whole numbers: 5 bits with a scale of one.
        self.entry = qnn.QuantReLU(bit_width=5, max_val=31.0, scaling_impl_type="const")
        self.conv1 = qnn.QuantConv2d(1, 16, 3, stride=2, **conv)
        self.norm1 = nn.BatchNorm2d(16)
        self.act1 = qnn.QuantReLU(bit_width=BITS)
        self.conv2 = qnn.QuantConv2d(16, 16, 3, **conv)
        self.norm2 = nn.BatchNorm2d(16)
        self.branch = qnn.QuantIdentity(bit_width=BITS)
        self.act2 = qnn.QuantReLU(bit_width=BITS)
        self.pool = nn.AvgPool2d(2)
        self.act3 = qnn.QuantReLU(bit_width=BITS)
        self.fc = qnn.QuantLinear(64, 10, bias=True, weight_bit_width=8)

    def forward(self, x: Tensor) -> Any:
        """Return logits [N, 10] of pixels 0..16, [N, 1, 8, 8]."""
        x = self.act1(self.norm1(self.conv1(self.entry(x))))
        x = self.act2(self.branch(self.norm2(self.conv2(x))) + x)
        return self.fc(torch.flatten(self.act3(self.pool(x)), 1))


def train(x: Tensor, y: Tensor) -> Digits:
    """Return the network, trained with its quantizers on."""
    torch.manual_seed(SEED)
    net = Digits()

    def loss_of(chosen: Tensor) -> Tensor:
        return cross_entropy(net(x[chosen]), y[chosen])

    fit_quantized(net, loss_of, len(x), epochs=EPOCHS, batch=BATCH)
    return net


def main() -> None:
    """Train, convert, write, and print what was reached."""
    torch.set_num_threads(1)
    x_train, x_test, y_train, y_test = split_digits((1, 8, 8), largest=16.0)
    net = train(x_train, y_train)
    made = convert(net, x_train.numpy(), method="graded")
    samples = x_test.numpy()
    answers = made.evaluate(samples)
    with torch.no_grad():
        right = int((net(x_test).argmax(1) == y_test).sum())
    kept = int((answers.argmax(1) == y_test.numpy()).sum())
    print(f"quantized ANN: {right} of {len(y_test)}; its integers: {kept}")
    written = write_nir(made.network, HERE / "digits_convert.nir")
    np.savez_compressed(
        HERE / "test.npz",
        x=made.feed(samples).astype(np.uint8),
        y=y_test.numpy().astype(np.uint8),
        answers=answers.astype(np.int32),
    )
    print(f"read it with {written.flags}")


if __name__ == "__main__":
    main()
