"""Looking at inputs piece by piece finds what looking at all at once does."""

import numpy as np
import pytest

from snn_deploy.arrays import AnyArray
from snn_deploy.ir.network import Input
from snn_deploy.quantization import input_coding

PORT = Input("x", (3,))
RNG = np.random.default_rng(1)
FINE = RNG.random((50, 4, 3))
EIGHTHS = np.rint(FINE * 8) / 8
LAST = np.where(
    np.arange(50)[:, None, None] == 49, FINE, EIGHTHS
)  # no eighths in one sample


@pytest.mark.parametrize(
    "values", [FINE, EIGHTHS, LAST, -FINE, EIGHTHS[:, :1] * np.ones((4, 1))]
)
def test_pieces_find_the_same_scale_and_error(
    values: AnyArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, note = input_coding.quantize_input(PORT, values, 32)
    error = input_coding.input_error(whole, {"x": values})
    monkeypatch.setattr(input_coding, "PIECE", 24)  # two samples
    assert input_coding.quantize_input(PORT, values, 32) == (whole, note)
    assert input_coding.input_error(whole, {"x": values}) == pytest.approx(error, rel=1e-12)


def test_one_odd_value_in_the_last_piece_is_seen() -> None:
    assert input_coding.quantize_input(PORT, EIGHTHS, 32)[0].scale == 8
    assert input_coding.quantize_input(PORT, LAST, 32)[0].scale != 8


def test_a_repeated_frame_is_exact_like_the_frame() -> None:
    repeated = np.broadcast_to(EIGHTHS[:, :1], (50, 1000, 3))
    assert input_coding.quantize_input(PORT, repeated, 32)[0].scale == 8
