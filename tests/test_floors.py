"""The architecture as docs/design.md states it, held against what the sources import."""

import re
import subprocess
import sys
from collections import Counter

import pytest

from support.imports import (
    FOLDERS,
    ROOT,
    circles,
    frameworks_of,
    import_graph,
    modules,
    room_of,
)

FLOORS_STATED = 10  # at least
TOP_FILES = 8  # of snn_deploy, at most
FRAMEWORKS = {
    "torch", "brevitas", "snntorch", "spikingjelly", "norse", "sinabs", "lava", "sanafe",
}  # fmt: skip
# Rooms that read live modules, their quantizers, or train; nothing else needs torch.
OF_FRAMEWORKS = (
    "snn_deploy.frontends.torch",
    "snn_deploy.conversion.brevitas",
    "snn_deploy.finetune",
)
VERBS = {
    "deploy", "check", "compare", "convert", "gate", "run", "boards", "doctor",
}  # fmt: skip
LINE = "import sys, snn_deploy.pipeline.deploy, snn_deploy.cli.check, snn_deploy.cli.boards"
HELP = "import sys, snn_deploy.cli.app"


def stated_floors() -> dict[str, int]:
    """Return the floor of each room, from the list in docs/design.md, the ground is 1."""
    text = (ROOT / "docs" / "design.md").read_text().split("\n## Floors\n")[1]
    rows = re.findall(r"^\| (\d+) \| ([^|]*) \|", text.split("\n## ")[0], re.MULTILINE)
    return {
        room: int(floor) for floor, rooms in rows for room in re.findall(r"`(\S+)`", rooms)
    }


FLOORS = stated_floors()


def test_no_file_imports_itself_by_way_of_others() -> None:
    assert circles(import_graph()) == []


def test_every_room_stands_on_one_floor_of_the_design() -> None:
    assert set(FLOORS) == {room_of(module) for module in modules()}
    assert len(set(FLOORS.values())) >= FLOORS_STATED


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_room_imports_from_lower_floors_only(module: str) -> None:
    own = room_of(module)
    others = {room_of(other) for other in import_graph()[module]} - {own}
    assert {room for room in others if FLOORS[room] >= FLOORS[own]} == set()


@pytest.mark.parametrize("module", sorted(modules()))
def test_only_what_reads_live_modules_knows_a_framework(module: str) -> None:
    if not module.startswith(OF_FRAMEWORKS):
        assert frameworks_of(module, FRAMEWORKS) == set()


def test_only_the_front_ends_know_nir() -> None:
    who = {module for module in modules() if frameworks_of(module, {"nir"})}
    assert {name for name in who if not name.startswith("snn_deploy.frontends.")} == set()
    assert who


def test_few_files_stand_at_the_top() -> None:
    assert len(list(FOLDERS["snn_deploy"].glob("*.py"))) <= TOP_FILES


def test_a_file_name_says_its_job_within_its_room() -> None:
    """Nothing but a verb is a file's name in more than two rooms."""
    names = Counter(f.stem for f in modules().values() if f.name != "__init__.py")
    assert {name for name, n in names.items() if n > 2} - VERBS == set()


def imported(code: str, packages: set[str]) -> str:
    code += f"\nprint(sorted({packages!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.strip()


def test_the_whole_line_imports_no_framework() -> None:
    assert imported(LINE, FRAMEWORKS) == "[]"


def test_help_answers_without_loading_the_line() -> None:
    """Keeps `snn-deploy --help` fast: neither NumPy nor Numba is imported for it."""
    assert imported(HELP, {"numpy", "numba", "h5py"}) == "[]"
