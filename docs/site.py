"""Pages of the documentation site that are made from the README, the code, the boards."""

import json
import re
from pathlib import Path
from typing import Any

import typer
from mkdocs.structure.files import File, Files

from snn_deploy.board.board import load_board, shipped_boards
from snn_deploy.cli.app import make_app
from snn_deploy.cli.boards import neurons, numbers
from snn_deploy.report.forms.markdown import pipe_table, plain
from snn_deploy.report.report import report_schema
from snn_deploy.report.text.sections import Sources

ROOT = Path(__file__).parents[1]
PLACES = {  # where a file of the repository stands on the site
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "examples/ci/README.md": "ci.md",
}


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages (called by MkDocs)."""
    for name, content in pages().items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point links of written pages to the site, too (called by MkDocs)."""
    if page.file.generated_by is not None:
        return markdown
    return with_links(markdown, ROOT / "docs")


def pages() -> dict[str, str]:
    """Return the generated pages by name."""
    copied = {
        place: with_links((ROOT / source).read_text(), (ROOT / source).parent)
        for source, place in PLACES.items()
    }
    schema = json.dumps(report_schema(), indent=2, sort_keys=True) + "\n"
    made = {"boards.md": boards_page(), "cli.md": cli_page(), "report.schema.json": schema}
    return {**copied, **made}


def with_links(text: str, folder: Path) -> str:
    """Return Markdown with links to pages of the site; of links to other files of the
    repository only the text stays."""

    def link(match: re.Match[str]) -> str:
        words, target = match.groups()
        path = (folder / target.split("#")[0]).resolve()
        inside = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
        if inside in PLACES:
            return f"[{words}]({PLACES[inside]})"
        if inside.startswith("docs/") and path.suffix == ".md":
            return f"[{words}]({path.name})"
        return words

    return re.sub(r"\[([^\]]+)\]\((?!https?:|#)([^)]+)\)", link, text)


def boards_page() -> str:
    """Return every number of every board with its evidence."""
    parts = [
        "# Boards\n\nEvery number of every board file, with its kind and its source.\n"
    ]
    for name in shipped_boards():
        board, sources = load_board(name), Sources()
        tables = [pipe_table(neurons(board, sources)), pipe_table(numbers(board, sources))]
        parts.append(f"## {plain(name)}\n\n{plain(board.title)}. {plain(board.source)}\n")
        parts += [table + "\n" for table in tables]
        parts += [f"{plain(line)}\n" for s in sources.section() for line in s.lines]
    return "\n".join(parts)


def cli_page() -> str:
    """Return every verb with its arguments and options, in the panels that help shows."""
    group: Any = typer.main.get_command(make_app())
    parts = [
        "# Command line\n\n"
        "`snn-deploy MODEL ...` is short for `snn-deploy deploy MODEL ...`. The options "
        "are the fields of the groups in `snn_deploy.options`: `--weight-bits 4` here is "
        "`weight_bits=4` in Python and `weight-bits: 4` below `options:` in a file for "
        "`gate`.\n"
    ]
    for name, command in group.commands.items():
        parts.append(f"## {name}\n\n{plain(command.help or '')}\n")
        shown = [p for p in command.params if p.name != "help"]
        for panel in dict.fromkeys(_panel(p) for p in shown):
            if panel:
                parts.append(f"### {name}: {panel}\n")
            parts += [_parameter(p) for p in shown if _panel(p) == panel]
            parts.append("")
    return "\n".join(parts)


def _panel(p: Any) -> str:
    return getattr(p, "rich_help_panel", None) or ""


def _parameter(p: Any) -> str:
    """Return one line: how it is written, whether it must be there, what it does."""
    if p.param_type_name == "option":
        value = "" if p.is_flag else f" {p.metavar}" if p.metavar else ""
        names = ", ".join(p.opts) + value
    else:
        names = p.metavar or p.name
    needed = " (required)" if p.required else ""
    usual = p.default
    default = "" if usual in (None, False) or callable(usual) else f" Default: {usual}."
    return f"- `{names}`{needed}: {plain(getattr(p, 'help', None) or '')}{default}"
