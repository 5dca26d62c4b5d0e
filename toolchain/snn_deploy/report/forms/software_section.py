"""Sections on intervals and on software estimates, for every form of the report."""

from snn_deploy.report.report import Report
from snn_deploy.report.text.numbers import count, estimated, quantity, share
from snn_deploy.report.text.sections import Section, Sources, Table


def estimate_sections(report: Report) -> list[Section]:
    """Return what other samples would give."""
    rows = tuple((e.name, estimated(e), str(e.samples), e.method) for e in report.estimates)
    if not rows:
        return []
    lines = (
        "95 % intervals over samples of this kind; they hold nothing of the uncertainty of "
        "the coefficients, which the sets beside each other show",
    )
    columns = ("of", "value (95 % interval)", "samples", "method")
    return [
        Section("Intervals", lines, Table(columns, rows, frozenset(columns[2:3])), True)
    ]


def software_sections(report: Report, sources: Sources) -> list[Section]:
    """Return the estimates that know of no chip, with what to mind."""
    found = report.software
    if found is None:
        return []
    energies = tuple(
        (
            e.model, e.subject, str(e.bits), e.scope, quantity(e.joules, "J"),
            sources.cite(e.source),
        )
        for e in found.energies
    )  # fmt: skip
    columns = ("estimate", "network", "bits", "scope", "energy", "source")
    tallies = tuple(
        (
            t.definition, t.name,
            share(t.value) if t.unit == "share" else count(t.value), t.what,
        )
        for t in found.tallies
    )  # fmt: skip
    names = ("definition", "count", "per inference", "what")
    return [
        Section(
            "Software estimates, of no chip",
            found.notes,
            Table(columns, energies, frozenset({"bits", "energy"})),
            True,
        ),
        Section(
            "Operations under other definitions",
            (f"float network as in the file, mean of {found.samples} samples",),
            Table(names, tallies, frozenset({"per inference"})),
            True,
        ),
    ]
