"""The verb `doctor`: what this installation has, and what is missing."""

import platform
import re
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TypeAlias

from rich.table import Table

from snn_deploy.backend import Installable
from snn_deploy.cli.printing import print_json
from snn_deploy.errors import InputError
from snn_deploy.pipeline.backends import backend_modules, load_backend
from snn_deploy.report.forms.screen import screen

Condition: TypeAlias = tuple[str, str, bool]  # what, its state, whether that is well


def run_doctor(*, json: bool, install: str | None = None) -> None:
    """Print every fact, as JSON if wanted.

    Args:
        json: Print JSON, and nothing else.
        install: A backend whose needs are set up beforehand.

    Raises:
        InputError: `install` needs nothing, or failed.
    """
    if install is not None:
        backend = load_backend(install, "install")
        if not isinstance(backend, Installable):
            raise InputError(f"--install {install}: this backend needs nothing more")
        backend.install()
    facts = [python(), *packages(), kernel_cache(), *backends()]
    if json:
        rows = [{"what": what, "state": state, "ok": ok} for what, state, ok in facts]
        print_json(rows)
        return
    table = Table(box=None, show_header=False)
    for what, state, ok in facts:
        table.add_row("ok" if ok else "-", what, state)
    screen().print(table)


def python() -> Condition:
    """Return the interpreter at work."""
    return "python", f"{platform.python_version()} ({sys.executable})", True


def packages() -> list[Condition]:
    """Return each package that the core needs, and its version."""
    needed = (r for r in requires("snn-deploy") or () if "extra ==" not in r)
    return [_package(re.split(r"[^\w.-]", r)[0]) for r in needed]


def kernel_cache() -> Condition:
    """Return whether compiled kernels can be kept between runs."""
    from snn_deploy_simulators.kernels.jit import cache_folder

    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return "kernel cache", str(folder), True
    except OSError as error:
        return "kernel cache", f"{error.strerror}: {folder}; every run compiles anew", False


def backends() -> list[Condition]:
    """Return what each backend needs, and what of it is here."""
    loaded = [load_backend(name) for name in backend_modules()]
    return [b.status() for b in loaded if isinstance(b, Installable)]


def _package(name: str) -> Condition:
    try:
        return name, version(name), True
    except PackageNotFoundError:
        return name, f"missing; install it with: pip install {name}", False
