"""The notebook in examples runs from top to bottom and shows what it says."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")
def test_notebook_runs_and_shows_tables_and_figures() -> None:
    text = (EXAMPLES / "report.ipynb").read_text()
    notebook: Any = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    assert not any(
        cell.get("outputs") for cell in notebook.cells
    )  # committed without output
    NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(EXAMPLES)}}
    ).execute()
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    shown = [set(o.get("data", {})) for o in outputs]
    assert sum("text/html" in kinds for kinds in shown) == 4
    assert sum("image/svg+xml" in kinds for kinds in shown) == 3
    (prose,) = [o["text"] for o in outputs if o["output_type"] == "stream"]
    assert "nothing was measured on hardware" in prose
