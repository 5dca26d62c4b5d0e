"""The text of snn_deploy/options/keywords.py, made from the groups of options."""

import re
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path

from snn_deploy import names
from snn_deploy.options.base import Field, Options, fields_of
from snn_deploy.options.conversion import ConversionOptions
from snn_deploy.options.reading import ReadingOptions
from snn_deploy.options.request import GROUPS
from snn_deploy.pipeline.backends import backend_options

FILE = Path(__file__).parents[2] / "toolchain" / "snn_deploy" / "options" / "keywords.py"
HEAD = '''\
"""Options as keywords, for editors and type checkers: **fields: Unpack[...].

Made from the groups by `pytest tests/toolchain/options --update-golden`; do not edit.
"""

from pathlib import Path
from typing import Any, TypedDict

from snn_deploy.names import (
{names}
)
'''
PLAIN = {int: "int", float: "float", bool: "bool", str: "str", object: "Any"}
LISTS = {
    typing.get_args(value): name
    for name, value in vars(names).items()
    if name.endswith("Name")
}


def text() -> str:
    """Return what the file has to be."""
    backends = backend_options([]).values()
    kinds: dict[str, tuple[type[Options], ...]] = {
        "DeployFields": (*GROUPS.values(), *backends),
        "ReadingFields": (ReadingOptions,),
        "ConversionFields": (ConversionOptions,),
    }
    parts = ["\n".join(_typed_dict(name, groups)) for name, groups in kinds.items()]
    used = sorted(set(re.findall(r"\w+Name\b", "".join(parts))))
    head = HEAD.format(names="\n".join(f"    {name}," for name in used))
    return "\n\n".join([head, *parts])


def _typed_dict(name: str, groups: Iterable[type[Options]]) -> Iterator[str]:
    whose = {"DeployFields": "deploy", "ReadingFields": "a reading of a model file"}
    yield f"class {name}(TypedDict, total=False):"
    yield f'    """Keywords of {whose.get(name, "a conversion")}."""'
    yield ""
    for group in groups:
        yield from (f"    {f.name}: {_type(f)}" for f in fields_of(group))
    yield ""


def _type(field: Field) -> str:
    kind = LISTS[field.choices] if field.choices else PLAIN.get(field.kind, "str | Path")
    return kind if field.default is not None or kind == "Any" else f"{kind} | None"
