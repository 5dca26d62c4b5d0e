"""The verb `compare`: reports side by side, or one model in every way that lists give."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from snn_deploy.cli.flags import Lists
from snn_deploy.cli.printing import print_json, print_whole
from snn_deploy.cli.progress import progress
from snn_deploy.compare.reports import compare
from snn_deploy.compare.variants import all_variants
from snn_deploy.errors import InputError, option
from snn_deploy.files.folder import write_file
from snn_deploy.files.targets import check_file, files_in
from snn_deploy.options.request import Request
from snn_deploy.pipeline.checks import read_by
from snn_deploy.pipeline.what_if import deploy_variants
from snn_deploy.report.report import read_report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from snn_deploy.report.text.sections import Section

PICTURES = (".svg", ".pdf")
# What draws a result, and what puts it into a section of text.
Views: TypeAlias = tuple[Callable[[Any], "Figure"], Callable[[Any], "Section"]]


def run_either(
    files: tuple[Path, ...],
    targets: str | None,
    lists: Lists,
    request: Request,
    *,
    json: bool,
    out: Path | None,
) -> None:
    """Compare reports or, with targets, the variants of one model.

    Args:
        files: Reports, or one model.
        targets: Boards, separated by commas; None compares reports.
        lists: Values to try, by option.
        request: What all variants have in common.
        json: Print JSON, and nothing else.
        out: Where a picture is drawn.

    Raises:
        InputError: Neither can be done; says what is missing.
    """
    check_picture(out, (*files_in(*files), *read_by(request, None)))
    if targets is not None:
        if len(files) > 1:
            raise InputError(f"--targets: takes one MODEL, not {len(files)} files")
        boards = tuple(word.strip() for word in targets.split(",") if word.strip())
        run_what_if(files[0], boards, lists, request, json=json, out=out)
        return
    given = [*lists, *_changed(request)]
    if given:
        raise InputError(
            f"{option(given[0])}: is for one MODEL and several boards; give --targets"
        )
    run_reports(files, json=json, out=out)


def run_what_if(
    model: Path,
    boards: tuple[str, ...],
    lists: Lists,
    request: Request,
    *,
    json: bool,
    out: Path | None,
) -> None:
    """Deploy `model` in every variant, print the table, as JSON if wanted, and draw it."""
    usual = request.simulation.time_model
    variants = all_variants(boards, lists, request.mapping, usual)
    with progress() as told:
        found = deploy_variants(model, variants, request=request, progress=told)
    show(found, "what-if", _what_if_views, json=json, out=out)


def run_reports(files: tuple[Path, ...], *, json: bool, out: Path | None) -> None:
    """Print the comparison of report.json `files`, as JSON if wanted, and draw it.

    Raises:
        InputError: Fewer than two files, or one that is no report.
    """
    if len(files) < 2:
        raise InputError(f"compare: takes two or more report.json files, not {len(files)}")
    found = compare(tuple(read_report(_report_in(f)) for f in files), _names(files))
    show(found, "comparison", _comparison_views, json=json, out=out)


def _what_if_views() -> Views:
    from snn_deploy.compare.pareto import pareto_figure, what_if_section

    return pareto_figure, what_if_section


def _comparison_views() -> Views:
    from snn_deploy.compare.comparison import comparison_figure, comparison_section

    return comparison_figure, comparison_section


def show(
    found: Any, name: str, views: Callable[[], Views], *, json: bool, out: Path | None
) -> None:
    """Draw `found` into `out` if there is one, and print it, as JSON if wanted.

    views: imports its figure and its section, which takes long, hence only if needed.
    """
    if out is not None:
        write_picture(out, views()[0](found), name)
    if json:
        print_json(found)
    else:
        print_whole(views()[1](found))
    sys.stdout.flush()


def check_picture(out: Path | None, read: tuple[Path, ...]) -> None:
    """Refuse a place for a picture, before any work; read: files that it must not be.

    Raises:
        InputError: It is neither .svg nor .pdf, or cannot be written.
    """
    if out is not None:
        if out.suffix not in PICTURES:
            raise InputError(f"--out {out}: a picture is {' or '.join(PICTURES)}")
        check_file(out, "out", read)


def write_picture(out: Path, figure: "Figure", name: str) -> None:
    """Write a figure as its suffix says; name: what its parts are called inside."""
    from snn_deploy.report.figures.figures import pdf_file, svg, svg_file

    is_pdf = out.suffix == ".pdf"
    write_file(out, pdf_file(figure, name) if is_pdf else svg_file(svg(figure, name)))


def _changed(request: Request) -> list[str]:
    """Return the options that were given and would make no sense of reports."""
    groups = (request.reading, request.inputs, request.mapping, request.simulation)
    return [name for group in groups for name in group.changed() if name != "seed"]


def _report_in(file: Path) -> Path:
    """Return the report.json of an output folder, or the file itself."""
    return file / "report.json" if file.is_dir() else file


def _names(files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the folder's name of a report.json, else the file's."""
    resolved = [_report_in(f).resolve() for f in files]
    return tuple(f.parent.name if f.name == "report.json" else f.stem for f in resolved)
