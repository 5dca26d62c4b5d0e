"""The verb `doctor`: what this installation has, and what is missing."""

import json as text
import platform
import re
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TypeAlias

from rich.table import Table

from snn_deploy.errors import InputError
from snn_deploy.report.forms.screen import screen
from snn_deploy_backends.lava.python import find_lava_python, install_lava

Fact: TypeAlias = tuple[str, str, bool]  # what, its state, whether that is well


def run_doctor(*, json: bool, install: str | None = None) -> None:
    """Print every fact, as JSON if wanted; install: "lava", set up beforehand.

    Raises:
        InputError: `install` is something else, or failed.
    """
    if install is not None:
        if install != "lava":
            raise InputError(f"--install {install}: only lava can be installed this way")
        install_lava()
    facts = [python(), *packages(), kernel_cache(), lava()]
    if json:
        rows = [{"what": what, "state": state, "ok": ok} for what, state, ok in facts]
        sys.stdout.write(text.dumps(rows, indent=2) + "\n")
        return
    table = Table(box=None, show_header=False)
    for what, state, ok in facts:
        table.add_row("ok" if ok else "-", what, state)
    screen().print(table)


def python() -> Fact:
    """Return the interpreter at work."""
    return "python", f"{platform.python_version()} ({sys.executable})", True


def packages() -> list[Fact]:
    """Return each package that the core needs, and its version."""
    needed = (r for r in requires("snn-deploy") or () if "extra ==" not in r)
    return [_package(re.split(r"[^\w.-]", r)[0]) for r in needed]


def kernel_cache() -> Fact:
    """Return whether compiled kernels can be kept between runs."""
    from snn_deploy_simulators.kernels.jit import cache_folder

    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return "kernel cache", str(folder), True
    except OSError as error:
        return "kernel cache", f"{error.strerror}: {folder}; every run compiles anew", False


def lava() -> Fact:
    """Return the first interpreter that can import Lava, of those where one is likely."""
    try:
        python, found = find_lava_python()
    except InputError as error:
        return "lava-nc", str(error), False
    return "lava-nc", f"{found} ({python})", True


def _package(name: str) -> Fact:
    try:
        return name, version(name), True
    except PackageNotFoundError:
        return name, f"missing; install it with: pip install {name}", False
