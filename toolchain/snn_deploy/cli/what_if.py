"""The verb `compare` of one model: deployed in every way that some lists give."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from snn_deploy.cli.compare import check_picture, print_json, run_compare, write_picture
from snn_deploy.cli.deploy import progress
from snn_deploy.compare.variants import all_variants
from snn_deploy.errors import InputError
from snn_deploy.options.intake import AS_IT_IS, Intake
from snn_deploy.pipeline.what_if import deploy_variants
from snn_deploy.report.forms.screen import grid, screen, show_section

NUMBERS = ("weight_bits", "spike_bits")  # of which lists the values are whole numbers


# Options of `compare` that list values of one option of `deploy`, or targets.
LISTS = (
    "targets",
    "weight_bits",
    "spike_bits",
    "partition",
    "placement",
    "time_model",
)


def run_either(
    files: tuple[Path, ...],
    lists: Mapping[str, str | None],
    *,
    json: bool,
    out: Path | None,
    intake: Intake = AS_IT_IS,
    **options: Any,
) -> None:
    """Compare reports or, with targets, the variants of one model.

    lists: by option, "targets" and fields of Choices, values separated by commas.
    options: of `deploy_variants`.

    Raises:
        InputError: Neither can be done; says what is missing.
    """
    wished = {name: text for name, text in lists.items() if text is not None}
    given = [*wished, *(n for n, v in options.items() if v is not None and n != "seed")]
    given += intake.changed(Intake.__struct_fields__)
    if "targets" in wished:
        if len(files) > 1:
            raise InputError(f"--targets: takes one MODEL, not {len(files)} files")
        run_what_if(files[0], wished, json=json, out=out, intake=intake, **options)
    elif given:
        option = given[0].replace("_", "-")
        raise InputError(f"--{option}: is for one MODEL and several boards; give --targets")
    else:
        run_compare(files, json=json, out=out)


def run_what_if(
    model: Path, lists: Mapping[str, str], *, json: bool, out: Path | None, **options: Any
) -> None:
    """Deploy `model` in every variant, print the table, as JSON if wanted, and draw it."""
    check_picture(out)
    variants = all_variants(**{name: _values(name, text) for name, text in lists.items()})
    with progress() as told:
        found = deploy_variants(model, variants, progress=told, **options)
    if out is not None:
        from snn_deploy.compare.pareto import pareto_figure

        write_picture(out, pareto_figure(found), "what-if")
    if json:
        print_json(found)
    else:
        from snn_deploy.compare.pareto import what_if_section

        section, console = what_if_section(found), screen()
        show_section(replace(section, table=None), console)
        if section.table is not None:
            console.print(grid(section.table, whole=True))
    sys.stdout.flush()


def _values(name: str, text: str) -> list[Any]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if name not in NUMBERS:
        return words
    wrong = [w for w in words if not w.isdecimal()]
    if wrong:
        option = name.replace("_", "-")
        raise InputError(f"--{option} {wrong[0]}: must be a whole number from 0 up")
    return [int(w) for w in words]
