"""report.html: one file that needs no network and no script; figures and data inside."""

import json

from markupsafe import Markup

from snn_deploy.report.figures.figures import PLOTS
from snn_deploy.report.forms.headline import headline
from snn_deploy.report.forms.methods import methods
from snn_deploy.report.forms.tables import sections
from snn_deploy.report.forms.templates import templates
from snn_deploy.report.report import Report, to_json
from snn_deploy.report.text.latex_text import without_citations


def to_html(report: Report, drawn: dict[str, str]) -> str:
    """Return the text of report.html. drawn: an <svg> element by figure name."""
    environment = templates(autoescape=True)
    return environment.get_template("report.html.j2").render(
        report=report,
        facts=headline(report),
        methods=[without_citations(s) for s in methods(report)],
        sections=sections(report),
        plots=[(name, PLOTS[name], Markup(element)) for name, element in drawn.items()],
        data=embedded(report),
    )


def embedded(report: Report) -> Markup:
    """Return report.json so that it can stand in a <script>: no "<" can end it."""
    text = json.dumps(json.loads(to_json(report)), sort_keys=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))
