"""Results do not change with the structure: every example, byte for byte as recorded."""

import json

import pytest

from recording.record import BOARDS, CASES, SUMS, differences

RECORDED = json.loads(SUMS.read_text())


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("case", CASES)
def test_every_file_of_an_example_has_the_bytes_that_were_recorded(
    case: str, board: str
) -> None:
    assert list(differences(case, board)) == []


def test_something_was_recorded_of_every_example() -> None:
    for case in CASES:
        sums = RECORDED[f"{case} on loihi2"]
        assert int(sums["spikes"]) > 10_000
        assert {"report.json", "quantized.npz", "program.json", "run.py"} <= sums.keys()
    assert sum("run.py" in sums for sums in RECORDED.values()) >= len(CASES) + 2
