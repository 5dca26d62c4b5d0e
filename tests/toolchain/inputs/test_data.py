"""Data: what is read, and every nonsense refused in one sentence."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy import InputError
from snn_deploy.inputs.data import check_data, load_data
from snn_deploy.ir.network import Input, Network
from snn_deploy.options.inputs import InputOptions

SPIKES = np.ones((4, 5, 3), np.uint8)  # N 4, T 5, 3 inputs
IMAGES = np.linspace(0, 1, 12, dtype=np.float32).reshape(4, 3)  # N 4, 3 inputs


def saved(folder: Path, **arrays: Any) -> Path:
    file = folder / "data.npz"
    np.savez(file, **arrays)
    return file


def two_inputs(net: Network) -> Network:
    return replace(net, inputs=(Input("left", (3,)), Input("right", (2,))))


def test_spikes_and_labels_come_back_as_stored(tmp_path: Path, two_layer: Network) -> None:
    y = np.array([3, 0, 1, 2], np.uint8)
    data = load_data(saved(tmp_path, x=SPIKES, y=y), two_layer)
    assert data.x["x"].tolist() == SPIKES.tolist()
    assert data.y is not None
    assert data.y.tolist() == y.tolist()
    assert (data.samples, data.steps, data.static) == (4, 5, False)
    assert data.source == "data.npz"


def test_static_values_are_repeated_in_every_step(
    tmp_path: Path, two_layer: Network
) -> None:
    data = load_data(saved(tmp_path, x=IMAGES), two_layer, options=InputOptions(steps=7))
    assert data.x["x"].shape == (4, 7, 3)
    assert (data.x["x"] == IMAGES[:, None]).all()
    assert data.static
    assert data.y is None


def test_repeated_values_take_no_memory(two_layer: Network) -> None:
    data = check_data(IMAGES, two_layer, options=InputOptions(steps=1000))
    assert data.x["x"].strides[1] == 0


def test_npy_holds_the_only_input(tmp_path: Path, two_layer: Network) -> None:
    np.save(tmp_path / "x.npy", SPIKES)
    assert load_data(tmp_path / "x.npy", two_layer).samples == 4


def test_several_inputs_are_found_by_name(tmp_path: Path, two_layer: Network) -> None:
    file = saved(tmp_path, left=SPIKES, right=np.zeros((4, 2)))
    data = load_data(file, two_inputs(two_layer))
    assert data.x["left"].shape == (4, 5, 3)
    assert data.x["right"].shape == (4, 5, 2)  # static, as long as the other
    assert not data.static


def test_steps_cut_and_samples_limit(two_layer: Network) -> None:
    arrays = {"x": SPIKES * np.arange(5)[:, None], "y": np.arange(4)}
    data = check_data(arrays, two_layer, options=InputOptions(steps=2, samples=3))
    assert data.x["x"].shape == (3, 2, 3)
    assert data.x["x"].max() == 1
    assert data.y is not None
    assert data.y.tolist() == [0, 1, 2]


def test_more_samples_than_there_are_means_all(two_layer: Network) -> None:
    assert check_data(SPIKES, two_layer, options=InputOptions(samples=100)).samples == 4


def test_foreign_byte_order_becomes_native(two_layer: Network) -> None:
    data = check_data(IMAGES.astype(">f4"), two_layer, options=InputOptions(steps=1))
    assert data.x["x"].dtype.isnative
    assert (data.x["x"][:, 0] == IMAGES).all()


def test_first_samples_keep_their_labels(two_layer: Network) -> None:
    data = check_data({"x": SPIKES, "y": np.arange(4)}, two_layer).first(2)
    assert data.samples == 2
    assert data.y is not None
    assert data.y.tolist() == [0, 1]


Y = np.arange(4)
NAN = IMAGES + np.array([0, np.nan, 0], np.float32)
BAD_ARRAYS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"y": Y}, {}, r"has no array for input 'x' \(it has 'y'\); name the array 'x'"),
    (
        {"x": SPIKES[:, :, :2]},
        {},
        r"are \[4, 5, 2\], but it takes \[N, T, 3\].*or \[N, 3\]",
    ),
    ({"x": SPIKES[..., None]}, {}, r"are \[4, 5, 3, 1\], but it takes"),
    ({"x": np.float32(1)}, {}, r"are \[\], but it takes"),
    ({"x": SPIKES[:0]}, {}, r"are \[0, 5, 3\]: nothing to run"),
    ({"x": SPIKES[:, :0]}, {}, r"are \[4, 0, 3\]: nothing to run"),
    ({"x": NAN}, {"steps": 1}, r"4 of 12 values are NaN or infinite"),
    ({"x": IMAGES + np.inf}, {"steps": 1}, r"12 of 12 values are NaN or infinite"),
    ({"x": IMAGES.astype(complex)}, {"steps": 1}, r"of type complex128, but spikes"),
    ({"x": IMAGES.astype(str)}, {"steps": 1}, r"of type <U\d+, but spikes"),
    ({"x": IMAGES}, {}, r"no time axis; say with steps=T"),
    ({"x": SPIKES}, {"steps": 6}, r"holds 5 steps, fewer than steps=6"),
    ({"x": SPIKES}, {"steps": 0}, r"steps=0: must be a whole number, at least 1"),
    ({"x": SPIKES}, {"samples": -1}, r"samples=-1: must be a whole number, at least 1"),
    ({"x": SPIKES, "y": Y[:3]}, {}, r"labels 'y' are \[3\], but there are 4 samples"),
    (
        {"x": SPIKES, "y": np.eye(4, dtype=int)},
        {},
        r"labels 'y' are \[4, 4\] of type int64.*one-hot, so give y.argmax",
    ),
    ({"x": SPIKES, "y": Y.astype(float)}, {}, r"of type float64, but a label is"),
    ({"x": SPIKES, "y": Y - 1}, {}, r"label -1 is negative"),
]


@pytest.mark.parametrize(("arrays", "options", "message"), BAD_ARRAYS)
def test_arrays_that_make_no_sense_are_refused(
    arrays: dict[str, Any], options: dict[str, Any], message: str, two_layer: Network
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        check_data(arrays, two_layer, "data.npz", InputOptions(**options))
    assert "\n" not in str(caught.value)


BAD_PAIRS: list[tuple[dict[str, Any], str]] = [
    ({"left": SPIKES}, r"no array for input 'right'.*one per input: 'left', 'right'"),
    ({"x": SPIKES}, r"no array for input 'left'"),
    ({"left": SPIKES, "right": np.ones((3, 5, 2))}, r"samples \('left' 4, 'right' 3\)"),
    ({"left": SPIKES, "right": np.ones((4, 6, 2))}, r"steps \('left' 5, 'right' 6\)"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD_PAIRS)
def test_inputs_that_do_not_belong_together_are_refused(
    arrays: dict[str, Any], message: str, two_layer: Network
) -> None:
    with pytest.raises(InputError, match=message):
        check_data(arrays, two_inputs(two_layer))


def npz_bytes() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=SPIKES)
    return buffer.getvalue()


def npy_that_claims(shape: tuple[int, ...]) -> bytes:
    """Return an .npy whose header says `shape`, with hardly any data behind it."""
    buffer = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue() + bytes(16)


def object_npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], object), allow_pickle=True)
    return buffer.getvalue()


BAD_FILES = [
    (b"", "not a readable"),
    (b"x,y\n1,2\n", "not a readable"),
    (npz_bytes()[:-30], "not a readable"),
    (npz_bytes()[:60] + b"\0" * 20 + npz_bytes()[80:], "not a readable"),
    (object_npy(), r"not a readable .npz or .npy file of plain numbers \(Object arrays"),
    (npy_that_claims((4, 5, 3)), "not a readable"),
    (npy_that_claims((1 << 62,)), "not a readable|do not fit in memory"),
]


@pytest.mark.parametrize(("content", "message"), BAD_FILES)
def test_files_that_hold_no_arrays_are_refused(
    content: bytes, message: str, tmp_path: Path, two_layer: Network
) -> None:
    file = tmp_path / "data.npz"
    file.write_bytes(content)
    with pytest.raises(InputError, match=rf"^data.npz: .*({message})") as caught:
        load_data(file, two_layer)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder_are_refused(tmp_path: Path, two_layer: Network) -> None:
    with pytest.raises(InputError, match="no such data file"):
        load_data(tmp_path / "none.npz", two_layer)
    with pytest.raises(InputError, match="is a folder"):
        load_data(tmp_path, two_layer)


def test_file_larger_than_memory_is_refused_before_it_is_read(
    tmp_path: Path, two_layer: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved(tmp_path, x=SPIKES)
    monkeypatch.setattr("os.sysconf", lambda name: 8)  # 64 bytes of memory
    monkeypatch.setattr("numpy.load", lambda *a, **k: pytest.fail("was read"))
    with pytest.raises(InputError, match=r"more than 50% of the 0\.0 GiB of memory"):
        load_data(file, two_layer)
