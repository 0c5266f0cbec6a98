"""What stands around the views: the file browser's menu, notices, settings, the state on reload."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ccp_jupyter.client import Client
from tests.e2e.lab import log_in, open_view, show_view
from tests.jobs import method
from tests.stack.stack import Stack

_USER = "carol"
_RED = """redVersion: "9"  # a comment that stays
cli:
  cwlVersion: "v1.0"
  class: CommandLineTool
  baseCommand: [echo]
  inputs:
    word: {type: string, inputBinding: {position: 0}}
  outputs: {}
container: {engine: docker, settings: {image: {url: IMAGE}, ram: 256}}
inputs: {word: old}
outputs: {}
execution: {engine: ccagency, settings: {}}
"""
_PICTURE = (  # a red point
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
_NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# What came out"},
        {
            "cell_type": "code",
            "id": "b",
            "metadata": {},
            "execution_count": 1,
            "source": "6 * 7",
            "outputs": [
                {
                    "output_type": "execute_result",
                    "execution_count": 1,
                    "metadata": {},
                    "data": {"text/plain": "42"},
                }
            ],
        },
    ],
}
_SCRIPT = f"""echo {_PICTURE} | base64 -d > /ccp_data/point.png
cat > /ccp_data/note.ipynb <<'END'
{json.dumps(_NOTEBOOK)}
END
mv {{{{ table }}}} /ccp_data/copy.csv 2>/dev/null || true"""
_SAVE = (
    """settings => window.jupyterapp.serviceManager.settings.save('ccp-jupyter:plugin', settings)"""
)


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client(url=stack.service_url, token=stack.users[_USER]) as opened:
        yield opened


@pytest.fixture
def document(stack: Stack, client: Client) -> dict[str, Any]:
    """A Method of carol's that takes one file and leaves a picture and a notebook."""
    file = {"type": "string", "format": "file", "contentEncoding": "base64"}
    mark = uuid.uuid4().hex[:8]
    made = method(
        stack.images["shell"],
        _SCRIPT.splitlines(),
        title=f"Around {mark}",
        inputs={
            "table": {"title": "Table", "minOccurs": 0, "schema": file},
            "word": {"title": "Word", "minOccurs": 0},
        },
    )
    client.deploy(made)
    return made


@pytest.fixture
def lab(stack: Stack, page: Page) -> Page:
    """Carol's JupyterLab, with a layout of its own."""
    name = f"%2Fworkspaces%2F{uuid.uuid4().hex[:8]}"
    log_in(page, stack.hub_url, _USER, str(stack.document["password"]), name)
    page.wait_for_function("window.jupyterapp")
    page.evaluate("window.jupyterapp.restored")
    return page


def _from_menu(page: Page, folder: str, file: str, entry: str) -> None:
    """Choose an entry of a file's context menu."""
    page.evaluate(
        "path => window.jupyterapp.commands.execute('filebrowser:go-to-path', {path})", folder
    )
    page.locator(".jp-DirListing-item", has_text=file).click(button="right")
    page.locator(".lm-Menu-item", has_text=entry).click()


def test_files_are_run_used_and_traced(
    stack: Stack, lab: Page, client: Client, document: dict[str, Any]
) -> None:
    home, mark = stack.home(_USER), document["title"].split()[-1]
    execution = client.run(document["id"])
    execution.wait(progress=False)
    outputs = home / f"CCP/executions/Around {mark}-{execution.id[:8]}"
    outputs.mkdir(parents=True)
    (outputs / "copy.csv").write_text("a\n")
    (home / f"{mark}.red.yml").write_text(_RED.replace("IMAGE", stack.images["red"]))
    (home / f"{mark}.json").write_text(json.dumps({**document, "id": f"new-{mark}"}))
    (home / f"{mark}.csv").write_text("a,b\n1,2\n")

    _from_menu(lab, "", f"{mark}.red.yml", "Run on CCP")
    shown = lab.locator(".ccp-ExecutionForm:visible")
    expect(shown.locator(".cm-content")).to_contain_text("a comment that stays")
    _from_menu(lab, "", f"{mark}.json", "Run on CCP")
    editor = lab.locator(".ccp-MethodEditor:visible")
    expect(editor.get_by_label("Title").first).to_have_value(document["title"])
    _from_menu(lab, "", f"{mark}.csv", "Use as input")
    dialog = lab.locator(".jp-Dialog")
    dialog.get_by_role("combobox").select_option(label=f"{document['title']} 1.0.0")
    dialog.locator(".jp-mod-accept").click()
    expect(shown.locator('[data-field="table"]')).to_contain_text(f"{mark}.csv")
    _from_menu(lab, outputs.relative_to(home).as_posix(), "copy.csv", "Show the Execution")
    expect(lab.locator(".ccp-ExecutionDisplay:visible")).to_contain_text(document["title"])


def test_pictures_and_notebooks_are_shown_before_they_are_fetched(
    lab: Page, client: Client, document: dict[str, Any]
) -> None:
    execution = client.run(document["id"])
    execution.wait(progress=False)
    view = open_view(lab, "execution", execution_id=execution.id)
    view.get_by_role("tab", name="Outputs").click()
    view.get_by_role("treeitem", name="point.png").click()
    picture = view.get_by_role("img", name="point.png")
    expect(picture).to_be_visible()
    assert picture.evaluate("async img => { await img.decode(); return img.naturalWidth; }") == 1
    view.get_by_role("treeitem", name="note.ipynb").click()
    notebook = view.get_by_role("region", name="Preview of note.ipynb")
    expect(notebook.get_by_role("heading", name="What came out")).to_be_visible()
    expect(notebook).to_contain_text("42")


def test_ends_are_told_unless_nobody_wants_to_know(
    lab: Page, client: Client, document: dict[str, Any]
) -> None:
    status = lab.locator(".ccp-StatusItem")
    expect(status).to_contain_text("nothing runs")
    told = lab.get_by_text(f'"{document["title"]}" has ended: successful')
    client.run(document["id"]).wait(progress=False)
    told.first.wait_for()
    lab.get_by_role("button", name="Show", exact=True).first.click()
    expect(lab.locator(".ccp-ExecutionDisplay:visible")).to_contain_text(document["title"])
    status.click()
    expect(lab.locator(".ccp-ExecutionMonitor:visible").first).to_be_visible()

    lab.evaluate(_SAVE, '{"notifications": false}')
    try:
        lab.reload()
        show_view(lab, "monitor")
        second = client.run(document["id"])
        second.wait(progress=False)
        row = lab.locator(f'#ccp-monitor [data-execution="{second.id}"]')
        expect(row).to_contain_text("successful")
        lab.wait_for_timeout(2000)
        expect(told).to_have_count(0)
    finally:
        lab.evaluate(_SAVE, "{}")


def test_what_was_typed_is_there_after_a_reload(lab: Page, document: dict[str, Any]) -> None:
    show_view(lab, "monitor")
    monitor = lab.locator("#ccp-monitor")
    monitor.get_by_label("Search Executions").fill("something rare")
    show_view(lab, "form", method=document["id"])
    word = lab.locator('.ccp-ExecutionForm:visible [data-field="word"] input')
    word.fill("do not lose me")
    lab.wait_for_timeout(2500)  # the layout is saved now and then
    lab.reload()
    expect(word).to_have_value("do not lose me")
    lab.evaluate("window.jupyterapp.shell.activateById('ccp-monitor')")
    expect(monitor.get_by_label("Search Executions")).to_have_value("something rare")
