"""The example notebook runs from its first cell to its last."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.stack.hub import repository
from tests.stack.stack import Stack

pytestmark = pytest.mark.usefixtures("methods")


def test_first_steps(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(repository() / "examples/data/weather.csv", tmp_path / "data.csv")
    monkeypatch.setenv("CCP_SERVICE_URL", stack.service_url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", stack.users["carol"])
    monkeypatch.setenv("PYTHONPATH", str(repository()))
    source = repository() / "examples/notebooks/first-steps.ipynb"
    notebook = nbformat.reads(source.read_text(), 4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "kept without outputs"
    NotebookClient(notebook, timeout=100, resources={"metadata": {"path": str(tmp_path)}}).execute()
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/svg+xml" in output.get("data", {})
    ]
    assert len(pictures) == 1
    assert len(list(tmp_path.glob("CCP/executions/*/output/histogram.svg"))) == 1
