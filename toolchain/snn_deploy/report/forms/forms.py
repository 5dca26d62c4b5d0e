"""The forms a report can be written in, and the files of each."""

from collections.abc import Iterable

from snn_deploy.errors import InputError, option
from snn_deploy.names import FormName, names
from snn_deploy.report.forms.markdown import to_markdown
from snn_deploy.report.report import Report, to_json
from snn_deploy.report.text.latex_text import cited

FORMS = names(FormName)
FIGURES = (
    "energy", "layers", "utilization", "floorplan", "time", "raster", "fidelity",
    "accuracy",
)  # fmt: skip
FORM_FILES = frozenset(
    {"report.json", "report.md", "report.html", "report.tex", "report.bib"}
    | {f"figure-{name}.{form}" for name in FIGURES for form in ("svg", "pdf")}
)


def chosen_forms(text: str | None) -> tuple[str, ...]:
    """Return the forms in e.g. "html,tex", all if None; report.json is always among them.

    Raises:
        InputError: One of them is unknown.
    """
    if text is None:
        return FORMS
    wanted = [word.strip() for word in text.split(",") if word.strip()]
    for word in wanted:
        if word not in FORMS:
            raise InputError(
                f"{option('formats', word)}: no such form; any of {','.join(FORMS)}, with "
                "commas"
            )
    return tuple(form for form in FORMS if form in wanted or form == "json")


def form_files(report: Report, forms: Iterable[str] = FORMS) -> dict[str, bytes]:
    """Return the files of `report` in the given forms, by name; tex brings its figures."""
    wanted = set(forms)
    files: dict[str, bytes] = {}
    if "json" in wanted:
        files["report.json"] = to_json(report)
    if "md" in wanted:
        files["report.md"] = to_markdown(report).encode()
    if wanted & {"html", "tex", "svg", "pdf"}:
        files |= _with_figures(report, wanted)
    return files


def _with_figures(report: Report, wanted: set[str]) -> dict[str, bytes]:
    # Imported here: plots take longer to load than a report to write.
    from snn_deploy.report.figures.figures import figures, pdf_file, svg, svg_file
    from snn_deploy.report.forms.bibliography import to_bibtex
    from snn_deploy.report.forms.html import to_html
    from snn_deploy.report.forms.latex import to_latex
    from snn_deploy.report.forms.methods import methods

    drawn = figures(report)
    files: dict[str, bytes] = {}
    elements = {n: svg(f, n) for n, f in drawn.items()} if wanted & {"html", "svg"} else {}
    if "html" in wanted:
        files["report.html"] = to_html(report, elements).encode()
    if "svg" in wanted:
        files |= {f"figure-{n}.svg": svg_file(element) for n, element in elements.items()}
    if "tex" in wanted:
        files["report.tex"] = to_latex(report, tuple(drawn)).encode()
        files["report.bib"] = to_bibtex(report, cited(methods(report))).encode()
    if wanted & {"tex", "pdf"}:
        files |= {f"figure-{n}.pdf": pdf_file(f, n) for n, f in drawn.items()}
    return files
