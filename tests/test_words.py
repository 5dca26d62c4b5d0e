"""One meaning a name."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from support.imports import modules

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
