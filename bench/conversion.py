"""Conversion: accuracy, steps to rest, synops, energy and latency per method.

    python bench/conversion.py [--data images.npz] [--seeds 0 1 2] [--weights FOLDER]

Trains a convolutional network with 4-bit weights and activations (residual sum, average
pool) with Brevitas, a tenth of the data kept for the test, converts it by every method, and
holds each against the quantized network's integers on every test sample: on the simulated
chip, which has to give the same answers as the float simulator; its energy and latency are
those of the first samples. `--data`: x [N, H, W] uint8, y [N]; without it the digits of
scikit-learn.
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
from snn_deploy.board.board import load_board
from snn_deploy.conversion.convert import Converted, convert
from snn_deploy.conversion.running import answers
from snn_deploy.evaluation.decode import floats_of
from snn_deploy.evaluation.stages import Routed
from snn_deploy.ir.program import Program
from snn_deploy.pipeline.line import line
from snn_deploy_simulators import chip, reference
from snn_deploy_simulators.stimulus import encode
from support.lines import begin

EPOCHS, BATCH, RATE = 16, 64, 3e-3
BITS = 4
CALIBRATION = 512  # training samples that scales and steps are measured on
REPORTED = 100  # test samples whose energy and latency are reported
PART = 50  # samples per run; memory only
METHODS: tuple[tuple[str, dict[str, int]], ...] = (
    ("group", {}),
    ("graded", {}),
    ("st-bif", {}),
    ("multi-bit", {"spike_bits": 2, "steps": 4}),
    ("rate", {"steps": 8}),
    ("rate", {"steps": 32}),
    ("rate", {"steps": 128}),
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
        for index in torch.randperm(len(data.x)).split(BATCH):  # type: ignore[no-untyped-call]
            shift = torch.randint(-reach, reach + 1, (2,)).tolist()
            optimizer.zero_grad()
            moved = torch.roll(data.x[index], shift, (2, 3))
            cross_entropy(net(moved), data.y[index]).backward()  # type: ignore[no-untyped-call]
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


@dataclass(frozen=True)
class Answers:
    """Of all test samples: accuracy on the chip, the shares of answers (all ten numbers)
    equal to the ANN's integers on the chip and in the float simulator, and of classes."""

    accuracy: float
    chip: float
    floats: float
    classes: float


def answered(made: Converted, data: Split) -> Answers:
    """Run all test samples on the chip and in the float simulator, a few at a time."""
    x, name = data.x_test.numpy(), made.ann.output
    wanted, program = made.evaluate(x), mapped(made, x[:PART])
    chips, floats = [], []
    for first in range(0, len(x), PART):
        fed = made.feed(x[first : first + PART])
        given = encode(program.net, {made.ann.port.name: fed})
        output = chip.run(program, given, keep=(), threads=1).recording.outputs[name]
        chips.append(answers_of(made, floats_of(program.net, name, output)))
        output = reference.run(made.network, fed, keep=()).outputs[name]
        floats.append(answers_of(made, output))
    got, own = np.concatenate(chips), np.concatenate(floats)
    classes = got.argmax(1)
    return Answers(
        accuracy=float((classes == data.y_test.numpy()).mean()),
        chip=float(near(got, wanted).all(1).mean()),
        floats=float(near(own, wanted).all(1).mean()),
        classes=float((classes == wanted.argmax(1)).mean()),
    )


def mapped(made: Converted, x: Any) -> Program:
    """Return the network on the cores of Loihi 2."""
    fed = {"x": made.feed(x)}
    run = begin(load_board("loihi2"), made.network, fed, decode="final")
    return next(stage.program for stage in line(run) if isinstance(stage, Routed))


def answers_of(made: Converted, output: Any) -> Any:
    """Return the readout's sums [N, 10] from its membrane [N, T, 10]."""
    return answers(made.ann, made.method, output, made.steps)


def near(got: Any, wanted: Any) -> Any:
    """Whether numbers are the wanted integers, but for the rounding of a real scale."""
    return np.abs(got - wanted) < 1e-6


def reported(made: Converted, data: Split) -> tuple[str, ...]:
    """Return as columns what an inference takes: synops, energy, latency."""
    x, y = data.x_test[:REPORTED].numpy(), data.y_test[:REPORTED].numpy()
    with TemporaryDirectory() as folder:
        written = write_nir(made.network, Path(folder) / "model.nir")
        report = deploy(
            written.path, "loihi2", input={"x": made.feed(x), "y": y}, decode="final",
            dt=written.dt, threshold=written.threshold, profile=written.profile,
            batch=PART,
        )  # fmt: skip
    synops = sum(layer.synops or 0.0 for layer in report.layers)
    joules = [
        f"{a.dynamic.mean * 1e6:.1f}"
        for a in (report.energy.accounts if report.energy else ())
        if a.dynamic.mean is not None
    ]
    time = report.latency
    seconds = None if time is None else time.answer_s.mean
    return (
        f"{synops / 1e3:.0f}",
        " .. ".join(sorted(joules, key=float)),
        "-" if seconds is None else f"{seconds * 1e6:.0f}",
    )


HEAD = (
    "method", "steps", "at rest after", "accuracy", "chip = ANN", "float = ANN",
    "same class", "k synops", "energy uJ", "answer us",
)  # fmt: skip


def row(net: Net, data: Split, method: str, settings: dict[str, int]) -> str:
    """Return one line of the table."""
    name = f"{method} {settings.get('spike_bits', '')}".strip()
    made = convert(net, data.x[:CALIBRATION].numpy(), method=method, **settings)  # type: ignore[arg-type]
    found = answered(made, data)
    rest = f"{made.rest.min()}..{made.rest.max()}" if made.rest.size else "-"
    cells = (
        name, str(made.steps), rest, f"{found.accuracy:.2%}", f"{found.chip:.1%}",
        f"{found.floats:.1%}", f"{found.classes:.1%}", *reported(made, data),
    )  # fmt: skip
    return printed(cells)


def printed(cells: tuple[str, ...]) -> str:
    """Return the cells in columns."""
    return "  ".join(c.rjust(max(len(h), 9)) for c, h in zip(cells, HEAD, strict=True))


def main() -> None:
    """Print a table per seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--exact", action="store_true", help="the exact methods only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = load(options.data)
    for seed in options.seeds:
        net = trained(data, seed, options.weights)
        right, total = accuracy(net, data), len(data.y_test)
        print(f"seed {seed}: quantized network {right:.2%} of {total}")
        print(printed(HEAD))
        for method, settings in METHODS[: 3 if options.exact else None]:
            print(row(net, data, method, settings))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
