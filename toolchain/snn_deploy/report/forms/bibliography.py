"""Bibliography: every source that a report names, as BibTeX.

Each source text becomes an entry of its own, word for word, so that nothing a board file
says is lost; works that it names and we know get their full entry beside it.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import msgspec

from snn_deploy.report.report import Report
from snn_deploy.report.text.latex_text import tex


class Work(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A published work.

    Attributes:
        type: Of its BibTeX entry, e.g. "article".
        match: Texts that name it contain one of these.
        fields: Of its BibTeX entry, by name.
    """

    type: str
    match: tuple[str, ...]
    fields: dict[str, str]


@cache
def works() -> dict[str, Work]:
    """Return the known works by BibTeX key."""
    text = files(__package__).joinpath("references.yaml").read_bytes()
    return msgspec.yaml.decode(text, type=dict[str, Work])


def sources(report: Report) -> tuple[str, ...]:
    """Return every source text in `report`, each once, in reading order."""
    found = [s.source for s in report.support]
    found.append(report.target.source)
    if report.latency is not None:
        found.append(report.latency.source)
    if report.energy is not None:
        for account in report.energy.accounts:
            found += [
                account.source,
                *(x.source for x in account.lines if x.price is not None),
            ]
        found += [x.source for x in report.energy.static if x.price is not None]
    if report.software is not None:
        found += [x.source for x in report.software.energies]
    return tuple(dict.fromkeys(text for text in found if text))


def keys(texts: Iterable[str]) -> dict[str, str]:
    """Return the BibTeX key of each source text, telling the first words."""
    found: dict[str, str] = {}
    for text in texts:
        if text not in found:
            words = re.findall(r"[a-z0-9]+", text.lower())[:2]
            found[text] = f"source{len(found) + 1}" + "".join(words)
    return found


def named(text: str) -> tuple[str, ...]:
    """Return the keys of the known works that `text` names."""
    return tuple(key for key, w in works().items() if any(m in text for m in w.match))


def to_bibtex(report: Report, cited: Iterable[str] = ()) -> str:
    """Return report.bib: works that `cited` or a source names, then every source text."""
    texts = keys(sources(report))
    wanted = {key for text in texts for key in named(text)} | set(cited)
    entries = [
        entry(key, work.type, work.fields) for key, work in works().items() if key in wanted
    ]
    for text, key in texts.items():
        fields = {"key": key, "title": "{" + tex(text) + "}", "note": _note(text)}
        entries.append(entry(key, "misc", {k: v for k, v in fields.items() if v}))
    return "\n".join(entries)


def _note(text: str) -> str:
    known = named(text)
    return "See " + ", ".join(rf"\cite{{{key}}}" for key in known) if known else ""


def entry(key: str, kind: str, fields: dict[str, str]) -> str:
    """Return one BibTeX entry."""
    body = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@{kind}{{{key},\n{body}}}\n"
