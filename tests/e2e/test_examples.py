"""The example notebooks run from their first cell to their last."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.stack.hub import repository
from tests.stack.stack import Stack

pytestmark = pytest.mark.usefixtures("methods")

NOTEBOOKS = sorted(path.stem for path in (repository() / "examples/notebooks").glob("*.ipynb"))


def executed(stack: Stack, folder: Path, name: str) -> nbformat.NotebookNode:
    """Run a notebook in a folder as carol, with the files that it wants beside it."""
    shutil.copy(repository() / "examples/data/weather.csv", folder / "data.csv")
    red = (repository() / "examples/red/word-lengths.yml").read_text()
    image = re.sub(r"docker\.io/library/python:\S+?(?=[\"'\s}])", stack.images["red"], red)
    (folder / "word-lengths.yml").write_text(image)
    notebook: nbformat.NotebookNode = nbformat.reads(
        (repository() / f"examples/notebooks/{name}.ipynb").read_text(), 4
    )
    assert not any(cell.get("outputs") for cell in notebook.cells), "kept without outputs"
    NotebookClient(notebook, timeout=100, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook(name: str, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCP_SERVICE_URL", stack.service_url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", stack.users["carol"])
    monkeypatch.setenv("PYTHONPATH", str(repository()))
    notebook = executed(stack, tmp_path, name)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = str([output.get("data") or output.get("text") for output in outputs])
    wanted = {
        "first-steps": "image/svg+xml",
        "files-in-and-out": "output/histogram.svg",
        "replicas": "application/vnd.jupyter.widget-view+json",
        "two-batches": "6 twelve",
        "compare-and-rerun": "humidity",
    }
    assert set(wanted) == set(NOTEBOOKS)
    assert wanted[name] in shown
