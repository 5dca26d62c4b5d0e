"""One meaning a name."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.imports import modules

ROOT = Path(__file__).parents[1]
VERBS = {"deploy", "run", "check", "gate", "compare", "convert", "boards", "doctor"}
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")]

TYPE = re.compile(r"[A-Z]\w*[a-z]\w*")
TREES = {name: ast.parse(file.read_text()) for name, file in modules().items()}


def types_of(tree: ast.Module) -> Iterator[str]:
    """Yield the public classes and aliases that a module defines."""
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name):
                found = name
            case ast.AnnAssign(target=ast.Name(id=name)):
                found = name
            case ast.Assign(targets=[ast.Name(id=name)]):
                found = name
            case _:
                continue
        if TYPE.fullmatch(found):
            yield found


def test_no_two_public_types_share_a_name() -> None:
    places = defaultdict(list)
    for module, tree in TREES.items():
        for name in types_of(tree):
            places[name].append(module)
    assert len(places) > 200
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_no_file_name_but_a_verbs_stands_in_more_than_two_rooms() -> None:
    rooms = defaultdict(list)
    for module in modules():
        room, _, name = module.rpartition(".")
        rooms[name].append(room)
    assert len(rooms) > 150
    often = {name: where for name, where in rooms.items() if len(where) > 2}
    assert set(often) - VERBS == set(), often


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    folders = ("toolchain", "backends", "simulators", "tests", "examples", "bench", "docs")
    files = [file.as_posix() for name in folders for file in (ROOT / name).rglob("*.py")]
    for named in re.findall(r"`([\w/]+\.py)`", page.read_text()):
        known = any(file.endswith(f"/{named}") for file in files)
        assert known or (ROOT / named).exists(), named


def test_the_glossary_is_in_order_and_says_each_word_once() -> None:
    rows = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \|$", (ROOT / "docs/glossary.md").read_text(), re.M
    )
    words = [word for word, _ in rows[1:]]
    assert len(words) > 60
    assert words == sorted(words, key=str.lower)
    assert len({part for word in words for part in word.split(", ")}) == len(
        [part for word in words for part in word.split(", ")]
    )
