"""The committed QRNNs: in every step of a sequence, PyTorch's integers on the chip."""

from pathlib import Path

import numpy as np
import pytest

from snn_deploy import deploy

FOLDER = Path(__file__).parents[3] / "examples" / "digits_sequence"
RIGHT = {  # of 450 digits, after each step, as examples/README.md says
    "rows": [167, 233, 321, 366, 402, 406, 415, 419],
    "permuted": [218, 338, 386, 416, 421, 430, 434, 434],
}


@pytest.mark.parametrize("name", RIGHT)
def test_the_chip_gives_the_qrnns_integers_and_accuracy_in_every_step(
    name: str, tmp_path: Path
) -> None:
    with np.load(FOLDER / f"{name}.npz") as content:
        wanted, labels = content["answers"], content["y"]
        levels, trained = content["levels"], content["trained"]
    trace = tmp_path / "trace.npz"
    deploy(
        FOLDER / f"{name}.nir", "loihi2", input=FOLDER / f"{name}.npz",
        profile="nir", dt=1e-3, threshold="ge", decode="final", trace=trace,
    )  # fmt: skip
    with np.load(trace) as outputs:
        chip = outputs["chip/readout"].astype(np.float64)
        sent = outputs["chip/cell"]
    unit = np.abs(chip).max() / np.abs(wanted).max()  # one number for all samples
    assert chip.shape == wanted.shape == (450, 8, 10)
    np.testing.assert_array_equal(chip, wanted * unit)
    assert unit in {2.0**k for k in range(12)}
    np.testing.assert_array_equal(sent.cumsum(1), levels)
    assert np.unique(levels).tolist() == list(range(-8, 8))
    right = (chip.argmax(-1) == labels[:, None]).sum(0)
    assert right.tolist() == RIGHT[name]
    # As PyTorch had it as trained, in float32 and before its scales were moved, too.
    assert (trained == labels[:, None]).sum(0).tolist() == RIGHT[name]
