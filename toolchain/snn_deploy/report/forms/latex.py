"""report.tex and report.bib: tables for a paper, the methods, the figures; compiles as it
is."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from snn_deploy.report.figures.figures import PLOTS
from snn_deploy.report.forms.bibliography import keys, named, sources
from snn_deploy.report.forms.headline import headline
from snn_deploy.report.forms.methods import methods
from snn_deploy.report.forms.tables import sections
from snn_deploy.report.report import Report
from snn_deploy.report.text.latex_text import tex, with_citations
from snn_deploy.report.text.sections import Section, Table

LEFT_OUT = ("Sources",)  # the bibliography has them
WIDE = 5  # columns from which a table is shrunk to the width of the text


def to_latex(report: Report, drawn: tuple[str, ...]) -> str:
    """Return the text of report.tex. drawn: names of the figures that stand beside it."""
    environment = Environment(
        loader=PackageLoader(__package__, "."),
        undefined=StrictUndefined,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # LaTeX, not HTML; `tex` escapes what LaTeX would read
    )
    environment.filters.update(tex=tex, cite=with_citations, tabular=tabular)
    marks = keys(sources(report))
    cited = [(text, [*named(text), key]) for text, key in marks.items()]
    return environment.get_template("report.tex.j2").render(
        report=report,
        facts=headline(report),
        methods=methods(report),
        sections=[s for s in sections(report) if s.title not in LEFT_OUT],
        plots=[(name, PLOTS[name]) for name in drawn],
        cited=cited,
    )


def tabular(section: Section) -> str:
    """Return the table of `section` with booktabs' rules, over pages if it is long."""
    table = section.table or Table((), ())
    columns = "".join(
        "r" if c in table.right else _left(table, i) for i, c in enumerate(table.columns)
    )
    head = " & ".join(tex(c) for c in table.columns) + r" \\"
    rows = [" & ".join(tex(cell) for cell in row) + r" \\" for row in table.rows]
    lines = [
        rf"\begin{{longtable}}{{@{{}}{columns}@{{}}}}",
        r"\toprule",
        head,
        r"\midrule\endhead",
        *rows,
        r"\bottomrule",
        r"\end{longtable}",
    ]
    size = r"\footnotesize" if len(table.columns) < WIDE else r"\scriptsize"
    return "\n".join([rf"{{{size}\setlength{{\tabcolsep}}{{3pt}}", *lines, "}"])


def _left(table: Table, column: int) -> str:
    """Return the column's letter: text that is long gets lines of its own."""
    longest = max((len(row[column]) for row in table.rows), default=0)
    return r"p{0.34\linewidth}" if longest > 40 else "l"
