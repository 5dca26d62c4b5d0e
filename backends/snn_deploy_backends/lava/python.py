"""Find or make the Python 3.10 that has Lava.

Lava 0.10 imports on Python 3.10 and no other, and is archived; so it lives in an
interpreter of its own, and nothing here imports it. An interpreter counts only if it has
been run: shims exist and fail.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from platformdirs import user_data_dir

from snn_deploy.errors import InputError, option

REQUIREMENTS = ("lava-nc==0.10.0", "numpy<2")
PROBE = (
    "import lava.proc.lif.models, lava.proc.conv.models; "
    "from importlib.metadata import version; print(version('lava-nc'))"
)
VERSION = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
PROBE_SECONDS = 60.0  # importing Lava takes one to three
INSTALL_SECONDS = 1800.0
DEVELOPERS = ".venv-lava"  # what `make lava-env` makes in the project


def find_lava_python(chosen: Path | None = None) -> tuple[Path, str]:
    """Return an interpreter that imports Lava, and Lava's version.

    chosen: the one to take (--lava-python); no other is tried then.

    Raises:
        InputError: `chosen`, or none of the candidates, can import Lava.
    """
    if chosen is not None:
        version = lava_version(chosen)
        if version is None:
            raise InputError(
                f"{option('lava_python', chosen)}: cannot import Lava; install it there "
                f"with: {chosen} -m pip install {' '.join(map(repr, REQUIREMENTS))} "
                "(Python 3.10 only)"
            )
        return chosen, version
    for python in candidates():
        version = lava_version(python)
        if version is not None:
            return python, version
    raise InputError(
        "lava: no Python 3.10 with lava-nc found here; make one with: "
        f"snn-deploy doctor --install lava, or name one with {option('lava_python')}"
    )


def candidates() -> Iterator[Path]:
    """Yield interpreters that may have Lava: this one, that of the folder we are in or of a
    checkout that we run from, ours, any 3.10."""
    yield Path(sys.executable)
    for folder in (Path.cwd(), *Path(__file__).resolve().parents):
        if (folder / DEVELOPERS).is_dir():
            yield python_of(folder / DEVELOPERS)
    yield python_of(environment_folder())
    yield from pythons_310()


def environment_folder() -> Path:
    """Return where `install_lava` puts its environment."""
    return Path(user_data_dir("snn-deploy")) / "lava-0.10"


def python_of(environment: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    windows = environment / "Scripts" / "python.exe"
    return windows if windows.exists() else environment / "bin" / "python"


def pythons_310() -> Iterator[Path]:
    """Yield what may be a Python 3.10: on the path, pyenv's, uv's."""
    on_path = shutil.which("python3.10")
    if on_path:
        yield Path(on_path)
    yield from sorted(Path.home().glob(".pyenv/versions/3.10*/bin/python"))
    uv = shutil.which("uv")
    found = output([uv, "python", "find", "3.10"]) if uv else None
    if found:
        yield Path(found)


def lava_version(python: Path) -> str | None:
    """Return the version of Lava that `python` imports; None if it does not."""
    return output([str(python), "-c", PROBE])


def install_lava(folder: Path | None = None, base: Path | None = None) -> Path:
    """Make an environment with Lava and return its interpreter; one that works is kept.

    folder: where; `environment_folder()` if None. base: the Python 3.10 to make it with.

    Raises:
        InputError: No Python 3.10, or the installation failed.
    """
    target = folder or environment_folder()
    if lava_version(python_of(target)) is not None:
        return python_of(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    for command in install_commands(target, base or _base_python()):
        _run(command)
    if lava_version(python_of(target)) is None:
        raise InputError(
            f"{target}: Lava was installed but cannot be imported; remove the folder and "
            "try again"
        )
    return python_of(target)


def install_commands(target: Path, base: Path | None) -> list[list[str]]:
    """Return the commands that make the environment: with `base` if there is one, else
    with uv, which brings its own Python.
    """
    if base is not None:
        pip = [str(target / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        return [[str(base), "-m", "venv", str(target)], [*pip, *REQUIREMENTS]]
    uv = shutil.which("uv")
    if uv is None:
        raise InputError(
            "lava: no working Python 3.10 on the path or in ~/.pyenv, and no uv to "
            "fetch one; install either (https://docs.astral.sh/uv) and try again"
        )
    python = str(target / "bin" / "python")
    return [
        [uv, "venv", "--quiet", "--python", "3.10", str(target)],
        [uv, "pip", "install", "--quiet", "--python", python, *REQUIREMENTS],
    ]


def output(command: list[str]) -> str | None:
    """Return what a command prints; None if it is missing, fails or hangs."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _base_python() -> Path | None:
    known = (Path(sys.executable), *pythons_310())
    return next((p for p in known if output([str(p), "-c", VERSION]) == "3.10"), None)


def _run(command: list[str]) -> None:
    try:
        subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=True
        )
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip() or error.stdout.strip()).splitlines()[-1:] or [
            "no output"
        ]
        raise InputError(f"lava: `{' '.join(command)}` failed: {last[0]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"lava: `{' '.join(command)}` failed: {error}") from error
