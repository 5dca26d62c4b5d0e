"""The committed example: a converted network, its samples and the ANN's own integers."""

from pathlib import Path

import numpy as np

from snn_deploy import deploy

FOLDER = Path(__file__).parents[3] / "examples" / "digits_convert"


def test_the_chip_gives_the_anns_integers_for_every_sample(tmp_path: Path) -> None:
    with np.load(FOLDER / "test.npz") as content:
        wanted, labels = content["answers"], content["y"]
    trace = tmp_path / "trace.npz"
    report = deploy(
        FOLDER / "digits_convert.nir", "loihi2", input=FOLDER / "test.npz",
        profile="nir", dt=1e-3, threshold="ge", decode="final", trace=trace,
    )  # fmt: skip
    with np.load(trace) as outputs:
        chip = outputs["chip/readout"][:, -1].astype(np.float64)
        spikes = {k: v for k, v in outputs.items() if k.startswith("chip/act")}
    unit = np.abs(chip).max() / np.abs(wanted).max()  # one number for all samples
    np.testing.assert_array_equal(chip, wanted * unit)
    assert unit in {2.0**k for k in range(12)}
    right = int((wanted.argmax(1) == labels).sum())
    assert {a.stage: a.correct for a in report.accuracy}["chip"] == right
    assert right == 445
    assert all(np.unique(v).size == 8 for v in spikes.values())  # all levels of 3 bits
