from collections.abc import Sequence

import numpy as np
import pytest
import torch

from snn_deploy import InputError
from snn_deploy.board.board import load_board
from snn_deploy.evaluation.decode import DECODERS, choose_answer, decode
from snn_deploy.finetune.grid import on_grid
from snn_deploy.finetune.trainable import Trainable
from snn_deploy.finetune.training import score
from snn_deploy.finetune.tune import fine_tune
from snn_deploy.inputs.data import check_data
from snn_deploy.ir.maps import Conv, Dense, Sparse
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.names import DecoderName
from snn_deploy.neurons import Lif
from snn_deploy.passes.retime import retime
from snn_deploy.quantization.quantize import quantize
from snn_deploy_simulators import reference
from support.random_models import calibration

BITS = 3
STEPS = 12
BOARD = load_board("loihi2")


def perceptron(n: int = 2) -> Network:
    """Two classes of eight inputs each; a hidden layer with a recurrent current."""
    rng = np.random.default_rng(4)
    first = rng.normal(0, 0.25, (16, 16))
    first[:8, :8] += 0.15
    first[8:, 8:] += 0.15
    last = rng.normal(0, 0.2, (n, 16))
    last[0, :8] += 0.3
    last[1, 8:] += 0.3
    hidden = Lif.of(
        16, alpha=0.25, beta=0.9, bias=rng.normal(0, 0.02, 16), reset="subtract"
    )
    return retime(
        Network(
            (Input("in", (16,)),),
            (
                Population("hidden", (16,), hidden),
                Population("out", (n,), Lif.of(n, beta=0.9)),
            ),
            (
                Projection("in", "hidden", Dense(first)),
                Projection("hidden", "hidden", Dense(rng.normal(0, 0.1, (16, 16))), 1),
                Projection("hidden", "out", Dense(last)),
            ),
            ("out",),
        )
    )


def samples(n: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    rate = np.full((n, 1, 16), 0.25)
    rate[y == 0, :, :8] = 0.4
    rate[y == 1, :, 8:] = 0.4
    return {"x": (rng.random((n, STEPS, 16)) < rate).astype(np.uint8), "y": y}


def tuned(
    seed: int = 0, epochs: int = 6
) -> tuple[Network, list[tuple[float | None, float, int]]]:
    net = perceptron()
    test = samples(100, 9)
    quant = quantize(net, BOARD, calibration(net, test["x"]), weight_bits=BITS)
    train = check_data(samples(400, 1), net, "train")
    made, done = fine_tune(
        net, quant, BOARD, train, choose_answer(net, None),
        weight_bits=BITS, epochs=epochs, seed=seed,
    )  # fmt: skip
    return made, [(e.loss, e.held_out_loss, e.correct) for e in done.course]


def accuracy(net: Network, data: dict[str, np.ndarray]) -> float:
    output = reference.run(net, data["x"]).outputs["out"]
    assert output.any()
    return float((decode(output, "count") == data["y"]).mean())


def values(net: Network) -> Sequence[np.ndarray]:
    found = []
    for p in net.projections:
        assert isinstance(p.map, Dense | Conv | Sparse)
        found.append(p.map.stored)
    return [*found, *(p.neuron.threshold for p in net.populations)]


def test_training_lowers_the_loss_and_raises_the_accuracy_of_unseen_samples() -> None:
    test = samples(600, 2)
    made, course = tuned(epochs=8)
    assert course[0][0] is None
    losses = [loss for loss, _, _ in course[1:] if loss is not None]
    assert losses[-1] < losses[0]
    assert min(held for _, held, _ in course) < course[0][1]
    assert accuracy(made, test) > accuracy(perceptron(), test)
    assert made.assumptions[-1].value.startswith("fine-tuned to 3-bit weights")
    for weight in values(made)[:3]:
        assert len(np.unique(weight)) <= 2**BITS
        assert (weight % 64 == 0).all()  # 3 bits of 8 and a sign: steps of 64


def test_the_same_seed_gives_the_same_network_and_another_one_another() -> None:
    one, course = tuned(seed=3, epochs=2)
    again, same = tuned(seed=3, epochs=2)
    other, _ = tuned(seed=4, epochs=2)
    assert course == same
    assert all((a == b).all() for a, b in zip(values(one), values(again), strict=True))
    assert any((a != b).any() for a, b in zip(values(one), values(other), strict=True))


def test_what_is_trained_keeps_its_kind() -> None:
    """Decays stay decays; neurons that share a parameter set go on sharing it; a population
    without bias or current gets none."""
    made, _ = tuned(epochs=2)
    before, hidden, out = perceptron(), made.population("hidden"), made.population("out")
    for neuron in (hidden.neuron, out.neuron):
        assert len(np.unique(neuron.threshold)) == len(np.unique(neuron.beta)) == 1
        assert ((neuron.beta * 4096) % 1 == 0).all()
        assert (neuron.threshold % 1 == 0).all()
    assert hidden.neuron.bias.any()
    assert not out.neuron.bias.any()
    assert not out.neuron.alpha.any()
    assert hidden.neuron.reset == before.population("hidden").neuron.reset == "subtract"


def test_every_float_gets_a_gradient() -> None:
    net = perceptron()
    x = samples(64, 5)["x"]
    quant = quantize(net, BOARD, calibration(net, x), weight_bits=BITS)
    model = Trainable(on_grid(net, quant, BOARD, BITS))
    from snn_deploy.finetune.forward import run

    sent = run(model.grid.net, *model.values(), {"in": torch.tensor(x).float()})
    sent["out"].square().sum().backward()  # type: ignore[no-untyped-call]
    names = {f"{latent.population} {latent.name}" for latent in model.latents}
    assert names == {
        "hidden threshold", "hidden bias", "hidden alpha", "hidden beta", "out threshold",
        "out beta",
    }  # fmt: skip
    for parameter in model.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0


@pytest.mark.parametrize("name", sorted(DECODERS))
def test_scores_order_classes_as_the_decoder_does(name: DecoderName) -> None:
    rng = np.random.default_rng(0)
    output = np.zeros((50, 20, 6), np.float32)
    if DECODERS[name].reads == "membranes":
        output = rng.normal(0, 1, output.shape).astype(np.float32)
    elif name == "first":  # one spike each, all at other times
        times = np.argsort(rng.random((50, 20)), axis=1)[:, :6]
        np.put_along_axis(output, times[:, None], 1, axis=1)
    else:
        output = (rng.random(output.shape) < 0.3).astype(np.float32)
    found = score(torch.from_numpy(output), name).numpy()
    assert (found.argmax(1) == decode(output, name)).all()
    assert len(np.unique(found.argmax(1))) == 6


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y": None}, "finetune='train': has no labels to train on; add y"),
        ({"first": 12}, "holds 12 samples, fewer than 20; nothing can be held out"),
        ({"y": 2}, r"label 2 has no output neuron, 'out' has 2 \(0 to 1\)"),
    ],
)
def test_unusable_training_samples_are_refused(
    changed: dict[str, int | None], message: str
) -> None:
    net = perceptron()
    data = samples(40, 1)
    quant = quantize(net, BOARD, calibration(net, data["x"]), weight_bits=BITS)
    if "first" in changed:
        data = {k: v[: changed["first"]] for k, v in data.items()}
    elif changed["y"] is None:
        data.pop("y")
    else:
        data["y"] = np.full(40, changed["y"])
    with pytest.raises(InputError, match=message):
        fine_tune(
            net, quant, BOARD, check_data(data, net, "train"), choose_answer(net, None),
            weight_bits=BITS, epochs=1, seed=0,
        )  # fmt: skip
