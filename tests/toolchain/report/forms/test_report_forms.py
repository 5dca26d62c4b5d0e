"""All forms of a report: which files there are, digits that mean something, time it takes."""

import subprocess
import sys
from pathlib import Path

import pytest

from snn_deploy import InputError, deploy
from snn_deploy.report.forms.forms import FORM_FILES, FORMS, chosen_forms, form_files
from snn_deploy.report.parts import Estimate
from snn_deploy.report.text.numbers import decimals, estimated, interval
from support.deployed import measured
from support.small_model import OPTIONS, graph, samples


def test_all_forms_together_are_all_files() -> None:
    assert set(form_files(measured())) == FORM_FILES


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("json", {"report.json"}),
        ("md", {"report.json", "report.md"}),
        ("html, json", {"report.json", "report.html"}),
        ("tex", {"report.json", "report.tex", "report.bib"}),
    ],
)
def test_chosen_forms_write_their_files(text: str, files: set[str]) -> None:
    written = {f for f in form_files(measured(), chosen_forms(text)) if "figure" not in f}
    assert written == files


def test_unknown_form_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="formats='docx': no such form; any of json,md,html"
    ):
        deploy(graph(), "tiny", out=tmp_path / "out", formats="json,docx", **OPTIONS)
    assert chosen_forms(None) == FORMS


def test_deploy_writes_the_chosen_forms(tmp_path: Path) -> None:
    out = tmp_path / "out"
    deploy(graph(), "tiny", input=samples(), out=out, formats="html", **OPTIONS)
    assert {f.name for f in out.iterdir()} == {
        "report.json", "report.html", "quantized.npz", "program.json", "manifest.json"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (7.1551e-6, 7.0964e-6, 7.2129e-6, "7.16 µJ (7.10 to 7.21)"),
        (105.0e-6, 103.8e-6, 106.2e-6, "105.0 µs (103.8 to 106.2)"),
        (105.0e-6, 80e-6, 130e-6, "105 µs (80 to 130)"),
        (2e-6, 2e-6, 2e-6, "2 µs"),
    ],
)
def test_digits_follow_the_uncertainty(
    value: float, low: float, high: float, text: str
) -> None:
    assert interval(value, low, high, text.split()[1][-1]) == text


@pytest.mark.parametrize(
    ("half_width", "digits"),
    [(12.0, 0), (4.0, 0), (1.2, 1), (0.4, 1), (0.14, 2), (0.05, 2)],
)
def test_decimals_of_a_half_width(half_width: float, digits: int) -> None:
    assert decimals(half_width) == digits


def test_shares_are_estimated_in_percent() -> None:
    e = Estimate("accuracy chip", "share", 0.9933, 0.9806, 0.9977, 450, "Wilson score")
    assert estimated(e) == "99.3 % (98.1 to 99.8)"


def test_estimates_agree_with_what_they_are_about() -> None:
    report = measured()
    known = {e.name: e for e in report.estimates}
    assert report.energy is not None
    assert report.latency is not None
    for account in report.energy.accounts:
        e = known[f"energy {account.name}"]
        assert e.value == pytest.approx(account.dynamic.mean)
        assert e.low < e.value < e.high
    assert known["answer time"].value == pytest.approx(report.latency.answer_s.mean)
    assert known["answer time, 95th percentile"].value == report.latency.answer_p95_s
    for a in report.accuracy:
        assert known[f"accuracy {a.stage}"].value == a.value


def test_accuracy_over_steps_ends_at_the_accuracy() -> None:
    report = measured()
    last = {a.stage: a for a in report.accuracy_by_step}
    assert {s: a.correct for s, a in last.items()} == {
        a.stage: a.correct for a in report.accuracy
    }
    assert report.input is not None
    assert {a.steps for a in report.accuracy_by_step} == set(
        range(1, report.input.steps + 1)
    )


def test_course_of_a_frame_adds_up_to_its_time() -> None:
    time = measured().latency
    assert time is not None
    total = sum((b.last - b.first + 1) * sum(b.seconds.values()) for b in time.course)
    assert total == pytest.approx(time.inference_s.mean)
    assert time.course[-1].last == time.frame - 1
    assert time.answer_s.mean is not None
    assert time.answer_s.mean <= (time.answer_p95_s or 0) <= time.answer_s.high


TIMED = """
import sys, time
from pathlib import Path
from snn_deploy.report.report import read_report
report = read_report(Path(sys.argv[1]))
from snn_deploy.report.forms.forms import form_files
start = time.process_time()
files = form_files(report)
print(time.process_time() - start, len(files))
"""


def test_all_forms_take_little_time_even_the_first_time(tmp_path: Path) -> None:
    """2 s is the aim on an idle machine; a loaded one with fewer caches gets more."""
    (tmp_path / "report.json").write_bytes(form_files(measured(), ("json",))["report.json"])
    words = [sys.executable, "-c", TIMED, str(tmp_path / "report.json")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    seconds, files = done.stdout.split()
    assert int(files) == len(FORM_FILES)
    assert float(seconds) < 6
