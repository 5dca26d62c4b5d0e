"""Conversion: accuracy, steps to rest, synops, energy and latency per method.

    python bench/conversion.py [--data images.npz] [--seeds 0 1 2] [--weights FOLDER]

Trains a convolutional network with 4-bit weights and activations (residual sum, average
pool) with Brevitas, a tenth of the data kept for the test, converts it by every method, and
holds each against the quantized network's integers on every test sample: float simulator,
integers and chip. `--data`: x [N, H, W] uint8, y [N]; without it scikit-learn's digits.
`--weights`: trained weights are kept there, so that a second run trains nothing.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snn_deploy import deploy, write_nir
from snn_deploy.conversion.convert import Converted, convert
from snn_deploy.conversion.feeding import answers
from snn_deploy_simulators import reference

EPOCHS, BATCH, RATE = 16, 64, 3e-3
BITS = 4
CALIBRATION = 512  # training samples that scales and steps are measured on
CHIP_SAMPLES = 100  # deployed on the simulated chip; the float simulator runs all
METHODS: tuple[tuple[str, dict[str, int]], ...] = (
    ("group", {}),
    ("graded", {}),
    ("st-bif", {}),
    ("multi-bit", {"spike_bits": 2, "steps": 4}),
    ("rate", {"steps": 8}),
    ("rate", {"steps": 32}),
)


class Net(nn.Module):
    """Three convolutions with BatchNorm, the third in a residual branch; a dense layer."""

    def __init__(self, size: int) -> None:
        super().__init__()
        conv = {"padding": 1, "bias": False, "weight_bit_width": BITS}
        # Pixels are 0..1 and there are 256 of them.
        self.entry = qnn.QuantReLU(bit_width=8, max_val=1.0, scaling_impl_type="const")
        self.conv1 = qnn.QuantConv2d(1, 16, 3, stride=2 if size > 16 else 1, **conv)
        self.norm1 = nn.BatchNorm2d(16)
        self.act1 = qnn.QuantReLU(bit_width=BITS)
        self.conv2 = qnn.QuantConv2d(16, 32, 3, stride=2, **conv)
        self.norm2 = nn.BatchNorm2d(32)
        self.act2 = qnn.QuantReLU(bit_width=BITS)
        self.conv3 = qnn.QuantConv2d(32, 32, 3, **conv)
        self.norm3 = nn.BatchNorm2d(32)
        self.branch = qnn.QuantReLU(bit_width=BITS)
        self.act3 = qnn.QuantReLU(bit_width=BITS)
        self.pool = nn.AvgPool2d(2)
        self.act4 = qnn.QuantReLU(bit_width=BITS)
        side = -(-size // (4 if size > 16 else 2)) // 2
        self.fc = qnn.QuantLinear(32 * side**2, 10, bias=True, weight_bit_width=8)

    def forward(self, x: Tensor) -> Any:
        x = self.act1(self.norm1(self.conv1(self.entry(x))))
        x = self.act2(self.norm2(self.conv2(x)))
        x = self.act3(self.branch(self.norm3(self.conv3(x))) + x)
        return self.fc(torch.flatten(self.act4(self.pool(x)), 1))


@dataclass(frozen=True)
class Split:
    """Images [N, 1, H, W] in 0..1 and labels."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor


def load(file: Path | None) -> Split:
    """Return the data, a random tenth of it for the test; the same for all seeds."""
    if file is None:
        digits = load_digits()
        images, labels = digits.images / 16, digits.target
    else:
        with np.load(file) as content:
            images, labels = content["x"] / 255, content["y"]
    order = np.random.default_rng(0).permutation(len(images))
    x = torch.from_numpy(images[order, None]).float()
    y = torch.from_numpy(labels[order].astype(np.int64))
    n = len(x) // 10
    return Split(x[n:], y[n:], x[:n], y[:n])


def train(data: Split, seed: int) -> Net:
    """Return a network trained quantized, on images shifted by up to two pixels."""
    torch.manual_seed(seed)
    net = Net(data.x.shape[-1])
    reach = 2 if data.x.shape[-1] > 16 else 0
    epochs = EPOCHS if len(data.x) > 5000 else 3 * EPOCHS
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    batches = -(-len(data.x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, epochs * batches)
    for _ in range(epochs):
        for index in torch.randperm(len(data.x)).split(BATCH):
            shift = torch.randint(-reach, reach + 1, (2,)).tolist()
            optimizer.zero_grad()
            moved = torch.roll(data.x[index], shift, (2, 3))
            cross_entropy(net(moved), data.y[index]).backward()
            optimizer.step()
            schedule.step()
    return net


def trained(data: Split, seed: int, folder: Path | None) -> Net:
    """Return the network of a seed, from `folder` if it was trained before."""
    file = None if folder is None else folder / f"{data.x.shape[-1]}_{seed}.pt"
    if file is not None and file.exists():
        net = Net(data.x.shape[-1])
        net.load_state_dict(torch.load(file))
    else:
        net = train(data, seed)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.save(net.state_dict(), file)
    return net.eval()


def accuracy(net: nn.Module, data: Split) -> float:
    """Return the share of right answers on the test samples."""
    with torch.no_grad():
        return float((net(data.x_test).argmax(1) == data.y_test).double().mean())


def simulated(made: Converted, data: Split) -> tuple[float, float, float]:
    """Return accuracy, the share of answers equal to the ANN's, and of equal classes, of
    the float simulator on all test samples."""
    x = data.x_test.numpy()
    wanted = made.evaluate(x)
    parts = []
    for first in range(0, len(x), 50):
        recording = reference.run(made.network, made.feed(x[first : first + 50]), keep=())
        output = recording.outputs[made.ann.output]
        parts.append(answers(made.ann, made.method, output, made.steps))
    got = np.concatenate(parts)
    classes = got.argmax(1)
    right = float((classes == data.y_test.numpy()).mean())
    same = (got == wanted).all(1).mean()
    return right, float(same), float((classes == wanted.argmax(1)).mean())


def on_chip(made: Converted, data: Split, samples: int) -> tuple[str, ...]:
    """Return as columns: answers on the chip that are the ANN's integers, accuracy, and
    what an inference takes."""
    x, y = data.x_test[:samples].numpy(), data.y_test[:samples].numpy()
    with TemporaryDirectory() as folder:
        written = write_nir(made.network, Path(folder) / "model.nir")
        trace = Path(folder) / "trace.npz"
        report = deploy(
            written.path, "loihi2", input={"x": made.feed(x), "y": y}, decode="final",
            dt=written.dt, threshold=written.threshold, profile=written.profile,
            trace=trace,
        )  # fmt: skip
        with np.load(trace) as outputs:
            output = in_float_units(outputs, made.ann.output)
    got = answers(made.ann, made.method, output, made.steps)
    equal = int((np.abs(got - made.evaluate(x)) < 1e-6).all(1).sum())
    chip = next(a for a in report.accuracy if a.stage == "chip")
    synops = sum(layer.synops or 0.0 for layer in report.layers)
    joules = [
        f"{a.dynamic.mean * 1e6:.1f}"
        for a in (report.energy.accounts if report.energy else ())
        if a.dynamic.mean is not None
    ]
    time = report.latency
    seconds = None if time is None else time.answer_s.mean
    return (
        f"{equal}/{samples}",
        f"{chip.value:.1%}",
        f"{synops / 1e3:.0f}",
        " .. ".join(sorted(joules, key=float)),
        "-" if seconds is None else f"{seconds * 1e6:.0f}",
    )


def in_float_units(outputs: Any, name: str) -> Any:
    """Return the chip's membranes in units of the float network's: one number for all."""
    chip, floats = (outputs[f"{who}/{name}"].astype(float) for who in ("chip", "reference"))
    return chip * (np.abs(floats).max() / np.abs(chip).max())


HEAD = (
    "method", "steps", "accuracy", "= ANN", "same class", "at rest after",
    "chip = ANN", "chip accuracy", "k synops", "energy uJ", "answer us",
)  # fmt: skip


def row(net: Net, data: Split, method: str, settings: dict[str, int], chip: int) -> str:
    """Return one line of the table."""
    name = f"{method} {settings.get('spike_bits', '')}".strip()
    made = convert(net, data.x[:CALIBRATION].numpy(), method=method, **settings)  # type: ignore[arg-type]
    right, same, classes = simulated(made, data)
    rest = f"{made.rest.min()}..{made.rest.max()}" if made.rest.size else "-"
    cells = (
        name, str(made.steps), f"{right:.2%}", f"{same:.1%}", f"{classes:.1%}", rest,
        *on_chip(made, data, chip),
    )  # fmt: skip
    return line(cells)


def line(cells: tuple[str, ...]) -> str:
    """Return the cells in columns."""
    return "  ".join(c.rjust(max(len(h), 9)) for c, h in zip(cells, HEAD, strict=True))


def main() -> None:
    """Print a table per seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--chip", type=int, default=CHIP_SAMPLES)
    parser.add_argument("--exact", action="store_true", help="the exact methods only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = load(options.data)
    for seed in options.seeds:
        net = trained(data, seed, options.weights)
        right, total = accuracy(net, data), len(data.y_test)
        print(f"seed {seed}: quantized network {right:.2%} of {total}")
        print(line(HEAD))
        for method, settings in METHODS[: 3 if options.exact else None]:
            print(row(net, data, method, settings, min(options.chip, len(data.y_test))))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
