"""Every reading of a file on the same samples; the file is one of small_model.py's."""

import json
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from typer.testing import Result

from snn_deploy.frontends.nir.read_nir import readings
from snn_deploy.options.request import gathered
from snn_deploy.pipeline.deploy import deploy
from snn_deploy.pipeline.readings import ReadingOutcome, side_by_side
from support import command_line
from support.small_model import (
    CLASSES,
    HIDDEN,
    of_sinabs,
    write_model,
    write_samples,
)

RESETS = ("subtract", "zero", "none")  # of snnTorch


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_model(Path("model.nir"))
    write_samples(Path("test.npz"))


def invoke(*words: str) -> Result:
    return command_line.invoke("check", "model.nir", "--target", "tiny", *words)


def compare(**wishes: str) -> tuple[ReadingOutcome, ...]:
    request = gathered({"input": "test.npz", **wishes})
    return side_by_side(Path("model.nir"), "tiny", readings("model.nir"), request)


def test_every_reading_is_there_with_what_a_deployment_of_it_gives() -> None:
    found = compare()
    assert {o.profile for o in found} == {r.profile for r in readings("model.nir")}
    spiking = [o for o in found if o.spikes]
    assert len({o.spikes for o in spiking}) > 1  # else there would be nothing to compare
    for o in spiking:
        said: dict[str, Any] = {"profile": o.profile, "reset": o.reset}
        report = deploy("model.nir", "tiny", input="test.npz", **said)
        assert report.energy is not None
        assert o.energy_low == report.energy.interval.low
        stages = {a.stage: a.value for a in report.accuracy}
        assert (o.reference, o.chip) == (stages["reference"], stages["chip"])
        spikes = sum(x.spikes.mean or 0 for x in report.layers if x.spikes is not None)
        assert o.spikes == pytest.approx(spikes)


def test_both_resets_are_tried_where_the_exporter_loses_it() -> None:
    found = [(o.profile, o.reset) for o in compare() if o.profile != "spikingjelly"]
    assert found == [*((("snntorch", r)) for r in RESETS), ("nir", "v_reset")]


def test_what_the_user_states_is_not_varied() -> None:
    found = compare(profile="snntorch")
    assert [(o.profile, o.reset) for o in found] == [("snntorch", r) for r in RESETS]
    found = compare(profile="snntorch", reset="zero")
    assert [(o.profile, o.reset) for o in found] == [("snntorch", "zero")]


def test_a_reading_that_is_refused_says_why() -> None:
    def odd(n: int) -> nir.LIF:
        one = np.ones(n)
        return nir.LIF(tau=one * 2, r=one, v_leak=one * 0, v_threshold=one, v_reset=one * 0)

    write_model(Path("model.nir"), hidden=odd(HIDDEN), out=odd(CLASSES))
    found = compare()
    assert [o.profile for o in found] == ["sinabs"] * 10 + ["nir"]
    assert [bool(o.refused) for o in found] == [False] * 10 + [True]
    assert "give dt=SECONDS" in found[-1].refused
    shown = invoke("--compare-readings", "--input", "test.npz").stdout
    assert "give --dt SECONDS" in " ".join(shown.split())


def test_several_spikes_per_step_and_one_stand_side_by_side() -> None:
    write_model(Path("model.nir"), hidden=of_sinabs(HIDDEN), out=of_sinabs(CLASSES))
    found = compare(profile="sinabs", norm_input="yes")
    readings = [
        ("subtract", "many", "none"),
        ("subtract", "many", "threshold"),
        ("subtract", "one", "none"),
        ("subtract", "one", "threshold"),
        ("zero", "one", "none"),
    ]
    assert [(o.reset, o.spikes_per_step, o.floor) for o in found] == readings
    assert len({o.spikes for o in found}) == len(found)
    found = compare(profile="sinabs", norm_input="yes", spikes_per_step="one")
    assert [(o.reset, o.spikes_per_step, o.floor) for o in found] == readings[2:]
    shown = invoke("--compare-readings", "--input", "test.npz", "--spikes-per-step", "many")
    assert "many" in shown.stdout


def test_the_table_and_the_json_of_check_hold_every_outcome() -> None:
    result = invoke("--compare-readings", "--input", "test.npz", "--json")
    assert result.exit_code == 0
    compared = json.loads(result.stdout)["compared"]
    assert [(o["profile"], o["reset"]) for o in compared] == [
        (o.profile, o.reset) for o in compare()
    ]
    shown = invoke("--compare-readings", "--input", "test.npz").stdout
    assert "Side by side" in shown
    for o in compared:
        assert f"{100 * o['chip']:.1f} %" in shown


def test_without_samples_there_is_nothing_to_compare() -> None:
    result = invoke("--compare-readings")
    assert result.exit_code == 2
    assert "--compare-readings: nothing is simulated without samples" in result.stderr


def test_a_lava_dl_file_has_one_reading(tmp_path: Path) -> None:
    (tmp_path / "m.net").write_bytes(b"not looked into")
    words = ("check", "m.net", "--target", "tiny", "--compare-readings")
    result = command_line.invoke(*words, "--input", "test.npz")
    assert result.exit_code == 2
    assert "m.net: a .net of lava-dl holds the integers of one reading" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--profile", "brian"), "--profile brian: must be one of nir, snntorch"),
        (("--reset", "soft"), "--reset soft: must be one of"),
        (("--dt", "-1"), "--dt -1: must be a number above 0"),
        (("--input", "none.npz"), "no reading gives a result; snntorch: "),
    ],
)
def test_a_wish_that_no_reading_can_meet_is_an_error_and_no_outcome(
    words: tuple[str, ...], message: str
) -> None:
    result = invoke("--compare-readings", "--input", "test.npz", *words)
    assert result.exit_code == 2
    assert message in result.stderr
