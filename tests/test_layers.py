"""Who may import whom, read from the sources."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "snn_deploy": ROOT / "toolchain" / "snn_deploy",
    "snn_deploy_backends": ROOT / "backends" / "snn_deploy_backends",
    "snn_deploy_simulators": ROOT / "simulators" / "snn_deploy_simulators",
}
# Read live modules; nothing else needs torch.
OF_FRAMEWORKS = (
    "snn_deploy.frontends.torch",
    "snn_deploy.conversion.brevitas",
    "snn_deploy.finetune",
)
FRAMEWORKS = {
    "torch",
    "brevitas",
    "snntorch",
    "spikingjelly",
    "norse",
    "sinabs",
    "lava",
    "sanafe",
}
# The line and the command line are above everything; nothing below may know them.
TOP = (
    "snn_deploy.pipeline",
    "snn_deploy.cli",
    "snn_deploy.reporting",
    "snn_deploy.simulate",
    "snn_deploy.emission",
)
USE_SIMULATORS = (
    "simulate.py",
    "cli_doctor.py",
    "emission.py",
    "cli_run.py",
    "settling.py",
)
# Backends know no simulator, but for what an emitted program checks itself against.
SELF_CHECKS = ("snn_deploy_backends.lava.states",)


def modules(package: str) -> Iterator[tuple[str, Path]]:
    folder = FOLDERS[package]
    for file in sorted(folder.rglob("*.py")):
        yield ".".join((package, *file.relative_to(folder).with_suffix("").parts)), file


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
            found.add(node.module or "")
    return found


ALL = [pair for package in FOLDERS for pair in modules(package)]


@pytest.mark.parametrize(("name", "file"), ALL, ids=[name for name, _ in ALL])
def test_a_module_imports_only_what_is_below_it(name: str, file: Path) -> None:
    found = imports(file)
    if not name.startswith(OF_FRAMEWORKS):
        assert not {n for n in found if n.split(".")[0] in FRAMEWORKS}
    if not name.startswith(("snn_deploy.pipeline", "snn_deploy.cli", "snn_deploy.__")):
        above = TOP if not name.startswith(TOP[2:]) else TOP[:2]
        assert not {n for n in found if n.startswith(above)}
    if name.startswith("snn_deploy.") and file.name not in USE_SIMULATORS:
        others = ("snn_deploy_simulators", "snn_deploy_backends")
        assert not {n for n in found if n.startswith(others)}
    if name.startswith("snn_deploy_backends") and name not in SELF_CHECKS:
        assert not {n for n in found if n.startswith("snn_deploy_simulators")}
    if name.startswith("snn_deploy_simulators"):
        assert not {n for n in found if n.startswith("snn_deploy_backends")}


def test_only_the_front_ends_know_nir() -> None:
    who = {
        name for name, file in ALL if any(n.split(".")[0] == "nir" for n in imports(file))
    }
    assert {name for name in who if not name.startswith("snn_deploy.frontends")} == set()


def test_the_whole_line_imports_no_framework() -> None:
    code = "import sys, snn_deploy.pipeline, snn_deploy.cli_check, snn_deploy.cli_boards\n"
    code += f"print(sorted({FRAMEWORKS!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_help_answers_without_loading_the_line() -> None:
    """Keeps `snn-deploy --help` fast: neither NumPy nor Numba is imported for it."""
    code = "import sys, snn_deploy.cli\nprint(sorted({'numpy', 'numba', 'h5py'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
