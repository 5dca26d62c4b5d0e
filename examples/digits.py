"""What the training scripts share: the digits, one training loop, weights on a grid.

python -m examples.digits_mlp.train        (from the root of the repository)
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import nir
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

SEED = 0
TEST = 450  # images to test on, of 1797
Net = TypeVar("Net", bound=nn.Module)


def split_digits(
    shape: tuple[int, ...], largest: float = 1.0, order: Any = slice(None)
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return train pixels [1347, *shape], test pixels [450, *shape], and labels of both.

    Args:
        shape: Of an image of 64 pixels.
        largest: Value of the darkest pixel, of grey level 16.
        order: Of the 64 pixels.
    """
    digits = load_digits()
    pixels = digits.data[:, order].reshape(-1, *shape) * (largest / 16)
    x_train, x_test, y_train, y_test = train_test_split(
        pixels, digits.target, test_size=TEST, stratify=digits.target, random_state=SEED
    )
    return (
        torch.tensor(x_train, dtype=torch.float32),
        torch.tensor(x_test, dtype=torch.float32),
        torch.tensor(y_train),
        torch.tensor(y_test),
    )


def vary(pixels: Tensor) -> Tensor:
    """Return `pixels` [N, 1, 8, 8] with noise, sometimes moved by up to one pixel."""
    noisy = pixels + 0.05 * torch.randn_like(pixels)
    if torch.rand(()) < 0.7:
        return noisy
    down, right = torch.randint(-1, 2, (2,)).tolist()
    return noisy.roll((down, right), dims=(2, 3))


def spaced(pixels: Tensor, steps: int, phase: Tensor) -> Tensor:
    """Return evenly spaced spikes [N, T, n], 0.0 or 1.0, for pixels [N, n] in 0..1.

    A pixel of value p adds p to a counter in each step and spikes whenever the counter
    passes a whole number; `phase` [N, n] in 0..1 is where the counter starts.
    """
    step = torch.arange(steps + 1)[:, None]
    return torch.floor(pixels[:, None] * step + phase[:, None]).diff(dim=1)


def fit(
    net: Net,
    pixels: Tensor,
    labels: Tensor,
    count_spikes: Callable[[Net, Tensor], Tensor],
    code: Callable[[Tensor], Tensor],
    *,
    per_nat: int,
    epochs: int,
    batch: int,
    rate: float,
    weight_limit: float,
    gradient_limit: float | None = None,
    rng: torch.Generator | None = None,
) -> None:
    """Train `net`: Adam, its rate falling along a cosine; all weights stay within a limit.

    Args:
        net: Is changed.
        pixels: [N, *shape].
        labels: [N].
        count_spikes: Runs it from rest on samples; returns spike counts [n, 10].
        code: Makes samples of the pixels of a batch.
        per_nat: Spikes that count as one in the logits.
        epochs: Times that each image is seen.
        batch: Images per step of the optimizer.
        rate: Of learning, at the start.
        weight_limit: Largest magnitude of a weight; biases stay free.
        gradient_limit: Largest norm of a gradient, if there is one.
        rng: Draws the order of the images.
    """
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        for chosen in torch.randperm(len(pixels), generator=rng).split(batch):  # type: ignore[no-untyped-call]
            counts = count_spikes(net, code(pixels[chosen]))
            loss = cross_entropy(counts / per_nat, labels[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            if gradient_limit is not None:
                nn.utils.clip_grad_norm_(net.parameters(), gradient_limit)
            optimizer.step()
            clip_weights(net, weight_limit)
        schedule.step()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1:3d}  loss {loss.item():.3f}")


def fit_quantized(
    net: nn.Module,
    loss_of: Callable[[Tensor], Tensor],
    images: int,
    *,
    epochs: int,
    batch: int,
    gradient_limit: float | None = None,
) -> None:
    """Train a network with its quantizers on: Adam, its rate rising to 5e-3 and falling.

    Args:
        net: Is changed, and left in evaluation mode.
        loss_of: The loss on the images of these numbers.
        images: How many there are.
        epochs: Times that each is seen.
        batch: Images per step of the optimizer.
        gradient_limit: Largest norm of a gradient, if there is one.
    """
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    steps = epochs * -(-images // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, steps)
    for _ in range(epochs):
        for chosen in torch.randperm(images).split(batch):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            loss_of(chosen).backward()  # type: ignore[no-untyped-call]
            if gradient_limit is not None:
                nn.utils.clip_grad_norm_(net.parameters(), gradient_limit)
            optimizer.step()
            schedule.step()
    net.eval()


@torch.no_grad()
def clip_weights(net: nn.Module, limit: float) -> None:
    """Clip all weights to +-limit; biases stay free."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.clamp_(-limit, limit)


@torch.no_grad()
def snap_weights(net: nn.Module, grid: float = 2.0**-16) -> None:
    """Round weights and biases to multiples of `grid`.

    All sums of weights are then exact in float32, whatever their order, so that the
    network spikes in the same way on every machine.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            for parameter in module.parameters():
                parameter.copy_(torch.round(parameter / grid) * grid)


def write_graph(file: Path, graph: nir.NIRGraph) -> None:
    """Write a NIR graph; exporters order its edges in another way in every run."""
    graph.edges = sorted(graph.edges)
    nir.write(file, graph)


def make(
    folder: Path,
    shape: tuple[int, ...],
    build: Callable[[], Net],
    train: Callable[[Net, Tensor, Tensor], None],
    count_spikes: Callable[[Net, Tensor], Tensor],
    export: Callable[[Net, Path], None],
    *,
    code: Callable[[Tensor], Tensor] | None = None,
    grid: float = 2.0**-16,
) -> None:
    """Train, print the test accuracy, write the network and the test set.

    Args:
        folder: Of the example; its name is that of the network's file.
        shape: Of an image of 64 pixels.
        build: Makes the network.
        train: Fits it to pixels [1347, *shape] and labels [1347].
        count_spikes: Runs it from rest on test samples; returns spike counts [450, 10].
        export: Writes it as NIR.
        code: Makes spikes of the test pixels [450, *shape], which are samples otherwise.
        grid: Weights and biases are rounded to multiples of this.
    """
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    x_train, x_test, y_train, y_test = split_digits(shape)
    net = build()
    train(net, x_train, y_train)
    snap_weights(net, grid)

    samples = x_test if code is None else code(x_test)
    with torch.no_grad():
        classes = count_spikes(net, samples).numpy().argmax(1)  # ties go to the lowest
    labels = y_test.numpy()
    print(f"test accuracy {(classes == labels).mean():.4f}")
    x = samples.numpy()
    x = x if code is None else x.astype(np.uint8)
    np.savez_compressed(folder / "test.npz", x=x, y=labels)
    export(net, folder / f"{folder.name}.nir")
