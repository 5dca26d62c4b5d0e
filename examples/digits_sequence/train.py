"""Train quantized recurrent ANNs (QRNNs) on 8x8 digits with Brevitas, convert, write NIR.

    python -m examples.digits_sequence.train

A digit is a sequence: its 8 rows of 8 pixels, or 8 times 8 pixels of a fixed random order
(`permuted`). QuantElman with 64 units, 4-bit levels and weights, whose scales are powers of
two, so that the integers have nearly the same; a readout that answers in every step. Each
becomes a spiking network that is fed the changes of the input and sends those of the hidden
levels, one step per step of the sequence, with the QRNN's own integers. The trained scales
are moved onto the integers first, in the QRNN itself, so that PyTorch gives the same ones.

Writes rows.nir, rows.npz, permuted.nir and permuted.npz beside this file. `answers` are the
readout's integers in every step, `levels` those of the hidden layer, both as PyTorch gives
them; `trained` are its classes before the scales were moved.
"""

from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.quant import Int8WeightPerTensorFixedPoint as PowerOfTwo
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from examples.digits import SEED, fit_quantized, split_digits
from snn_deploy import convert, write_nir
from snn_deploy.arrays import FloatArray, IntArray
from snn_deploy.conversion.brevitas.elman import QuantElman
from snn_deploy.conversion.integers.ann import QuantAnn

HERE = Path(__file__).parent
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
        self.cell = QuantElman(
            8, HIDDEN, bits=BITS, weight_bits=BITS, weight_quant=PowerOfTwo,
            scaling_impl_type="const", min_val=-1.0, max_val=1.0,
        )  # fmt: skip
        self.fc = qnn.QuantLinear(HIDDEN, 10, bias=True, weight_bit_width=8)

    def forward(self, x: Tensor) -> Any:
        """Return the logits of every step [N, 8, 10] of pixels 0..16, [N, 8, 8]."""
        return self.fc(self.cell(self.entry(x)))


class Scaled(nn.Module):
    """A layer without bias, times a number."""

    def __init__(self, layer: Any, gain: float) -> None:
        super().__init__()
        if layer.bias is not None:
            raise ValueError("the gain would change the bias")
        self.layer, self.gain = layer, gain
        self.in_features = layer.in_features

    def forward(self, x: Tensor) -> Any:
        """Return gain * layer(x)."""
        return self.layer(x) * self.gain


def train(x: Tensor, y: Tensor) -> Sequence:
    """Return the network, trained with its quantizers on; later steps count more."""
    torch.manual_seed(SEED)
    net = Sequence()
    weight = torch.arange(1.0, 9.0) / 36.0

    def loss_of(chosen: Tensor) -> Tensor:
        logits = net(x[chosen]).transpose(1, 2)
        wanted = y[chosen, None].expand(-1, 8)
        losses = cross_entropy(logits, wanted, reduction="none")
        return (losses @ weight).mean()

    fit_quantized(net, loss_of, len(x), epochs=EPOCHS, batch=BATCH, gradient_limit=1.0)
    return net


def move(net: Sequence, ann: QuantAnn) -> None:
    """Give the QRNN, in float64, the scales and biases that its integers stand for."""
    cell, last = ann.layer("cell"), ann.layer(ann.output)
    unit = float(cell.scale[0]) / float(cell.theta[0])  # type: ignore[index]
    proxy: Any = net.cell.quantizer.act_quant
    kept = proxy.fused_activation_quant_proxy.tensor_quant.scaling_impl.value.value
    kept *= float(cell.scale[0]) / float(proxy.scale())
    net.cell.input_weights.bias.data[:] = torch.from_numpy(cell.bias * unit)
    pairs = (
        ("input_weights", ann.port.scale),
        ("recurrent_weights", float(cell.scale[0])),
    )
    for (name, level), source in zip(pairs, cell.sources, strict=True):
        linear = getattr(net.cell, name)
        stored = linear.quant_weight()
        factor = np.abs(source.map.stored).max() / float(stored.int().abs().max())
        gain = factor * unit / (float(stored.scale) * level)
        if gain != 1.0:  # theta is odd, so that one of the powers of two gives way
            setattr(net.cell, name, Scaled(linear, gain))
    net.fc.bias.data[:] = torch.from_numpy(last.bias * last.scale)


def computed(net: Sequence, ann: QuantAnn, x: Tensor) -> tuple[IntArray, IntArray]:
    """Return what PyTorch gives as whole numbers: answers [N, 8, 10], levels [N, 8, 64]."""
    logits = whole(net(x.double()), ann.layer(ann.output).scale)
    hidden = net.cell(net.entry(x.double()))
    return logits, whole(hidden, ann.layer("cell").scale)


def whole(values: Tensor, scale: FloatArray) -> IntArray:
    """Return the multiples of `scale` that the values are, but for rounding of float64."""
    found = values.numpy() / scale
    if np.abs(found - np.rint(found)).max() > 1e-6:
        raise ValueError("the QRNN's values are no integers; were its scales moved?")
    return np.rint(found).astype(np.int64)


def right(classes: IntArray, labels: IntArray) -> list[int]:
    """Return how many of the classes [N, 8] are right in each step."""
    return [int(n) for n in (classes == labels[:, None]).sum(0)]


@torch.no_grad()
def write(name: str) -> None:
    """Train, convert and write one variant, and print what was reached in every step."""
    x_train, x_test, y_train, y_test = split_digits((8, 8), 16.0, ORDERS[name])
    with torch.enable_grad():
        net = train(x_train, y_train)
    labels = y_test.numpy()
    trained = net(x_test).argmax(-1).numpy()
    made = convert(net.double(), x_train.numpy(), method="graded")
    move(net, made.ann)
    answers, levels = computed(net, made.ann, x_test)
    print(f"{name}: right after each step, as trained {right(trained, labels)}")
    print(f"with its scales moved {right(answers.argmax(-1), labels)}")
    equal = (answers == made.evaluate(x_test.numpy())).all((0, 2))
    print(f"PyTorch's integers equal the converted ones in {int(equal.sum())} of 8 steps")
    written = write_nir(made.network, HERE / f"{name}.nir")
    np.savez_compressed(
        HERE / f"{name}.npz",
        x=made.feed(x_test.numpy()).astype(np.int8),
        y=labels.astype(np.uint8),
        answers=answers.astype(np.int32),
        levels=levels.astype(np.int8),
        trained=trained.astype(np.uint8),
    )
    print(f"read it with {written.flags}")


def main() -> None:
    """Write both variants."""
    torch.set_num_threads(1)
    for name in ORDERS:
        write(name)


if __name__ == "__main__":
    main()
