"""The training loop in docs/finetuning.md, run as it stands there."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from snn_deploy import deploy, from_torch, write_nir

TEXT = (Path(__file__).parents[3] / "docs/finetuning.md").read_text()
STEPS = 8


def recipe() -> dict[str, Any]:
    found = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(found) == 1
    names: dict[str, Any] = {}
    exec(found[0], names)
    return names


def digits(first: int, last: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return evenly spaced spikes [N, T, 64] of some images, and labels."""
    data = load_digits()
    counter = np.floor(data.data[first:last, None] / 16 * np.arange(STEPS + 1)[:, None])
    return torch.tensor(np.diff(counter, axis=1)).float(), torch.tensor(
        data.target[first:last]
    )


@pytest.mark.filterwarnings("ignore")  # Brevitas' and torch's own
def test_a_net_trained_as_the_page_says_quantizes_without_loss(tmp_path: Path) -> None:
    torch.manual_seed(0)
    names = recipe()
    x, y = digits(0, 1200)
    net = names["train"](x, y, epochs=4)
    plain = names["with_plain_weights"](net)
    for layer in plain[1::2]:
        layer.reset_mem()
    written = write_nir(from_torch(plain, x[:1, 0]), tmp_path / "net.nir")
    test_x, test_y = digits(1200, 1600)
    report = deploy(
        written.path, "loihi2", profile=written.profile, dt=written.dt,
        input={"x": test_x.numpy().astype(np.uint8), "y": test_y.numpy()},
        weight_bits=names["BITS"], max_drop=0.0,
    )  # fmt: skip
    rounding = {x.what: x.max_error for x in report.losses}
    assert {"weights", "threshold", "membrane decay"} <= set(rounding)
    assert max(rounding.values()) < 1e-7  # float32 thresholds and leaks
    right = {a.stage: a.correct for a in report.accuracy}
    assert right["reference"] > 0.75 * 400
    assert abs(right["chip"] - right["reference"]) <= 2
    assert not [a for a in report.assumptions if "twice" in a.value]
    assert all((p.spikes.mean or 0) > 0 for p in report.layers if p.spikes is not None)
