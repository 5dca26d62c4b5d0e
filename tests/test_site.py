"""The documentation site builds, and its generated pages hold what the code holds."""

import html
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
import typer
import yaml

from snn_deploy.board.board import load_board, shipped_boards
from snn_deploy.board.evidence import leaves
from snn_deploy.report.report import report_schema
from support.command_line import app

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_site", ROOT / "docs/site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={"NO_MKDOCS_2_WARNING": "1"}
    )
    assert done.returncode == 0, done.stderr
    assert not list(folder.rglob("*.py*"))
    return folder


def test_every_page_of_the_menu_is_built(site: Path) -> None:
    menu = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    for entry in menu:
        (name,) = entry.values()
        page = (
            site / ("" if name == "index.md" else name.removesuffix(".md")) / "index.html"
        )
        assert page.is_file(), name


def test_every_link_inside_the_site_leads_somewhere(site: Path) -> None:
    checked = 0
    for page in site.rglob("index.html"):
        for target in re.findall(
            r'<a [^>]*href="(?!https?:|#|mailto:)([^"#]+)', page.read_text()
        ):
            checked += 1
            found = (page.parent / html.unescape(target)).resolve()
            assert found.exists(), f"{page}: {target}"
    assert checked > 20


def test_command_line_page_lists_every_verb_and_option(generator: ModuleType) -> None:
    text = generator.cli_page()
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        section = text.split(f"\n## {name}\n")[1].split("\n## ")[0]
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                assert parameter.opts[0] in section, (name, parameter.opts)
    assert "--formats" in text


def test_boards_page_lists_every_number_with_its_source(generator: ModuleType) -> None:
    text = generator.boards_page()
    sections = dict(
        zip(
            re.findall(r"^## (.*)$", text, re.MULTILINE),
            text.split("\n## ")[1:],
            strict=True,
        )
    )
    for name in shipped_boards():
        records = [leaf for _, leaf in leaves(load_board(name))]
        rows = [r for r in sections[name].splitlines() if r.startswith("| ")]
        assert len(rows) >= len(records)
        for leaf in records:
            source = generator.plain(msgspec.to_builtins(leaf)["source"])
            assert source in sections[name]


def test_schema_on_the_site_is_the_reports(site: Path) -> None:
    shipped = json.loads((site / "report.schema.json").read_text())
    assert shipped == json.loads(json.dumps(report_schema()))
    assert "Report" in shipped["$defs"]


def test_links_to_files_outside_the_site_become_words(generator: ModuleType) -> None:
    text = "[the line](toolchain/snn_deploy/pipeline/deploy.py), [design](docs/design.md), [x](https://a.b)"
    assert (
        generator.with_links(text, ROOT)
        == "the line, [design](design.md), [x](https://a.b)"
    )
