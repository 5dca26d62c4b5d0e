"""Board files as plain data: YAML text -> nested dicts, with `extends` resolved.

A board file may start from another (`extends: loihi2`) and state only what differs.
Mappings are merged key by key; a record with a value, a list and a scalar are replaced
whole, so that a new number never keeps the source of an old one. What the keys mean is for
`board.py`.
"""

from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from snn_deploy.errors import BoardError
from snn_deploy.names import board_names

MAX_BYTES = 1 << 20  # of one board file; the largest shipped one has about 30 kB
RECORD_KEYS = ("value", "values", "runs")  # a mapping with one of these is one statement
MERGE_TAG = "tag:yaml.org,2002:merge"  # of the key `<<`
_Loader: Any = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # the same in C, if it is there


class _StrictLoader(_Loader):  # type: ignore[misc]  # its base is only known at run time
    """A safe YAML loader that refuses keys that occur twice or are no words."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of `node`."""
        keys = [key for key, _ in node.value if key.tag != MERGE_TAG]
        seen = set()
        for key in keys:
            line = key.start_mark.line + 1
            if not isinstance(key.value, str):
                raise yaml.YAMLError(f"the key in line {line} is not a word")
            if key.value in seen:
                raise yaml.YAMLError(
                    f"key {key.value!r} occurs twice, again in line {line}"
                )
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep))


def shipped_files() -> dict[str, Path]:
    """Return the board files of the package by board name."""
    root = Path(str(resources.files("snn_deploy_boards")))
    return {name: root / f"{name}.yaml" for name in board_names()}


def board_data(name_or_path: str) -> tuple[str, dict[str, Any]]:
    """Return the file's name for messages, and its data with every `extends` merged in.

    Raises:
        BoardError: No such board or file, not a YAML mapping, or a circle of `extends`.
    """
    chain = [find(name_or_path)]
    name = chain[0].name
    data = _read(chain[0])
    while "extends" in data:
        base = _base(chain[-1], data.pop("extends"))
        if base.resolve() in [f.resolve() for f in chain]:
            circle = " -> ".join(f.name for f in [*chain, base])
            raise BoardError(f"{name}: `extends` goes in a circle: {circle}; break it")
        chain.append(base)
        data = merged(_read(base), data)
    return name, data


def find(name_or_path: str) -> Path:
    """Return the file of a shipped board, or the file at a path."""
    shipped = shipped_files()
    if name_or_path in shipped:
        return shipped[name_or_path]
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        close = get_close_matches(path.name, shipped, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        known = ", ".join(shipped)
        raise BoardError(f"no board {name_or_path!r}{hint}; shipped boards: {known}")
    return path


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with what `over` states put in its place."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        mix = isinstance(old, dict) and isinstance(value, dict)
        if mix and not any(k in value for k in RECORD_KEYS):
            value = merged(old, value)  # type: ignore[arg-type]  # both are dicts
        result[key] = value
    return result


def _base(file: Path, name: object) -> Path:
    """Return the file that `file` extends: a shipped board, or a path seen from `file`."""
    if not isinstance(name, str):
        raise BoardError(f"{file.name}: `extends` is {name!r}, but must name one board")
    return file.parent / name if name.endswith((".yaml", ".yml")) else find(name)


def _read(file: Path) -> dict[str, Any]:
    """Return the mapping in one YAML file."""
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise BoardError(
                f"{file.name}: {size} bytes; a board file has at most {MAX_BYTES}"
            )
        data = yaml.load(file.read_text("utf-8"), Loader=_StrictLoader)
    except (OSError, RecursionError, ValueError) as error:
        raise BoardError(f"{file.name}: cannot be read: {_one_line(error)}") from error
    except yaml.YAMLError as error:
        raise BoardError(f"{file.name}: is not valid YAML: {_one_line(error)}") from error
    if not isinstance(data, dict):
        kind = "nothing" if data is None else f"a {type(data).__name__}"
        raise BoardError(
            f"{file.name}: holds {kind}, but a board file is a mapping of keys"
        )
    return data


def _one_line(error: Exception) -> str:
    """Return the message of `error` without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__
