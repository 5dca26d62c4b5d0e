"""Encoders: their definitions against plain loops, and against snnTorch's."""

import numpy as np
import pytest
import torch
from snntorch import spikegen

from snn_deploy import InputError
from snn_deploy.inputs.data import Data, check_data
from snn_deploy.inputs.encoders import as_channels, delta, latency, rate
from snn_deploy.ir.network import Input, Network
from snn_deploy.options.inputs import InputOptions

RNG = np.random.default_rng(3)
IMAGES = RNG.random((5, 3)).astype(np.float32)  # N 5, 3 inputs, values in [0, 1]
SIGNAL = RNG.normal(size=(4, 20, 3))  # N 4, T 20


def network(*shape: int) -> Network:
    return Network((Input("x", shape),), (), (), ())


def coded(
    values: np.ndarray, *shape: int, steps: int | None = None, **wishes: object
) -> tuple[np.ndarray, Data]:
    data = check_data(values, network(*shape), options=InputOptions(**wishes, steps=steps))  # type: ignore[arg-type]
    return data.x["x"], data


# Rate


def test_rate_fires_as_often_as_the_value_says() -> None:
    p = np.array([[0.0, 0.1, 0.5, 0.9, 1.0]])
    spikes, data = coded(p, 5, steps=20_000, encode="rate")
    found = spikes[0].mean(axis=0)
    assert found[0] == 0
    assert found[4] == 1
    assert np.abs(found - p[0]).max() < 4 * np.sqrt(0.25 / 20_000)  # 4 sigma
    assert set(np.unique(spikes)) == {0, 1}
    assert not data.static
    assert data.notes[0].value == "rate"


def test_rate_steps_are_independent_of_each_other() -> None:
    spikes, _ = coded(np.full((1, 1), 0.5), 1, steps=20_000, encode="rate")
    line = spikes[0, :, 0].astype(float)
    assert abs(np.corrcoef(line[:-1], line[1:])[0, 1]) < 0.03


def test_rate_follows_values_that_change_over_time() -> None:
    wave = np.broadcast_to(np.array([0.0, 1.0, 0.0, 1.0])[None, :, None], (3, 4, 2))
    assert (coded(wave, 2, encode="rate")[0] == wave).all()


def test_a_sample_is_drawn_alike_however_many_are_read() -> None:
    all_of_them, _ = coded(IMAGES, 3, steps=50, encode="rate", encoder_seed=7)
    few = check_data(
        IMAGES,
        network(3),
        options=InputOptions(encode="rate", encoder_seed=7, steps=50, samples=2),
    )
    assert (few.x["x"] == all_of_them[:2]).all()
    assert all_of_them.any()
    assert (all_of_them[0] != all_of_them[1]).any()


def test_another_seed_draws_other_spikes() -> None:
    draws = [
        coded(IMAGES, 3, steps=50, encode="rate", encoder_seed=s)[0] for s in (0, 0, 1)
    ]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()


def test_two_inputs_are_drawn_independently() -> None:
    net = Network((Input("a", (3,)), Input("b", (3,))), (), (), ())
    half = np.full((2, 3), 0.5)
    data = check_data(
        {"a": half, "b": half}, net, options=InputOptions(encode="rate", steps=40)
    )
    assert (data.x["a"] != data.x["b"]).any()


def test_rate_has_the_mean_that_snntorch_has() -> None:
    torch.manual_seed(0)
    theirs = spikegen.rate(torch.tensor(IMAGES), num_steps=4000).numpy().mean(axis=0)
    ours = coded(IMAGES, 3, steps=4000, encode="rate")[0].mean(axis=1)
    assert np.abs(theirs - ours).max() < 5 * np.sqrt(0.5 / 4000)
    assert ours.std() > 0.1


# Latency


def test_latency_spikes_once_at_the_step_of_its_definition() -> None:
    x = np.array([[0.0, 1e-9, 0.25, 0.5, 1.0]])
    spikes, _ = coded(x, 5, steps=5, encode="latency")
    assert spikes.sum(axis=1).tolist() == [[0, 1, 1, 1, 1]]
    assert spikes[0].argmax(axis=0).tolist() == [0, 4, 3, 2, 0]


@pytest.mark.parametrize("steps", [2, 9, 100])
def test_latency_is_snntorchs_for_values_above_its_threshold(steps: int) -> None:
    x = np.clip(IMAGES.astype(np.float64), 0.02, 1)  # snnTorch lets below 0.01 fire last
    theirs = spikegen.latency(
        torch.tensor(x), num_steps=steps, linear=True, normalize=True, threshold=0.01
    ).numpy()
    assert (latency(x, steps) == theirs.swapaxes(0, 1)).all()
    assert theirs.sum() == x.size


# Delta


def test_delta_is_snntorchs_with_off_spikes() -> None:
    theirs = spikegen.delta(
        torch.tensor(SIGNAL.swapaxes(0, 1)), threshold=0.5, off_spike=True
    ).numpy()
    ours, data = coded(SIGNAL, 3, encode="delta", delta_threshold=0.5)
    assert (ours == theirs.swapaxes(0, 1)).all()
    assert set(np.unique(ours)) == {-1, 0, 1}
    assert "signed" in data.notes[0].evidence


def test_unsigned_values_may_fall() -> None:
    x = np.array([[[250], [3], [250]]], np.uint8)
    assert delta(x, 1)[0, :, 0].tolist() == [1, -1, 1]


@pytest.mark.parametrize("shape", [(2, 3), (6,)])
def test_delta_fills_off_and_on_channels(shape: tuple[int, ...]) -> None:
    spikes, data = coded(SIGNAL, *shape, encode="delta", delta_threshold=0.5)
    signed = delta(SIGNAL, 0.5)
    two = spikes.reshape(4, 20, 2, 3)
    assert (two[:, :, 0] == (signed == -1)).all()
    assert (two[:, :, 1] == (signed == 1)).all()
    assert two[:, :, 0].any()
    assert two[:, :, 1].any()
    assert "channels" in data.notes[0].evidence


def test_channels_put_falls_before_rises() -> None:
    assert as_channels(np.array([[[-1, 0, 1]]]), (2, 3)).tolist() == [
        [[[1, 0, 0], [0, 0, 1]]]
    ]


# Gain, direct


def test_gain_comes_before_the_encoder() -> None:
    bright = (IMAGES * 255).astype(np.uint8)
    gained, data = coded(bright, 3, steps=30, encode="rate", gain=1 / 255)
    plain, _ = coded(bright / 255, 3, steps=30, encode="rate")
    assert (gained == plain).all()
    assert gained.any()
    assert "gain" in data.notes[0].evidence


def test_direct_feeds_the_value_in_every_step() -> None:
    for wishes in ({}, {"encode": "direct"}):
        fed, data = coded(IMAGES, 3, steps=7, **wishes)
        assert (fed == IMAGES[:, None]).all()
        assert data.static
        assert [n.value for n in data.notes] == ["direct"]


def test_values_with_a_time_axis_leave_nothing_to_assume() -> None:
    assert coded(SIGNAL, 3)[1].notes == ()


def test_rate_of_a_repeated_frame_is_not_that_frame() -> None:
    spikes = rate(np.broadcast_to(np.full((1, 1, 1), 0.5), (1, 99, 1)), 99, (0, 0))
    assert 0 < spikes.sum() < 99


REFUSED: list[tuple[np.ndarray, tuple[int, ...], dict[str, object], int | None, str]] = [
    (IMAGES * 255, (3,), {"encode": "rate"}, 5, r"values from .* takes 0 to 1; gain=0\.00"),
    (IMAGES - 1, (3,), {"encode": "latency"}, 5, r"from -.* shift them to positive"),
    (IMAGES, (3,), {"encode": "rate"}, None, r"say with steps=T over how many steps"),
    (SIGNAL**2 / 99, (3,), {"encode": "latency"}, None, r"change over 20 steps, but enc"),
    (IMAGES, (3,), {"encode": "delta"}, 5, r"are \[5, 3\], but encode='delta' takes .*\[N, T, 3\]"),
    (SIGNAL, (5,), {"encode": "delta"}, None, r"takes changes over time, \[N, T, 5\]$"),
    (SIGNAL, (2, 5), {"encode": "delta"}, None, r"\[N, T, 2, 5\] or \[N, T, 5\]"),
    (IMAGES, (3,), {"encode": "morse"}, 5, r"encode='morse': must be one of direct, rate"),
    (IMAGES, (3,), {"gain": 0.0}, 5, r"gain=0: must be a number above 0"),
    (IMAGES, (3,), {"gain": float("nan")}, 5, r"gain=nan: must be a number above 0"),
    (SIGNAL, (3,), {"delta_threshold": -1.0}, 5, r"delta_threshold=-1: must be a number above 0"),
    (IMAGES, (3,), {"encoder_seed": -1}, 5, r"encoder_seed=-1: must be a whole number, at least 0"),
    (IMAGES, (3,), {"bin_ms": 2.0}, 5, r"bin_ms: has no meaning for data, which holds va"),
    (IMAGES, (3,), {"encode": "rate"}, 1 << 46, r"takes .* GiB encoded, more than 50%"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "shape", "wishes", "steps", "message"), REFUSED)
def test_what_an_encoder_cannot_take_is_refused_in_one_sentence(
    values: np.ndarray,
    shape: tuple[int, ...],
    wishes: dict[str, object],
    steps: int | None,
    message: str,
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        coded(values, *shape, steps=steps, **wishes)
    assert "\n" not in str(caught.value)
