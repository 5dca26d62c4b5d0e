"""Labels in a file of their own, beside values."""

from pathlib import Path

import numpy as np
import pytest

from snn_deploy import InputError
from snn_deploy.inputs.data import load_data
from snn_deploy.ir.network import Network
from snn_deploy.options.inputs import InputOptions

SPIKES = np.ones((4, 5, 3), np.uint8)


def test_labels_of_another_file_are_as_good(tmp_path: Path, two_layer: Network) -> None:
    np.save(tmp_path / "x.npy", SPIKES)
    np.save(tmp_path / "y.npy", np.array([1, 0, 1, 1], np.uint8))
    for samples, expected in ((None, [1, 0, 1, 1]), (2, [1, 0])):
        data = load_data(
            tmp_path / "x.npy",
            two_layer,
            InputOptions(labels=tmp_path / "y.npy", samples=samples),
        )
        assert data.y is not None
        assert data.y.tolist() == expected


BAD = [
    (np.arange(4.0), "y.npy", "of type float64, but a label is"),
    (np.arange(3), "y.npy", r"labels 'y' are \[3\], but there are 4 samples"),
    (np.arange(4), "y.npz", r"must be an \.npy file of class numbers"),
    (None, "y.npy", "no such data file"),
]


@pytest.mark.parametrize(("labels", "name", "message"), BAD)
def test_labels_that_make_no_sense_are_refused(
    labels: np.ndarray | None, name: str, message: str, tmp_path: Path, two_layer: Network
) -> None:
    np.save(tmp_path / "x.npy", SPIKES)
    if labels is not None:
        np.save(tmp_path / "y.npy", labels)
    with pytest.raises(InputError, match=message) as caught:
        load_data(tmp_path / "x.npy", two_layer, InputOptions(labels=tmp_path / name))
    assert "\n" not in str(caught.value)


def test_labels_may_not_stand_in_both_files(tmp_path: Path, two_layer: Network) -> None:
    np.savez(tmp_path / "x.npz", x=SPIKES, y=np.arange(4))
    np.save(tmp_path / "y.npy", np.arange(4))
    with pytest.raises(InputError, match=r"x\.npz holds labels 'y' itself; leave one"):
        load_data(
            tmp_path / "x.npz",
            two_layer,
            InputOptions(labels=tmp_path / "y.npy"),
        )
