"""The verb `compare`: several reports side by side, as a table and as a picture."""

import sys
from dataclasses import replace
from pathlib import Path

import msgspec

from snn_deploy.compare import compare
from snn_deploy.errors import InputError
from snn_deploy.report import read_report
from snn_deploy.reporting.folder import check_place, write_file
from snn_deploy.reporting.screen import grid, screen, show_section

PICTURES = (".svg", ".pdf")


def run_compare(files: tuple[Path, ...], *, json: bool, out: Path | None = None) -> None:
    """Print the comparison of report.json `files`, as JSON if wanted, and draw it.

    Raises:
        InputError: Fewer than two files, one that is no report, or no place for a picture.
    """
    if len(files) < 2:
        raise InputError(f"compare: takes two or more report.json files, not {len(files)}")
    if out is not None:
        if out.suffix not in PICTURES:
            raise InputError(f"--out {out}: a picture is {' or '.join(PICTURES)}")
        check_place(out, "--out")
    found = compare(tuple(read_report(_report_in(f)) for f in files), _names(files))
    if out is not None:
        from snn_deploy.reporting.comparison import comparison_figure
        from snn_deploy.reporting.figures import pdf_file, svg, svg_file

        figure = comparison_figure(found)
        picture = (
            pdf_file(figure, "comparison")
            if out.suffix == ".pdf"
            else svg_file(svg(figure, "comparison"))
        )
        write_file(out, picture)
    if json:
        text = msgspec.json.format(msgspec.json.encode(found), indent=2)
        sys.stdout.write(text.decode() + "\n")
    else:
        from snn_deploy.reporting.comparison import comparison_section

        section, console = comparison_section(found), screen()
        show_section(replace(section, table=None), console)
        if section.table is not None:
            console.print(grid(section.table, whole=True))
    sys.stdout.flush()


def _report_in(file: Path) -> Path:
    """Return the report.json of an output folder, or the file itself."""
    return file / "report.json" if file.is_dir() else file


def _names(files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the folder's name of a report.json, else the file's."""
    resolved = [_report_in(f).resolve() for f in files]
    return tuple(f.parent.name if f.name == "report.json" else f.stem for f in resolved)
