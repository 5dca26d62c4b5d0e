"""docs/tutorials.md is run as it stands: every network answers, in so few lines."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

PAGE = Path(__file__).parents[1] / "docs" / "tutorials.md"
SECTIONS = {
    part.partition("\n")[0]: re.findall(r"```python\n(.*?)```", part, re.DOTALL)
    for part in PAGE.read_text().split("\n## ")
}
FIRST = next(iter(SECTIONS))  # what all of them need
LINES = 6  # from the trained module to the report
LEAST = 0.5  # accuracy, after some seconds of training

pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own


def test_the_frameworks_are_all_there() -> None:
    titles = " ".join(SECTIONS)
    for name in (
        "tutorial 5",
        "tutorial 6",
        "RSynaptic",
        "SpikingJelly",
        "sinabs",
        "Norse",
    ):
        assert name in titles


@pytest.mark.parametrize("title", [t for t in SECTIONS if t != FIRST])
def test_a_section_runs_from_training_to_the_report(title: str) -> None:
    names: dict[str, Any] = {}
    torch.set_num_threads(1)
    *training, deploying = SECTIONS[title]
    assert len([line for line in deploying.splitlines() if line.strip()]) <= LINES
    for block in (*SECTIONS[FIRST], *training, deploying):
        exec(block, names)
    report = names["report"]
    accuracy = {a.stage: a for a in report.accuracy}
    assert accuracy["chip"].value > LEAST
    assert abs(accuracy["chip"].value - accuracy["reference"].value) < 0.03
    assert all(layer.spikes.mean > 0 for layer in report.layers if layer.spikes)
    assert "never fired" not in " ".join(report.caveats)
