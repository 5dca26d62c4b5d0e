"""report.html opens in a real browser, needs nothing, and says what report.json says."""

import json
import re
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snn_deploy.report.forms.forms import form_files
from snn_deploy.report.forms.headline import headline
from snn_deploy.report.forms.html import to_html
from snn_deploy.report.forms.tables import sections
from snn_deploy.report.report import Report, to_json
from support.deployed import bounded, measured, stopped
from support.made_by_hand import report as by_hand
from support.system_tools import program

KNOWN = ("file:", "data:")  # what a page may ask for without a network
PHONE = {"width": 390, "height": 844}


def html(report: Report) -> str:
    return form_files(report, ("html",))["report.html"].decode()


def at(facts: Any, path: str) -> Any:
    keys = re.findall(r"[^.\[\]]+", path)
    return reduce(lambda part, k: part[int(k) if k.isdigit() else k], keys, facts)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    pytest.importorskip("playwright")
    from playwright.sync_api import sync_playwright

    path = program("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "report.html"
    file.write_text(html(measured()))
    return file


def open_page(browser: Any, file: Path, **options: Any) -> tuple[Any, list[str]]:
    """Return the page of `file` and everything that went wrong or left the file."""
    page = browser.new_context(**options).new_page()
    wrong: list[str] = []
    page.on("console", lambda m: wrong.append(f"console: {m.text}"))
    page.on("pageerror", lambda e: wrong.append(f"error: {e}"))
    page.on("request", lambda r: wrong.extend(u for u in [r.url] if u[:5] not in KNOWN))
    page.goto(file.as_uri())
    return page, wrong


def test_page_opens_without_a_complaint_and_asks_for_nothing(
    browser: Any, file: Path
) -> None:
    page, wrong = open_page(browser, file)
    assert wrong == []
    assert page.title() == "(in memory) on tiny"
    shown = page.locator("figure svg")
    assert shown.count() == 8
    assert all(shown.nth(i).bounding_box()["height"] > 50 for i in range(8))


def test_headline_numbers_are_those_of_report_json(browser: Any, file: Path) -> None:
    page, _ = open_page(browser, file)
    facts = json.loads(to_json(measured()))
    found = page.locator("data[data-path]")
    assert found.count() == len(headline(measured())) >= 5
    for i in range(found.count()):
        element = found.nth(i)
        path = element.get_attribute("data-path")
        assert float(element.get_attribute("value")) == at(facts, path), path
        assert element.inner_text() == headline(measured())[i].text


def test_embedded_data_is_report_json(browser: Any, file: Path) -> None:
    page, _ = open_page(browser, file)
    assert json.loads(page.locator("#report").inner_text()) == json.loads(
        to_json(measured())
    )


def test_tables_are_whole_without_javascript(browser: Any, file: Path) -> None:
    page, _ = open_page(browser, file, java_script_enabled=False)
    tables = [s.table for s in sections(measured()) if s.table and s.table.rows]
    shown = page.locator("#tables table:visible")
    assert shown.count() == len(tables) > 8
    for i, table in enumerate(tables):
        cells = shown.nth(i).locator("td").all_inner_texts()
        assert [c.strip() for c in cells] == [
            " ".join(cell.split()) for row in table.rows for cell in row
        ]


def test_page_fits_a_phone(browser: Any, file: Path) -> None:
    page, _ = open_page(browser, file, viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate("getComputedStyle(document.body).fontSize") == "16px"


def test_page_loads_nothing_and_runs_nothing() -> None:
    text = html(measured())
    assert not re.findall(r'(?:src|href)="(?!#|data:)[^"]', text)
    assert re.findall(r"<script[^>]*>", text) == [
        '<script type="application/json" id="report">'
    ]
    assert "@import" not in text


def test_names_cannot_break_out_of_the_page() -> None:
    name = '</script><script>alert("x")</script><b>&'
    layer = msgspec.structs.replace(by_hand().layers[0], name=name)
    text = to_html(msgspec.structs.replace(by_hand(), layers=(layer,)), {})
    assert "<script>alert" not in text
    assert "<b>&" not in text


@pytest.mark.parametrize("make", [bounded, stopped, by_hand])
def test_parts_that_were_not_reached_are_left_out(make: Any) -> None:
    text = html(make())
    assert text.count("<figure") == text.count("</svg>")
    assert "None" not in re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)


def test_same_report_gives_the_same_page() -> None:
    assert html(measured()) == html(measured())


def test_time_of_bounds_is_called_one() -> None:
    (time,) = [f for f in headline(bounded()) if f.label.startswith("Time")]
    assert "if every neuron fires in every step" in time.note
    assert not any("if every neuron" in f.note for f in headline(measured()))
