"""Text for LaTeX: nothing in a name or a source can break a document."""

import re

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    '"': r"\textquotedbl{}", "'": "'", "`": r"\textasciigrave{}",
    "µ": r"\textmu{}", "×": r"$\times$", "±": r"$\pm$", "≥": r"$\geq$", "≤": r"$\leq$",
    "→": r"$\rightarrow$", "·": r"$\cdot$", "…": r"\ldots{}", "–": "--", "—": "---",
    "“": "``", "”": "''", "’": "'", "°": r"\textdegree{}", "\u00a0": "~",
}  # fmt: skip
CITE = re.compile(r"\[(@[\w; @-]+)\]")


def tex(text: str) -> str:
    """Return `text` so that LaTeX prints it as it is, on one line; letters that pdfLaTeX's
    standard fonts lack are written U+XXXX."""
    return "".join(_letter(c) for c in re.sub(r"\s+", " ", text))


def with_citations(text: str) -> str:
    r"""Return a sentence with marks like [@key; @other] as LaTeX with \cite."""
    parts = CITE.split(text)
    found = [tex(part) for part in parts]
    for i in range(1, len(parts), 2):
        found[i] = r"\cite{" + ",".join(citation_keys(parts[i])) + "}"
    return "".join(found).replace(r" \cite", r"~\cite")


def without_citations(text: str) -> str:
    """Return a sentence without its marks."""
    return re.sub(r"\s*" + CITE.pattern, "", text)


def citation_keys(marks: str) -> list[str]:
    """Return the keys in "@key; @other"."""
    return [key.strip().removeprefix("@") for key in marks.split(";")]


def cited(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the keys that `texts` cite, each once, in order."""
    marks = [m for text in texts for m in CITE.findall(text)]
    return tuple(dict.fromkeys(key for m in marks for key in citation_keys(m)))


def _letter(c: str) -> str:
    if c in SPECIAL:
        return SPECIAL[c]
    if c.isascii() or "\u00c0" <= c <= "\u017f":  # Latin letters with accents
        return c
    return f"U+{ord(c):04X}"
