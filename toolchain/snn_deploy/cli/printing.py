"""What verbs print: a record as JSON, or a section with a table."""

import sys
from dataclasses import replace
from typing import Literal

import msgspec

from snn_deploy.report.forms.screen import grid, screen, show_section
from snn_deploy.report.text.sections import Section


def print_json(found: object, order: Literal["sorted"] | None = None) -> None:
    """Print a record on stdout as JSON, and nothing else; fields as they stand in their
    types, or sorted by name."""
    text = msgspec.json.format(msgspec.json.encode(found, order=order), indent=2)
    sys.stdout.write(text.decode() + "\n")


def print_whole(section: Section) -> None:
    """Print a section, and its table with no cell cut short."""
    console = screen()
    show_section(replace(section, table=None), console)
    if section.table is not None:
        console.print(grid(section.table, whole=True))
