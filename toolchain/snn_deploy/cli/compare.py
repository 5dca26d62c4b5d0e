"""The verb `compare` of reports: side by side, as a table and as a picture."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from snn_deploy.compare.reports import compare
from snn_deploy.errors import InputError
from snn_deploy.files.folder import check_place, write_file
from snn_deploy.report.forms.screen import grid, screen, show_section
from snn_deploy.report.report import read_report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = (".svg", ".pdf")


def run_compare(files: tuple[Path, ...], *, json: bool, out: Path | None = None) -> None:
    """Print the comparison of report.json `files`, as JSON if wanted, and draw it.

    Raises:
        InputError: Fewer than two files, one that is no report, or no place for a picture.
    """
    if len(files) < 2:
        raise InputError(f"compare: takes two or more report.json files, not {len(files)}")
    check_picture(out)
    found = compare(tuple(read_report(_report_in(f)) for f in files), _names(files))
    if out is not None:
        from snn_deploy.compare.comparison import comparison_figure

        write_picture(out, comparison_figure(found), "comparison")
    if json:
        print_json(found)
    else:
        from snn_deploy.compare.comparison import comparison_section

        section, console = comparison_section(found), screen()
        show_section(replace(section, table=None), console)
        if section.table is not None:
            console.print(grid(section.table, whole=True))
    sys.stdout.flush()


def check_picture(out: Path | None) -> None:
    """Refuse a place for a picture, before any work.

    Raises:
        InputError: It is neither .svg nor .pdf, or cannot be written.
    """
    if out is not None:
        if out.suffix not in PICTURES:
            raise InputError(f"--out {out}: a picture is {' or '.join(PICTURES)}")
        check_place(out, "--out")


def write_picture(out: Path, figure: "Figure", name: str) -> None:
    """Write a figure as its suffix says; name: what its parts are called inside."""
    from snn_deploy.report.figures.figures import pdf_file, svg, svg_file

    is_pdf = out.suffix == ".pdf"
    write_file(out, pdf_file(figure, name) if is_pdf else svg_file(svg(figure, name)))


def print_json(found: msgspec.Struct) -> None:
    """Print a record on stdout as JSON, and nothing else."""
    text = msgspec.json.format(msgspec.json.encode(found), indent=2)
    sys.stdout.write(text.decode() + "\n")


def _report_in(file: Path) -> Path:
    """Return the report.json of an output folder, or the file itself."""
    return file / "report.json" if file.is_dir() else file


def _names(files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the folder's name of a report.json, else the file's."""
    resolved = [_report_in(f).resolve() for f in files]
    return tuple(f.parent.name if f.name == "report.json" else f.stem for f in resolved)
