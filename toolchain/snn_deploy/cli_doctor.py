"""The verb `doctor`: what this installation has, and what is missing."""

import json as text
import platform
import re
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TypeAlias

from rich.table import Table

from snn_deploy.reporting.screen import screen

LAVA_PROBE = """
import lava.proc.lif.models
from importlib.metadata import version
print(version("lava-nc"))
"""
PROBE_SECONDS = 60.0  # importing Lava takes about two

Fact: TypeAlias = tuple[str, str, bool]  # what, its state, whether that is well


def run_doctor(*, json: bool) -> None:
    """Print every fact, as JSON if wanted."""
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
    from snn_deploy_simulators.jit import cache_folder

    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return "kernel cache", str(folder), True
    except OSError as error:
        return "kernel cache", f"{error.strerror}: {folder}; every run compiles anew", False


def lava() -> Fact:
    """Return the first interpreter that can import Lava, of those where one is likely."""
    for candidate in lava_candidates():
        found = _output(candidate, LAVA_PROBE)
        if found is not None:
            return "lava-nc", f"{found} ({candidate})", True
    return "lava-nc", "in no Python 3.10 found here; `make lava-env` sets one up", False


def lava_candidates() -> list[str]:
    """Return interpreters to ask: this one, `make lava-env`'s, 3.10 on the path,
    pyenv's."""
    pyenv = sorted(Path.home().glob(".pyenv/versions/3.10*/bin/python"))
    return [sys.executable, ".venv-lava/bin/python", "python3.10", *map(str, pyenv)]


def _package(name: str) -> Fact:
    try:
        return name, version(name), True
    except PackageNotFoundError:
        return name, f"missing; install it with: pip install {name}", False


def _output(interpreter: str, code: str) -> str | None:
    """Return what `interpreter` prints, None if it is missing or fails."""
    command = [interpreter, "-c", code]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PROBE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
