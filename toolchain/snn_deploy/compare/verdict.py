"""A gate's verdict: as a table, as JUnit XML, as GitHub annotations and step summary."""

from collections.abc import Iterable
from math import isinf
from xml.etree import ElementTree as ET

from snn_deploy.compare.gate import Finding, Verdict
from snn_deploy.report.forms.markdown import pipe_table, plain
from snn_deploy.report.text.numbers import quantity, share, significant
from snn_deploy.report.text.sections import Section, Table

COLUMNS = ("", "what", "value", "limit", "by", "note")


def verdict_section(verdict: Verdict) -> Section:
    """Return a verdict as a table, what failed first."""
    rows = sorted(verdict.findings, key=lambda f: f.passed)
    table = Table(COLUMNS, tuple(_row(f) for f in rows), frozenset(COLUMNS[2:5]))
    return Section(f"{verdict.name} on {verdict.target}: {outcome(verdict)}", (), table)


def outcome(verdict: Verdict) -> str:
    """Return e.g. "2 of 5 failed", or "5 passed"."""
    total, failed = len(verdict.findings), len(verdict.failed)
    return f"{failed} of {total} failed" if failed else f"{total} passed"


def sentence(verdict: Verdict, finding: Finding) -> str:
    """Return what failed, by how much, and who is to blame, in a line."""
    bound = "below the required" if finding.least else "above the allowed"
    note = f"; {finding.note}" if finding.note else ""
    return (
        f"{verdict.name}: {finding.what} is {amount(finding.value, finding.unit)}, "
        f"{bound} {amount(finding.limit, finding.unit)} by {_by(finding)}{note}"
    )


def amount(value: float, unit: str) -> str:
    """Return a value as people read it."""
    if unit == "share":
        return share(value)
    return quantity(value, unit) if unit else significant(value)


def junit(verdicts: Iterable[Verdict]) -> bytes:
    """Return JUnit XML: a suite per deployment, a case per finding; no times, so that the
    same verdicts give the same bytes."""
    root = ET.Element("testsuites", name="snn-deploy gate")
    for verdict in verdicts:
        suite = ET.SubElement(
            root,
            "testsuite",
            name=f"{verdict.name} on {verdict.target}",
            tests=str(len(verdict.findings)),
            failures=str(len(verdict.failed)),
            errors="0",
        )
        for finding in verdict.findings:
            case = ET.SubElement(
                suite, "testcase", classname=verdict.name, name=finding.what
            )
            if not finding.passed:
                text = sentence(verdict, finding)
                ET.SubElement(case, "failure", message=text).text = text
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def annotations(verdicts: Iterable[Verdict], file: str) -> list[str]:
    """Return a GitHub workflow command per failure, pointing at `file`."""
    return [
        f"::error file={_property(file)},title={_property(v.name + ': ' + f.what)}"
        f"::{_message(sentence(v, f))}"
        for v in verdicts
        for f in v.failed
    ]


def step_summary(verdicts: Iterable[Verdict]) -> str:
    """Return Markdown for GitHub's summary of a step."""
    parts = ["## snn-deploy gate\n"]
    for verdict in verdicts:
        section = verdict_section(verdict)
        parts.append(f"### {plain(section.title)}\n")
        if section.table is not None and section.table.rows:
            parts.append(pipe_table(section.table) + "\n")
    return "\n".join(parts)


def _row(f: Finding) -> tuple[str, ...]:
    limit = ("at least " if f.least else "at most ") + amount(f.limit, f.unit)
    mark = "ok" if f.passed else "FAILED"
    return mark, f.what, amount(f.value, f.unit), limit, "" if f.passed else _by(f), f.note


def _by(finding: Finding) -> str:
    if finding.unit == "share":  # shares of shares confuse
        return f"{100 * abs(finding.value - finding.limit):.2f} points"
    if isinf(finding.over):
        return amount(finding.value, finding.unit)
    return f"{100 * finding.over:.1f} %"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
