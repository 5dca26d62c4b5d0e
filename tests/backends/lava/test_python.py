"""Finding the Python 3.10 that has Lava, with interpreters that are small scripts."""

import sys
from pathlib import Path

import pytest

from snn_deploy.errors import InputError
from snn_deploy_backends.lava import python as lava_python
from snn_deploy_backends.lava.python import (
    candidates,
    find_lava_python,
    install_commands,
    install_lava,
    lava_version,
    python_of,
    pythons_310,
)


def script(file: Path, body: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty machine: no home, no path, no environment of ours, an empty work folder."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(lava_python, "environment_folder", lambda: tmp_path / "ours")
    monkeypatch.setattr(lava_python, "__file__", str(tmp_path / "x/y/z/python.py"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_interpreter_counts_only_if_it_prints_a_version(tmp_path: Path) -> None:
    assert lava_version(script(tmp_path / "a", "echo 0.10.0")) == "0.10.0"
    assert lava_version(script(tmp_path / "b", "exit 1")) is None
    assert (
        lava_version(script(tmp_path / "c", "echo pyenv: no such version; exit 127"))
        is None
    )
    assert lava_version(tmp_path / "missing") is None


def test_this_python_does_not_have_lava_by_name_alone() -> None:
    assert (lava_version(Path(sys.executable)) is None) == (sys.version_info >= (3, 11))


def test_a_chosen_interpreter_is_the_only_one_tried(nowhere: Path) -> None:
    script(nowhere / ".venv-lava/bin/python", "echo 0.10.0")
    chosen = script(nowhere / "mine", "exit 3")
    with pytest.raises(
        InputError, match=r"lava_python='.*mine': cannot import Lava; install"
    ):
        find_lava_python(chosen)
    assert find_lava_python(script(nowhere / "good", "echo 0.10.1")) == (
        nowhere / "good",
        "0.10.1",
    )


@pytest.mark.parametrize(
    "place",
    [
        ".venv-lava/bin/python",
        "ours/bin/python",
        "bin/python3.10",
        "home/.pyenv/versions/3.10.9/bin/python",
    ],
)
def test_every_usual_place_is_looked_at(place: str, nowhere: Path) -> None:
    with pytest.raises(
        InputError, match=r"no Python 3\.10 with lava-nc.*doctor --install lava"
    ):
        find_lava_python()
    found = script(nowhere / place, "echo 0.10.0")
    assert find_lava_python() == (found, "0.10.0")


def test_a_broken_shim_on_the_path_does_not_hide_a_working_one(nowhere: Path) -> None:
    script(nowhere / "bin/python3.10", "exit 127")
    good = script(nowhere / "home/.pyenv/versions/3.10.1/bin/python", "echo 0.10.0")
    assert find_lava_python()[0] == good


def test_the_current_interpreter_comes_first(nowhere: Path) -> None:
    assert next(candidates()) == Path(sys.executable)


def test_uv_is_asked_for_its_python(nowhere: Path) -> None:
    script(nowhere / "bin/uv", "echo /opt/uv/python3.10")
    assert Path("/opt/uv/python3.10") in list(pythons_310())


def test_an_environment_that_works_is_kept(nowhere: Path) -> None:
    made = script(nowhere / "ours/bin/python", "echo 0.10.0")
    assert install_lava() == made


def test_an_environment_is_made_with_a_base_or_with_uv(nowhere: Path) -> None:
    target, base = nowhere / "env", Path("/usr/bin/python3.10")
    (venv, pip) = install_commands(target, base)
    assert venv == [str(base), "-m", "venv", str(target)]
    assert pip[-2:] == ["lava-nc==0.10.0", "numpy<2"]
    with pytest.raises(InputError, match=r"no working Python 3\.10 .* and no uv"):
        install_commands(target, None)
    script(nowhere / "bin/uv", "exit 0")
    assert install_commands(target, None)[0][1:] == [
        "venv",
        "--quiet",
        "--python",
        "3.10",
        str(target),
    ]


def test_a_failed_installation_says_its_last_line(nowhere: Path) -> None:
    base = script(
        nowhere / "base", 'echo "first" >&2; echo "no ensurepip here" >&2; exit 1'
    )
    with pytest.raises(InputError, match=r"-m venv .*failed: no ensurepip here"):
        install_lava(nowhere / "env", base)


def test_an_installation_that_cannot_be_imported_is_an_error(nowhere: Path) -> None:
    base = script(
        nowhere / "base",
        'mkdir -p "$3/bin"; printf "#!/bin/sh\\n[ \\"\\$1\\" = -m ]\\n" > "$3/bin/python"; '
        'chmod +x "$3/bin/python"',
    )
    nowhere_path = "/usr/bin:/bin"
    script(nowhere / "bin/mkdir", f'PATH={nowhere_path} exec mkdir "$@"')
    script(nowhere / "bin/chmod", f'PATH={nowhere_path} exec chmod "$@"')
    with pytest.raises(InputError, match=r"installed but cannot be imported; remove"):
        install_lava(nowhere / "env", base)


def test_python_of_an_environment_knows_both_layouts(tmp_path: Path) -> None:
    assert python_of(tmp_path) == tmp_path / "bin" / "python"
    script(tmp_path / "Scripts/python.exe", "")
    assert python_of(tmp_path) == tmp_path / "Scripts" / "python.exe"


def test_a_checkout_is_found_from_a_foreign_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However deep the package stands in it."""
    checkout = tmp_path / "checkout"
    monkeypatch.setattr(lava_python, "__file__", str(checkout / "a/b/c/d/python.py"))
    wanted = checkout / ".venv-lava" / "bin" / "python"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert wanted not in set(candidates())
    wanted.parent.mkdir(parents=True)
    assert list(candidates())[:2] == [Path(sys.executable), wanted]
    (tmp_path / "elsewhere" / ".venv-lava").mkdir()
    own = tmp_path / "elsewhere" / ".venv-lava" / "bin" / "python"
    assert list(candidates())[:3] == [Path(sys.executable), own, wanted]
