"""What ships is what is here: packages, data files, the command."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import pytest

import snn_deploy

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = {  # what a package is called, and where it stands
    "snn_deploy": "toolchain/snn_deploy",
    "snn_deploy_backends": "backends/snn_deploy_backends",
    "snn_deploy_simulators": "simulators/snn_deploy_simulators",
    "snn_deploy_boards": "boards",
}
BUILT_FROM = ("pyproject.toml", "setup.py", "README.md", "LICENSE", *FOLDERS.values())
LEFT = shutil.ignore_patterns("__pycache__", "*.egg-info")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the sources, as a user's pip does."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in BUILT_FROM:
        source, copy = ROOT / name, folder / "sources" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=LEFT)
        else:
            shutil.copy(source, copy)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder)]
    done = subprocess.run(
        [*command, str(folder / "sources")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_checkout_and_no_other(wheel: Path) -> None:
    wanted = {
        f"{name}/{file.relative_to(ROOT / folder).as_posix()}"
        for name, folder in FOLDERS.items()
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        found = {n for n in archive.namelist() if ".dist-info/" not in n}
    assert found == wanted
    assert len(wanted) > 250


def test_no_module_stands_in_a_folder_without_init() -> None:
    for folder in FOLDERS.values():
        for module in (ROOT / folder).rglob("*.py"):
            assert (module.parent / "__init__.py").is_file(), module


def test_the_wheel_deploys_the_demo_outside_the_checkout(
    wheel: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    env = {**os.environ, "PYTHONPATH": str(site)}
    names = ", ".join(FOLDERS)
    where = subprocess.run(
        [sys.executable, "-c", f"import {names}\nfor m in ({names}): print(m.__file__)"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert all(Path(file).is_relative_to(site) for file in where)
    example = ROOT / "examples" / "digits_conv"
    done = subprocess.run(
        [
            sys.executable, "-m", "snn_deploy", str(example / "digits_conv.nir"),
            "--profile", "spikingjelly", "--target", "loihi2", "--steps", "10",
            "--input", str(example / "test.npz"), "--samples", "20", "--out", "demo",
        ],
        cwd=tmp_path, env=env, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "What runs on loihi2" in done.stdout
    assert (tmp_path / "demo" / "report.html").stat().st_size > 10_000


def test_every_top_package_is_marked_as_typed() -> None:
    for folder in FOLDERS.values():
        assert (ROOT / folder / "py.typed").is_file()


def test_installed_command_and_version_are_ours() -> None:
    (command,) = entry_points(group="console_scripts", name="snn-deploy")
    assert callable(command.load())
    assert snn_deploy.__version__ == version("snn-deploy")
    assert snn_deploy.__version__ == PROJECT["project"]["version"]


def test_public_names_can_be_imported() -> None:
    for name in snn_deploy.__all__:
        assert getattr(snn_deploy, name) is not None
