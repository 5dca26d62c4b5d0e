"""What ships is what is here: packages, data files, the command."""

import sys
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import snn_deploy

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
SETUP: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def folders_with_code() -> dict[str, Path]:
    roots = SETUP["tool"]["setuptools"]["package-dir"]
    return {
        ".".join((name, *init.parent.relative_to(ROOT / top).parts)): init.parent
        for name, top in roots.items()
        for init in (ROOT / top).rglob("__init__.py")
    }


def test_every_package_folder_is_listed() -> None:
    """An unlisted package works in an editable install and is missing from the wheel."""
    assert sorted(SETUP["tool"]["setuptools"]["packages"]) == sorted(folders_with_code())


def test_no_module_stands_in_a_folder_without_init() -> None:
    known = set(folders_with_code().values())
    for top in set(SETUP["tool"]["setuptools"]["package-dir"].values()):
        for module in (ROOT / top).rglob("*.py"):
            assert module.parent in known, module


def test_every_data_file_in_a_package_ships() -> None:
    patterns = SETUP["tool"]["setuptools"]["package-data"]["*"]
    for folder in folders_with_code().values():
        files = [
            f for f in folder.iterdir() if f.is_file() and f.suffix not in (".py", ".pyc")
        ]
        for file in files:
            assert any(file.match(pattern) for pattern in patterns), file


def test_every_top_package_is_marked_as_typed() -> None:
    for top in SETUP["tool"]["setuptools"]["package-dir"].values():
        assert (ROOT / top / "py.typed").is_file()


def test_installed_command_and_version_are_ours() -> None:
    (command,) = entry_points(group="console_scripts", name="snn-deploy")
    assert callable(command.load())
    assert snn_deploy.__version__ == version("snn-deploy") == SETUP["project"]["version"]


def test_public_names_can_be_imported() -> None:
    for name in snn_deploy.__all__:
        assert getattr(snn_deploy, name) is not None
