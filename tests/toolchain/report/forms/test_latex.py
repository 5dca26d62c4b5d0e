"""report.tex compiles with its bibliography, and says what report.json says."""

import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from snn_deploy.report.forms.bibliography import named, sources, to_bibtex, works
from snn_deploy.report.forms.forms import form_files
from snn_deploy.report.forms.headline import headline
from snn_deploy.report.forms.methods import methods
from snn_deploy.report.forms.tables import sections
from snn_deploy.report.report import Report
from snn_deploy.report.text.latex_text import cited, tex, with_citations, without_citations
from support.deployed import bounded, measured, stopped
from support.made_by_hand import report as by_hand
from support.system_tools import program


def compile_in(folder: Path, report: Report) -> str:
    """Write and compile; return the log of the last run."""
    latex, bibtex = program("pdflatex"), program("bibtex")
    for name, content in form_files(report, ("tex",)).items():
        (folder / name).write_bytes(content)
    tex_once = [latex, "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    for command in (tex_once, [bibtex, "report"], tex_once, tex_once):
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace"
        )
        assert done.returncode == 0, done.stdout[-2000:]
    return (folder / "report.log").read_text(errors="replace")


@pytest.mark.parametrize("make", [measured, bounded, by_hand])
def test_it_compiles_and_every_citation_is_found(make: object, tmp_path: Path) -> None:
    log = compile_in(tmp_path, make())  # type: ignore[operator]
    assert not re.findall(r"Citation .* undefined|Reference .* undefined|^!", log)
    assert (tmp_path / "report.pdf").stat().st_size > 20_000
    assert r"\bibitem" in (tmp_path / "report.bbl").read_text()


def test_any_name_compiles(tmp_path: Path) -> None:
    nasty = "a\\b{c}$d&e#f%g_h~i^j<k>|l\"m'n`o µ×±≥→…“x” é 漢字 \U0001f600"
    layer = msgspec.structs.replace(by_hand().layers[0], name=nasty)
    report = msgspec.structs.replace(
        by_hand(), layers=(layer,), caveats=(nasty,), stopped_after=None
    )
    compile_in(tmp_path, report)
    assert (tmp_path / "report.pdf").stat().st_size > 10_000


def test_tables_hold_every_cell_of_the_report() -> None:
    text = form_files(measured(), ("tex",))["report.tex"].decode()
    for section in sections(measured()):
        if section.title != "Sources" and section.table is not None:
            for row in section.table.rows:
                assert " & ".join(tex(cell) for cell in row) in text
    for fact in headline(measured()):
        assert tex(fact.text) in text


def test_every_source_is_in_the_bibliography_word_for_word() -> None:
    for report in (measured(), by_hand(), stopped()):
        text = to_bibtex(report, cited(methods(report)))
        assert sources(report)
        for source in sources(report):
            assert "{" + tex(source) + "}" in text
        keys = re.findall(r"^@\w+\{([^,]+),", text, re.MULTILINE)
        assert len(keys) == len(set(keys))
        for key in {*cited(methods(report)), *re.findall(r"\\cite\{([^}]+)\}", text)}:
            assert key in keys


def test_works_that_a_source_names_get_their_entry() -> None:
    assert named("Davies et al., IEEE Micro 38(1), 2018, table 2") == ("davies2018loihi",)
    assert "boyle2025sanafe" in named("SANA-FE arch/loihi.yaml (commit 8951ab0)")
    assert named("a notebook") == ()
    for key, work in works().items():
        assert {"author", "title", "year"} <= set(work.fields), key
        assert work.match


def test_methods_cite_only_works_that_are_known() -> None:
    for report in (measured(), bounded(), stopped(), by_hand()):
        assert set(cited(methods(report))) <= set(works())


def test_methods_state_every_assumption_and_every_caveat() -> None:
    report = measured()
    text = " ".join(methods(report))
    assert report.assumptions
    for a in report.assumptions:
        assert f"{a.name}: {a.value} ({a.evidence})" in text
    for caveat in report.caveats:
        assert caveat in text
    assert "nothing was measured on hardware" in text
    assert report.energy is not None
    for account in report.energy.accounts:
        assert f"With set {account.name}" in text


def test_marks_become_citations_or_vanish() -> None:
    sentence = "By retiming [@leiserson1991; @davies2018loihi], 50 %."
    assert (
        with_citations(sentence)
        == r"By retiming~\cite{leiserson1991,davies2018loihi}, 50 \%."
    )
    assert without_citations(sentence) == "By retiming, 50 %."
    assert cited((sentence, sentence)) == ("leiserson1991", "davies2018loihi")
    assert with_citations("an index [3] stays") == "an index [3] stays"
