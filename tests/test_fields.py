"""Every field of a public class is documented by an entry of its own."""

import ast
import re
from collections.abc import Iterator

import pytest

from support.imports import modules

KEYWORDS = "snn_deploy.options.keywords"
TREES = {name: ast.parse(file.read_text()) for name, file in modules().items()}


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    """Yield every public class with fields, by its dotted name; of the keywords, which are
    generated from the options, the options have the documentation."""
    for module, tree in TREES.items():
        for node in ast.walk(tree) if module != KEYWORDS else ():
            if isinstance(node, ast.ClassDef) and node.name[0] != "_" and fields_of(node):
                yield f"{module}.{node.name}", node


def fields_of(node: ast.ClassDef) -> dict[str, str]:
    """Return the annotation of each public field."""
    return {
        line.target.id: ast.unparse(line.annotation)
        for line in node.body
        if isinstance(line, ast.AnnAssign)
        and isinstance(line.target, ast.Name)
        and not line.target.id.startswith("_")
    }


def documented(node: ast.ClassDef) -> set[str]:
    """Return the fields with an entry of their own below "Attributes:"."""
    text = ast.get_docstring(node) or ""
    part = re.search(r"^Attributes:\n((?: {4}.*\n?|\n)*)", text, re.MULTILINE)
    if part is None:
        return set()
    return set(re.findall(r"^ {4}(\w+): \S", part[1], re.MULTILINE))


CLASSES = dict(classes())


def inherited(node: ast.ClassDef) -> set[str]:
    """Return the fields of the classes above, which may be documented again."""
    above = {ast.unparse(base) for base in node.bases}
    found = [c for name, c in CLASSES.items() if name.rpartition(".")[2] in above]
    return {field for c in found for field in (*fields_of(c), *inherited(c))}


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_field_has_an_entry_of_its_own(name: str) -> None:
    fields = fields_of(CLASSES[name])
    said = {f for f, hint in fields.items() if "says(" in hint}
    found = documented(CLASSES[name])
    assert set(fields) - said - found == set()
    assert found - set(fields) - inherited(CLASSES[name]) == set(), "no such field"
