"""Who imports whom in the three packages, read from the sources.

Imports inside functions and under TYPE_CHECKING count, those of a package's own __init__,
and names of modules in strings, which is how `import_module` is given them.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "snn_deploy": ROOT / "toolchain" / "snn_deploy",
    "snn_deploy_backends": ROOT / "backends" / "snn_deploy_backends",
    "snn_deploy_simulators": ROOT / "simulators" / "snn_deploy_simulators",
}
Graph = Mapping[str, frozenset[str]]  # module -> modules that it imports


@cache
def modules() -> dict[str, Path]:
    """Return the file of every module by its dotted name; a package is its __init__."""
    found = {}
    for package, folder in FOLDERS.items():
        for file in sorted(folder.rglob("*.py")):
            parts = (package, *file.relative_to(folder).with_suffix("").parts)
            found[".".join(parts).removesuffix(".__init__")] = file
    return found


def imported_names(tree: ast.AST, known: Collection[str]) -> Iterator[str]:
    """Yield every name in an import statement: of a module, or of the package whose
    __init__ defines what is taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known else str(node.module)


def texts(tree: ast.AST) -> Iterator[str]:
    """Yield every string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def import_graph() -> Graph:
    """Return what each module imports of the others."""
    known = modules()
    graph = {}
    for name, file in known.items():
        tree = ast.parse(file.read_text())
        found = {*imported_names(tree, known), *texts(tree)}
        graph[name] = frozenset((found & known.keys()) - {name})
    return graph


def frameworks_of(module: str, frameworks: Collection[str]) -> set[str]:
    """Return which of the packages `frameworks` a module imports."""
    tree = ast.parse(modules()[module].read_text())
    return {name.split(".")[0] for name in imported_names(tree, ())} & set(frameworks)


def circles(graph: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Return the strongly connected components of more than one node (Tarjan 1972)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in order:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == order[node]:
            circle = stack[stack.index(node) :]
            del stack[-len(circle) :]
            if len(circle) > 1:
                found.append(sorted(circle))

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found


def room_of(module: str) -> str:
    """Return the room of a module: its folder, or itself where it stands at the top."""
    known = modules()
    if known[module].name == "__init__.py" or module.count(".") == 1:
        return module
    return module.rpartition(".")[0]
