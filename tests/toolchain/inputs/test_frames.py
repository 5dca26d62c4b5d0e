"""Frames: events in bins against a loop over events, and every way into an input shape."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy import InputError
from snn_deploy.inputs.data import Data, load_data
from snn_deploy.ir.network import Input, Network
from snn_deploy.options.inputs import InputOptions

US = 1e-6


def network(*shape: int, step_s: float | None = 1e-3) -> Network:
    return Network((Input("x", shape),), (), (), (), step_s=step_s)


def recording(
    seed: int = 0, n: int = 400, width: int = 8, height: int = 6
) -> dict[str, Any]:
    """Return n events within 20 ms, from 5 s on."""
    rng = np.random.default_rng(seed)
    return {
        "t": 5_000_000 + np.sort(rng.integers(0, 20_000, n)),
        "x": rng.integers(0, width, n),
        "y": rng.integers(0, height, n),
        "p": rng.random(n) < 0.5,
    }


def saved(folder: Path, events: dict[str, Any], name: str = "a.npz") -> Path:
    np.savez(folder / name, **events)
    return folder / name


def read(file: Path, *shape: int, steps: int | None = None, **wishes: Any) -> Data:
    return load_data(file, network(*shape), options=InputOptions(**wishes, steps=steps))


def slowly(
    events: dict[str, Any],
    shape: tuple[int, int, int],
    factor: int,
    bin_us: int,
    steps: int,
    polarity: str,
    pixels: str,
    start: int,
) -> np.ndarray:
    """Return [T, C, H, W], one event after the other."""
    out = np.zeros((steps, *shape), int)
    for t, x, y, p in zip(*(np.asarray(events[k]).tolist() for k in "txyp"), strict=True):
        step = (t - start) // bin_us
        if step >= steps or (polarity == "on" and not p):
            continue
        channel = int(p) if polarity == "two" else 0
        sign = -1 if polarity == "signed" and not p else 1
        out[step, channel, y // factor, x // factor] += sign
    return np.sign(out) if pixels == "or" else out


@pytest.mark.parametrize(
    ("polarity", "pixels", "factor"),
    list(itertools.product(("two", "merged", "signed", "on"), ("count", "or"), (1, 2))),
)
def test_bins_hold_what_a_loop_over_the_events_finds(
    tmp_path: Path, polarity: str, pixels: str, factor: int
) -> None:
    shape = (2 if polarity == "two" else 1, 6 // factor, 8 // factor)
    for seed in range(3):
        events = recording(seed)
        file = saved(tmp_path, events)
        data = read(file, *shape, polarity=polarity, pixels=pixels, sensor="8x6")
        start = int(events["t"][0])
        steps = (int(events["t"][-1]) - start) // 1000 + 1
        expected = slowly(events, shape, factor, 1000, steps, polarity, pixels, start)
        assert data.x["x"].shape == (1, steps, *shape)
        assert (data.x["x"][0] == expected).all()
        assert np.abs(expected).sum() > 50


def test_two_channels_are_off_then_on(tmp_path: Path) -> None:
    file = saved(tmp_path, {"t": [0, 1, 2], "x": [0, 1, 1], "y": [0, 0, 0], "p": [0, 1, 1]})
    assert read(file, 2, 1, 2).x["x"].tolist() == [[[[[1, 0]], [[0, 2]]]]]


@pytest.mark.parametrize("shape", [(2, 6, 8), (96,)])
def test_a_flat_input_is_the_same_frame_flattened(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    file = saved(tmp_path, recording())
    frames = read(file, *shape, sensor="8x6").x["x"]
    assert (
        frames.reshape(len(frames), -1) == read(file, 2, 6, 8).x["x"].reshape(1, -1)
    ).all()
    assert frames.any()


def test_bins_are_of_the_models_step_unless_said_otherwise(tmp_path: Path) -> None:
    file = saved(tmp_path, recording())
    assert read(file, 2, 6, 8).steps == 20
    data = read(file, 2, 6, 8, bin_ms=5.0)
    assert data.steps == 4
    assert {n.name: n.value for n in data.notes}["bins"] == "4 of 5 ms"


def test_window_and_steps_cut_and_say_what_they_lose(tmp_path: Path) -> None:
    file = saved(tmp_path, recording())
    whole = read(file, 2, 6, 8).x["x"]
    for data in (read(file, 2, 6, 8, window_ms=7.0), read(file, 2, 6, 8, steps=7)):
        assert (data.x["x"] == whole[:, :7]).all()
        lost = int(whole.sum() - data.x["x"].sum())
        note = {n.name: n.evidence for n in data.notes}["bins"]
        assert f"{lost} events of 1 recordings come later" in note
        assert lost > 0


def test_short_recordings_end_in_silence(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    long, short = recording(0), {k: v[:20] for k, v in recording(1).items()}
    saved(folder, long, "a.npz")
    saved(folder, short, "b.npz")
    frames = read(folder, 2, 6, 8).x["x"]
    assert frames.shape == (2, 20, 2, 6, 8)
    assert frames[1].sum() == 20
    assert not frames[1, 2:].any()


def test_time_may_count_from_zero(tmp_path: Path) -> None:
    file = saved(tmp_path, {"t": [2500, 3500], "x": [0, 1], "y": [0, 0]})
    assert read(file, 1, 1, 2).x["x"][0, :, 0, 0].tolist() == [[1, 0], [0, 1]]
    late = read(file, 1, 1, 2, start="zero").x["x"][0, :, 0, 0]
    assert late.tolist() == [[0, 0], [0, 0], [1, 0], [0, 1]]


@pytest.mark.parametrize(("unit", "scale"), [("s", 1e-6), ("ms", 1e-3), ("ns", 1e3)])
def test_the_unit_of_time_may_be_said(tmp_path: Path, unit: str, scale: float) -> None:
    events = recording()
    whole = read(saved(tmp_path, events), 2, 6, 8).x["x"]
    scaled = {**events, "t": events["t"] * scale}
    other = read(saved(tmp_path, scaled, "b.npz"), 2, 6, 8, time_unit=unit)
    assert np.array_equal(other.x["x"], whole)
    assert "time unit" not in {n.name for n in other.notes}


def test_fractions_are_taken_for_seconds_and_the_report_says_so(tmp_path: Path) -> None:
    events = recording()
    whole = read(saved(tmp_path, events), 2, 6, 8)
    seconds = read(saved(tmp_path, {**events, "t": events["t"] * US}), 2, 6, 8)
    assert np.array_equal(seconds.x["x"], whole.x["x"])
    assert {n.name: n.value for n in whole.notes}["time unit"] == "us"
    assert {n.name: n.value for n in seconds.notes}["time unit"] == "s"


def test_many_events_of_one_bin_do_not_wrap(tmp_path: Path) -> None:
    n = 70_000
    file = saved(
        tmp_path, {"t": np.arange(n) // 64, "x": np.zeros(n, int), "y": np.zeros(n, int)}
    )
    assert int(read(file, 1, 1, 1).x["x"].max()) >= 64_000


def test_an_unknown_sensor_is_the_smallest_that_holds_every_event(tmp_path: Path) -> None:
    data = read(saved(tmp_path, recording(width=15, height=11)), 2, 6, 8)
    notes = {n.name: n for n in data.notes}
    assert notes["sensor"].value == "16x12"
    assert "--sensor" in notes["sensor"].evidence
    assert notes["downsampling"].value.startswith("2x2 pixels")


def test_events_without_rows_fill_a_line_of_channels(tmp_path: Path) -> None:
    file = saved(tmp_path, {"t": [0, 0, 900], "x": [0, 9, 9]})
    assert read(file, 10).x["x"][0, 0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert read(file, 5, sensor="10").x["x"][0, 0].tolist() == [1, 0, 0, 0, 2]


EVENTS = recording()
FEW = {k: v[:3] for k, v in EVENTS.items()}
SHAPE = (2, 6, 8)
REFUSED: list[tuple[dict[str, Any], tuple[int, ...], dict[str, Any], str]] = [
    ({**EVENTS, "t": EVENTS["t"][::-1]}, SHAPE, {}, r"time goes backwards, \d+ of 400 events are earlier than one before them; sort"),
    ({k: v[:0] for k, v in EVENTS.items()}, SHAPE, {}, r"a\.npz: holds no events; leave"),
    ({**EVENTS, "x": EVENTS["x"] + 1}, SHAPE, {"sensor": "8x6"}, r"\d+ of 400 events lie outside the sensor of 8x6 \(x up to 8, y up to 5\)"),
    ({**EVENTS, "x": EVENTS["x"] - 1}, SHAPE, {}, r"column 'x' runs from -1 to 6, but an address is"),
    ({**EVENTS, "y": EVENTS["y"] + 0.5}, SHAPE, {}, r"column 'y' runs from 0\.5 to 5\.5, but an address"),
    ({**EVENTS, "p": EVENTS["x"]}, SHAPE, {}, r"polarity [2-7] in column 'p', but an event is ON"),
    ({**EVENTS, "p": EVENTS["p"][1:]}, SHAPE, {}, r"t \[400\], x \[400\], y \[400\], p \[399\], but each must"),
    ({**FEW, "t": [0, np.nan, 1]}, SHAPE, {}, r"column 't' holds NaN or infinite values; remove"),
    ({**FEW, "t": [-1, 0, 1]}, SHAPE, {}, r"times from -1 to 1 us; a time must be at least 0"),
    ({**FEW, "t": [0, 1, 2**62]}, SHAPE, {}, r"times from 0 to 4\.6\d+e\+18 us; .*time_unit"),
    ({**FEW, "x": ["a", "b", "c"]}, SHAPE, {}, r"column 'x' is of type <U1; save numbers"),
    ({"t": FEW["t"], "x": FEW["x"], "y": FEW["y"]}, SHAPE, {}, r"but input 'x' is \[2, 6, 8\]: no whole factor"),
    ({"t": FEW["t"], "x": FEW["x"], "y": FEW["y"]}, SHAPE, {"polarity": "two"}, r"polarity='two': the events of a\.npz have no polarity"),
    (EVENTS, SHAPE, {"sensor": "9x6"}, r"a sensor of 9x6, rows and columns, but input 'x' is \[2, 6, 8\]"),
    (EVENTS, SHAPE, {"sensor": "16x6"}, r"a sensor of 16x6.*no whole factor"),
    (EVENTS, SHAPE, {"polarity": "merged"}, r"polarity='merged', but input 'x' is \[2, 6, 8\]"),
    (EVENTS, (96,), {}, r"a sensor of unknown size.*give sensor='WIDTHxHEIGHT'"),
    (EVENTS, (3, 6, 8), {}, r"but input 'x' is \[3, 6, 8\]: no whole factor"),
    (EVENTS, SHAPE, {"sensor": "8by6"}, r"sensor='8by6': must be WIDTHxHEIGHT"),
    (EVENTS, SHAPE, {"sensor": "8x0"}, r"sensor='8x0': must be WIDTHxHEIGHT"),
    (EVENTS, SHAPE, {"polarity": "both"}, r"polarity='both': must be one of two, merged"),
    (EVENTS, SHAPE, {"pixels": "xor"}, r"pixels='xor': must be one of count, or"),
    (EVENTS, SHAPE, {"start": "now"}, r"start='now': must be one of first, zero"),
    (EVENTS, SHAPE, {"time_unit": "min"}, r"time_unit='min': must be one of s, ms, us, ns"),
    (EVENTS, SHAPE, {"bin_ms": -1.0}, r"bin_ms=-1: must be a number above 0"),
    (EVENTS, SHAPE, {"bin_ms": 1e-9}, r"bin_ms=1e-09: must be at least a nanosecond"),
    (EVENTS, SHAPE, {"bin_ms": 1e-5}, r"\d+ bins of 1e-05 ms per sample, but at most 1048576"),
    (EVENTS, SHAPE, {"start": "zero", "bin_ms": 1e-3}, r"5019\d+ bins of 0\.001 ms .*start"),
    (EVENTS, SHAPE, {"window_ms": 5.0, "steps": 5}, r"window_ms=5 and steps=5: both say"),
    (EVENTS, SHAPE, {"encode": "rate"}, r"encode: has no meaning for a\.npz, which holds events"),
    (EVENTS, SHAPE, {"gain": 2.0}, r"gain: has no meaning for a\.npz, which holds events"),
]  # fmt: skip


@pytest.mark.parametrize(("events", "shape", "wishes", "message"), REFUSED)
def test_events_that_make_no_sense_are_refused_in_one_sentence(
    events: dict[str, Any],
    shape: tuple[int, ...],
    wishes: dict[str, Any],
    message: str,
    tmp_path: Path,
) -> None:
    file = saved(tmp_path, events)
    with pytest.raises(InputError, match=message) as caught:
        read(file, *shape, **wishes)
    assert "\n" not in str(caught.value)


def test_a_model_without_time_step_needs_bins(tmp_path: Path) -> None:
    file = saved(tmp_path, EVENTS)
    with pytest.raises(InputError, match=r"nothing says how long a step .* bin_ms"):
        load_data(file, network(*SHAPE, step_s=None))
    data = load_data(file, network(*SHAPE, step_s=None), options=InputOptions(bin_ms=1.0))
    assert data.x["x"].any()


def test_a_model_of_two_inputs_takes_no_events(tmp_path: Path) -> None:
    net = Network((Input("a", SHAPE), Input("b", SHAPE)), (), (), (), step_s=1e-3)
    with pytest.raises(InputError, match="the model has 2 inputs; give their values"):
        load_data(saved(tmp_path, EVENTS), net)


def test_frames_larger_than_memory_are_refused_before_they_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved(tmp_path, {"t": [0, 900_000_000], "x": [0, 1], "y": [0, 1]})
    monkeypatch.setattr("numpy.bincount", lambda *a, **k: pytest.fail("was made"))
    with pytest.raises(InputError, match=r"takes .* GiB in bins, more than 50%"):
        read(file, 1, 4096, 4096)
