"""The README's commands do what it says, and print what it shows."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from support.command_line import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ELISION = "..."


def console_blocks() -> list[tuple[list[str], list[str]]]:
    """Return (words of the command, lines that it shows) of each console block."""
    blocks = []
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        command, *shown = re.sub(r" \\\n\s*", " ", block).splitlines()
        blocks.append((command.removeprefix("$ snn-deploy ").split(), shown))
    return blocks


def test_readme_shows_at_least_one_command_and_its_output() -> None:
    assert any(shown for _, shown in console_blocks())


@pytest.mark.parametrize(("words", "shown"), console_blocks())
def test_command_prints_what_the_readme_shows(
    words: list[str], shown: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    if "--out" in words:
        words[words.index("--out") + 1] = str(tmp_path / "out")
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    printed = iter(line.strip() for line in result.stdout.splitlines())
    for line in shown:
        assert line.strip() in ("", ELISION) or line.strip() in printed, line


def test_make_demo_runs_the_command_of_the_readme() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile.split("\ndemo:")[1].split("\n\n")[0]
    words = re.sub(r"\s*\\\n\s*", " ", recipe.replace("$(EXAMPLE)", "examples/digits_conv"))
    assert " ".join(console_blocks()[0][0]) in words


def test_every_file_the_documents_link_to_is_there() -> None:
    for document in ("README.md", "CONTRIBUTING.md", "docs/design.md"):
        file = ROOT / document
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", file.read_text()):
            assert (file.parent / target).exists(), f"{document}: {target}"
    for path in re.findall(r"`((?:toolchain|simulators|backends|boards)/[\w./]+)`", README):
        assert (ROOT / path).exists(), path
